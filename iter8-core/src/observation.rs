//! What was seen in the cluster, in the core's terms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::filter::{RouteFilter, Timeouts};
use crate::name::{ObjectName, ServiceName, VersionName};
use crate::route_match::RouteMatch;
use crate::shared::{Labels, List, Text};
use crate::valid_release::{ValidRelease, ValidVersion};
use crate::weight::{Percent, Port, Weight};
use crate::{Digest, Value};

/// A moment: milliseconds since the beginning of 1970 in UTC. The core has no clock; it is told the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the beginning of 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `seconds` later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        // A u32 times 1000 fits a u64.
        Self(self.0.saturating_add((seconds as u64).saturating_mul(1000)))
    }
}

/// Everything a plan depends on besides the declaration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observation {
    /// The time of the observation.
    pub now: Timestamp,
    /// The versions whose objects exist, declared or not.
    pub versions: BTreeMap<VersionName, VersionObservation>,
    /// The live routes, if there are any.
    pub route: Option<RouteObservation>,
    /// Whether the API server does not know the kinds of route that the backend makes.
    pub routing_api_missing: bool,
}

impl Observation {
    /// A cluster in which every version of the release is ready and nothing is routed yet.
    #[must_use]
    pub fn all_ready(release: &ValidRelease) -> Self {
        Self::ready_where(release, |_| true)
    }

    /// A cluster in which those versions are ready and the others do not exist.
    #[must_use]
    pub fn ready_where(release: &ValidRelease, is_ready: impl Fn(&ValidVersion) -> bool) -> Self {
        let ready = release.versions().filter(|version| is_ready(version));
        let versions =
            ready.map(|version| (version.name.clone(), VersionObservation::ready(version))).collect();
        Self { versions, ..Self::default() }
    }
}

impl VersionObservation {
    /// The objects of a version that has one ready Pod, as declared.
    #[must_use]
    pub fn ready(version: &ValidVersion) -> Self {
        Self {
            service: Some(ServiceObservation {
                name: version.service.clone(),
                deleting: false,
                digest: Some(version.service_digest().clone()),
                declaration: Some(version.declaration()),
                draining_since: None,
            }),
            deployment: Some(DeploymentObservation {
                status_is_current: true,
                available: true,
                replicas: 1,
                updated: 1,
                ..DeploymentObservation::new(
                    version.deployment.clone(),
                    Some(version.deployment_digest().clone()),
                )
            }),
            endpoints: EndpointsObservation { ready: 1, terminating: 0 },
        }
    }
}

/// The objects of one version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VersionObservation {
    /// Its Service, if it exists.
    pub service: Option<ServiceObservation>,
    /// Its Deployment, if it exists.
    pub deployment: Option<DeploymentObservation>,
    /// The endpoints of its Service.
    pub endpoints: EndpointsObservation,
}

/// The Service of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceObservation {
    /// Its name.
    pub name: ServiceName,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The digest it carries.
    pub digest: Option<Digest>,
    /// What was declared of the version when the Service was written last.
    pub declaration: Option<VersionDeclaration>,
    /// Since when the version drains: it has left the document and the route.
    pub draining_since: Option<Timestamp>,
}

/// What must be known of a version that has left the document; kept as an annotation on its Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionDeclaration {
    /// The name of its Deployment.
    pub deployment: ObjectName,
    /// The routed port of its Service.
    pub port: Port,
    /// Where that port leads to in the Pods.
    pub target_port: TargetPort,
    /// The labels by which its Service selects Pods.
    pub selector: Labels,
    /// Weight under blue-green.
    pub weight: Weight,
    /// Share of requests copied under mirror.
    pub mirror_percent: Percent,
    /// Requests it takes as a canary candidate.
    #[serde(default, skip_serializing_if = "List::is_empty")]
    pub matches: List<RouteMatch>,
}

/// The port of the Pods that a Service's port leads to: a number, or the name of a container port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TargetPort {
    /// By number.
    Number(Port),
    /// By name.
    Name(Text),
}

impl TargetPort {
    /// The port in the form it has in a Service.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(port) => port.get().into(),
            Self::Name(name) => name.as_str().into(),
        }
    }
}

impl fmt::Display for TargetPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(port) => port.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The Deployment of a version.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DeploymentObservation {
    /// Its name.
    pub name: ObjectName,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// The digest it carries.
    pub digest: Option<Digest>,
    /// Whether its status speaks of its present generation.
    pub status_is_current: bool,
    /// Condition `Available`.
    pub available: bool,
    /// `spec.replicas`.
    pub wanted: u32,
    /// `status.replicas`: Pods of every revision.
    pub replicas: u32,
    /// `status.updatedReplicas`: Pods of the present revision.
    pub updated: u32,
    /// Why the rollout does not go on (condition `Progressing` is False), in the words of the Deployment controller.
    pub stalled: Option<Text>,
}

impl DeploymentObservation {
    /// A Deployment that exists and of which nothing else is known yet.
    #[must_use]
    pub fn new(name: ObjectName, digest: Option<Digest>) -> Self {
        Self {
            name,
            digest,
            deleting: false,
            status_is_current: false,
            available: false,
            wanted: 1,
            replicas: 0,
            updated: 0,
            stalled: None,
        }
    }
}

/// The endpoints behind a Service, counted over its EndpointSlices; of a dual-stack Service, those of one
/// address family, since every Pod is in the slices of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointsObservation {
    /// Endpoints that are ready.
    pub ready: u32,
    /// Endpoints whose Pod is terminating.
    pub terminating: u32,
}

/// The live routes of a release, read back by its routing backend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouteObservation {
    /// The rules, in the order of the front Service's route.
    pub rules: Vec<ObservedRule>,
    /// The Services that any of the live routes sends or copies requests to, with whatever weight.
    pub named: BTreeSet<ServiceName>,
    /// When a route was written last: by this moment, and at most
    /// [`WRITTEN_WITHIN_SECONDS`](Self::WRITTEN_WITHIN_SECONDS) before it, since the API has whole seconds only.
    pub written: Option<Timestamp>,
    /// What the parents of the routes say.
    pub parents: Vec<ParentReport>,
}

impl RouteObservation {
    /// How long before [`written`](Self::written) a route may have been written.
    pub const WRITTEN_WITHIN_SECONDS: u32 = 1;
}

/// A live rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedRule {
    /// Its matches; none for the default rule.
    pub matches: List<RouteMatch>,
    /// Where it sends requests.
    pub backends: Vec<ObservedBackend>,
    /// Where it copies requests to.
    pub mirrors: Vec<ObservedMirror>,
    /// Its timeouts.
    pub timeouts: Timeouts,
    /// Its filters, mirrors apart.
    pub filters: List<RouteFilter>,
    /// Whether the live rule has something that no plan has and the other fields cannot say (a
    /// redirect added by hand, a backend that is no Service): it is not the planned rule, whatever they say.
    pub altered: bool,
}

/// A backend of a live rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBackend {
    /// The Service.
    pub service: ServiceName,
    /// Its port.
    pub port: Port,
    /// Its weight.
    pub weight: Weight,
}

/// A copy of requests by a live rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMirror {
    /// The Service.
    pub service: ServiceName,
    /// Its port.
    pub port: Port,
    /// The share of requests that is copied.
    pub percent: Percent,
}

/// What one parent (a Service of the mesh, or a Gateway) says of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentReport {
    /// The parent, in words.
    pub parent: Text,
    /// What it says of the route as it is now.
    pub verdict: Verdict,
}

/// What it says, where that is a refusal: `Service test/web:80 refuses the route: Reason: message`.
impl fmt::Display for ParentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, verdict } = self;
        match verdict {
            Verdict::Accepted | Verdict::AcceptedUnversioned => write!(f, "{parent} has accepted the route"),
            Verdict::Stale | Verdict::Silent => write!(f, "{parent} has not yet said anything of the route"),
            Verdict::Refused { reason, message } => {
                write!(f, "{parent} refuses the route: {reason}: {message}")
            }
        }
    }
}

/// A parent's verdict on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has accepted the route in its present generation.
    Accepted,
    /// It has accepted the route without saying which generation (Linkerd).
    AcceptedUnversioned,
    /// It has spoken of an older generation only.
    Stale,
    /// It refuses the route.
    Refused {
        /// The condition's reason.
        reason: Text,
        /// The condition's message.
        message: Text,
    },
    /// It has not said anything.
    Silent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_survives_its_annotation() {
        for target_port in [TargetPort::Number(Port::HTTP), TargetPort::Name("web".into())] {
            let declaration = VersionDeclaration {
                deployment: "web-1".parse().unwrap(),
                port: Port::HTTP,
                target_port,
                selector: [("app".to_owned(), "web-1".to_owned())].into(),
                weight: Weight::DEFAULT,
                mirror_percent: Percent::ALL,
                matches: [RouteMatch::default_candidate()].into(),
            };
            let annotation = serde_json::to_string(&declaration).unwrap();
            assert_eq!(serde_json::from_str::<VersionDeclaration>(&annotation).unwrap(), declaration);
        }
    }
}
