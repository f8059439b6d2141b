//! Versions that have left the document: kept, drained, then due.

use alloc::vec::Vec;

use super::{Removed, Situation};
use crate::name::ServiceName;
use crate::observation::{DeploymentObservation, ParentReport, RouteObservation, Timestamp, Verdict};
use crate::plan::{PlannedRule, PlannedVersion, Removal, Role};
use crate::readiness::{Readiness, Unfinished};
use crate::reason::{Pending, Reason};

/// Seconds after which a route counts as accepted by a parent that does not say of which generation
/// it speaks, or says nothing. Linkerd sets no observedGeneration; its proxies follow within milliseconds.
const SILENT_ACCEPTANCE_SECONDS: u32 = 5;

/// Whether the parents have accepted the live routes.
pub(crate) enum Acceptance<'a> {
    /// All of them have.
    Accepted,
    /// Not yet; those that do not say more count as accepting at this moment.
    Pending(Option<Timestamp>),
    /// One refuses.
    Refused(&'a ParentReport),
}

impl<'a> Acceptance<'a> {
    /// When the route counts as accepted without a word from anybody.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Pending(due) => *due,
            Self::Accepted | Self::Refused(_) => None,
        }
    }

    pub(crate) fn of(route: &'a RouteObservation, now: Timestamp) -> Self {
        let is_refusal = |report: &&ParentReport| matches!(report.verdict, Verdict::Refused { .. });
        route
            .parents
            .iter()
            .find(is_refusal)
            .map_or_else(|| Self::without_refusals(route, now), Self::Refused)
    }

    /// Whether the parents of the mesh have accepted them, and Gateways have looked at them.
    pub(super) fn of_the_mesh(route: &'a RouteObservation, now: Timestamp) -> Self {
        let is_refusal =
            |report: &&ParentReport| !report.is_gateway && matches!(report.verdict, Verdict::Refused { .. });
        let refusal = route.parents.iter().find(is_refusal);
        refusal.map_or_else(|| Self::without_refusals(route, now), Self::Refused)
    }

    /// Whether the parents have accepted them that do not refuse.
    pub(super) fn without_refusals(route: &RouteObservation, now: Timestamp) -> Self {
        Self::by(route.parents.iter().map(|report| &report.verdict), route.written, now)
    }

    /// Whether those have accepted a route written at that moment that do not refuse.
    pub(super) fn by<'v>(
        verdicts: impl Iterator<Item = &'v Verdict>,
        written: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let mut acceptance = Self::Accepted;
        for verdict in verdicts {
            match verdict {
                Verdict::Accepted | Verdict::Refused { .. } => {}
                Verdict::Stale => acceptance = Self::Pending(None),
                Verdict::AcceptedUnversioned | Verdict::Silent => {
                    // A route that does not say when it was written was written long ago.
                    let due = written.map(|written| written.plus_seconds(SILENT_ACCEPTANCE_SECONDS));
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

/// What becomes of the removed versions.
#[derive(Default)]
pub(super) struct Removals {
    /// Each with its place among all versions.
    pub(super) versions: Vec<(usize, PlannedVersion)>,
    pub(super) look_again: Option<Timestamp>,
}

pub(super) fn removals(
    situation: &Situation<'_>,
    rules: &[PlannedRule],
    pending: Option<&Pending>,
) -> Removals {
    let mut removals = Removals::default();
    for (index, removed) in situation.removed.iter().enumerate() {
        let Some((removal, reason, at)) = removal(situation, removed, rules, pending) else { continue };
        removals.look_again = [removals.look_again, at].into_iter().flatten().min();
        let planned = planned(removed, removal, reason);
        removals.versions.extend(planned.map(|planned| (situation.place_of_removed(index), planned)));
    }
    removals
}

/// `None` where both objects are on their way out already.
fn removal(
    situation: &Situation<'_>,
    removed: &Removed<'_>,
    rules: &[PlannedRule],
    pending: Option<&Pending>,
) -> Option<(Removal, Reason, Option<Timestamp>)> {
    let now = situation.observation.now;
    let service = removed.observed.service.as_ref().filter(|service| !service.deleting);
    let deployment = removed.observed.deployment.as_ref().filter(|deployment| !deployment.deleting);
    let Some(service) = service else {
        // Without its Service nothing can reach it, so there is nothing to drain; unless its Pods are behind the
        // Service of the version that it is left of.
        let reason = deployment.and_then(|deployment| serves_for(situation, removed, deployment));
        deployment?;
        return Some(match reason {
            Some(reason) => (Removal::Retained, reason, None),
            None => (Removal::Due, Reason::ServiceGone, None),
        });
    };
    if is_named(rules, &service.name) {
        let reason = pending.map_or(Reason::Kept, |pending| Reason::Retained(pending.clone()));
        return Some((Removal::Retained, reason, None));
    }
    if let Some(pending) = pending {
        let is_front = situation.front_leaves(removed) && !situation.live.exists();
        let reason = if is_front { Reason::Retained } else { Reason::RetainedWithoutRequests };
        return Some((Removal::Retained, reason(pending.clone()), None));
    }
    if situation.front_leaves(removed) {
        return Some((Removal::Leaving, Reason::LeavesFront, None));
    }
    if situation.live.names(&service.name) {
        return Some((Removal::Leaving, Reason::LeavesRoute, None));
    }
    match situation.live.route().map(|route| Acceptance::of(route, now)) {
        None | Some(Acceptance::Accepted) => {}
        Some(Acceptance::Pending(at)) => {
            return Some((Removal::Leaving, Reason::NotYetAccepted, at));
        }
        Some(Acceptance::Refused(report)) => {
            return Some((Removal::Leaving, Reason::RouteRefused(report.clone()), None));
        }
    }
    let seconds = situation.release.drain_seconds;
    // A drain that began before the route was written last may be one that a rollback has ended. With a clock
    // behind that of the API server it cannot be told, and beginning again and again would not help.
    let written = situation.live.route().and_then(|route| route.written).filter(|written| *written <= now);
    let is_later = |since: &Timestamp| {
        written.is_none_or(|written| written <= since.plus_seconds(RouteObservation::WRITTEN_WITHIN_SECONDS))
    };
    let Some(since) = service.draining_since.filter(is_later) else {
        return Some((Removal::DrainBegins, Reason::Draining { seconds }, Some(now.plus_seconds(seconds))));
    };
    let until = since.plus_seconds(seconds);
    if until > now {
        return Some((Removal::Draining { until }, Reason::Draining { seconds }, Some(until)));
    }
    Some((Removal::Due, Reason::Unreachable, None))
}

/// Why the Deployment that is left of a version stays: until the one in its place is complete and serves beside it.
fn serves_for(
    situation: &Situation<'_>,
    removed: &Removed<'_>,
    deployment: &DeploymentObservation,
) -> Option<Reason> {
    let version = situation.observation.left_of.get(removed.name)?;
    let declared = situation.declared.iter().find(|declared| declared.version.name == *version)?;
    let endpoints = situation.observation.versions.get(version)?.endpoints;
    let is_replaced = match &declared.readiness {
        Readiness::Ready => true,
        // As long as both are there, there are too many.
        Readiness::Updating(Unfinished::Surplus { .. }) => endpoints.ready > deployment.replicas,
        Readiness::Updating(_) | Readiness::NotReady(_) => false,
    };
    let (version, readiness) = (version.clone(), declared.readiness.clone());
    (!is_replaced).then_some(Reason::RetainedWithoutRequests(Pending::Replacement { version, readiness }))
}

/// Copies are planned for declared versions only.
fn is_named(rules: &[PlannedRule], service: &ServiceName) -> bool {
    rules.iter().flat_map(|rule| &rule.backends).any(|backend| backend.service == *service)
}

/// `None` only for a version without any object.
fn planned(removed: &Removed<'_>, removal: Removal, reason: Reason) -> Option<PlannedVersion> {
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
        rollout: None,
    })
}
