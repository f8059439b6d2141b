//! Clusters in any state, whether a history leads there or not.

use std::fmt;

use iter8_core::{
    Capabilities, Observation, ObservedBackend, ObservedMirror, ObservedRule, ParentReport, Protocol,
    Rollout, RouteMatch, RouteObservation, ServiceName, Timestamp, ValidRelease, Verdict, VersionObservation,
    plan,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::cluster::{both, planned_rules, route};
use super::gateways::{draining_since, live_gateways, planned_gateways};
use super::protocol::of_protocol;
use super::release::{AUDIT, matches_of_one, name, number, valid_releases};

/// The time of every observation of this module, in seconds.
const NOW: u32 = 1_000_000;

/// A release, and a cluster in which others ran before it.
///
/// ```
/// use iter8_testkit::strategies::Situation;
///
#[doc = include_str!("../example_canary.txt")]
/// let situation = Situation { observation: Observation::all_ready(&release), release };
/// let text = format!("{situation:?}");
/// assert!(text.starts_with("strategy canary\n"), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Situation {
    /// What is declared.
    pub release: ValidRelease,
    /// What is seen.
    pub observation: Observation,
}

/// What a person needs of a counterexample.
impl fmt::Debug for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = plan(&self.release, &self.observation);
        writeln!(f, "strategy {}", self.release.strategy)?;
        for version in &plan.versions {
            let of = self.release.version(&version.name).map(iter8_core::ValidVersion::declaration);
            writeln!(
                f,
                "{} {:?}: {} — {}\n  {of:?}",
                version.name, version.role, version.readiness, version.reason
            )?;
        }
        writeln!(f, "live {:#?}", self.observation.route)?;
        writeln!(f, "planned {:#?}", plan.rules())
    }
}

/// Releases in clusters of every kind, likely and unlikely.
///
/// ```
/// use iter8_core::{Capabilities, plan};
/// use iter8_testkit::strategies::{Situation, config, situations};
/// use proptest::test_runner::TestRunner;
///
/// let situations = situations(&Capabilities::specification());
/// TestRunner::new(config()).run(&situations, |Situation { release, observation }| {
///     let plan = plan(&release, &observation);
///     proptest::prop_assert_eq!(plan.versions.len() - plan.removed().count(), release.versions().count());
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_testkit::strategies::Situation>>(())
/// ```
pub fn situations(capabilities: &Capabilities) -> impl Strategy<Value = Situation> + use<> {
    (valid_releases(capabilities), valid_releases(capabilities), 0..4_u8).prop_flat_map(
        |(before, after, written)| {
            // The later document's objects may not be written yet, and there may have been none before.
            let declared = match written {
                0 => vec![before],
                1 => vec![after.clone()],
                _ => vec![before, after.clone()],
            };
            observations(&declared)
                .prop_map(move |observation| Situation { release: after.clone(), observation })
        },
    )
}

/// The objects of every version of these releases, as the last of them has it that has the version, in all states,
/// and a live route.
///
/// ```
/// use iter8_testkit::strategies::{config, observations};
/// use proptest::test_runner::TestRunner;
///
#[doc = include_str!("../example_canary.txt")]
/// TestRunner::new(config()).run(&observations(&[release.clone()]), |observation| {
///     let is_declared = |name| release.version(name).is_some();
///     proptest::prop_assert!(observation.versions.keys().all(is_declared), "no other release was there");
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn observations(releases: &[ValidRelease]) -> impl Strategy<Value = Observation> + use<> {
    let declared = releases.iter().flat_map(ValidRelease::versions);
    let versions: std::collections::BTreeMap<_, _> =
        declared.map(|version| (version.name.clone(), VersionObservation::ready(version))).collect();
    let states = vec((states(), 0..12_u32), versions.len());
    let (first, last) = (releases.first().cloned(), releases.last().cloned());
    let front = option::weighted(0.8, any::<Index>());
    (states, live_routes(releases), front).prop_map(move |(states, live, front)| {
        let mut observation =
            Observation { now: Timestamp::default().plus_seconds(NOW), ..Observation::default() };
        for ((name, ready), (state, drain)) in versions.iter().zip(states) {
            let mut version = ready.clone();
            state.set(&mut version);
            // Half of them drain since some seconds, or since a moment that a wrong clock has put into the future.
            let since = Timestamp::default().plus_seconds(NOW.saturating_add(2).saturating_sub(drain));
            version
                .service
                .iter_mut()
                .filter(|_| drain < 6)
                .for_each(|service| service.draining_since = Some(since));
            if version.service.is_some() || version.deployment.is_some() {
                observation.versions.insert(name.clone(), version);
            }
        }
        observation.front_selector = front.and_then(|front| {
            let version = versions.values().nth(front.index(versions.len()))?;
            version.service.as_ref()?.declaration.as_ref().map(|declaration| declaration.selector.clone())
        });
        observation.route = match live {
            LiveRoute::Absent => None,
            LiveRoute::AsPlanned(written) => {
                first.as_ref().and_then(|release| as_planned(release, &observation, written))
            }
            LiveRoute::Rewritten(written, verdict, since) => {
                let live = first.as_ref().and_then(|release| as_planned(release, &observation, written));
                live.map(|live| rewritten(last.as_ref(), &observation, live, &verdict, since))
            }
            LiveRoute::Arbitrary(route) => Some(route),
        };
        observation
    })
}

/// The route of a release, accepted.
fn as_planned(
    release: &ValidRelease,
    observation: &Observation,
    written: Timestamp,
) -> Option<RouteObservation> {
    let plan = plan(release, &Observation { route: None, ..observation.clone() });
    let (rules, gateways) = (planned_rules(&plan), planned_gateways(&plan));
    let mut route = route(rules, gateways, release.protocol, release.service_port.get(), written);
    let gateways = route.gateways.iter_mut().flat_map(|gateways| &mut gateways.parents);
    let verdicts = gateways.map(|gateway| &mut gateway.verdict);
    verdicts
        .chain(route.parents.iter_mut().map(|parent| &mut parent.verdict))
        .for_each(|verdict| *verdict = Verdict::AcceptedUnversioned);
    (!route.rules.is_empty()).then_some(route)
}

/// A live route with the Gateways that a release plans for it.
fn rewritten(
    release: Option<&ValidRelease>,
    observation: &Observation,
    live: RouteObservation,
    verdict: &Verdict,
    since: Option<Timestamp>,
) -> RouteObservation {
    let observation = Observation { route: Some(live.clone()), ..observation.clone() };
    let Some(mut gateways) = release.and_then(|release| planned_gateways(&plan(release, &observation)))
    else {
        return live;
    };
    for gateway in &mut gateways.parents {
        gateway.verdict = verdict.clone();
    }
    gateways.draining_since = since;
    RouteObservation { gateways: Some(gateways), ..live }
}

/// The state of one version's objects.
#[derive(Debug, Clone, Copy)]
enum State {
    Ready,
    Absent,
    Starting,
    Crashed,
    Surging,
    Outdated,
    ServiceOutdated,
    Terminating,
    OldPodServes,
    /// Ready, at a revision later than the first.
    Revised,
    EndpointsOutdated,
    Unavailable,
    Unnoticed,
    Stalled,
    StalledAtOnce,
    DeploymentDeleting,
    ServiceDeleting,
    WithoutService,
    WithoutDeployment,
    WithoutDeclaration,
}

fn states() -> impl Strategy<Value = State> {
    use State::{
        Absent, Crashed, DeploymentDeleting, EndpointsOutdated, OldPodServes, Outdated, Ready, Revised,
        ServiceDeleting, ServiceOutdated, Stalled, StalledAtOnce, Starting, Surging, Terminating,
        Unavailable, Unnoticed, WithoutDeclaration, WithoutDeployment, WithoutService,
    };
    prop_oneof![
        3 => Just(Ready),
        1 => Just(Revised),
        1 => select(vec![Absent, Starting, Crashed, StalledAtOnce]),
        2 => select(vec![Surging, Outdated, ServiceOutdated, Terminating, OldPodServes, EndpointsOutdated, Unavailable, Unnoticed, Stalled]),
        1 => select(vec![DeploymentDeleting, ServiceDeleting, WithoutService, WithoutDeployment, WithoutDeclaration]),
    ]
}

impl State {
    /// Puts a version that is ready into this state.
    fn set(self, version: &mut VersionObservation) {
        match self {
            Self::Absent => *version = VersionObservation::default(),
            Self::WithoutService => version.service = None,
            Self::WithoutDeployment => version.deployment = None,
            Self::Terminating => version.endpoints.terminating = 1,
            Self::OldPodServes => version.endpoints.ready = 2,
            Self::Crashed | Self::StalledAtOnce => version.endpoints.ready = 0,
            Self::Revised => version.endpoints_rollout = Some(second_rollout()),
            _ => {}
        }
        if let Some(service) = &mut version.service {
            match self {
                Self::ServiceDeleting => service.deleting = true,
                Self::ServiceOutdated => service.digest = None,
                Self::WithoutDeclaration => service.declaration = None,
                Self::Revised | Self::EndpointsOutdated => service.rollout = Some(second_rollout()),
                _ => {}
            }
        }
        if let Some(deployment) = &mut version.deployment {
            match self {
                Self::Starting | Self::Crashed | Self::Unavailable => deployment.available = false,
                Self::Surging => deployment.replicas = 2,
                Self::Outdated => deployment.digest = None,
                Self::Unnoticed => deployment.status_is_current = false,
                Self::Stalled | Self::StalledAtOnce => {
                    (deployment.updated, deployment.stalled) = (0, Some("ProgressDeadlineExceeded".into()));
                }
                Self::DeploymentDeleting => deployment.deleting = true,
                Self::Revised | Self::EndpointsOutdated => deployment.rollout = Some(second_rollout()),
                _ => {}
            }
        }
    }
}

fn second_rollout() -> Rollout {
    Rollout { uid: "uid".into(), revision: 2 }
}

/// A live route, before it is known which versions there are.
#[derive(Debug, Clone)]
enum LiveRoute {
    /// There is none.
    Absent,
    /// That of the first release, where it has one, written at this moment.
    AsPlanned(Timestamp),
    /// The same, written once more for the Gateways of the last release; what its parents say, and since when those drain
    /// that are leaving.
    Rewritten(Timestamp, Verdict, Option<Timestamp>),
    /// Any.
    Arbitrary(RouteObservation),
}

/// Live routes: none, that of the first release, or one with any rules over the Services of these releases.
fn live_routes(releases: &[ValidRelease]) -> impl Strategy<Value = LiveRoute> + use<> {
    let services: std::collections::BTreeSet<_> = releases
        .iter()
        .flat_map(|release| release.versions().map(|version| version.service.clone()))
        .collect();
    // Users copy requests to Services besides.
    let services: Vec<_> = services.into_iter().chain([name(AUDIT)]).collect();
    let written = || {
        // Before, at the same moment as, and after the observation.
        select(vec![0, 3, 4, 5, 6, 60])
            .prop_map(|ago| Timestamp::default().plus_seconds(NOW.saturating_add(3).saturating_sub(ago)))
    };
    let arbitrary = move |protocol| {
        (
            vec(rules(services.clone(), protocol), 0..4),
            option::weighted(0.8, written()),
            vec(verdicts(), 0..3),
            live_gateways(NOW, verdicts()),
        )
            .prop_map(move |(rules, written, verdicts, gateways)| {
                let parents = verdicts.into_iter().enumerate().map(|(index, verdict)| ParentReport {
                    parent: format!("Gateway test/g{index}").into(),
                    is_gateway: index > 0,
                    verdict,
                });
                let (parents, rules) = (parents.collect(), with_one_default_rule(rules, protocol));
                RouteObservation {
                    parents,
                    written,
                    ..route(rules, gateways, protocol, 80, Timestamp::default())
                }
            })
    };
    let present = select(vec![(true, false), (true, false), (false, true), (true, true)]);
    let arbitrary = (present, arbitrary(Protocol::Http), arbitrary(Protocol::Grpc)).prop_filter_map(
        "a route is there",
        |((has_http, has_grpc), http, grpc)| {
            both(Some(http).filter(|_| has_http), Some(grpc).filter(|_| has_grpc)).map(LiveRoute::Arbitrary)
        },
    );
    prop_oneof![
        1 => Just(LiveRoute::Absent),
        3 => written().prop_map(LiveRoute::AsPlanned),
        2 => (written(), verdicts(), draining_since(NOW))
            .prop_map(|(written, verdict, since)| LiveRoute::Rewritten(written, verdict, since)),
        3 => arbitrary,
    ]
}

/// Only the last rule reads as the default rule.
fn with_one_default_rule(mut rules: Vec<ObservedRule>, protocol: Protocol) -> Vec<ObservedRule> {
    let others = rules.len().saturating_sub(1);
    for rule in rules.iter_mut().take(others).filter(|rule| rule.matches.is_empty()) {
        rule.matches = vec![of_protocol(&RouteMatch::default(), protocol)].into();
    }
    rules
}

fn rules(services: Vec<ServiceName>, protocol: Protocol) -> impl Strategy<Value = ObservedRule> {
    let backend = (any::<Index>(), select(vec![80, 8080]), select(vec![0, 1, 1, 50]));
    let mirror = (any::<Index>(), select(vec![10, 100]));
    let matches = prop_oneof![Just(Vec::new()), matches_of_one()];
    (matches, vec(backend, 0..4), vec(mirror, 0..2), prop::bool::weighted(0.1)).prop_map(
        move |(matches, backends, mirrors, altered)| {
            let service = |index: &Index| services.get(index.index(services.len().max(1))).cloned();
            let version = |index: &Index| service(index).filter(|service| service.as_str() != AUDIT);
            let mut named: Vec<ServiceName> = Vec::new();
            let backends = backends.iter().filter_map(|(index, port, weight)| {
                let service = version(index).filter(|service| !named.contains(service))?;
                named.push(service.clone());
                Some(ObservedBackend { service, port: number(*port), weight: number(*weight) })
            });
            let backends = backends.collect();
            let mirrors = mirrors.iter().filter_map(|(index, percent)| {
                Some(ObservedMirror { service: service(index)?, port: number(80), percent: number(*percent) })
            });
            let mirrors = mirrors.collect();
            let matches = matches.iter().map(|entry| of_protocol(entry, protocol).canonical()).collect();
            ObservedRule { matches, backends, mirrors, altered, ..ObservedRule::default() }
        },
    )
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let refused = Verdict::Refused { reason: "NotAllowed".into(), message: "no".into() };
    select(vec![Verdict::Accepted, Verdict::AcceptedUnversioned, Verdict::Stale, Verdict::Silent, refused])
}
