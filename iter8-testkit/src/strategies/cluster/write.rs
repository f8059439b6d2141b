//! What a controller writes.

use iter8_core::{
    DeploymentObservation, Removal, Rollout, RouteObservation, RoutePlan, ServiceObservation, ValidRelease,
    ValidVersion, VersionObservation,
};

use super::{Cluster, both, planned_rules, route};
use crate::strategies::gateways::{are_written, planned_gateways};

impl Cluster {
    /// Does what a plan says, as a controller that dies after so many writes.
    ///
    /// The order is that of the controller: versions, then the front Service, the route, the marks of drains, deletions.
    ///
    /// ```
    /// use iter8_testkit::strategies::Cluster;
    ///
    #[doc = include_str!("../../example_canary.txt")]
    /// let mut cluster = Cluster::default();
    /// cluster.carry_out(&release, &plan(&release, cluster.now()), 1);
    /// let seen = &cluster.now().versions[primary];
    /// assert!(seen.deployment.is_some() && seen.service.is_none(), "the controller has died in between");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry_out(&mut self, release: &ValidRelease, plan: &RoutePlan, writes: usize) {
        let mut writes = Writes(writes);
        for version in release.versions() {
            self.write(version, plan, &mut writes);
        }
        let front = plan.front.as_ref().map(|front| front.selector.clone());
        if self.now.front_selector != front && writes.one() {
            self.now.front_selector = front;
        }
        self.write_routes(release, plan, &mut writes);
        for (version, removal) in plan.removed() {
            match removal {
                Removal::DrainBegins if writes.one() => {
                    let live = self.now.versions.get_mut(&version.name);
                    let now = self.now.now;
                    live.into_iter()
                        .flat_map(|live| &mut live.service)
                        .for_each(|service| service.draining_since = Some(now));
                }
                Removal::Due if writes.one() => {
                    self.now.versions.remove(&version.name);
                }
                _ => {}
            }
        }
    }

    /// Writes the planned front Service and route, of which nobody has said anything yet.
    ///
    /// ```
    /// use iter8_testkit::strategies::Cluster;
    ///
    #[doc = include_str!("../../example_canary.txt")]
    /// let mut cluster = Cluster::from(Observation::all_ready(&release));
    /// let plan = plan(&release, cluster.now());
    /// cluster.route(&release, &plan);
    /// assert_eq!(cluster.now().front_selector, plan.front.map(|front| front.selector));
    /// assert!(cluster.now().route.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn route(&mut self, release: &ValidRelease, plan: &RoutePlan) {
        self.now.front_selector = plan.front.as_ref().map(|front| front.selector.clone());
        let (_, other) = self.live_routes(plan);
        self.now.route = other;
        self.write_routes(release, plan, &mut Writes(usize::MAX));
    }

    /// The live route of the planned protocol, and that of the other.
    fn live_routes(&self, plan: &RoutePlan) -> (Option<RouteObservation>, Option<RouteObservation>) {
        let protocol = plan.route.as_ref().map(|route| route.protocol).unwrap_or_default();
        let live =
            self.now.route.iter().flat_map(|route| std::iter::once(route).chain(route.other.as_deref()));
        let alone = live.map(|route| RouteObservation { other: None, ..route.clone() });
        let (mut own, mut other): (Vec<_>, Vec<_>) = alone.partition(|route| route.protocol == protocol);
        (own.pop(), other.pop())
    }

    /// Writes the planned route, then takes away those that are not needed any more.
    fn write_routes(&mut self, release: &ValidRelease, plan: &RoutePlan, writes: &mut Writes) {
        let (mut own, mut other) = self.live_routes(plan);
        let rules = planned_rules(plan);
        if let Some(planned) = &plan.route {
            let gateways = planned_gateways(plan);
            let is_written = own.as_ref().is_some_and(|live| {
                live.rules == rules && !plan.repair && are_written(live.gateways.as_ref(), gateways.as_ref())
            });
            if !is_written && writes.one() {
                let port = release.service_port.get();
                own = Some(route(rules, gateways, planned.protocol, port, self.now.now));
            }
        } else if own.is_some() && writes.one() {
            own = None;
        }
        if other.is_some() && !plan.keeps_other_routes && writes.one() {
            other = None;
        }
        self.now.route = both(own, other);
    }

    /// Writes the objects of a version where they differ: first its Deployment, then its Service.
    fn write(&mut self, version: &ValidVersion, plan: &RoutePlan, writes: &mut Writes) {
        let declared = VersionObservation::ready(version);
        let mut written = self.now.versions.get(&version.name).cloned().unwrap_or_default();
        let digest = Some(version.deployment_digest());
        let live = written.deployment.as_ref();
        if live.and_then(|live| live.digest.as_ref()) != digest && writes.one() {
            written.deployment = declared.deployment.map(|new| self.deployment(version, live, new));
        }
        let planned = plan.versions.iter().find(|planned| planned.name == version.name);
        let rollout = planned.and_then(|planned| planned.rollout.clone());
        let (digest, live) = (Some(version.service_digest()), written.service.as_ref());
        let is_as_declared = live.is_some_and(|live| {
            live.digest.as_ref() == digest && live.rollout == rollout && live.draining_since.is_none()
        });
        if !is_as_declared && writes.one() {
            written.service = declared.service.map(|new| ServiceObservation { rollout, ..new });
        }
        if written.service.is_some() || written.deployment.is_some() {
            self.now.versions.insert(version.name.clone(), written);
        }
    }

    /// A Deployment as it is once it is written: new, or with a new revision, of which its controller knows nothing yet.
    fn deployment(
        &mut self,
        version: &ValidVersion,
        live: Option<&DeploymentObservation>,
        ready: DeploymentObservation,
    ) -> DeploymentObservation {
        let digest = Some(version.deployment_digest().clone());
        let mut new = live.cloned().unwrap_or_else(|| {
            self.deployments = self.deployments.saturating_add(1);
            DeploymentObservation::new(ready.name.clone(), None)
        });
        let before = new.rollout.take();
        new.rollout = Some(before.map_or_else(
            || Rollout { uid: format!("uid-{}", self.deployments).into(), revision: 1 },
            |before| Rollout { revision: before.revision.saturating_add(1), ..before },
        ));
        (new.name, new.digest, new.status_is_current) = (ready.name, digest, false);
        new.wanted = version.replicas.unwrap_or(new.wanted);
        new
    }
}

/// How many writes are left.
struct Writes(usize);

impl Writes {
    /// Whether there is one more.
    fn one(&mut self) -> bool {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        is_left
    }
}
