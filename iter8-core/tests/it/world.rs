//! A cluster in the core's terms, driven by hand, and short ways to read plans.

use iter8_core::{
    Capabilities, Document, Limits, Notice, Observation, ObservedBackend, ObservedMirror, ObservedRule,
    ParentReport, PlannedVersion, Precedence, Protocol, ReleaseKey, Removal, RouteCapabilities,
    RouteObservation, RoutePlan, Timestamp, ValidRelease, ValidVersion, Verdict, VersionName,
    VersionObservation, declare, plan,
};

/// A release `web` in namespace `test` with these versions, each in flow style.
pub(crate) fn release(strategy: &str, versions: &[&str]) -> ValidRelease {
    document(&text(strategy, versions))
}

/// The same for a mesh that chooses among rules as Linkerd does.
pub(crate) fn for_linkerd(strategy: &str, versions: &[&str]) -> ValidRelease {
    let precedence = Precedence::PathLengthFirst;
    let all = Capabilities::specification();
    let http = RouteCapabilities { precedence, ..RouteCapabilities::HTTP };
    declared_for(&text(strategy, versions), &Capabilities { http, ..all })
}

/// The same for a mesh whose routes have so little room.
pub(crate) fn in_room(limits: Limits, strategy: &str, versions: &[&str]) -> ValidRelease {
    declared_for(&text(strategy, versions), &Capabilities { limits, ..Capabilities::specification() })
}

fn text(strategy: &str, versions: &[&str]) -> String {
    let versions = versions.join("\n  - ");
    format!(
        "environment: deployment-gtw\napplication:\n  strategy: {strategy}\n  versions:\n  - {versions}\n"
    )
}

pub(crate) fn document(text: &str) -> ValidRelease {
    declared_for(text, &Capabilities::specification())
}

/// The release of a document, for a mesh that can do this.
pub(crate) fn declared_for(text: &str, capabilities: &Capabilities) -> ValidRelease {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(text).unwrap();
    declare(&key, &document, capabilities).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What is in the cluster.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) observation: Observation,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_millis(1_000_000);
        Self { observation: Observation { now, ..Observation::default() } }
    }

    /// A cluster in which the release runs, every version is ready and the route is written.
    pub(crate) fn running(release: &ValidRelease) -> Self {
        let mut world = Self::new();
        world.observation.versions = Observation::all_ready(release).versions;
        world.step(release);
        world.wait(60);
        world
    }

    pub(crate) fn plan(&self, release: &ValidRelease) -> RoutePlan {
        plan(release, &self.observation)
    }

    /// Writes the objects of the declared versions; rollouts of what has changed begin.
    pub(crate) fn write(&mut self, release: &ValidRelease) {
        for version in release.versions() {
            let declared = VersionObservation::ready(version);
            let live = self.observation.versions.entry(version.name.clone()).or_default();
            live.service = declared.service;
            let new = declared.deployment.unwrap();
            match &mut live.deployment {
                Some(deployment) if deployment.digest == new.digest => {}
                Some(deployment) => {
                    deployment.digest = new.digest;
                    deployment.status_is_current = false;
                }
                missing => {
                    let mut deployment = new;
                    (deployment.available, deployment.updated, deployment.replicas) = (false, 0, 0);
                    *missing = Some(deployment);
                }
            }
        }
    }

    /// The rollout of a version is finished: every Pod is new and ready.
    pub(crate) fn finish(&mut self, name: &str) {
        let live = self.version(name);
        let deployment = live.deployment.as_mut().unwrap();
        deployment.status_is_current = true;
        deployment.available = true;
        (deployment.updated, deployment.replicas) = (deployment.wanted, deployment.wanted);
        (live.endpoints.ready, live.endpoints.terminating) = (deployment.wanted, 0);
    }

    /// Every Pod of a version stops being ready.
    pub(crate) fn crash(&mut self, name: &str) {
        let live = self.version(name);
        live.endpoints.ready = 0;
        live.deployment.as_mut().unwrap().available = false;
    }

    pub(crate) fn version(&mut self, name: &str) -> &mut VersionObservation {
        self.observation.versions.get_mut(&name.parse::<VersionName>().unwrap()).unwrap()
    }

    pub(crate) fn wait(&mut self, seconds: u32) {
        self.observation.now = self.observation.now.plus_seconds(seconds);
    }

    /// Plans, and does what the plan says: once.
    pub(crate) fn step(&mut self, release: &ValidRelease) -> RoutePlan {
        let plan = self.plan(release);
        let now = self.observation.now;
        for (version, removal) in plan.removed() {
            match removal {
                Removal::DrainBegins => {
                    self.version(version.name.as_str()).service.as_mut().unwrap().draining_since = Some(now);
                }
                Removal::Due => {
                    self.observation.versions.remove(&version.name);
                }
                _ => {}
            }
        }
        self.route(&plan);
        plan
    }

    /// The route becomes the planned one. Its parents accept it as Linkerd does: without naming a generation.
    pub(crate) fn route(&mut self, plan: &RoutePlan) {
        let rules = observed(plan);
        if self.observation.route.as_ref().is_some_and(|live| live.rules == rules) {
            return;
        }
        let protocol = plan.route.as_ref().map(|route| route.protocol).unwrap_or_default();
        self.observation.route = (!rules.is_empty())
            .then(|| RouteObservation { protocol, ..live_route(rules, self.observation.now) });
    }
}

/// The planned rules as they are observed once they are written.
pub(crate) fn observed(plan: &RoutePlan) -> Vec<ObservedRule> {
    let Some(route) = &plan.route else { return Vec::new() };
    let rules = route.rules.iter().map(|rule| ObservedRule {
        matches: rule.matches.clone(),
        backends: rule
            .backends
            .iter()
            .map(|backend| ObservedBackend {
                service: backend.service.clone(),
                port: backend.port,
                weight: backend.weight,
            })
            .collect(),
        mirrors: rule
            .mirrors
            .iter()
            .map(|mirror| ObservedMirror {
                service: mirror.service.clone(),
                port: mirror.port,
                percent: mirror.percent,
            })
            .collect(),
        timeouts: route.timeouts,
        filters: route.filters.clone(),
        altered: false,
    });
    rules.collect()
}

/// A live route with these rules.
pub(crate) fn live_route(rules: Vec<ObservedRule>, written: Timestamp) -> RouteObservation {
    let backends = rules.iter().flat_map(|rule| &rule.backends).map(|backend| &backend.service);
    let mirrors = rules.iter().flat_map(|rule| &rule.mirrors).map(|mirror| &mirror.service);
    RouteObservation {
        protocol: Protocol::Http,
        other: None,
        named: backends.chain(mirrors).cloned().collect(),
        written: Some(written),
        parents: vec![ParentReport {
            parent: "Service test/web:80".into(),
            is_gateway: false,
            verdict: Verdict::AcceptedUnversioned,
        }],
        gateways: None,
        rules,
    }
}

/// The rules in words: `header traffic=test → web-1*1`, `* → web-0*1`, `* → web-0*1 + web-1`.
pub(crate) fn rules(plan: &RoutePlan) -> Vec<String> {
    let join = |words: Vec<String>, glue: &str| words.join(glue);
    let rules = plan.rules().iter().map(|rule| {
        let matches = rule.matches.iter().map(ToString::to_string).collect::<Vec<_>>();
        let matches = if matches.is_empty() { "*".to_owned() } else { join(matches, " | ") };
        let backends = rule.backends.iter().map(|b| format!("{}*{}", b.service, b.weight)).collect();
        let mirrors = rule.mirrors.iter().map(|m| format!(" + {} {}%", m.service, m.percent)).collect();
        format!("{matches} → {}{}", join(backends, ", "), join(mirrors, ""))
    });
    rules.collect()
}

/// What becomes of a version.
pub(crate) fn planned<'a>(plan: &'a RoutePlan, name: &str) -> &'a PlannedVersion {
    plan.versions.iter().find(|version| version.name.as_str() == name).unwrap()
}

/// How far the removal of a version is; `None` for a version that is not in the plan.
pub(crate) fn removal(plan: &RoutePlan, name: &str) -> Option<Removal> {
    plan.removed().find(|(version, _)| version.name.as_str() == name).map(|(_, removal)| removal)
}

/// The version of this name.
pub(crate) fn valid<'a>(release: &'a ValidRelease, name: &str) -> &'a ValidVersion {
    release.version(&name.parse().unwrap()).unwrap()
}

/// The notices of a plan but those on readiness probes, which the versions of these tests do not have.
pub(crate) fn notices(plan: &RoutePlan) -> Vec<Notice> {
    let is_on_probe = |notice: &&Notice| matches!(notice, Notice::NoReadinessProbe { .. });
    plan.notices.iter().filter(|notice| !is_on_probe(notice)).cloned().collect()
}
