//! Versions that have left the document: kept, drained, then due.

use super::{Removed, Situation};
use crate::name::ServiceName;
use crate::observation::{RouteObservation, Timestamp, Verdict};
use crate::plan::{PlannedRule, PlannedVersion, Removal, Role};

/// Seconds after which a route counts as accepted by a parent that does not say of which generation
/// it speaks, or says nothing. Linkerd sets no observedGeneration; its proxies follow within milliseconds.
const SILENT_ACCEPTANCE_SECONDS: u32 = 5;

/// Whether the parents have accepted the live routes.
pub(crate) enum Acceptance {
    /// All of them have.
    Accepted,
    /// Not yet; those that do not say more count as accepting at this moment.
    Pending(Option<Timestamp>),
    /// One refuses, for this reason.
    Refused(String),
}

impl Acceptance {
    /// When the route counts as accepted without a word from anybody.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Pending(due) => *due,
            Self::Accepted | Self::Refused(_) => None,
        }
    }

    pub(crate) fn of(route: &RouteObservation, now: Timestamp) -> Self {
        let mut acceptance = Self::Accepted;
        for report in &route.parents {
            match &report.verdict {
                Verdict::Accepted => {}
                Verdict::Refused { reason, message } => {
                    return Self::Refused(format!(
                        "{} refuses the route: {reason}: {message}",
                        report.parent
                    ));
                }
                Verdict::Stale => acceptance = Self::Pending(None),
                Verdict::AcceptedUnversioned | Verdict::Silent => {
                    // A route that does not say when it was written was written long ago.
                    let due = route.written.map(|written| written.plus_seconds(SILENT_ACCEPTANCE_SECONDS));
                    if let Some(due) = due.filter(|due| *due > now)
                        && matches!(acceptance, Self::Accepted)
                    {
                        acceptance = Self::Pending(Some(due));
                    }
                }
            }
        }
        acceptance
    }
}

/// What becomes of each removed version, and when to look again.
pub(super) fn removals(
    situation: &Situation<'_>,
    rules: &[PlannedRule],
    pending: Option<&str>,
) -> (Vec<PlannedVersion>, Option<Timestamp>) {
    let mut look_again: Option<Timestamp> = None;
    let mut versions = Vec::new();
    for removed in &situation.removed {
        let Some((removal, reason, at)) = removal(situation, removed, rules, pending) else { continue };
        look_again = [look_again, at].into_iter().flatten().min();
        versions.extend(planned(removed, removal, reason));
    }
    (versions, look_again)
}

/// `None` where both objects are on their way out already.
fn removal(
    situation: &Situation<'_>,
    removed: &Removed<'_>,
    rules: &[PlannedRule],
    pending: Option<&str>,
) -> Option<(Removal, String, Option<Timestamp>)> {
    let now = situation.observation.now;
    let service = removed.observed.service.as_ref().filter(|service| !service.deleting);
    let deployment = removed.observed.deployment.as_ref().filter(|deployment| !deployment.deleting);
    let Some(service) = service else {
        // Without its Service nothing can reach it, so there is nothing to drain.
        deployment?;
        return Some((Removal::Due, "its Service is gone".to_owned(), None));
    };
    if is_named(rules, &service.name) {
        let reason =
            pending.map_or_else(|| "kept".to_owned(), |pending| format!("kept until then: {pending}"));
        return Some((Removal::Retained, reason, None));
    }
    if let Some(pending) = pending {
        return Some((Removal::Retained, format!("kept without requests until then: {pending}"), None));
    }
    if situation.live.names(&service.name) {
        return Some((Removal::Leaving, "the route without it is being written".to_owned(), None));
    }
    match situation.live.route().map(|route| Acceptance::of(route, now)) {
        None | Some(Acceptance::Accepted) => {}
        Some(Acceptance::Pending(at)) => {
            let reason = "the parents have not yet accepted the route without it".to_owned();
            return Some((Removal::Leaving, reason, at));
        }
        Some(Acceptance::Refused(reason)) => return Some((Removal::Leaving, reason, None)),
    }
    let seconds = situation.release.drain_seconds;
    // A drain that began before the route was written last may be one that a rollback has ended. With a clock
    // behind that of the API server it cannot be told, and beginning again and again would not help.
    let written = situation.live.route().and_then(|route| route.written).filter(|written| *written <= now);
    let is_later = |since: &Timestamp| {
        written.is_none_or(|written| written <= since.plus_seconds(RouteObservation::WRITTEN_WITHIN_SECONDS))
    };
    let Some(since) = service.draining_since.filter(is_later) else {
        let reason = format!("requests under way may finish for {seconds} s");
        return Some((Removal::DrainBegins, reason, Some(now.plus_seconds(seconds))));
    };
    let until = since.plus_seconds(seconds);
    if until > now {
        let reason = format!("requests under way may finish for {seconds} s");
        return Some((Removal::Draining { until }, reason, Some(until)));
    }
    Some((Removal::Due, "nothing leads to it any more".to_owned(), None))
}

fn is_named(rules: &[PlannedRule], service: &ServiceName) -> bool {
    rules.iter().any(|rule| {
        rule.backends.iter().any(|backend| backend.service == *service)
            || rule.mirrors.iter().any(|mirror| mirror.service == *service)
    })
}

/// `None` only for a version without any object.
fn planned(removed: &Removed<'_>, removal: Removal, reason: String) -> Option<PlannedVersion> {
    let observed = removed.observed;
    let declared_deployment = removed.declaration.map(|declaration| declaration.deployment.clone());
    let deployment =
        observed.deployment.as_ref().map(|deployment| deployment.name.clone()).or(declared_deployment);
    let service = observed.service.as_ref().map(|service| service.name.clone());
    let (name, fallback) = (removed.name.as_str(), || removed.name.as_str().parse().ok());
    Some(PlannedVersion {
        name: removed.name.clone(),
        service: service.or_else(|| name.parse().ok())?,
        deployment: deployment.or_else(fallback)?,
        role: Role::Removed(removal),
        readiness: removed.readiness.clone(),
        weight: None,
        matches: removed.declaration.map(|declaration| declaration.matches.clone()).unwrap_or_default(),
        reason,
    })
}
