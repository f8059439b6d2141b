//! A cluster in the core's terms: objects, rollouts, the live route and the time, moved step by step.

mod write;

use iter8_core::{
    GatewaysObservation, Observation, ObservedBackend, ObservedMirror, ObservedRule, ParentReport, Protocol,
    RouteObservation, RoutePlan, Timestamp, Verdict, VersionName, VersionObservation,
};

use super::release::key;

/// How many steps a controller can be behind.
const LONGEST_LAG: usize = 8;

/// A cluster, and what was seen of it before.
///
/// ```
/// use iter8_core::{Application, Capabilities, Environment, Release, Strategy, Version, plan, validate};
/// use iter8_testkit::strategies::{Cluster, Progress, key};
///
/// let release = Release {
///     environment: Some(Environment::DeploymentGtw),
///     application: Application {
///         strategy: Some(Strategy::Canary),
///         versions: vec![Version { image: Some("web:1".into()), ..Version::default() }],
///         ..Application::default()
///     },
///     ..Release::default()
/// };
/// let release = validate(&key(), &release, &Capabilities::specification())?;
/// let mut cluster = Cluster::default();
/// cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
/// assert!(cluster.now().route.is_none(), "the primary has just been created");
/// cluster.progress(&release.primary().name, &Progress::Finished);
/// cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
/// assert!(cluster.now().route.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    now: Observation,
    before: Vec<Observation>,
    /// How many Deployments there have been.
    deployments: u32,
}

/// What happens to the objects of a version without the controller.
///
/// ```
/// use iter8_testkit::strategies::{Cluster, Progress};
///
#[doc = include_str!("../example_canary.txt")]
/// let mut cluster = Cluster::from(Observation::all_ready(&release));
/// cluster.progress(primary, &Progress::ServiceDeleted);
/// assert!(cluster.now().versions[primary].service.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The Deployment controller has taken note of the change; no Pod is new yet.
    Noticed,
    /// A Pod of the new revision is there beside the old ones.
    Surging,
    /// Every Pod is new, but an old one still terminates.
    Terminating,
    /// Every Pod is new, but an old one still serves, though the Deployment counts it no more.
    OldPodServes,
    /// The rollout is finished: every Pod is new and ready, and the endpoints are computed.
    Finished,
    /// The rollout does not go on; what served before it still serves.
    Stalled,
    /// No Pod is ready any more.
    Crashed,
    /// Somebody deletes the Service.
    ServiceDeleted,
    /// Somebody deletes the Deployment.
    DeploymentDeleted,
}

impl Progress {
    /// Whether a version that could serve before cannot any more.
    ///
    /// ```
    /// use iter8_testkit::strategies::Progress;
    ///
    /// assert!(Progress::Crashed.is_failure());
    /// assert!(!Progress::Stalled.is_failure(), "the Pods of before still serve");
    /// ```
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Crashed | Self::ServiceDeleted | Self::DeploymentDeleted)
    }
}

/// An empty cluster.
impl Default for Cluster {
    fn default() -> Self {
        let now = Timestamp::from_millis(1_000_000_000);
        Self::from(Observation { now, ..Observation::default() })
    }
}

/// A cluster in which this was seen.
impl From<Observation> for Cluster {
    fn from(now: Observation) -> Self {
        Self { now, before: Vec::new(), deployments: 0 }
    }
}

impl Cluster {
    /// The cluster as it is.
    ///
    /// ```
    /// use iter8_testkit::strategies::Cluster;
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let mut cluster = Cluster::default();
    /// assert!(cluster.now().versions.is_empty());
    /// cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
    /// assert_eq!(cluster.now().versions.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn now(&self) -> &Observation {
        &self.now
    }

    /// The cluster as a controller sees it whose watches are `lag` steps behind.
    ///
    /// What the controller wrote itself it knows at once: only what others write lags behind, the states of
    /// Deployments, endpoints and what parents say.
    ///
    /// ```
    /// use iter8_testkit::strategies::{Cluster, Progress};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let mut cluster = Cluster::default();
    /// cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
    /// cluster.remember();
    /// cluster.progress(primary, &Progress::Finished);
    /// let ready = |lag: usize| cluster.seen(lag).versions[primary].endpoints.ready;
    /// assert_eq!((ready(0), ready(1)), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn seen(&self, lag: usize) -> Observation {
        let Some(before) = self.before.iter().rev().nth(lag.saturating_sub(1)).filter(|_| lag > 0) else {
            return self.now.clone();
        };
        let mut seen = self.now.clone();
        for (name, version) in &mut seen.versions {
            let (Some(old), Some(live)) = (before.versions.get(name), version.deployment.as_mut()) else {
                continue;
            };
            let Some(deployment) = &old.deployment else { continue };
            let is_written_since = deployment.digest != live.digest;
            let (name, digest) = (live.name.clone(), live.digest.clone());
            live.clone_from(deployment);
            (live.name, live.digest) = (name, digest);
            live.status_is_current &= !is_written_since;
            version.endpoints = old.endpoints;
            version.endpoints_rollout.clone_from(&old.endpoints_rollout);
        }
        for_each_route(&mut seen, |route| {
            let old = before.route.as_ref().map(|old| old.of(route.protocol).0);
            if let Some(old) =
                old.filter(|old| (old.protocol, old.written) == (route.protocol, route.written))
            {
                route.parents.clone_from(&old.parents);
                let verdicts = old.gateways.iter().flat_map(|old| &old.parents).map(|old| &old.verdict);
                for (live, old) in route.gateways.iter_mut().flat_map(|live| &mut live.parents).zip(verdicts)
                {
                    live.verdict.clone_from(old);
                }
            }
        });
        seen
    }

    /// A step is over. What was seen is remembered for as long as a controller may be behind: eight steps.
    ///
    /// ```
    /// use iter8_testkit::strategies::{Cluster, Progress};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let mut cluster = Cluster::from(Observation::all_ready(&release));
    /// cluster.remember();
    /// cluster.progress(primary, &Progress::Crashed);
    /// assert_ne!(cluster.seen(1), *cluster.now(), "a step ago it had not crashed");
    /// cluster.remember();
    /// assert_eq!(cluster.seen(1), *cluster.now());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember(&mut self) {
        if self.before.len() >= LONGEST_LAG {
            self.before.remove(0);
        }
        self.before.push(self.now.clone());
    }

    /// Time passes.
    ///
    /// ```
    /// use iter8_testkit::strategies::Cluster;
    ///
    /// let mut cluster = Cluster::default();
    /// let before = cluster.now().now;
    /// cluster.wait(60);
    /// assert_eq!(cluster.now().now, before.plus_seconds(60));
    /// ```
    pub fn wait(&mut self, seconds: u32) {
        self.now.now = self.now.now.plus_seconds(seconds);
    }

    /// The parents of the route say this of it.
    ///
    /// ```
    /// use iter8_core::Verdict;
    /// use iter8_testkit::strategies::Cluster;
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let mut cluster = Cluster::from(Observation::all_ready(&release));
    /// cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
    /// cluster.report(&Verdict::Accepted);
    /// let route = cluster.now().route.as_ref().ok_or("no route")?;
    /// assert_eq!(route.parents[0].verdict, Verdict::Accepted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(&mut self, verdict: &Verdict) {
        for_each_route(&mut self.now, |route| {
            for parent in &mut route.parents {
                parent.verdict = verdict.clone();
            }
            for gateway in route.gateways.iter_mut().flat_map(|gateways| &mut gateways.parents) {
                gateway.verdict = verdict.clone();
            }
        });
    }

    /// Something happens to a version, where it has objects to which it can happen.
    ///
    /// ```
    /// use iter8_testkit::strategies::{Cluster, Progress};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let mut cluster = Cluster::from(Observation::all_ready(&release));
    /// cluster.progress(primary, &Progress::Crashed);
    /// assert_eq!(cluster.now().versions[primary].endpoints.ready, 0);
    /// cluster.progress(primary, &Progress::Finished);
    /// assert_eq!(cluster.now().versions[primary].endpoints.ready, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn progress(&mut self, name: &VersionName, progress: &Progress) {
        let Some(seen) = self.now.versions.get_mut(name) else { return };
        let VersionObservation { service, deployment, endpoints, endpoints_rollout } = seen;
        if *progress == Progress::ServiceDeleted {
            (*service, endpoints.ready) = (None, 0);
            return;
        }
        let Some(live) = deployment else { return };
        if *progress != Progress::Noticed {
            // The EndpointSlice controller copies the label whenever it computes endpoints.
            *endpoints_rollout = service.as_ref().and_then(|service| service.rollout.clone());
        }
        let serving = endpoints.ready.max(live.replicas.min(live.wanted));
        match progress {
            Progress::ServiceDeleted => {}
            Progress::DeploymentDeleted => (*deployment, endpoints.ready) = (None, 0),
            Progress::Crashed => (live.available, endpoints.ready) = (false, 0),
            Progress::Noticed => (live.status_is_current, live.updated) = (true, 0),
            Progress::Surging => {
                live.status_is_current = true;
                (live.updated, live.replicas) =
                    (1, live.replicas.saturating_add(1).min(live.wanted.saturating_add(1)));
                endpoints.ready = serving;
            }
            Progress::Stalled => {
                live.status_is_current = true;
                live.updated = live.updated.min(live.wanted.saturating_sub(1));
                live.stalled = Some("ProgressDeadlineExceeded".into());
            }
            Progress::Finished | Progress::Terminating | Progress::OldPodServes => {
                (live.status_is_current, live.available, live.stalled) = (true, true, None);
                (live.updated, live.replicas) = (live.wanted, live.wanted);
                endpoints.ready = live.wanted.saturating_add(u32::from(*progress == Progress::OldPodServes));
                endpoints.terminating = u32::from(*progress == Progress::Terminating);
            }
        }
    }
}

/// The planned rules as they are observed once they are written.
///
/// ```
/// use iter8_testkit::strategies::{Cluster, planned_rules};
///
#[doc = include_str!("../example_canary.txt")]
/// let mut cluster = Cluster::from(Observation::all_ready(&release));
/// let plan = plan(&release, cluster.now());
/// cluster.carry_out(&release, &plan, usize::MAX);
/// assert_eq!(planned_rules(&plan).len(), 2, "one for the candidate, one for the rest");
/// assert_eq!(cluster.now().route.as_ref().ok_or("no route")?.rules, planned_rules(&plan));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn planned_rules(plan: &RoutePlan) -> Vec<ObservedRule> {
    let Some(route) = &plan.route else { return Vec::new() };
    let backend = |planned: &iter8_core::PlannedBackend| ObservedBackend {
        service: planned.service.clone(),
        port: planned.port,
        weight: planned.weight,
    };
    let mirror = |planned: &iter8_core::PlannedMirror| ObservedMirror {
        service: planned.service.clone(),
        port: planned.port,
        percent: planned.percent,
    };
    let rules = route.rules.iter().map(|rule| ObservedRule {
        matches: rule.matches.clone(),
        backends: rule.backends.iter().map(backend).collect(),
        mirrors: rule.mirrors.iter().map(mirror).collect(),
        timeouts: route.timeouts,
        filters: route.filters.clone(),
        altered: false,
    });
    rules.collect()
}

/// Does this to the live routes of either protocol.
fn for_each_route(observation: &mut Observation, mut act: impl FnMut(&mut RouteObservation)) {
    if let Some(route) = &mut observation.route {
        act(route);
        if let Some(other) = &mut route.other {
            act(other);
        }
    }
}

/// The live routes of both protocols together.
pub(super) fn both(
    route: Option<RouteObservation>,
    other: Option<RouteObservation>,
) -> Option<RouteObservation> {
    match (route, other) {
        (Some(route), Some(other)) => Some(RouteObservation { other: Some(Box::new(other)), ..route }),
        (route, other) => route.or(other),
    }
}

/// A live route with these rules and Gateways, of which nobody has said anything yet.
pub(super) fn route(
    rules: Vec<ObservedRule>,
    gateways: Option<GatewaysObservation>,
    protocol: Protocol,
    port: u16,
    written: Timestamp,
) -> RouteObservation {
    let silent = |parent: String, is_gateway| {
        let (parent, verdict) = (parent.into(), Verdict::Silent);
        ParentReport { parent, is_gateway, verdict }
    };
    let namespace = key().namespace;
    let of_gateways = gateways.iter().flat_map(|gateways| &gateways.parents);
    let of_gateways = of_gateways.map(|gateway| silent(gateway.parent.in_words(&namespace), true));
    let parents =
        std::iter::once(silent(format!("Service test/web:{port}"), false)).chain(of_gateways).collect();
    let backends = rules.iter().flat_map(|rule| &rule.backends).map(|backend| &backend.service);
    let mirrors = rules.iter().flat_map(|rule| &rule.mirrors).map(|mirror| &mirror.service);
    RouteObservation {
        protocol,
        other: None,
        named: backends.chain(mirrors).cloned().collect(),
        written: Some(written),
        parents,
        gateways,
        rules,
    }
}
