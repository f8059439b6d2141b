//! The rules of a plan, by the text.

mod held;

use std::collections::BTreeMap;

use iter8_core::{
    PlannedRule, Port, Precedence, RouteMatch, RoutePlan, ServiceName, Strategy, VersionDeclaration, Weight,
};

use super::DisagreementError;
use super::promotion::{Case, InForce, Known};
use super::state::State;

/// The versions of a split, each with its port and weight.
type Split = BTreeMap<ServiceName, (Port, Weight)>;

/// A candidate's own rule.
#[derive(Debug, PartialEq)]
struct Own {
    service: ServiceName,
    port: Port,
    matches: Vec<RouteMatch>,
}

/// Checks the rules and tells which version the front Service has to lead to.
pub(super) fn check(case: &Case<'_>, plan: &RoutePlan) -> Result<InForce, DisagreementError> {
    let rules = own_copies_apart(case, plan)?;
    // "The same for a change of strategy"
    let declared = |()| case.in_force.clone();
    let Some(held) = held::rules(case) else {
        return of_strategy(case, &rules).map(declared);
    };
    // Where only the default rule is left, nothing is held that the new strategy would not have; a split that lists the
    // others with weight 0 may be held even so.
    let verdict = if held.must_be() { None } else { of_strategy(case, &rules).map(declared).ok() };
    verdict.map_or_else(|| held.check(&rules).map(|()| held.in_force.clone()), Ok)
}

/// The rules without the user's own copies, which come first in each. Reading 13.
fn own_copies_apart(case: &Case<'_>, plan: &RoutePlan) -> Result<Vec<PlannedRule>, DisagreementError> {
    let is_kept = case.release.strategy == Strategy::None
        || plan.route.as_ref().is_some_and(|route| route.protocol != case.release.protocol);
    let live = case.live_rules().last().filter(|_| is_kept);
    let own: Vec<_> = match live {
        None => case.release.mirrors.iter().map(|copy| (&copy.service, copy.port, copy.percent)).collect(),
        Some(live) => {
            let protocol = plan.route.as_ref().map_or(case.release.protocol, |route| route.protocol);
            let can_copy = case.release.copying.contains(&protocol);
            let copies = live.mirrors.iter().filter(|copy| can_copy && !case.is_version(&copy.service));
            copies.map(|copy| (&copy.service, copy.port, copy.percent)).collect()
        }
    };
    let mut rules = plan.rules().to_vec();
    for rule in &mut rules {
        let first = rule.mirrors.iter().take(own.len());
        let first: Vec<_> = first.map(|copy| (&copy.service, copy.port, copy.percent)).collect();
        agree("the user's own copies", &own, &first)?;
        rule.mirrors.drain(..own.len());
    }
    Ok(rules)
}

fn of_strategy(case: &Case<'_>, planned: &[PlannedRule]) -> Result<(), DisagreementError> {
    let before_the_first = case.live_rules().is_empty() && !case.primary_state().can_serve();
    if case.release.strategy == Strategy::None || before_the_first {
        return agree("no rule", &0, &planned.len());
    }
    let Some((last, own)) = planned.split_last() else {
        return Err(DisagreementError::new("rules", &"a default rule", &planned));
    };
    agree("the matches of the default rule", &0, &last.matches.len())?;
    match case.release.strategy {
        Strategy::Canary => {
            agree("the default rule", &alone(&case.in_force), &split(last))?;
            candidates(case, own)
        }
        Strategy::BlueGreen => {
            agree("rules besides the default rule", &0, &own.len())?;
            blue_green(case, last)
        }
        Strategy::Mirror => {
            agree("rules besides the default rule", &0, &own.len())?;
            agree("the default rule", &alone(&case.in_force), &split(last))?;
            mirrors(case, last)
        }
        other => Err(DisagreementError::new("strategy", &"one that the text has", &other)),
    }
}

fn agree<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    expected: &T,
    planned: &T,
) -> Result<(), DisagreementError> {
    if expected == planned { Ok(()) } else { Err(DisagreementError::new(what, expected, planned)) }
}

fn split(rule: &PlannedRule) -> Split {
    rule.backends.iter().map(|backend| (backend.service.clone(), (backend.port, backend.weight))).collect()
}

/// The primary in force, alone.
fn alone(in_force: &InForce) -> Split {
    Split::from([(in_force.service.clone(), (in_force.declaration.port, Weight::ONE))])
}

/// The matches of the live rule that is the Service's own.
fn live_matches(case: &Case<'_>, service: &ServiceName) -> Option<Vec<RouteMatch>> {
    let mut rules = case.live_rules().iter().filter(|rule| !rule.matches.is_empty());
    let own = rules.find(|rule| rule.backends.iter().any(|backend| backend.service == *service));
    own.map(|rule| rule.matches.to_vec())
}

/// One rule for each candidate that can serve, in list order, and those that removed versions keep.
fn candidates(case: &Case<'_>, planned: &[PlannedRule]) -> Result<(), DisagreementError> {
    let own = |known: &Known<'_>, matches: Vec<RouteMatch>| {
        let (service, declaration) = (known.service.clone()?, known.declaration.as_ref()?);
        let is_in_force = service == case.in_force.service;
        let is_rule = !matches.is_empty() && known.state.can_serve() && !is_in_force;
        is_rule.then_some(Own { service, port: declaration.port, matches })
    };
    let declared_matches = |known: &Known<'_>| matches_of(known.declaration.as_ref());
    let mut listed = Vec::new();
    for (place, known) in case.declared.iter().enumerate() {
        let Some(service) = &known.service else { continue };
        let live = live_matches(case, service);
        let matches = match (known.state, place) {
            // "a version redefined under its name keeps its previous rule until it is ready"
            (State::Updating, 1..) => live.unwrap_or_else(|| declared_matches(known)),
            (State::Ready | State::NotReady, 1..) => declared_matches(known),
            // A primary that waits for its turn has no rule but one that it had as a candidate.
            (_, 0) => live.unwrap_or_default(),
        };
        listed.extend(own(known, matches));
    }
    let mut kept = Vec::new();
    for known in case.removed.iter().filter(|_| case.is_pending) {
        let live = known.service.as_ref().and_then(|service| live_matches(case, service));
        // Reading 5.
        let matches = live.unwrap_or_else(|| declared_matches(known));
        // Reading 10.
        if matches.iter().all(|entry| entry.protocol() == case.release.protocol) {
            kept.extend(own(known, matches));
        }
    }
    let planned: Vec<_> = planned.iter().filter_map(own_rule).collect();
    fit(case, &listed, &kept, &planned)
}

fn matches_of(declaration: Option<&VersionDeclaration>) -> Vec<RouteMatch> {
    declaration.map(|declaration| declaration.matches.to_vec()).unwrap_or_default()
}

/// A rule with one backend of weight 1 and without mirrors.
fn own_rule(rule: &PlannedRule) -> Option<Own> {
    let [backend] = rule.backends.as_slice() else { return None };
    let is_own = backend.weight == Weight::ONE && rule.mirrors.is_empty();
    is_own.then(|| Own {
        service: backend.service.clone(),
        port: backend.port,
        matches: rule.matches.to_vec(),
    })
}

/// "Where old and new do not fit in a route together, the new ones wait": which of them is free.
fn fit(case: &Case<'_>, listed: &[Own], kept: &[Own], planned: &[Own]) -> Result<(), DisagreementError> {
    let room = case.release.limits.rules.saturating_sub(1);
    let all: Vec<_> = listed.iter().chain(kept).collect();
    agree("the number of candidates' rules", &all.len().min(room), &planned.len())?;
    if let Some(unknown) = planned.iter().find(|rule| !all.contains(rule)) {
        return Err(DisagreementError::new("a candidate's rule", &all, unknown));
    }
    let is_live = |rule: &&Own| case.is_named(&rule.service);
    let mut waiting = all.iter().copied().filter(|rule| !planned.contains(rule));
    if waiting.any(|rule| is_live(&rule)) && planned.iter().any(|rule| !is_live(&rule)) {
        return Err(DisagreementError::new("the rules that wait", &"new ones first", &planned));
    }
    if case.release.precedence() == Precedence::Specification {
        let in_list: Vec<_> = listed.iter().filter(|rule| planned.contains(rule)).collect();
        let in_plan: Vec<_> = planned.iter().filter(|rule| listed.contains(rule)).collect();
        return agree("the order of the candidates' rules", &in_list, &in_plan);
    }
    Ok(())
}

fn blue_green(case: &Case<'_>, planned: &PlannedRule) -> Result<(), DisagreementError> {
    let mut expected = Split::new();
    for known in &case.declared {
        let (Some(service), Some(declaration)) = (&known.service, &known.declaration) else { continue };
        let weight = match known.state {
            State::Ready => declaration.weight,
            // "keeps its previous weight until it is ready"
            State::Updating => case.live_weight(service).unwrap_or(declaration.weight),
            State::NotReady => Weight::ZERO,
        };
        expected.insert(service.clone(), (declaration.port, weight));
    }
    for known in case.removed.iter().filter(|_| case.is_pending) {
        let (Some(service), Some(declaration)) = (&known.service, &known.declaration) else { continue };
        let mut live = case.live_default().into_iter().flat_map(|rule| &rule.backends);
        let is_in_force = *service == case.in_force.service;
        if !live.any(|backend| backend.service == *service) && !is_in_force {
            continue;
        }
        // Reading 5.
        if known.state.can_serve() {
            let weight = case.live_weight(service).unwrap_or(declaration.weight);
            expected.insert(service.clone(), (declaration.port, weight));
        } else if is_in_force {
            expected.insert(service.clone(), (declaration.port, Weight::ZERO));
        }
    }
    if let [Known { declaration: Some(own), state, .. }] = case.declared.as_slice()
        && expected.len() == 1
        && state.can_serve()
    {
        // Reading 11.
        let live = case.live_default().map_or(&[][..], |rule| &rule.backends);
        for (service, (_, weight)) in &mut expected {
            let alone = live.first().filter(|only| live.len() == 1 && only.service == *service);
            let kept = alone.map(|only| only.weight).filter(|weight| *weight > Weight::ZERO);
            *weight = kept.filter(|_| *state == State::Updating).unwrap_or(own.weight);
        }
    }
    let first = planned.backends.first().map(|backend| &backend.service);
    agree("the first of the split", &Some(&case.in_force.service), &first)?;
    agree("mirrors of a split", &Vec::new(), &planned.mirrors)?;
    let planned = split(planned);
    let limit = case.release.limits.backends_per_rule;
    agree("the number of backends", &expected.len().min(limit), &planned.len())?;
    // The new ones wait; which of them is free.
    let is_live = |service: &ServiceName| {
        *service == case.in_force.service
            || case
                .live_default()
                .is_some_and(|rule| rule.backends.iter().any(|live| live.service == *service))
    };
    let waits = |service: &ServiceName| !planned.contains_key(service);
    if expected.keys().any(|service| waits(service) && is_live(service)) && !planned.keys().all(is_live) {
        return Err(DisagreementError::new("the backends that wait", &"new ones first", &planned));
    }
    expected.retain(|service, _| !waits(service));
    // "an all-zero split becomes primary 1"
    if expected.values().all(|(_, weight)| *weight == Weight::ZERO)
        && let Some((_, weight)) = expected.get_mut(&case.in_force.service)
    {
        *weight = Weight::ONE;
    }
    agree("the split", &expected, &planned)
}

/// "the default rule to the primary with one `RequestMirror` per ready candidate"
fn mirrors(case: &Case<'_>, planned: &PlannedRule) -> Result<(), DisagreementError> {
    let mut expected = BTreeMap::new();
    for known in case.declared.iter().skip(1).filter(|known| known.state.can_serve()) {
        let (Some(service), Some(declaration)) = (&known.service, &known.declaration) else { continue };
        if *service != case.in_force.service {
            expected.insert(service, (declaration.port, declaration.mirror_percent));
        }
    }
    let found = planned.mirrors.iter().map(|mirror| (&mirror.service, (mirror.port, mirror.percent)));
    agree("the mirrors", &expected, &found.clone().collect())?;
    agree("the number of mirrors", &expected.len(), &found.count())
}
