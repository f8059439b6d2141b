//! What was seen in the cluster, in the core's terms.

mod route;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{ObjectName, ServiceName, VersionName};
use crate::route_match::RouteMatch;
use crate::shared::{Labels, List, Text};
use crate::valid_release::{ValidRelease, ValidVersion};
use crate::weight::{Percent, Port, Weight};
use crate::{Digest, Value};

pub use route::{
    GatewaysObservation, ObservedBackend, ObservedGateway, ObservedMirror, ObservedRule, ParentReport,
    RouteObservation, Verdict,
};

/// A moment: milliseconds since the beginning of 1970 in UTC. The core has no clock; it is told the time.
///
/// ```
/// use iter8_core::{Observation, Timestamp};
///
/// let observation = Observation { now: Timestamp::from_millis(1_790_000_000_000), ..Observation::default() };
/// assert!(observation.now > Timestamp::default(), "the beginning of 1970");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the beginning of 1970.
    ///
    /// ```
    /// use iter8_core::Timestamp;
    ///
    /// assert!(Timestamp::from_millis(1) < Timestamp::from_millis(2));
    /// ```
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    ///
    /// ```
    /// use iter8_core::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(1500).as_millis(), 1500);
    /// ```
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The moment `seconds` later.
    ///
    /// ```
    /// use iter8_core::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(500).plus_seconds(5), Timestamp::from_millis(5500));
    /// ```
    #[must_use]
    pub const fn plus_seconds(self, seconds: u32) -> Self {
        // A u32 times 1000 fits a u64.
        Self(self.0.saturating_add((seconds as u64).saturating_mul(1000)))
    }
}

/// Everything a plan depends on besides the declaration.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let mut observation = Observation::all_ready(&release);
/// assert_eq!(plan(&release, &observation).rules().len(), 2, "the candidate's and the primary's");
///
/// let candidate = observation.versions.get_mut(&"web-1".parse()?).ok_or("not there")?;
/// candidate.endpoints.ready = 0;
/// assert_eq!(plan(&release, &observation).rules().len(), 1, "the primary's");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observation {
    /// The time of the observation.
    pub now: Timestamp,
    /// The versions whose objects exist, declared or not.
    pub versions: BTreeMap<VersionName, VersionObservation>,
    /// Which of them are left of a version whose objects have other names by now, and of which
    /// ([`Belonging`](crate::Belonging)).
    pub left_of: BTreeMap<VersionName, VersionName>,
    /// The live routes, if there are any.
    pub route: Option<RouteObservation>,
    /// The labels by which the live front Service selects Pods, if there is one.
    pub front_selector: Option<Labels>,
    /// The ports of the live front Service.
    pub front_ports: Vec<Port>,
    /// Front Services of the release under names that the application has no more.
    pub former_fronts: Vec<ServiceName>,
    /// Whether the API server does not know the kinds of route that the release needs.
    pub routing_api_missing: bool,
}

impl Observation {
    /// A cluster in which every version of the release is ready and nothing is routed yet.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let plan = plan(&release, &Observation::all_ready(&release));
    /// assert!(plan.versions.iter().all(|version| version.readiness.is_ready()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn all_ready(release: &ValidRelease) -> Self {
        Self::ready_where(release, |_| true)
    }

    /// A cluster in which those versions are ready and the others do not exist.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let observation = Observation::ready_where(&release, |version| version.image.as_deref() == Some("web:1"));
    /// let plan = plan(&release, &observation);
    /// assert_eq!(plan.versions[1].reason.to_string(), "no requests: not ready: its Service does not exist");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// use iter8_core::VersionObservation;
    ///
    #[doc = include_str!("example_release.txt")]
    /// let seen = VersionObservation::ready(release.primary());
    /// assert_eq!(seen.deployment.ok_or("none")?.digest.as_ref(), Some(release.primary().deployment_digest()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ready(version: &ValidVersion) -> Self {
        Self {
            service: Some(ServiceObservation {
                name: version.service.clone(),
                deleting: false,
                digest: Some(version.service_digest().clone()),
                declaration: Some(version.declaration()),
                draining_since: None,
                rollout: None,
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
            endpoints_rollout: None,
        }
    }
}

/// The objects of one version.
///
/// ```
/// use iter8_core::{Readiness, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// let created = VersionObservation { endpoints: Default::default(), ..VersionObservation::ready(release.primary()) };
/// assert_eq!(Readiness::of(None, Some(&created), false).to_string(), "not ready: no Pod is ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VersionObservation {
    /// Its Service, if it exists.
    pub service: Option<ServiceObservation>,
    /// Its Deployment, if it exists.
    pub deployment: Option<DeploymentObservation>,
    /// The endpoints of its Service.
    pub endpoints: EndpointsObservation,
    /// The rollout that every `EndpointSlice` with endpoints names: the `EndpointSlice` controller copies the label of
    /// the Service ([`ServiceObservation::rollout`]) whenever it computes them.
    pub endpoints_rollout: Option<Rollout>,
}

/// The Service of a version.
///
/// ```
/// use iter8_core::{Readiness, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// let mut seen = VersionObservation::ready(release.primary());
/// seen.service.as_mut().ok_or("none")?.deleting = true;
/// assert!(!Readiness::of(None, Some(&seen), true).is_routable(), "its Service is being deleted");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The rollout that it names in its label: one that was complete when the label was written.
    pub rollout: Option<Rollout>,
}

/// What must be known of a version that has left the document; kept as an annotation on its Service.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let annotation = serde_json::to_string(&release.candidates()[0].declaration())?;
/// assert!(annotation.contains(r#""matches":[{"headers":[{"name":"traffic","value":"test"}]}]"#), "{annotation}");
/// assert_eq!(serde_json::from_str::<iter8_core::VersionDeclaration>(&annotation)?.port.get(), 80);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// ```
/// use iter8_core::{Port, TargetPort};
///
/// assert_eq!(serde_json::from_str::<TargetPort>("8080")?, TargetPort::Number(Port::try_from(8080_i64)?));
/// assert_eq!(serde_json::from_str::<TargetPort>("\"http\"")?, TargetPort::Name("http".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use iter8_core::{Port, TargetPort};
    ///
    /// assert_eq!(TargetPort::Number(Port::HTTP).to_value().as_integer(), Some(80));
    /// ```
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

/// A rollout: a Deployment, and the revision of its Pod template, which grows by every change of the template.
///
/// Written and read as `UID.REVISION`.
///
/// ```
/// use iter8_core::Rollout;
///
/// let rollout = Rollout { uid: "6f1c".into(), revision: 2 };
/// assert_eq!(rollout.to_string(), "6f1c.2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The uid of the Deployment.
    pub uid: Text,
    /// Its revision, from 1 on.
    pub revision: u64,
}

impl Rollout {
    /// Whether the Deployment has never had another Pod template.
    ///
    /// ```
    /// use iter8_core::Rollout;
    ///
    /// assert!(Rollout { uid: "6f1c".into(), revision: 1 }.is_first(), "it replaces nobody's Pods");
    /// ```
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.revision <= 1
    }

    /// Reads a rollout as it is written; `None` if the text is something else.
    ///
    /// ```
    /// use iter8_core::Rollout;
    ///
    /// assert_eq!(Rollout::from_label("6f1c.2"), Some(Rollout { uid: "6f1c".into(), revision: 2 }));
    /// assert_eq!(Rollout::from_label("6f1c"), None);
    /// ```
    #[must_use]
    pub fn from_label(text: &str) -> Option<Self> {
        let (uid, revision) = text.rsplit_once('.')?;
        Some(Self { uid: uid.into(), revision: revision.parse().ok()? })
    }
}

impl fmt::Display for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.uid, self.revision)
    }
}

/// The Deployment of a version.
///
/// ```
/// use iter8_core::{Readiness, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// let mut seen = VersionObservation::ready(release.primary());
/// let deployment = seen.deployment.as_mut().ok_or("none")?;
/// deployment.wanted = 3;
/// let readiness = Readiness::of(None, Some(&seen), true);
/// assert_eq!(readiness.to_string(), "updating: 1 of 3 Pods are new, 0 old ones remain");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// Who has set `spec.replicas` by the subresource `scale`, if anybody has.
    pub scaled_by: Option<Text>,
    /// `status.replicas`: Pods of every revision.
    pub replicas: u32,
    /// `status.updatedReplicas`: Pods of the present revision.
    pub updated: u32,
    /// Why the rollout does not go on (condition `Progressing` is False), in the words of the Deployment controller.
    pub stalled: Option<Text>,
    /// The rollout that the status speaks of; `None` where the Deployment controller does not number them.
    pub rollout: Option<Rollout>,
}

impl DeploymentObservation {
    /// A Deployment that exists and of which nothing else is known yet.
    ///
    /// ```
    /// use iter8_core::DeploymentObservation;
    ///
    /// let created = DeploymentObservation::new("web-0".parse()?, None);
    /// assert!(!created.status_is_current && !created.available);
    /// # Ok::<(), iter8_core::InvalidNameError>(())
    /// ```
    #[must_use]
    pub fn new(name: ObjectName, digest: Option<Digest>) -> Self {
        Self {
            name,
            digest,
            deleting: false,
            status_is_current: false,
            available: false,
            wanted: 1,
            scaled_by: None,
            replicas: 0,
            updated: 0,
            stalled: None,
            rollout: None,
        }
    }
}

/// The endpoints behind a Service, counted over its EndpointSlices; of a dual-stack Service, those of one
/// address family, since every Pod is in the slices of both.
///
/// ```
/// use iter8_core::{EndpointsObservation, Readiness, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// let endpoints = EndpointsObservation { ready: 1, terminating: 2 };
/// let seen = VersionObservation { endpoints, ..VersionObservation::ready(release.primary()) };
/// assert_eq!(Readiness::of(None, Some(&seen), true).to_string(), "updating: 2 old Pods are terminating");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointsObservation {
    /// Endpoints that are ready.
    pub ready: u32,
    /// Endpoints whose Pod is terminating.
    pub terminating: u32,
}

#[cfg(test)]
mod tests {
    use std::prelude::v1::*;

    use super::*;

    #[test]
    fn a_rollout_survives_its_label() {
        let rollout = Rollout { uid: "0f6e-11".into(), revision: 12 };
        assert_eq!(rollout.to_string(), "0f6e-11.12");
        assert_eq!(Rollout::from_label("0f6e-11.12"), Some(rollout));
        for other in ["", "12", "0f6e-11.", "0f6e-11.twelve"] {
            assert_eq!(Rollout::from_label(other), None, "{other}");
        }
    }

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
                matches: [RouteMatch::default_candidate(crate::Protocol::Http)].into(),
            };
            let annotation = serde_json::to_string(&declaration).unwrap();
            assert_eq!(serde_json::from_str::<VersionDeclaration>(&annotation).unwrap(), declaration);
        }
    }
}
