//! The rules of strategy canary: one for each candidate that can serve, then the default rule.

use alloc::vec;
use alloc::vec::Vec;

use super::{Routing, backend, default_rule};
use crate::capabilities::Limits;
use crate::name::{ServiceName, VersionName};
use crate::notice::Notice;
use crate::plan::PlannedRule;
use crate::planner::{Declared, InForce, Situation};
use crate::precedence::{Arrangement, Claimant, Order};
use crate::readiness::Readiness;
use crate::reason::{Pending, Reason, RuleReason};
use crate::route_match::RouteMatch;
use crate::shared::List;
use crate::valid_release::ValidRelease;
use crate::weight::{Port, Weight};

/// A candidate's rule before it is known whether it fits.
struct CandidateRule<'a> {
    place: usize,
    name: &'a VersionName,
    service: &'a ServiceName,
    port: Port,
    matches: List<RouteMatch>,
    reason: Reason,
}

pub(super) fn canary(
    situation: &Situation<'_>,
    in_force: &InForce<'_>,
    pending: Option<&Pending>,
) -> Routing {
    let mut routing = Routing::new(situation);
    let mut candidates = Vec::with_capacity(situation.declared.len());
    for place in 0..situation.declared.len() {
        match candidate_rule(situation, in_force, place) {
            Ok(rule) => candidates.extend(rule),
            Err(reason) => routing.because(place, reason),
        }
    }
    if let Some(pending) = pending {
        let places = 0..situation.removed.len();
        candidates.extend(places.filter_map(|index| retained_rule(situation, in_force, index, pending)));
    }
    let default = default_rule(in_force, &mut routing);
    while let Some(reason) =
        excess(&candidates, &situation.release.limits, situation.release.has_default_match)
    {
        // What serves now stays; the last of the new ones waits.
        let is_new = |rule: &CandidateRule<'_>| !situation.live.names(rule.service);
        let last = candidates.len().saturating_sub(1);
        let waiting = candidates.remove(candidates.iter().rposition(is_new).unwrap_or(last));
        routing.because(waiting.place, reason);
    }
    routing.rules.reserve_exact(candidates.len().saturating_add(1));
    for rule in in_order(candidates, situation, in_force, &mut routing) {
        routing.because(rule.place, rule.reason.clone());
        routing.rules.push(PlannedRule {
            matches: rule.matches,
            backends: vec![backend(rule.service, rule.port, Weight::ONE)],
            mirrors: Vec::new(),
            reason: RuleReason { version: Some(rule.name.clone()), reason: rule.reason },
        });
    }
    routing.rules.push(default);
    routing
}

/// Why the rules do not fit into a route together with the default rule, which counts as a rule with one match.
fn excess(candidates: &[CandidateRule<'_>], limits: &Limits, has_default_match: bool) -> Option<Reason> {
    let default = usize::from(has_default_match);
    let matches = candidates.iter().fold(default, |sum, rule| sum.saturating_add(rule.matches.len()));
    if candidates.is_empty() {
        None
    } else if candidates.len() >= limits.rules {
        Some(Reason::TooManyRules { limit: limits.rules })
    } else if matches > limits.matches {
        Some(Reason::TooManyMatches { limit: limits.matches })
    } else {
        None
    }
}

/// The candidates' rules in the order in which the mesh chooses as the specification does in list order.
fn in_order<'a>(
    candidates: Vec<CandidateRule<'a>>,
    situation: &Situation<'_>,
    in_force: &InForce<'_>,
    routing: &mut Routing,
) -> Vec<CandidateRule<'a>> {
    let takes_everything = |rule: &&CandidateRule<'_>| rule.matches.iter().any(RouteMatch::takes_everything);
    let everything = candidates.iter().find(takes_everything).map(|rule| Notice::TakesEverything {
        candidate: rule.name.clone(),
        primary: in_force.name().clone(),
    });
    let candidates = match order(&candidates, situation.release) {
        None => candidates,
        Some(Order { rules, notices }) => {
            routing.notices = notices;
            let mut candidates: Vec<_> = candidates.into_iter().map(Some).collect();
            let in_order = rules.into_iter();
            in_order.filter_map(|index| candidates.get_mut(index).and_then(Option::take)).collect()
        }
    };
    routing.notices.extend(everything);
    candidates
}

/// The candidates by index in the order of their rules, `None` for that of the list: as arranged in advance, unless
/// one of them has other matches than it is declared with.
fn order(candidates: &[CandidateRule<'_>], release: &ValidRelease) -> Option<Order> {
    let index = |rule: &CandidateRule<'_>| {
        let index = rule.place.checked_sub(1)?;
        (release.candidates().get(index)?.matches == rule.matches).then_some(index)
    };
    if candidates.iter().any(|rule| index(rule).is_none()) {
        let claimants: Vec<_> =
            candidates.iter().map(|rule| Claimant { version: rule.name, matches: &rule.matches }).collect();
        return Some(Arrangement::new(&claimants, release.precedence).into_whole());
    }
    if release.arrangement.is_plain() {
        return None;
    }
    let present: Vec<_> = candidates.iter().filter_map(index).collect();
    let mut order = release.arrangement.of(&release.claimants(), &present);
    for rule in &mut order.rules {
        *rule = present.binary_search(rule).unwrap_or(*rule);
    }
    Some(order)
}

/// The rule of a declared version besides the default rule; `Ok(None)` for the primary in force.
fn candidate_rule<'a>(
    situation: &Situation<'a>,
    in_force: &InForce<'_>,
    place: usize,
) -> Result<Option<CandidateRule<'a>>, Reason> {
    let Some(Declared { version, readiness, .. }) = situation.declared.get(place) else { return Ok(None) };
    let is_primary = version.name == in_force.declared.name;
    let is_previous = in_force.previous.as_ref().is_some_and(|previous| *previous.name == version.name);
    if is_previous || (is_primary && in_force.previous.is_none()) {
        return Ok(None);
    }
    let live = situation.live.matches_of(&version.service);
    let (matches, reason) = match (readiness, live) {
        (Readiness::NotReady(_), _) => return Err(Reason::NoRequests(readiness.clone())),
        (Readiness::Ready, _) | (Readiness::Updating(_), None) if !is_primary => {
            (&version.matches, Reason::Candidate(readiness.clone()))
        }
        (Readiness::Updating(_) | Readiness::Ready, Some(live)) => {
            (live, Reason::KeepsRule(readiness.clone()))
        }
        // The new primary waits for its turn without a rule of its own.
        (Readiness::Updating(_) | Readiness::Ready, None) => {
            return Err(Reason::BecomesPrimary(readiness.clone()));
        }
    };
    Ok(Some(CandidateRule {
        place,
        name: &version.name,
        service: &version.service,
        port: version.port,
        matches: matches.clone(),
        reason,
    }))
}

/// A removed candidate keeps its rule while something is pending, as long as it can serve.
fn retained_rule<'a>(
    situation: &Situation<'a>,
    in_force: &InForce<'_>,
    index: usize,
    pending: &Pending,
) -> Option<CandidateRule<'a>> {
    let removed = situation.removed.get(index)?;
    let is_previous = in_force.previous.as_ref().is_some_and(|previous| previous.name == removed.name);
    if is_previous || !removed.readiness.is_routable() {
        return None;
    }
    let service = &removed.observed.service.as_ref()?.name;
    let declaration = removed.declaration?;
    let matches = situation.live.matches_of(service).unwrap_or(&declaration.matches);
    // What it took under another protocol does not fit.
    if matches.is_empty() || matches.iter().any(|entry| entry.protocol() != situation.release.protocol) {
        return None;
    }
    Some(CandidateRule {
        place: situation.place_of_removed(index),
        name: removed.name,
        service,
        port: declaration.port,
        matches: matches.clone(),
        reason: Reason::RetainedRule(pending.clone()),
    })
}
