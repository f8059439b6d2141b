//! The rules of each strategy.

mod canary;

use canary::canary;

use super::{InForce, Reasons, Situation};
use crate::name::{ServiceName, VersionName};
use crate::notice::Notice;
use crate::observation::ObservedRule;
use crate::plan::{PlannedBackend, PlannedMirror, PlannedRule};
use crate::readiness::Readiness;
use crate::release::Strategy;
use crate::weight::{Port, Weight};

/// The rules, and why each version gets what it gets.
#[derive(Default)]
pub(super) struct Routing {
    pub(super) rules: Vec<PlannedRule>,
    pub(super) reasons: Reasons,
    pub(super) notices: Vec<Notice>,
}

impl Routing {
    fn because(&mut self, version: &VersionName, reason: impl Into<String>) {
        self.reasons.insert(version.clone(), reason.into());
    }
}

pub(super) fn route(situation: &Situation<'_>, in_force: &InForce<'_>, pending: Option<&str>) -> Routing {
    let strategy = situation.release.strategy;
    // A change of strategy waits like a promotion does: both shapes do not fit in one route.
    // Without a route nothing would remember the primary before, to which the front leads until then.
    let is_memory = strategy == Strategy::None && in_force.previous.is_some();
    if let Some(pending) = pending
        && (is_memory || situation.live.strategy().is_some_and(|live| live != strategy))
    {
        let held = held(situation, in_force, pending);
        // Where only a default rule is left there is nothing to hold, and the next plan could not tell that there was.
        if is_memory || held.rules.len() > 1 || held.rules.iter().any(|rule| rule.backends.len() > 1) {
            return held;
        }
    }
    if strategy == Strategy::None {
        let mut routing = Routing::default();
        for declared in &situation.declared {
            routing.because(&declared.version.name, "strategy none has no route");
        }
        return routing;
    }
    if !situation.live.exists() && !in_force.readiness.is_routable() {
        let mut routing = Routing::default();
        for declared in &situation.declared {
            let reason = if declared.readiness.is_routable() {
                format!("no requests yet: the primary {} is {}", in_force.declared.name, in_force.readiness)
            } else {
                format!("no requests yet: {}", declared.readiness)
            };
            routing.because(&declared.version.name, reason);
        }
        return routing;
    }
    match strategy {
        Strategy::None => Routing::default(),
        Strategy::Canary => canary(situation, in_force, pending),
        Strategy::BlueGreen => blue_green(situation, in_force, pending),
        Strategy::Mirror => mirror(situation, in_force),
    }
}

/// Everything that no other rule takes goes to the primary in force.
fn default_rule(in_force: &InForce<'_>, routing: &mut Routing) -> PlannedRule {
    let primary = in_force.declared;
    let (name, service, port, reason) = match &in_force.previous {
        Some(previous) => {
            let reason = format!(
                "serves until the new primary {} is ready: it is {}",
                primary.name, in_force.readiness
            );
            (previous.name, previous.service, previous.declaration.port, reason)
        }
        None if in_force.readiness.is_routable() => {
            (&primary.name, &primary.service, primary.port, format!("the primary, {}", in_force.readiness))
        }
        None => {
            let reason = format!("the primary keeps its rule though it is {}", in_force.readiness);
            (&primary.name, &primary.service, primary.port, reason)
        }
    };
    routing.because(name, reason.clone());
    PlannedRule {
        matches: Vec::new(),
        backends: vec![backend(service, port, Weight::ONE)],
        mirrors: Vec::new(),
        reason: format!("{name}: {reason}"),
    }
}

fn blue_green(situation: &Situation<'_>, in_force: &InForce<'_>, pending: Option<&str>) -> Routing {
    let mut routing = Routing::default();
    let mut backends = Vec::new();
    for declared in &situation.declared {
        let version = declared.version;
        let live = situation.live.weight_of(&version.service);
        let (weight, reason) = match (&declared.readiness, live) {
            (Readiness::Ready, _) => (version.weight, format!("weight {}: it is ready", version.weight)),
            (Readiness::Updating(_), Some(live)) => {
                (live, format!("keeps weight {live}, {}", declared.readiness))
            }
            (Readiness::Updating(_), None) => {
                (version.weight, format!("weight {}, {}", version.weight, declared.readiness))
            }
            (Readiness::NotReady(_), _) => (Weight::ZERO, format!("weight 0: {}", declared.readiness)),
        };
        routing.because(&version.name, reason);
        backends.push(backend(&version.service, version.port, weight));
    }
    for removed in &situation.removed {
        let (Some(pending), Some(declaration), Some(service)) =
            (pending, removed.declaration, &removed.observed.service)
        else {
            continue;
        };
        // A version that had no share, a mirror for instance, has none to keep.
        if !situation.live.default_services().any(|live| *live == service.name) {
            continue;
        }
        let weight = if removed.readiness.is_routable() {
            situation.live.weight_of(&service.name).unwrap_or(declaration.weight)
        } else if service.name == *in_force.service() {
            Weight::ZERO
        } else {
            continue;
        };
        routing.because(removed.name, format!("removed, but keeps weight {weight} until then: {pending}"));
        backends.push(backend(&service.name, declaration.port, weight));
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
        let reason = format!("waits: the route has {limit} backends already until others have left it");
        let mut declared = situation.declared.iter().map(|declared| declared.version);
        if let Some(version) = declared.find(|version| version.service == waiting.service) {
            routing.because(&version.name, reason);
        }
    }
    some_weight(&mut backends, in_force, &mut routing);
    primary_first(&mut backends, in_force);
    let reason = format!("split by weight over {} versions", backends.len());
    routing.rules.push(PlannedRule { matches: Vec::new(), backends, mirrors: Vec::new(), reason });
    routing
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
        let (name, readiness) = match &in_force.previous {
            Some(previous) => (previous.name, previous.readiness),
            None => (&in_force.declared.name, in_force.readiness),
        };
        routing.because(name, format!("weight 1, since no version has any: {readiness}"));
    }
}

fn mirror(situation: &Situation<'_>, in_force: &InForce<'_>) -> Routing {
    let mut routing = Routing::default();
    let mut rule = default_rule(in_force, &mut routing);
    for declared in situation.declared.iter().skip(1) {
        let version = declared.version;
        if rule.backends.iter().any(|backend| backend.service == version.service) {
            continue; // it is the primary in force
        }
        if declared.readiness.is_routable() {
            let percent = version.mirror_percent;
            routing.because(
                &version.name,
                format!("gets a copy of {percent} % of the requests: {}", declared.readiness),
            );
            rule.mirrors.push(PlannedMirror {
                service: version.service.clone(),
                port: version.port,
                percent,
            });
        } else {
            routing.because(&version.name, format!("no copies: {}", declared.readiness));
        }
    }
    routing.rules.push(rule);
    routing
}

/// The live rules without the versions that cannot serve any more.
fn held(situation: &Situation<'_>, in_force: &InForce<'_>, pending: &str) -> Routing {
    let mut routing = Routing::default();
    let reason = format!("the rules of the strategy before are kept until then: {pending}");
    for declared in &situation.declared {
        routing.because(&declared.version.name, reason.clone());
    }
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
    for live in situation.live.rules() {
        routing.rules.extend(held_rule(live, in_force, &can_serve, &exists, &reason));
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
    reason: &str,
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
        reason: reason.to_owned(),
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
