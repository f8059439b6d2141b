//! The rules of the strategy before, while a change of strategy waits.

use std::collections::BTreeMap;

use iter8_core::{
    ObservedBackend, ObservedRule, Percent, PlannedRule, Port, RouteMatch, ServiceName, Strategy, Weight,
};

use super::{Split, agree, alone};
use crate::oracle::DisagreementError;
use crate::oracle::promotion::{Case, InForce};

/// What the live rules give to versions that can still serve.
pub(super) struct Held {
    rules: Vec<HeldRule>,
    /// Whether the route is what remembers the primary before, or is one of another protocol.
    is_kept_whole: bool,
    pub(super) in_force: InForce,
}

/// A live rule with what is left of it.
#[derive(Debug, PartialEq)]
struct HeldRule {
    matches: Vec<RouteMatch>,
    /// Who gets its requests: nobody has weight 0.
    split: Split,
    /// Who gets copies of them.
    copies: BTreeMap<ServiceName, (Port, Percent)>,
}

impl Held {
    /// Whether the rules of the new strategy would give requests otherwise.
    pub(super) fn must_be(&self) -> bool {
        self.is_kept_whole || self.rules.len() > 1 || self.rules.iter().any(|rule| rule.split.len() > 1)
    }

    pub(super) fn check(&self, planned: &[PlannedRule]) -> Result<(), DisagreementError> {
        let found = planned.iter().map(|rule| HeldRule {
            matches: rule.matches.to_vec(),
            split: shares(super::split(rule)),
            copies: rule
                .mirrors
                .iter()
                .map(|copy| (copy.service.clone(), (copy.port, copy.percent)))
                .collect(),
        });
        agree("the held rules", &self.rules, &found.collect())
    }
}

/// Those that have a share; the weight of one that has all says nothing.
fn shares(mut split: Split) -> Split {
    split.retain(|_, (_, weight)| *weight > Weight::ZERO);
    if split.len() == 1 {
        for (_, weight) in split.values_mut() {
            *weight = Weight::ONE;
        }
    }
    split
}

pub(super) fn rules(case: &Case<'_>) -> Option<Held> {
    let strategy = case.release.strategy;
    // Without a route nothing would remember the primary before, to which the front leads until then.
    let is_memory = strategy == Strategy::None && !case.in_force.is_declared && !case.live_rules().is_empty();
    let is_other = live_strategy(case).is_some_and(|live| live != strategy);
    // Reading 10.
    let is_other_protocol = strategy != Strategy::None && case.live_protocol() != case.release.protocol;
    if !case.is_pending || !(is_memory || is_other || is_other_protocol) {
        return None;
    }
    let in_force = case.held_in_force();
    let mut rules = Vec::new();
    for live in case.live_rules() {
        let mut split: Split = of(live, |backend| can_serve(case, &backend.service)).collect();
        split = shares(split);
        if split.is_empty() && live.matches.is_empty() {
            // Nobody can serve: the primary in force keeps it, where the rule has it.
            let primary = of(live, |backend| backend.service == in_force.service);
            split = primary.map(|(service, (port, _))| (service, (port, Weight::ONE))).collect();
        }
        if !split.is_empty() {
            // A removed version gets no copies: nobody waits for what becomes of them. A mesh that has none to give may
            // refuse the whole route.
            let can_copy = case.release.copying.contains(&case.live_protocol());
            let is_declared = |service: &ServiceName| {
                can_copy && case.declared.iter().any(|known| known.service.as_ref() == Some(service))
            };
            let copies = live.mirrors.iter().filter(|copy| is_declared(&copy.service));
            let copies = copies.filter(|copy| can_serve(case, &copy.service));
            let copies = copies.map(|copy| (copy.service.clone(), (copy.port, copy.percent))).collect();
            rules.push(HeldRule { matches: live.matches.to_vec(), split, copies });
        }
    }
    if rules.last().is_none_or(|rule| !rule.matches.is_empty()) {
        rules.push(HeldRule { matches: Vec::new(), split: alone(&in_force), copies: BTreeMap::new() });
    }
    Some(Held { rules, is_kept_whole: is_memory || is_other_protocol, in_force })
}

fn of(
    rule: &ObservedRule,
    is_wanted: impl Fn(&ObservedBackend) -> bool,
) -> impl Iterator<Item = (ServiceName, (Port, Weight))> {
    let backends = rule.backends.iter().filter(move |backend| is_wanted(backend));
    backends.map(|backend| (backend.service.clone(), (backend.port, backend.weight)))
}

fn can_serve(case: &Case<'_>, service: &ServiceName) -> bool {
    let mut known = case.declared.iter().chain(&case.removed);
    known.any(|known| known.service.as_ref() == Some(service) && known.state.can_serve())
}

/// The strategy that the rules can only come from.
fn live_strategy(case: &Case<'_>) -> Option<Strategy> {
    let rules = case.live_rules();
    if rules.iter().any(|rule| !rule.matches.is_empty()) {
        Some(Strategy::Canary)
    } else if rules.iter().any(|rule| rule.mirrors.iter().any(|copy| case.is_version(&copy.service))) {
        Some(Strategy::Mirror)
    } else if rules.iter().any(|rule| rule.backends.len() > 1) {
        Some(Strategy::BlueGreen)
    } else {
        None
    }
}
