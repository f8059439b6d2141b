//! Who has the Gateways' route while Gateways and hostnames leave: reading 12.

use iter8_core::{Hostname, ParentRef, RoutePlan, Timestamp, Verdict};

use super::DisagreementError;
use super::promotion::Case;
use super::removal::{end_of_silence, has_counted_as_accepting, is_silent};

/// "parentRefs: at most 32"
const PARENTS: usize = 32;

/// Group, kind, namespace, name, section and port.
type Listeners = (String, String, String, String, Option<String>, Option<u16>);

/// The parents and hostnames of the route, and since when those drain that are leaving.
type Expected = (Vec<Listeners>, Vec<Hostname>, Option<Timestamp>);

/// Checks who has the route, and tells the moment at which that changes without anything being seen.
pub(super) fn check(case: &Case<'_>, plan: &RoutePlan) -> Result<Option<Timestamp>, DisagreementError> {
    let declared: Vec<_> = case.release.gateways.iter().map(|parent| listeners(case, parent)).collect();
    let hostnames = if declared.is_empty() { Vec::new() } else { case.release.hostnames.to_vec() };
    let (expected, due) =
        with_leaving(case, &declared, &hostnames).unwrap_or(((declared, hostnames, None), None));
    let Some(route) = &plan.route else { return Ok(due) };
    let parents: Vec<_> = route.gateway_parents().map(|parent| listeners(case, parent)).collect();
    let since = route.leaving.as_ref().and_then(|leaving| leaving.draining_since);
    let planned = (parents, route.gateway_hostnames().cloned().collect(), since);
    if planned == expected {
        Ok(due)
    } else {
        Err(DisagreementError::new("who has the Gateways' route", &expected, &planned))
    }
}

/// `None` where nothing is leaving.
fn with_leaving(
    case: &Case<'_>,
    declared: &[Listeners],
    hostnames: &[Hostname],
) -> Option<(Expected, Option<Timestamp>)> {
    let route = case.live()?;
    let live = route.gateways.as_ref()?;
    let live_parents: Vec<_> = live.parents.iter().map(|gateway| listeners(case, &gateway.parent)).collect();

    let mut leaving = Vec::new();
    for (gateway, found) in live.parents.iter().zip(&live_parents) {
        let is_refusing = matches!(gateway.verdict, Verdict::Refused { .. });
        if !is_refusing && !declared.iter().any(|declared| has_all_of(declared, found)) {
            leaving.push(found.clone());
        }
    }
    let leaving_names: Vec<_> =
        live.hostnames.iter().filter(|name| !hostnames.contains(name)).cloned().collect();
    if leaving.is_empty() && (declared.is_empty() || leaving_names.is_empty()) {
        return None;
    }
    // "Where old and new do not fit in a route together, the new ones wait"
    let fitting = declared.iter().filter(|declared| !leaving.iter().any(|other| exclude(declared, other)));
    let present = fit(fitting.cloned().collect(), &mut leaving, PARENTS, &live_parents);
    let mut leaving_names = leaving_names;
    let limit = case.release.limits.hostnames;
    let present_names = fit(hostnames.to_vec(), &mut leaving_names, limit, &live.hostnames);

    let accepting = present.len();
    let parents: Vec<_> = present.into_iter().chain(leaving).collect();
    let names: Vec<_> = present_names.into_iter().chain(leaving_names).collect();
    if live_parents != parents || live.hostnames != names {
        // It is being written.
        return Some(((parents, names, None), None));
    }
    let verdicts: Vec<_> = live.parents.iter().take(accepting).map(|gateway| &gateway.verdict).collect();
    // A Gateway has to say that it has accepted the route.
    let has_to_speak =
        |verdict: &Verdict| !matches!(verdict, Verdict::Accepted | Verdict::AcceptedUnversioned);
    let refuses = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Refused { .. }));
    let since = match live.draining_since {
        _ if refuses => return Some(((parents, names, None), None)),
        Some(since) => since,
        None if verdicts.iter().any(|verdict| has_to_speak(verdict)) => {
            return Some(((parents, names, None), None));
        }
        None if verdicts.iter().any(|verdict| is_silent(verdict))
            && !has_counted_as_accepting(case, route) =>
        {
            return Some(((parents, names, None), end_of_silence(route)));
        }
        None => case.observation.now,
    };
    let until = since.plus_seconds(case.release.drain_seconds);
    (until > case.observation.now).then_some(((parents, names, Some(since)), Some(until)))
}

/// Those of the declared that fit beside the leaving ones: the last of the new ones wait.
fn fit<T: Clone + PartialEq>(mut declared: Vec<T>, leaving: &mut Vec<T>, limit: usize, live: &[T]) -> Vec<T> {
    while declared.len() + leaving.len() > limit {
        match declared.iter().rposition(|one| !live.contains(one)) {
            Some(last) => drop(declared.remove(last)),
            None => break,
        }
    }
    leaving.truncate(limit.saturating_sub(declared.len()));
    declared
}

fn listeners(case: &Case<'_>, parent: &ParentRef) -> Listeners {
    let text = |own: &Option<String>, default: &str| own.clone().unwrap_or_else(|| default.to_owned());
    let namespace = parent.namespace.as_ref().unwrap_or(&case.release.key.namespace);
    (
        text(&parent.group, "gateway.networking.k8s.io"),
        text(&parent.kind, "Gateway"),
        namespace.to_string(),
        parent.name.to_string(),
        parent.section_name.as_ref().map(ToString::to_string),
        parent.port.map(iter8_core::Port::get),
    )
}

/// Whether the one parent means every listener that the other means.
fn has_all_of(one: &Listeners, other: &Listeners) -> bool {
    object(one) == object(other)
        && (one.4.is_none() || one.4 == other.4)
        && (one.5.is_none() || one.5 == other.5)
}

fn object((group, kind, namespace, name, ..): &Listeners) -> [&str; 4] {
    [group, kind, namespace, name]
}

/// "sectionName must be unique when parentRefs includes 2 or more references to the same parent", and be there.
fn exclude(one: &Listeners, other: &Listeners) -> bool {
    let (section, other_section) = (&one.4, &other.4);
    object(one) == object(other) && (section.is_none() || other_section.is_none() || section == other_section)
}
