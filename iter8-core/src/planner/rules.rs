//! The rules of each strategy.

use alloc::vec;
use alloc::vec::Vec;

mod canary;

use canary::canary;

use super::{InForce, Situation};
use crate::name::ServiceName;
use crate::notice::Notice;
use crate::observation::ObservedRule;
use crate::plan::{PlannedBackend, PlannedMirror, PlannedRule};
use crate::readiness::Readiness;
use crate::reason::{Pending, Reason, RuleReason};
use crate::release::{Protocol, Strategy};
use crate::shared::List;
use crate::weight::{Port, Weight};

/// The rules, and why each version gets what it gets.
pub(super) struct Routing {
    pub(super) rules: Vec<PlannedRule>,
    pub(super) reasons: Reasons,
    pub(super) notices: Vec<Notice>,
    /// What the rules are for: that of the live route where its rules are kept.
    pub(super) protocol: Protocol,
}

/// Why each version gets the requests it gets, by its place: the declared ones in order, then the removed ones.
pub(super) struct Reasons(Vec<Option<Reason>>);

impl Reasons {
    pub(super) fn take(&mut self, place: usize) -> Option<Reason> {
        self.0.get_mut(place).and_then(Option::take)
    }
}

impl Routing {
    fn new(situation: &Situation<'_>) -> Self {
        let versions = situation.place_of_removed(situation.removed.len());
        Self {
            rules: Vec::new(),
            reasons: Reasons(vec![None; versions]),
            notices: Vec::new(),
            protocol: situation.release.protocol,
        }
    }

    fn because(&mut self, place: usize, reason: Reason) {
        if let Some(known) = self.reasons.0.get_mut(place) {
            *known = Some(reason);
        }
    }
}

/// The rules, and the primary whom they and the front Service lead to.
pub(super) fn route<'a>(
    situation: &'a Situation<'a>,
    in_force: InForce<'a>,
    pending: Option<&Pending>,
) -> (InForce<'a>, Routing) {
    let strategy = situation.release.strategy;
    // A change of strategy waits like a promotion does: both shapes do not fit in one route.
    // Without a route nothing would remember the primary before, to which the front leads until then.
    let is_memory = strategy == Strategy::None && in_force.previous.is_some() && situation.live.exists();
    // So does a change of protocol, which needs a route of another kind.
    let is_other = strategy != Strategy::None
        && situation.live.exists()
        && situation.live.protocol().is_some_and(|live| live != situation.release.protocol);
    if let Some(pending) = pending
        && (is_memory || is_other || situation.live.strategy().is_some_and(|live| live != strategy))
    {
        let reason = if is_other { Reason::HeldProtocol } else { Reason::HeldStrategy };
        let in_force = situation.held_in_force(in_force);
        let held = held(situation, &in_force, &reason(pending.clone()));
        // Where only a default rule is left there is nothing to hold, and the next plan could not tell that there was.
        if is_memory
            || is_other
            || held.rules.len() > 1
            || held.rules.iter().any(|rule| rule.backends.len() > 1)
        {
            return (in_force, held);
        }
    }
    (in_force, of_strategy(situation, &in_force, pending))
}

/// The rules of the declared strategy.
fn of_strategy(situation: &Situation<'_>, in_force: &InForce<'_>, pending: Option<&Pending>) -> Routing {
    let strategy = situation.release.strategy;
    if strategy == Strategy::None {
        return without_rules(situation, |_| Reason::NoStrategy);
    }
    if !situation.live.exists() && !in_force.readiness.is_routable() {
        return without_rules(situation, |readiness| {
            if readiness.is_routable() {
                let (primary, readiness) = (in_force.declared.name.clone(), in_force.readiness.clone());
                Reason::PrimaryNotReadyYet { primary, readiness }
            } else {
                Reason::NotReadyYet(readiness.clone())
            }
        });
    }
    match strategy {
        Strategy::None => Routing::new(situation),
        Strategy::Canary => canary(situation, in_force, pending),
        Strategy::BlueGreen => blue_green(situation, in_force, pending),
        Strategy::Mirror => mirror(situation, in_force),
    }
}

fn without_rules(situation: &Situation<'_>, reason: impl Fn(&Readiness) -> Reason) -> Routing {
    let mut routing = Routing::new(situation);
    for (place, declared) in situation.declared.iter().enumerate() {
        routing.because(place, reason(&declared.readiness));
    }
    routing
}

/// Everything that no other rule takes goes to the primary in force.
fn default_rule(in_force: &InForce<'_>, routing: &mut Routing) -> PlannedRule {
    let primary = in_force.declared;
    let readiness = in_force.readiness.clone();
    let (place, name, service, port, reason) = match &in_force.previous {
        Some(previous) => {
            let reason = Reason::PreviousPrimary { primary: primary.name.clone(), readiness };
            (previous.place, previous.name, previous.service, previous.port, reason)
        }
        None if readiness.is_routable() => {
            (0, &primary.name, &primary.service, primary.port, Reason::Primary(readiness))
        }
        None => (0, &primary.name, &primary.service, primary.port, Reason::PrimaryNotReady(readiness)),
    };
    routing.because(place, reason.clone());
    PlannedRule {
        matches: List::default(),
        backends: vec![backend(service, port, Weight::ONE)],
        mirrors: Vec::new(),
        reason: RuleReason { version: Some(name.clone()), reason },
    }
}

fn blue_green(situation: &Situation<'_>, in_force: &InForce<'_>, pending: Option<&Pending>) -> Routing {
    let mut routing = Routing::new(situation);
    let mut backends = Vec::with_capacity(situation.declared.len());
    for (place, declared) in situation.declared.iter().enumerate() {
        let version = declared.version;
        let live = situation.live.weight_of(&version.service);
        let readiness = declared.readiness.clone();
        let (weight, reason) = match (&declared.readiness, live) {
            (Readiness::Updating(_), Some(weight)) => (weight, Reason::KeepsWeight { weight, readiness }),
            (Readiness::Ready, _) | (Readiness::Updating(_), None) => {
                (version.weight, Reason::Weight { weight: version.weight, readiness })
            }
            (Readiness::NotReady(_), _) => (Weight::ZERO, Reason::NoWeight(readiness)),
        };
        routing.because(place, reason);
        backends.push(backend(&version.service, version.port, weight));
    }
    if let Some(pending) = pending {
        retained_weights(situation, in_force, pending, &mut backends, &mut routing);
    }
    let limit = situation.release.limits.backends_per_rule;
    while backends.len() > limit {
        // What serves now stays; the last of the new ones waits.
        let is_new = |backend: &PlannedBackend| {
            let is_live = situation.live.default_services().any(|service| *service == backend.service);
            !is_live && backend.service != *in_force.service()
        };
        let last = backends.iter().rposition(is_new).unwrap_or(limit);
        let waiting = backends.remove(last);
        let is_waiting = |declared: &super::Declared<'_>| declared.version.service == waiting.service;
        if let Some(place) = situation.declared.iter().position(is_waiting) {
            routing.because(place, Reason::TooManyBackends { limit });
        }
    }
    weight_alone(&mut backends, situation, &mut routing);
    some_weight(&mut backends, in_force, &mut routing);
    primary_first(&mut backends, in_force);
    let reason = RuleReason { version: None, reason: Reason::Split { versions: backends.len() } };
    routing.rules.push(PlannedRule { matches: List::default(), backends, mirrors: Vec::new(), reason });
    routing
}

/// A share means nothing without others, so who is left alone keeps none. It keeps the weight that it has alone.
fn weight_alone(backends: &mut [PlannedBackend], situation: &Situation<'_>, routing: &mut Routing) {
    let ([backend], Some(declared)) = (backends, situation.declared.first()) else { return };
    let readiness = declared.readiness.clone();
    let (weight, reason) = match (&declared.readiness, situation.live.weight_alone(&backend.service)) {
        (Readiness::Updating(_), Some(weight)) => (weight, Reason::KeepsWeight { weight, readiness }),
        (Readiness::Ready, _) | (Readiness::Updating(_), None) => {
            let weight = declared.version.weight;
            (weight, Reason::Weight { weight, readiness })
        }
        (Readiness::NotReady(_), _) => return,
    };
    backend.weight = weight;
    routing.because(0, reason);
}

/// The shares that removed versions keep until what is pending is done.
fn retained_weights(
    situation: &Situation<'_>,
    in_force: &InForce<'_>,
    pending: &Pending,
    backends: &mut Vec<PlannedBackend>,
    routing: &mut Routing,
) {
    for (index, removed) in situation.removed.iter().enumerate() {
        let (Some(declaration), Some(service)) = (removed.declaration, &removed.observed.service) else {
            continue;
        };
        // A version that had no share, a mirror for instance, has none to keep. Without a route the primary in force had
        // all of them, by the front Service.
        let had_share = situation.live.default_services().any(|live| *live == service.name);
        if !had_share && service.name != *in_force.service() {
            continue;
        }
        let weight = if removed.readiness.is_routable() {
            situation.live.weight_of(&service.name).unwrap_or(declaration.weight)
        } else if service.name == *in_force.service() {
            Weight::ZERO
        } else {
            continue;
        };
        let reason = Reason::RetainedWeight { weight, pending: pending.clone() };
        routing.because(situation.place_of_removed(index), reason);
        backends.push(backend(&service.name, declaration.port, weight));
    }
}

/// First in the default rule is the primary in force: the live route is what remembers it.
fn primary_first(backends: &mut [PlannedBackend], in_force: &InForce<'_>) {
    backends.sort_by_key(|backend| backend.service != *in_force.service());
}

/// An all-zero split becomes primary 1.
fn some_weight(backends: &mut [PlannedBackend], in_force: &InForce<'_>, routing: &mut Routing) {
    if backends.iter().any(|backend| backend.weight != Weight::ZERO) {
        return;
    }
    if let Some(backend) = backends.iter_mut().find(|backend| backend.service == *in_force.service()) {
        backend.weight = Weight::ONE;
        let (place, readiness) = match &in_force.previous {
            Some(previous) => (previous.place, previous.readiness),
            None => (0, in_force.readiness),
        };
        routing.because(place, Reason::OnlyWeight(readiness.clone()));
    }
}

fn mirror(situation: &Situation<'_>, in_force: &InForce<'_>) -> Routing {
    let mut routing = Routing::new(situation);
    if in_force.previous.is_some() {
        routing.because(0, Reason::BecomesPrimary(in_force.readiness.clone()));
    }
    let mut rule = default_rule(in_force, &mut routing);
    for (place, declared) in situation.declared.iter().enumerate().skip(1) {
        let version = declared.version;
        if rule.backends.iter().any(|backend| backend.service == version.service) {
            continue; // it is the primary in force
        }
        let readiness = declared.readiness.clone();
        if readiness.is_routable() {
            let percent = version.mirror_percent;
            routing.because(place, Reason::Mirrored { percent, readiness });
            rule.mirrors.push(PlannedMirror {
                service: version.service.clone(),
                port: version.port,
                percent,
            });
        } else {
            routing.because(place, Reason::NotMirrored(readiness));
        }
    }
    routing.rules.push(rule);
    routing
}

/// The live rules without the versions that cannot serve any more.
fn held(situation: &Situation<'_>, in_force: &InForce<'_>, reason: &Reason) -> Routing {
    let mut routing = without_rules(situation, |_| reason.clone());
    routing.protocol = situation.live.protocol().unwrap_or(routing.protocol);
    let can_serve = |service: &ServiceName| {
        let declared = situation.declared.iter().filter(|declared| declared.version.service == *service);
        let removed = situation.removed.iter().filter(|removed| {
            removed.observed.service.as_ref().is_some_and(|observed| observed.name == *service)
        });
        declared
            .map(|declared| &declared.readiness)
            .chain(removed.map(|removed| &removed.readiness))
            .any(Readiness::is_routable)
    };
    let exists = |name: &ServiceName| {
        let mut services =
            situation.observation.versions.values().filter_map(|version| version.service.as_ref());
        services.any(|service| service.name == *name && !service.deleting)
    };
    let can_copy = situation.release.copying.contains(&routing.protocol);
    let is_copied_to = |service: &ServiceName| {
        let mut declared = situation.declared.iter().filter(|_| can_copy);
        declared.any(|declared| declared.version.service == *service && declared.readiness.is_routable())
    };
    for live in situation.live.rules() {
        let Some(mut rule) = held_rule(live, in_force, &can_serve, &exists, reason) else { continue };
        // A version that gets copies is routed, and what is pending may be that it is updating.
        rule.mirrors.extend(situation.live.copies(live).filter(|copy| is_copied_to(&copy.service)));
        routing.rules.push(rule);
    }
    if !routing.rules.last().is_some_and(|rule| rule.matches.is_empty()) {
        let default = default_rule(in_force, &mut routing);
        routing.rules.push(default);
    }
    routing
}

/// A live rule, or `None` if nobody is left to serve it.
fn held_rule(
    live: &ObservedRule,
    in_force: &InForce<'_>,
    can_serve: &impl Fn(&ServiceName) -> bool,
    exists: &impl Fn(&ServiceName) -> bool,
    reason: &Reason,
) -> Option<PlannedRule> {
    let serving =
        live.backends.iter().any(|backend| backend.weight != Weight::ZERO && can_serve(&backend.service));
    if !live.matches.is_empty() && !serving {
        return None;
    }
    let primary = in_force.service();
    let mut backends: Vec<_> = live
        .backends
        .iter()
        .filter(|live| live.service == *primary || exists(&live.service))
        .map(|live| {
            let is_kept = if serving { can_serve(&live.service) } else { live.service == *primary };
            let weight = match (is_kept, live.weight) {
                (false, _) => Weight::ZERO,
                (true, Weight::ZERO) if !serving => Weight::ONE,
                (true, weight) => weight,
            };
            backend(&live.service, live.port, weight)
        })
        .collect();
    // Only the default rule comes here with nobody to serve it and without the primary.
    if backends.iter().all(|backend| backend.weight == Weight::ZERO) {
        return None;
    }
    primary_first(&mut backends, in_force);
    Some(PlannedRule {
        matches: live.matches.clone(),
        backends,
        mirrors: Vec::new(),
        reason: RuleReason { version: None, reason: reason.clone() },
    })
}

/// The weight of a Service in the rule that takes what no other rule takes.
pub(super) fn default_weight(rules: &[PlannedRule], service: &ServiceName) -> Option<Weight> {
    let backends = rules.last().map_or(&[][..], |rule| &rule.backends);
    backends.iter().find(|backend| backend.service == *service).map(|backend| backend.weight)
}

fn backend(service: &ServiceName, port: Port, weight: Weight) -> PlannedBackend {
    PlannedBackend { service: service.clone(), port, weight }
}
