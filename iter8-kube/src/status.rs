//! Plan and conditions → the status of a Release. Pure.

use iter8_core::{
    Condition, Digest, NOT_LOOKED_AT, Notice, PlannedBackend, PlannedRule, PlannedVersion, Readiness,
    RoutePlan, Timestamp, Value,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::jiff;

use crate::resource::{NoticeStatus, ReleaseStatus, VersionStatus};

/// The status for a plan.
pub(crate) fn planned(
    before: Option<&ReleaseStatus>,
    generation: Option<i64>,
    plan: &RoutePlan,
    conditions: &[Condition],
    now: Timestamp,
) -> ReleaseStatus {
    let names = plan.declared().map(|version| version.name.as_str().to_owned()).collect::<Vec<_>>();
    let (primary, candidates) =
        names.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    ReleaseStatus {
        observed_generation: generation,
        conditions: stamped(before, generation, conditions, now),
        primary: primary.cloned(),
        candidates: (!candidates.is_empty()).then(|| candidates.join(",")),
        versions: plan.versions.iter().map(|planned| version(planned, plan)).collect(),
        notices: notices(&plan.notices),
        plan_digest: Some(digest(plan)),
    }
}

/// The status for a document that is refused: what was known of the versions stays, but for how they do.
pub(crate) fn refused(
    before: Option<&ReleaseStatus>,
    generation: Option<i64>,
    conditions: &[Condition],
    now: Timestamp,
) -> ReleaseStatus {
    let unseen = |version: &VersionStatus| VersionStatus {
        readiness: UNSEEN.to_owned(),
        reason: NOT_LOOKED_AT.to_owned(),
        ..version.clone()
    };
    ReleaseStatus {
        observed_generation: generation,
        conditions: stamped(before, generation, conditions, now),
        versions: before.into_iter().flat_map(|before| &before.versions).map(unseen).collect(),
        ..before.cloned().unwrap_or_default()
    }
}

/// The status of a Release at which the controller has failed: what it said last, but for this condition.
pub(crate) fn failed(
    before: Option<&ReleaseStatus>,
    generation: Option<i64>,
    condition: &Condition,
    now: Timestamp,
) -> ReleaseStatus {
    let mut status = before.cloned().unwrap_or_default();
    status.observed_generation = generation;
    status.conditions.retain(|known| known.type_ != condition.kind.as_str());
    status.conditions.extend(stamped(before, generation, std::slice::from_ref(condition), now));
    status
}

/// The readiness of a version at which nobody looks.
pub(crate) const UNSEEN: &str = "Unknown";

/// Which requests a version gets is told by the rules in force, whatever the document wants.
fn version(version: &PlannedVersion, plan: &RoutePlan) -> VersionStatus {
    let is_led_there = |rule: &&PlannedRule| {
        let of_version = |backend: &PlannedBackend| backend.service == version.service;
        rule.backends.iter().any(of_version)
            || rule.mirrors.iter().any(|mirror| mirror.service == version.service)
    };
    let matches = plan.rules().iter().filter(is_led_there).flat_map(|rule| &*rule.matches);
    VersionStatus {
        name: version.name.as_str().to_owned(),
        role: version.role.as_str().to_owned(),
        readiness: version.readiness.state().to_owned(),
        reason: version.reason.to_string(),
        weight: version.weight.map(iter8_core::Weight::get),
        matches: matches.map(ToString::to_string).collect(),
    }
}

/// How many notices a status has at most.
const NOTICES: usize = 20;

/// What lasts as long as the document; what is only changing is announced.
fn notices(notices: &[Notice]) -> Vec<NoticeStatus> {
    let lasting = || notices.iter().filter(|notice| !notice.is_of_change());
    let told = lasting()
        .take(NOTICES)
        .map(|notice| NoticeStatus { reason: notice.reason().to_owned(), message: notice.to_string() });
    let rest = lasting().count().saturating_sub(NOTICES);
    let more = (rest > 0).then(|| NoticeStatus {
        reason: "More".to_owned(),
        message: format!("and {rest} more; `iter8 plan` prints all"),
    });
    told.chain(more).collect()
}

/// Whether a version is ready that was known and not ready before.
pub(crate) fn has_become_ready(before: Option<&ReleaseStatus>, plan: &RoutePlan) -> bool {
    let was_unready = |name: &str| {
        let known = before.into_iter().flat_map(|before| &before.versions).find(|known| known.name == name);
        known.is_some_and(|known| ![Readiness::Ready.state(), UNSEEN].contains(&known.readiness.as_str()))
    };
    plan.versions.iter().any(|version| version.readiness.is_ready() && was_unready(version.name.as_str()))
}

/// The digest of the rules.
fn digest(plan: &RoutePlan) -> String {
    let rules: Result<Value, _> = serde_json::to_value(plan.rules()).and_then(serde_json::from_value);
    Digest::of(&rules.unwrap_or_default()).as_str().to_owned()
}

/// Conditions with the time since when they hold: that of the condition before, if its status is the same.
fn stamped(
    before: Option<&ReleaseStatus>,
    generation: Option<i64>,
    conditions: &[Condition],
    now: Timestamp,
) -> Vec<meta::Condition> {
    let stamp = |condition: &Condition| {
        let known = before.into_iter().flat_map(|before| &before.conditions);
        let same = known
            .filter(|known| known.type_ == condition.kind.as_str())
            .find(|known| known.status == condition.status.as_str());
        meta::Condition {
            type_: condition.kind.as_str().to_owned(),
            status: condition.status.as_str().to_owned(),
            reason: condition.reason.to_owned(),
            message: condition.message.clone(),
            observed_generation: generation,
            last_transition_time: same.map_or_else(|| time(now), |same| same.last_transition_time.clone()),
        }
    };
    conditions.iter().map(stamp).collect()
}

/// A moment in the form of the API, which has whole seconds.
fn time(now: Timestamp) -> meta::Time {
    let seconds = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
    meta::Time(jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use iter8_core::{
        Capabilities, Document, Observation, ReleaseKey, ValidRelease, conditions, declare, plan,
    };

    use super::*;

    fn release(image: &str) -> ValidRelease {
        let document = format!(
            "environment: deployment-gtw\napplication: {{strategy: canary, versions: [{{image: '{image}'}}]}}"
        );
        let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
        declare(&key, &Document::from_yaml(&document).unwrap(), &Capabilities::specification()).unwrap()
    }

    fn status(before: Option<&ReleaseStatus>, observation: &Observation, seconds: u64) -> ReleaseStatus {
        let plan = plan(&release("web:1"), observation);
        let conditions = conditions(&plan, observation, &[]);
        planned(before, Some(1), &plan, &conditions, Timestamp::from_millis(seconds * 1000))
    }

    #[test]
    fn a_condition_keeps_the_time_since_when_it_holds() {
        let nothing = Observation::default();
        let first = status(None, &nothing, 10);
        assert_eq!(status(Some(&first), &nothing, 20), first, "no news, no new status");

        let ready = Observation::all_ready(&release("web:1"));
        let second = status(Some(&first), &ready, 30);
        let since = |status: &ReleaseStatus, kind: &str| {
            let condition = status.conditions.iter().find(|condition| condition.type_ == kind).unwrap();
            condition.last_transition_time.0.as_second()
        };
        assert_eq!((since(&second, "Accepted"), since(&second, "VersionsReady")), (10, 30));
    }

    #[test]
    fn matches_are_those_in_force() {
        let document = "environment: deployment-gtw\napplication:\n  strategy: canary\n  versions:\n  - image: web:1\n  - image: web:2\n";
        let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
        let document = Document::from_yaml(document).unwrap();
        let release = declare(&key, &document, &Capabilities::specification()).unwrap();
        for (observation, wanted) in [
            (Observation::ready_where(&release, |version| version.name.as_str() == "web-0"), &[][..]),
            (Observation::all_ready(&release), &["header traffic=test"]),
        ] {
            let plan = plan(&release, &observation);
            let status = planned(None, None, &plan, &[], Timestamp::default());
            assert_eq!(status.versions[1].matches, wanted);
            assert_eq!(status.notices.len(), 2, "neither has a readinessProbe");
        }
    }

    #[test]
    fn the_plan_digest_changes_with_the_rules_only() {
        let ready = Observation::all_ready(&release("web:1"));
        let later = Observation { now: Timestamp::from_millis(5), ..ready.clone() };
        let digest = |observation| status(None, observation, 0).plan_digest;
        assert_eq!(digest(&ready), digest(&later));
        assert_ne!(digest(&ready), digest(&Observation::default()));
    }

    #[test]
    fn a_refusal_keeps_the_versions_and_does_not_say_how_they_do() {
        let before = status(None, &Observation::all_ready(&release("web:1")), 10);
        let document = Document::from_yaml("environment: nowhere").unwrap();
        let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
        let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
        let after =
            refused(Some(&before), Some(2), &iter8_core::refusal(&error), Timestamp::from_millis(20_000));
        let names = |status: &ReleaseStatus| {
            let names = status.versions.iter().map(|version| (version.name.clone(), version.role.clone()));
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&after), names(&before));
        assert!(after.versions.iter().all(|version| version.readiness == UNSEEN));
        let words: Vec<_> = after.conditions.iter().map(|it| format!("{}={}", it.type_, it.status)).collect();
        assert_eq!(
            words,
            ["Accepted=False", "VersionsReady=Unknown", "RouteProgrammed=Unknown", "Ready=False"]
        );
        assert!(after.conditions.iter().all(|condition| condition.observed_generation == Some(2)));

        let ready = Observation::all_ready(&release("web:1"));
        assert!(
            !has_become_ready(Some(&after), &plan(&release("web:1"), &ready)),
            "it may have been all the time"
        );
    }
}
