//! The plan: a total function of what is declared and what is observed.

use alloc::borrow::Cow;
use alloc::vec::Vec;

mod gateways;
mod live;
mod notices;
mod removal;
mod rules;

use live::Live;
pub(crate) use removal::Acceptance;
use rules::Routing;

use crate::filter::{RouteFilter, Timeouts};
use crate::name::{ServiceName, VersionName};
use crate::observation::{
    Observation, Rollout, ServiceObservation, TargetPort, Timestamp, VersionDeclaration, VersionObservation,
};
use crate::plan::{FrontService, PlannedMirror, PlannedRoute, PlannedVersion, Role, RoutePlan};
use crate::readiness::{Readiness, rollout_to_name};
use crate::reason::{Pending, Reason};
use crate::release::{Protocol, Strategy};
use crate::shared::{Labels, List};
use crate::valid_release::{ValidRelease, ValidVersion};
use crate::weight::Port;

/// Plans a release.
///
/// # Guarantees
/// - Total and deterministic: no error, no clock, the same input gives the same output.
/// - No rule before the primary has been ready once; from then on, while the strategy routes, the last
///   rule takes every request and names the primary in force.
/// - A version that is not ready is named by no rule (canary), weighs 0 (blue-green), gets no copies
///   (mirror). Only the primary in force stays while it is not ready.
/// - Candidates' rules come in the order of the document, except that one moves ahead of an earlier one where the mesh
///   would otherwise not choose what the Gateway API says. What no order mends is among the notices, and so are
///   matches that are never chosen.
/// - Weights are explicit and the sum of a rule's weights is positive.
/// - Removal and redefinition are make-before-break: what serves now serves until what replaces it is ready.
///
/// # Assumptions
/// The observation is of one moment, or of caches that lag behind; a lag may delay a step, and the
/// digests keep an old object from passing for a finished one.
///
/// ```
/// use iter8_core::{Capabilities, Document, Observation, ReleaseKey, declare, plan};
///
/// let document = Document::from_yaml(
///     "environment: deployment-gtw\napplication: {strategy: canary, versions: [{image: web:1}]}\n",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let release = declare(&key, &document, &Capabilities::specification())?;
///
/// let plan = plan(&release, &Observation::default());
/// assert!(plan.rules().is_empty(), "nothing is ready, so nothing is routed");
/// assert_eq!(plan.versions[0].reason.to_string(), "no requests yet: not ready: its Service does not exist");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan(release: &ValidRelease, observation: &Observation) -> RoutePlan {
    let live = Live::new(observation, release);
    let mut declared = Vec::with_capacity(release.candidates().len().saturating_add(1));
    declared.extend(release.versions().map(|version| Declared::new(version, observation, &live)));
    let removed = removed(release, observation, &live);
    let situation = Situation { release, observation, live, declared, removed };
    let in_force = situation.primary_in_force();
    let pending = situation.pending(&in_force);
    let (in_force, routing) = rules::route(&situation, in_force, pending.as_ref());
    let Routing { mut rules, mut reasons, notices, protocol } = routing;
    let (timeouts, filters, copies) = situation.of_every_rule(protocol);
    if !copies.is_empty() {
        for rule in &mut rules {
            rule.mirrors.splice(0..0, copies.iter().cloned());
        }
    }
    let removals = removal::removals(&situation, &rules, pending.as_ref());
    // Nothing tells when a parent that says nothing counts as accepting.
    let acceptance = situation.live.route().map(|route| Acceptance::without_refusals(route, observation.now));
    let (leaving, gateways_due) = gateways::leaving(&situation);
    let look_again = [removals.look_again, acceptance.and_then(|acceptance| acceptance.due()), gateways_due];

    let mut versions = Vec::with_capacity(situation.declared.len().saturating_add(removals.versions.len()));
    for (place, declared) in situation.declared.iter().enumerate() {
        versions.push(declared.planned(&in_force, reasons.take(place)));
    }
    for (place, mut version) in removals.versions {
        version.reason = reasons.take(place).unwrap_or(version.reason);
        versions.push(version);
    }
    for version in &mut versions {
        version.weight = rules::default_weight(&rules, &version.service);
    }
    let route = (!rules.is_empty()).then(|| PlannedRoute {
        protocol,
        name: release.application.clone(),
        namespace: release.key.namespace.clone(),
        port: release.service_port,
        gateways: release.gateways.clone(),
        hostnames: release.hostnames.clone(),
        leaving,
        labels: release.route_labels.clone(),
        annotations: release.route_annotations.clone(),
        timeouts,
        filters,
        rules,
    });
    let is_other = |route: &PlannedRoute| {
        let live = situation.live.route().filter(|live| live.protocol == route.protocol);
        live.is_some_and(|live| !route.is_live(live))
    };
    RoutePlan {
        strategy: release.strategy,
        front: release.has_front().then(|| front(release, &in_force, protocol)),
        repair: route.as_ref().is_some_and(is_other),
        keeps_other_routes: route
            .as_ref()
            .is_some_and(|route| keeps_other_routes(&situation.live, route, observation.now)),
        route,
        versions,
        notices: release
            .warnings
            .iter()
            .chain(&release.notices)
            .cloned()
            .chain(notices)
            .chain(notices::notices(&situation))
            .collect(),
        look_again: look_again.into_iter().flatten().min(),
    }
}

/// Whether the routes of the protocol before stay: until the planned one is in force.
///
/// A GRPCRoute comes before an HTTPRoute of the same Service (GEP-1426), so a new GRPCRoute is in force when it is
/// accepted, while a new HTTPRoute cannot be before the GRPCRoute has gone: there every parent must only have looked at
/// it. A Gateway takes one of the two for a hostname, the older one, so that it can only look at the new one as well.
fn keeps_other_routes(live: &Live<'_>, planned: &PlannedRoute, now: Timestamp) -> bool {
    let Some(route) = live.route() else { return false };
    if route.protocol != planned.protocol {
        return true;
    }
    if !live.has_other() {
        return false;
    }
    let acceptance = match planned.protocol {
        Protocol::Http => Acceptance::without_refusals(route, now),
        Protocol::Grpc => Acceptance::of_the_mesh(route, now),
    };
    !(matches!(acceptance, Acceptance::Accepted) && planned.is_live(route))
}

/// Everything the steps of planning look at.
struct Situation<'a> {
    release: &'a ValidRelease,
    observation: &'a Observation,
    live: Live<'a>,
    // INVARIANT: the primary first, then the candidates, as in the release.
    declared: Vec<Declared<'a>>,
    removed: Vec<Removed<'a>>,
}

/// A version of the document.
struct Declared<'a> {
    version: &'a ValidVersion,
    observed: Option<&'a VersionObservation>,
    readiness: Readiness,
    rollout: Option<Rollout>,
}

impl<'a> Declared<'a> {
    fn new(version: &'a ValidVersion, observation: &'a Observation, live: &Live<'_>) -> Self {
        let digests = (version.service_digest(), version.deployment_digest());
        let observed = observation.versions.get(&version.name);
        let readiness = Readiness::of(Some(digests), observed, live.sends_to(&version.service));
        let rollout = rollout_to_name(version.deployment_digest(), observed);
        Self { version, observed, readiness, rollout }
    }

    fn planned(&self, in_force: &InForce<'_>, reason: Option<Reason>) -> PlannedVersion {
        let is_primary = in_force.declared.name == self.version.name;
        PlannedVersion {
            name: self.version.name.clone(),
            service: self.version.service.clone(),
            deployment: self.version.deployment.clone(),
            role: if is_primary { Role::Primary } else { Role::Candidate },
            readiness: self.readiness.clone(),
            weight: None,
            matches: self.version.matches.clone(),
            reason: reason.unwrap_or_else(|| Reason::Candidate(self.readiness.clone())),
            rollout: self.rollout.clone(),
        }
    }
}

/// A version that has left the document, whose objects are still there.
struct Removed<'a> {
    name: &'a VersionName,
    observed: &'a VersionObservation,
    /// What it was declared as; `None` if its Service does not say so any more.
    declaration: Option<&'a VersionDeclaration>,
    readiness: Readiness,
}

fn removed<'a>(release: &ValidRelease, observation: &'a Observation, live: &Live<'_>) -> Vec<Removed<'a>> {
    let is_removed = |name: &VersionName| release.version(name).is_none();
    let versions = observation.versions.iter().filter(|(name, _)| is_removed(name));
    versions
        .map(|(name, observed)| {
            let service = observed.service.as_ref();
            let was_routed = service.is_some_and(|service| live.sends_to(&service.name));
            Removed {
                name,
                observed,
                declaration: service.and_then(|service| service.declaration.as_ref()),
                readiness: Readiness::of(None, Some(observed), was_routed),
            }
        })
        .collect()
}

/// The primary of the document, and the version that the default rule names.
#[derive(Clone, Copy)]
struct InForce<'a> {
    declared: &'a ValidVersion,
    readiness: &'a Readiness,
    /// The version before it, while the declared primary has not been ready yet or the rules of the strategy before
    /// are held.
    previous: Option<Previous<'a>>,
}

impl InForce<'_> {
    /// The version that the default rule names.
    fn name(&self) -> &VersionName {
        self.previous.as_ref().map_or(&self.declared.name, |previous| previous.name)
    }

    /// The Service that the default rule names.
    fn service(&self) -> &ServiceName {
        self.previous.as_ref().map_or(&self.declared.service, |previous| previous.service)
    }
}

/// The version that was the primary until now: a candidate in the new document, or removed.
#[derive(Clone, Copy)]
struct Previous<'a> {
    place: usize,
    name: &'a VersionName,
    service: &'a ServiceName,
    port: Port,
    target_port: &'a TargetPort,
    selector: &'a Labels,
    readiness: &'a Readiness,
}

impl<'a> Situation<'a> {
    fn primary(&'a self) -> (&'a ValidVersion, &'a Readiness) {
        // INVARIANT: `declared` has the primary first; the release's own is the same one.
        let readiness = self.declared.first().map_or(&Readiness::Ready, |declared| &declared.readiness);
        (self.release.primary(), readiness)
    }

    /// The timeouts, filters and the user's copies of every rule: the declared ones, except that a route of the protocol
    /// before, or one that the document does not ask for any more, keeps its own: it may not be able to have them.
    fn of_every_rule(&self, protocol: Protocol) -> (Timeouts, List<RouteFilter>, Cow<'_, [PlannedMirror]>) {
        let is_held = protocol != self.release.protocol || self.release.strategy == Strategy::None;
        match self.live.rules().last().filter(|_| is_held) {
            Some(live) => {
                // A mesh that has none to give may refuse the whole route for one that somebody has added.
                let can_copy = self.release.copying.contains(&protocol);
                let copies = self.live.other_copies(live).filter(|_| can_copy);
                (live.timeouts, live.filters.clone(), copies.collect())
            }
            None => {
                (self.release.timeouts, self.release.filters.clone(), Cow::Borrowed(&self.release.mirrors))
            }
        }
    }

    /// The default rule names the declared primary, or, until that is ready for the first time, the one before it.
    fn primary_in_force(&'a self) -> InForce<'a> {
        let (declared, readiness) = self.primary();
        // A blue-green candidate is named by the default rule, too, ready or not; the primary comes first.
        let is_named = self.live.default_services().next() == Some(&declared.service);
        let previous = if is_named || readiness.is_ready() {
            None
        } else {
            let mut others = self.live.default_services().filter(|service| **service != declared.service);
            others.find_map(|service| self.previous(service)).or_else(|| self.previous_by_front())
        };
        // One that cannot serve any more has no advantage over one that can.
        let previous =
            previous.filter(|previous| previous.readiness.is_routable() || !readiness.is_routable());
        InForce { declared, readiness, previous }
    }

    /// Where there is no route to remember it, the front Service does: it leads to the primary in force.
    fn previous_by_front(&'a self) -> Option<Previous<'a>> {
        let selector = self.observation.front_selector.as_ref()?;
        if self.live.exists() || self.release.primary().selector == *selector {
            return None;
        }
        let services = self.observation.versions.values().filter_map(|version| version.service.as_ref());
        let declares = |service: &&ServiceObservation| {
            service.declaration.as_ref().is_some_and(|declaration| declaration.selector == *selector)
        };
        let previous = services.filter(declares).find_map(|service| self.previous(&service.name));
        previous.filter(|previous| previous.readiness.is_routable())
    }

    /// Whether the live front Service leads to a version that it is not to lead to.
    fn front_leaves(&self, removed: &Removed<'_>) -> bool {
        let selector = self.observation.front_selector.as_ref();
        let is_selected =
            removed.declaration.is_some_and(|declaration| selector == Some(&declaration.selector));
        is_selected && selector != Some(&self.release.primary().selector)
    }

    /// While the rules of the strategy before are held, a primary that their default rule does not name waits with
    /// them, ready or not: the front Service moves in the same step as the default rule.
    fn held_in_force(&'a self, in_force: InForce<'a>) -> InForce<'a> {
        let is_named = self.live.default_services().any(|service| *service == in_force.declared.service);
        if is_named || in_force.previous.is_some() {
            return in_force;
        }
        let mut live = self.live.default_services().filter_map(|service| self.previous(service));
        InForce { previous: live.find(|previous| previous.readiness.is_routable()), ..in_force }
    }

    fn previous(&'a self, service: &ServiceName) -> Option<Previous<'a>> {
        let exists = |observed: &VersionObservation| {
            observed.service.as_ref().is_some_and(|found| found.name == *service && !found.deleting)
        };
        let (name, observed) = self.observation.versions.iter().find(|(_, observed)| exists(observed))?;
        let service = &observed.service.as_ref()?.name;
        if let Some(place) = self.declared.iter().position(|declared| declared.version.name == *name) {
            let Declared { version, readiness, .. } = self.declared.get(place)?;
            let ValidVersion { port, target_port, selector, .. } = version;
            return Some(Previous { place, name, service, port: *port, target_port, selector, readiness });
        }
        let place = self.removed.iter().position(|removed| removed.name == name)?;
        let Removed { declaration, readiness, .. } = self.removed.get(place)?;
        let VersionDeclaration { port, target_port, selector, .. } = (*declaration)?;
        let place = self.place_of_removed(place);
        Some(Previous { place, name, service, port: *port, target_port, selector, readiness })
    }

    /// The place of removed version `index` among all versions: after the declared ones.
    fn place_of_removed(&self, index: usize) -> usize {
        self.declared.len().saturating_add(index)
    }

    /// What promotion and removal wait for.
    fn pending(&self, in_force: &InForce<'_>) -> Option<Pending> {
        if in_force.previous.is_some() || !in_force.readiness.is_ready() {
            let (version, readiness) = (in_force.declared.name.clone(), in_force.readiness.clone());
            return Some(Pending::Primary { version, readiness });
        }
        self.declared.iter().skip(1).find_map(|candidate| {
            let (version, readiness) = (&candidate.version.name, &candidate.readiness);
            match readiness {
                Readiness::Updating(_) if self.has_share(candidate) => {
                    Some(Pending::Candidate { version: version.clone(), readiness: readiness.clone() })
                }
                Readiness::NotReady(_) if self.replaces_a_removed_one(candidate) => {
                    Some(Pending::Replacement { version: version.clone(), readiness: readiness.clone() })
                }
                Readiness::Ready | Readiness::Updating(_) | Readiness::NotReady(_) => None,
            }
        })
    }

    /// Whether a candidate that is updating gets requests: one of weight 0 takes nobody's place.
    fn has_share(&self, candidate: &Declared<'_>) -> bool {
        let version = candidate.version;
        self.release.strategy != Strategy::BlueGreen
            || version.weight != crate::Weight::ZERO
            || self.live.weight_of(&version.service).is_some()
    }

    /// Whether a candidate takes over the requests of a removed version: a rename, for example.
    ///
    /// Any other candidate that is not ready holds nothing up: it may have been broken all along.
    fn replaces_a_removed_one(&self, candidate: &Declared<'_>) -> bool {
        let matches = &candidate.version.matches;
        let is_same = |declaration: &VersionDeclaration| declaration.matches == *matches;
        self.release.strategy == Strategy::Canary
            && self.removed.iter().filter_map(|removed| removed.declaration).any(is_same)
    }
}

/// The front Service leads to the primary in force.
fn front(release: &ValidRelease, in_force: &InForce<'_>, protocol: Protocol) -> FrontService {
    let (selector, target_port) = match &in_force.previous {
        Some(previous) => (previous.selector, previous.target_port),
        None => (&in_force.declared.selector, &in_force.declared.target_port),
    };
    let same = TargetPort::Number(release.service_port);
    FrontService {
        name: release.application.clone(),
        port: release.service_port,
        target_port: (*target_port != same).then(|| target_port.clone()),
        app_protocol: release.app_protocols.of(protocol).cloned(),
        selector: selector.clone(),
        labels: release.labels.clone(),
        annotations: release.annotations.clone(),
    }
}
