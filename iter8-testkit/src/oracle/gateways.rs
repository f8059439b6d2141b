//! How long Gateways and hostnames stay that have left the document: reading 12.

use iter8_core::{Hostname, ParentRef, RoutePlan, Timestamp, Verdict};

use super::DisagreementError;
use super::promotion::Case;
use super::removal::{end_of_silence, has_counted_as_accepting, is_silent};

/// "parentRefs: at most 32"
const PARENTS: usize = 32;

/// Group, kind, namespace, name, section and port.
type Listeners = (String, String, String, String, Option<String>, Option<u16>);

/// What is leaving: the parents, the hostnames, since when they drain.
type Expected = (Vec<Listeners>, Vec<Hostname>, Option<Timestamp>);

/// Checks what is leaving, and tells the moment at which that changes without anything being seen.
pub(super) fn check(case: &Case<'_>, plan: &RoutePlan) -> Result<Option<Timestamp>, DisagreementError> {
    let (expected, due) = leaving(case).unzip();
    let Some(route) = &plan.route else { return Ok(due.flatten()) };
    let planned = route.leaving.as_ref().map(|leaving| {
        let parents = leaving.gateways.iter().map(|parent| listeners(case, parent)).collect();
        (parents, leaving.hostnames.clone(), leaving.draining_since)
    });
    if planned == expected {
        Ok(due.flatten())
    } else {
        Err(DisagreementError::new("leaving Gateways", &expected, &planned))
    }
}

fn leaving(case: &Case<'_>) -> Option<(Expected, Option<Timestamp>)> {
    let route = case.live()?;
    let live = route.gateways.as_ref()?;
    let declared: Vec<_> = case.release.gateways.iter().map(|parent| listeners(case, parent)).collect();
    let hostnames: &[Hostname] = if declared.is_empty() { &[] } else { &case.release.hostnames };

    let mut parents = Vec::new();
    for gateway in &live.parents {
        let found = listeners(case, &gateway.parent);
        let is_refusing = matches!(gateway.verdict, Verdict::Refused { .. });
        if !is_refusing && !declared.iter().any(|declared| exclude(declared, &found)) {
            parents.push(found);
        }
    }
    parents.truncate(PARENTS.saturating_sub(declared.len()));
    let mut names: Vec<_> = live.hostnames.iter().filter(|name| !hostnames.contains(name)).cloned().collect();
    names.truncate(case.release.limits.hostnames.saturating_sub(hostnames.len()));
    if parents.is_empty() && (declared.is_empty() || names.is_empty()) {
        return None;
    }

    let all_parents: Vec<_> = declared.iter().chain(&parents).cloned().collect();
    let all_names: Vec<_> = hostnames.iter().chain(&names).cloned().collect();
    let live_parents: Vec<_> = live.parents.iter().map(|gateway| listeners(case, &gateway.parent)).collect();
    if (live_parents, &live.hostnames) != (all_parents, &all_names) {
        // It is being written.
        return Some(((parents, names, None), None));
    }
    let verdicts: Vec<_> = live.parents.iter().take(declared.len()).map(|gateway| &gateway.verdict).collect();
    let waits_for_word = |verdict: &&&Verdict| matches!(verdict, Verdict::Stale | Verdict::Refused { .. });
    let since = match live.draining_since {
        Some(since) => since,
        None if verdicts.iter().any(|verdict| waits_for_word(&verdict)) => {
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

/// "sectionName must be unique when parentRefs includes 2 or more references to the same parent", and be there.
fn exclude(one: &Listeners, other: &Listeners) -> bool {
    let object = |(group, kind, namespace, name, ..): &Listeners| {
        (group.clone(), kind.clone(), namespace.clone(), name.clone())
    };
    let (section, other_section) = (&one.4, &other.4);
    object(one) == object(other) && (section.is_none() || other_section.is_none() || section == other_section)
}
