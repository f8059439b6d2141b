//! Which rules are the same in two plans, and what has become of them.

use alloc::vec::Vec;

use super::Change;
use crate::name::ServiceName;
use crate::plan::{PlannedBackend, PlannedRule};

/// A rule before, with its place, and the same rule after.
type Pair<'a> = (usize, &'a PlannedRule, &'a PlannedRule);

pub(super) fn diff(before: &[PlannedRule], after: &[PlannedRule]) -> Vec<Change> {
    let pairs = pairs(before, after);
    let mut changes = Vec::new();
    for rule in after {
        match pairs.iter().find(|(_, _, paired)| core::ptr::eq(*paired, rule)) {
            None => changes
                .push(Change::RuleAdded { matches: rule.matches.clone(), backends: rule.backends.clone() }),
            Some((place, known, _)) => {
                let is_later = |(other, _, _): &&Pair<'_>| other < place;
                let since = pairs.iter().skip_while(|(other, _, _)| other != place);
                let ahead_of: Vec<_> =
                    since.filter(is_later).map(|(_, _, other)| other.matches.clone()).collect();
                if !ahead_of.is_empty() {
                    changes.push(Change::RuleMoved { matches: rule.matches.clone(), ahead_of });
                }
                changes.extend(same_rule(known, rule));
            }
        }
    }
    let is_gone = |(index, _): &(usize, &PlannedRule)| pairs.iter().all(|(place, _, _)| place != index);
    let gone = before.iter().enumerate().filter(is_gone);
    changes.extend(gone.map(|(_, rule)| Change::RuleRemoved { matches: rule.matches.clone() }));
    changes
}

type SameRule = fn(&PlannedRule, &PlannedRule) -> bool;

fn is_default(rule: &PlannedRule) -> bool {
    rule.matches.is_empty()
}

fn service(rule: &PlannedRule) -> Option<&ServiceName> {
    rule.backends.first().map(|backend| &backend.service)
}

/// The rules that are in both plans, in the order of the later one.
///
/// The default rule is the default rule; another is the same if it leads to the same Service, else if it takes the
/// same requests.
fn pairs<'a>(before: &'a [PlannedRule], after: &'a [PlannedRule]) -> Vec<Pair<'a>> {
    let criteria: [SameRule; 3] = [
        |one, other| is_default(one) && is_default(other),
        |one, other| !is_default(one) && !is_default(other) && service(one) == service(other),
        |one, other| one.matches == other.matches,
    ];
    let mut found: Vec<(usize, Pair<'a>)> = Vec::new();
    for is_same in criteria {
        for (index, rule) in after.iter().enumerate() {
            if found.iter().any(|(taken, _)| *taken == index) {
                continue;
            }
            let is_free = |place: usize| found.iter().all(|(_, (taken, _, _))| *taken != place);
            let mut known = before.iter().enumerate();
            if let Some((place, known)) = known.find(|(place, known)| is_free(*place) && is_same(known, rule))
            {
                found.push((index, (place, known, rule)));
            }
        }
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, pair)| pair).collect()
}

fn same_rule(before: &PlannedRule, after: &PlannedRule) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.matches != after.matches
        && let Some(backend) = after.backends.first()
    {
        changes.push(Change::MatchesChanged {
            service: backend.service.clone(),
            before: before.matches.clone(),
            after: after.matches.clone(),
        });
    }
    let is_same = |one: &PlannedBackend, other: &PlannedBackend| {
        (&one.service, one.port) == (&other.service, other.port)
    };
    let only_in = |ones: &[PlannedBackend], others: &[PlannedBackend]| -> Vec<PlannedBackend> {
        ones.iter().filter(|one| others.iter().all(|other| !is_same(one, other))).cloned().collect()
    };
    let (left, joined) =
        (only_in(&before.backends, &after.backends), only_in(&after.backends, &before.backends));
    if !left.is_empty() || !joined.is_empty() {
        let matches = after.matches.clone();
        changes.push(Change::BackendChanged { matches, before: left, after: joined });
    }
    for backend in &after.backends {
        let known = before.backends.iter().find(|known| is_same(known, backend));
        let known = known.map_or(backend.weight, |known| known.weight);
        if known != backend.weight {
            changes.push(Change::WeightChanged {
                matches: after.matches.clone(),
                service: backend.service.clone(),
                before: known,
                after: backend.weight,
            });
        }
    }
    changes.extend(mirrors(before, after));
    changes
}

fn mirrors(before: &PlannedRule, after: &PlannedRule) -> Vec<Change> {
    let percent = |rule: &PlannedRule, service: &ServiceName| {
        rule.mirrors.iter().find(|mirror| mirror.service == *service).map(|mirror| mirror.percent)
    };
    let new = after.mirrors.iter().filter(|mirror| percent(before, &mirror.service).is_none());
    let services = before.mirrors.iter().chain(new).map(|mirror| &mirror.service);
    services
        .map(|service| (service, percent(before, service), percent(after, service)))
        .filter(|(_, before, after)| before != after)
        .map(|(service, before, after)| Change::MirrorChanged { service: service.clone(), before, after })
        .collect()
}
