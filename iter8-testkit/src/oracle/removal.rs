//! What becomes of versions that have left the document, by the text.

use std::collections::BTreeMap;

use iter8_core::{Removal, RouteObservation, RoutePlan, Timestamp, Verdict};

use super::DisagreementError;
use super::promotion::{Case, Known};

/// "counts as acceptance 5 s after the route was written"
const SILENCE_SECONDS: u32 = 5;

/// The removals, and the moment to look again, which may be `due` for another reason.
pub(super) fn check(
    case: &Case<'_>,
    plan: &RoutePlan,
    due: Option<Timestamp>,
) -> Result<(), DisagreementError> {
    let mut moments: Vec<Timestamp> = due.into_iter().collect();
    let mut expected = BTreeMap::new();
    for known in &case.removed {
        if let Some((removal, moment)) = removal(case, known) {
            expected.insert(known.name, removal);
            moments.extend(moment);
        }
    }
    let planned: BTreeMap<_, _> = plan.removed().map(|(version, removal)| (&version.name, removal)).collect();
    if planned != expected {
        return Err(DisagreementError::new("removals", &expected, &planned));
    }
    // Nothing else tells that a silent parent's time is over.
    if let Some(route) = case.live()
        && route.parents.iter().any(|parent| is_silent(&parent.verdict))
        && route.parents.iter().all(|parent| parent.verdict != Verdict::Stale)
        && !has_counted_as_accepting(case, route)
    {
        moments.extend(end_of_silence(route));
    }
    let look_again = moments.into_iter().min();
    if plan.look_again != look_again {
        return Err(DisagreementError::new("the moment to look again", &look_again, &plan.look_again));
    }
    Ok(())
}

/// How far the removal is, and when it goes on without anything being seen; `None` where all objects are on their
/// way out.
fn removal(case: &Case<'_>, known: &Known<'_>) -> Option<(Removal, Option<Timestamp>)> {
    let now = case.observation.now;
    let service = known.seen.service.as_ref().filter(|service| !service.deleting);
    let has_deployment = known.seen.deployment.as_ref().is_some_and(|deployment| !deployment.deleting);
    let Some(service) = service else {
        return has_deployment.then_some((Removal::Due, None));
    };
    // "while the new primary is updating, the removed candidate keeps its rule and its Pods"
    if case.is_pending {
        return Some((Removal::Retained, None));
    }
    // Reading 9.
    let front = case.observation.front_selector.as_ref();
    let is_in_front =
        front.is_some() && front == known.declaration.as_ref().map(|declaration| &declaration.selector);
    if is_in_front && front != Some(&case.release.primary().selector) {
        return Some((Removal::Leaving, None));
    }
    // "when the primary is ready the route moves; when the route's parents accept it, plus drainSeconds, ... go"
    if case.is_named(&service.name) {
        return Some((Removal::Leaving, None));
    }
    if let Some(Acceptance::From(moment)) = case.live().map(|route| acceptance(case, route)) {
        return Some((Removal::Leaving, moment));
    }
    let written = case.live().and_then(|route| route.written);
    let since = service.draining_since.filter(|since| {
        // Reading 6. A clock that is behind the API server's cannot tell.
        written.is_none_or(|written| written > now || written <= since.plus_seconds(1))
    });
    let Some(since) = since else {
        return Some((Removal::DrainBegins, Some(now.plus_seconds(case.release.drain_seconds))));
    };
    let until = since.plus_seconds(case.release.drain_seconds);
    Some(if now < until { (Removal::Draining { until }, Some(until)) } else { (Removal::Due, None) })
}

enum Acceptance {
    Given,
    /// From this moment on; `None` if somebody has to say so.
    From(Option<Timestamp>),
}

/// "every parent reports Accepted for this route; a report without observedGeneration, or no report, counts as
/// acceptance 5 s after the route was written"
fn acceptance(case: &Case<'_>, route: &RouteObservation) -> Acceptance {
    let waits_for_word = |verdict: &Verdict| matches!(verdict, Verdict::Stale | Verdict::Refused { .. });
    if route.parents.iter().any(|parent| waits_for_word(&parent.verdict)) {
        return Acceptance::From(None);
    }
    if route.parents.iter().any(|parent| is_silent(&parent.verdict)) && !has_counted_as_accepting(case, route)
    {
        return Acceptance::From(end_of_silence(route));
    }
    Acceptance::Given
}

pub(super) fn is_silent(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Silent | Verdict::AcceptedUnversioned)
}

/// Whether a parent that says nothing counts as accepting by now.
pub(super) fn has_counted_as_accepting(case: &Case<'_>, route: &RouteObservation) -> bool {
    end_of_silence(route).is_none_or(|moment| moment <= case.observation.now)
}

pub(super) fn end_of_silence(route: &RouteObservation) -> Option<Timestamp> {
    route.written.map(|written| written.plus_seconds(SILENCE_SECONDS))
}
