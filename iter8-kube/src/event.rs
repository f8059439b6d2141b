//! What of a change of status is worth an Event on the Release. Pure.

use iter8_core::{ConditionStatus, ConditionType, Obstacle, Readiness, Severity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

use crate::resource::ReleaseStatus;
use crate::status::UNSEEN;

/// The Events between two statuses: only what has changed, each once.
pub(crate) fn events(before: Option<&ReleaseStatus>, after: &ReleaseStatus) -> Vec<Event> {
    let conditions = after.conditions.iter().filter(|condition| is_worth_an_event(before, condition));
    let seen = after.versions.iter().filter(|version| version.readiness != UNSEEN);
    let versions = seen.filter(|version| {
        let known =
            before.into_iter().flat_map(|before| &before.versions).find(|known| known.name == version.name);
        known.is_none_or(|known| {
            let is_seen_again = known.readiness == UNSEEN && version.readiness == Readiness::Ready.state();
            known.readiness != version.readiness && !is_seen_again || known.role != version.role
        })
    });
    let gone = before.into_iter().flat_map(|before| &before.versions).filter(|known| {
        known.role == "removed" && !after.versions.iter().any(|version| version.name == known.name)
    });
    let versions = versions.map(|version| {
        let note = format!("{} {} is {}: {}", version.role, version.name, version.readiness, version.reason);
        let was_known =
            before.into_iter().flat_map(|before| &before.versions).any(|known| known.name == version.name);
        let severity = Severity::of_version(was_known, &version.readiness);
        event(severity, &format!("Version{}", version.readiness), note)
    });
    let gone = gone.map(|version| {
        event(Severity::Normal, "VersionRemoved", format!("version {} is removed", version.name))
    });
    let conditions = conditions.map(|condition| {
        let severity = Severity::of_condition(condition.status == "True", &condition.reason);
        event(severity, &condition.reason, format!("{}: {}", condition.type_, condition.message))
    });
    let notices = after.notices.iter().filter(|notice| {
        !before.into_iter().flat_map(|before| &before.notices).any(|known| known == *notice)
    });
    let notices = notices
        .map(|notice| event(Severity::of_notice(&notice.reason), &notice.reason, notice.message.clone()));
    conditions.chain(versions).chain(gone).chain(notices).collect()
}

/// The Event for a notice.
pub(crate) fn of_notice(reason: &str, message: String) -> Event {
    event(Severity::of_notice(reason), reason, message)
}

/// The type of an Event as it is written.
pub(crate) const fn kind(event: &Event) -> &'static str {
    match event.type_ {
        EventType::Normal => "Normal",
        EventType::Warning => "Warning",
    }
}

/// The versions have Events of their own, and what they lack is in theirs; what is in the way of objects is nowhere else.
fn is_worth_an_event(before: Option<&ReleaseStatus>, condition: &Condition) -> bool {
    if condition.type_ == ConditionType::VersionsReady.as_str() {
        return false;
    }
    let is_obstacle = Obstacle::REASONS.contains(&condition.reason.as_str());
    let is_told_elsewhere = condition.type_ == ConditionType::RouteProgrammed.as_str()
        && (is_obstacle || condition.status == ConditionStatus::Unknown.as_str());
    if is_told_elsewhere {
        return false;
    }
    let is_told_here = is_obstacle || condition.reason == "InternalError";
    if condition.type_ == ConditionType::Ready.as_str() && condition.status != "True" && !is_told_here {
        return false;
    }
    let known =
        before.into_iter().flat_map(|before| &before.conditions).find(|known| known.type_ == condition.type_);
    known.is_none_or(|known| {
        known.status != condition.status || known.reason != condition.reason
            // A new reason for a refusal is news.
            || (condition.reason == "Invalid" && known.message != condition.message)
    })
}

fn event(severity: Severity, reason: &str, note: String) -> Event {
    let type_ = match severity {
        Severity::Normal => EventType::Normal,
        // Whatever is worse than normal: Kubernetes has these two only.
        _ => EventType::Warning,
    };
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(in_short(note)),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

/// An Event's note has at most 1 kB (`events.k8s.io/v1`).
fn in_short(mut note: String) -> String {
    const LONGEST: usize = 1000;
    if note.len() > LONGEST {
        note.truncate(note.floor_char_boundary(LONGEST));
        note.push_str("...");
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::VersionStatus;

    fn status(versions: &[(&str, &str, &str)]) -> ReleaseStatus {
        let version = |(name, role, readiness): &(&str, &str, &str)| VersionStatus {
            name: (*name).to_owned(),
            role: (*role).to_owned(),
            readiness: (*readiness).to_owned(),
            ..VersionStatus::default()
        };
        ReleaseStatus { versions: versions.iter().map(version).collect(), ..ReleaseStatus::default() }
    }

    fn reasons(before: Option<&ReleaseStatus>, after: &ReleaseStatus) -> Vec<String> {
        events(before, after).into_iter().map(|event| event.reason).collect()
    }

    #[test]
    fn only_a_change_is_an_event() {
        let ready = status(&[("web-0", "primary", "Ready")]);
        assert_eq!(reasons(None, &ready), ["VersionReady"]);
        assert_eq!(reasons(Some(&ready), &ready), [""; 0]);
        let failed = status(&[("web-0", "primary", "NotReady")]);
        assert_eq!(reasons(Some(&ready), &failed), ["VersionNotReady"]);
    }

    #[test]
    fn a_version_that_fails_is_a_warning_and_one_that_starts_is_not() {
        let starting = status(&[("web-0", "primary", "NotReady")]);
        let ready = status(&[("web-0", "primary", "Ready")]);
        assert!(matches!(events(None, &starting)[0].type_, EventType::Normal));
        assert!(matches!(events(Some(&ready), &starting)[0].type_, EventType::Warning));
    }

    #[test]
    fn what_is_in_the_way_of_an_object_is_an_event_and_what_a_version_lacks_is_not() {
        let with_ready = |reason: &str| ReleaseStatus {
            conditions: vec![Condition {
                type_: "Ready".to_owned(),
                status: "False".to_owned(),
                reason: reason.to_owned(),
                message: "why".to_owned(),
                observed_generation: None,
                last_transition_time: serde_json::from_str("\"2026-01-01T00:00:00Z\"").unwrap(),
            }],
            ..ReleaseStatus::default()
        };
        let conflict = with_ready("NameConflict");
        assert_eq!(reasons(Some(&with_ready("VersionsNotReady")), &conflict), ["NameConflict"]);
        assert!(matches!(events(None, &conflict)[0].type_, EventType::Warning));
        assert_eq!(reasons(Some(&conflict), &with_ready("VersionsNotReady")), [""; 0]);
    }

    #[test]
    fn a_removed_version_that_is_gone_is_an_event() {
        let before = status(&[("web-0", "primary", "Ready"), ("web-1", "removed", "Ready")]);
        assert_eq!(reasons(Some(&before), &status(&[("web-0", "primary", "Ready")])), ["VersionRemoved"]);
    }
}
