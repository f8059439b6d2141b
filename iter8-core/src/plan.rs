//! The output of planning: which rules, which front, which versions stay, and why.

mod leaving;
mod live;

use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::Digest;
use crate::digest::{Encode, Hasher};
use crate::filter::{RouteFilter, Timeouts};
use crate::name::{Hostname, Namespace, ObjectName, ServiceName, VersionName};
use crate::notice::Notice;
use crate::observation::{Rollout, TargetPort, Timestamp};
use crate::parent_ref::ParentRef;
use crate::readiness::Readiness;
use crate::reason::{Reason, RuleReason};
use crate::release::{Protocol, Strategy};
use crate::route_match::RouteMatch;
use crate::shared::{Labels, List, Text};
use crate::weight::{Percent, Port, Weight};

pub use leaving::LeavingGateways;

/// What is to be done for a release, with the reason for each decision.
///
/// Made by [`plan`](crate::plan()) only. Serializable for snapshots and for people, not to be read back.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::all_ready(&release));
/// for rule in plan.rules() {
///     println!("{} because {}", rule.backends[0].service, rule.reason);
/// }
/// assert_eq!(plan.rules()[0].reason.to_string(), "web-1: it is ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RoutePlan {
    /// The strategy.
    pub strategy: Strategy,
    /// The route; `None` where there shall be none.
    pub route: Option<PlannedRoute>,
    /// The front Service; `None` where the environment has none.
    pub front: Option<FrontService>,
    /// Whether live routes have other rules than the planned ones, and those that have ([`PlannedRoute::is_in`]) are to be
    /// written even if they hold everything that is planned: somebody may have added a filter, or a condition to a match.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub repair: bool,
    /// Whether routes that are not among the planned ones stay for now: those of the protocol before, until the new
    /// ones are in force.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub keeps_other_routes: bool,
    /// The versions: the declared ones in order, then those that have left the document.
    pub versions: Vec<PlannedVersion>,
    /// What a person should know besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// When to plan again even if nothing is seen to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again: Option<Timestamp>,
}

/// A route: for the front Service and, with the same rules, for Gateways.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let route = plan(&release, &Observation::all_ready(&release)).route.ok_or("no route")?;
/// assert_eq!((route.name.as_str(), route.namespace.as_str()), ("web", "test"));
/// assert!(route.rules.last().is_some_and(|rule| rule.matches.is_empty()), "it takes every request");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedRoute {
    /// What the requests are, and so the kind of the route.
    #[serde(skip_serializing_if = "Protocol::is_http")]
    pub protocol: Protocol,
    /// The name of the application: of the front Service and the route.
    pub name: ServiceName,
    /// The namespace of the release.
    pub namespace: Namespace,
    /// The port of the front Service.
    pub port: Port,
    /// The declared Gateways, which also get the rules.
    #[serde(skip_serializing_if = "List::is_empty")]
    pub gateways: List<ParentRef>,
    /// The declared hostnames for the Gateways.
    #[serde(skip_serializing_if = "List::is_empty")]
    pub hostnames: List<Hostname>,
    /// The Gateways and hostnames that have left the document and keep the rules for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving: Option<LeavingGateways>,
    /// Labels of the route.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Annotations of the route.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// Timeouts of every rule.
    #[serde(skip_serializing_if = "Timeouts::is_empty")]
    pub timeouts: Timeouts,
    /// Filters of every rule.
    #[serde(skip_serializing_if = "List::is_empty")]
    pub filters: List<RouteFilter>,
    /// The rules, never empty; the last one takes every request.
    pub rules: Vec<PlannedRule>,
}

impl PlannedRoute {
    /// The parents of the Gateways' route: the declared ones, then those that are leaving. Where there are none, there is
    /// no such route.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let route = plan(&release, &Observation::all_ready(&release)).route.ok_or("no route")?;
    /// assert_eq!(route.gateway_parents().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gateway_parents(&self) -> impl Iterator<Item = &ParentRef> {
        let is_present = |gateway: &&ParentRef| {
            self.leaving.as_ref().is_none_or(|leaving| !leaving.waiting_gateways.contains(gateway))
        };
        let leaving = self.leaving.iter().flat_map(|leaving| &leaving.gateways);
        self.gateways.iter().filter(is_present).chain(leaving)
    }

    /// The hostnames of the Gateways' route: the declared ones, then those that are leaving.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let route = plan(&release, &Observation::all_ready(&release)).route.ok_or("no route")?;
    /// assert_eq!(route.gateway_hostnames().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gateway_hostnames(&self) -> impl Iterator<Item = &Hostname> {
        let is_present = |hostname: &&Hostname| {
            !self.gateways.is_empty()
                && self.leaving.as_ref().is_none_or(|leaving| !leaving.waiting_hostnames.contains(hostname))
        };
        let leaving = self.leaving.iter().flat_map(|leaving| &leaving.hostnames);
        self.hostnames.iter().filter(is_present).chain(leaving)
    }
}

/// A rule of a route.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::all_ready(&release));
/// let [candidate, primary] = plan.rules() else { return Err("two rules".into()) };
/// assert_eq!(candidate.matches[0].to_string(), "header traffic=test");
/// assert_eq!(primary.backends[0].service.as_str(), "web-0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedRule {
    /// Any of these; none for the default rule.
    #[serde(skip_serializing_if = "List::is_empty")]
    pub matches: List<RouteMatch>,
    /// Where requests go. The sum of the weights is positive.
    pub backends: Vec<PlannedBackend>,
    /// Where requests are copied to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<PlannedMirror>,
    /// Why the rule is there.
    pub reason: RuleReason,
}

/// A backend of a rule.
///
/// ```
/// use iter8_core::{Port, Weight};
///
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::all_ready(&release));
/// let backend = &plan.rules()[0].backends[0];
/// assert_eq!((backend.service.as_str(), backend.port, backend.weight), ("web-1", Port::HTTP, Weight::ONE));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedBackend {
    /// The Service of the version.
    pub service: ServiceName,
    /// The port of the Service.
    pub port: Port,
    /// Its weight among the rule's backends.
    pub weight: Weight,
}

/// A copy of requests.
///
/// ```
/// use iter8_core::{Capabilities, Document, Observation, ReleaseKey, declare, plan};
///
/// let document = Document::from_yaml(
///     "environment: deployment-gtw
/// application: {strategy: mirror, versions: [{image: web:1}, {image: web:2, mirrorPercent: 10}]}",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let release = declare(&key, &document, &Capabilities::specification())?;
/// let plan = plan(&release, &Observation::all_ready(&release));
/// let mirror = &plan.rules()[0].mirrors[0];
/// assert_eq!((mirror.service.as_str(), mirror.percent.get()), ("web-1", 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedMirror {
    /// The Service of the version.
    pub service: ServiceName,
    /// The port of the Service.
    pub port: Port,
    /// The share of requests that is copied.
    pub percent: Percent,
}

/// The Service that carries the application's name: the parent of the route, and, for clients
/// that the mesh does not serve, the way to the primary.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let front = plan(&release, &Observation::default()).front.ok_or("no front Service")?;
/// assert_eq!(front.name.as_str(), "web");
/// assert_eq!(front.selector.get("app").map(String::as_str), Some("web-0"), "it leads to the primary");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FrontService {
    /// Its name: the application's.
    pub name: ServiceName,
    /// Its port.
    pub port: Port,
    /// Where the port leads to in the primary's Pods, where that differs from `port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<TargetPort>,
    /// The `appProtocol` of its port, where the mesh needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<Text>,
    /// The labels of the primary's Pods.
    pub selector: Labels,
    /// Labels of the Service.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Annotations of the Service.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
}

impl FrontService {
    /// The digest of the front Service.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let front = |observation| plan(&release, &observation).front.map(|front| front.digest());
    /// assert_eq!(front(Observation::default()), front(Observation::all_ready(&release)), "the primary is the same");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::encoding(self)
    }
}

impl Encode for FrontService {
    fn encode(&self, hash: &mut Hasher) {
        hash.map(&[
            ("annotations", &self.annotations),
            ("appProtocol", &self.app_protocol.as_deref()),
            ("labels", &self.labels),
            ("name", &self.name.as_str()),
            ("port", &i128::from(self.port.get())),
            ("selector", &self.selector),
            ("targetPort", &self.target_port.as_ref().map(TargetPort::to_value)),
        ]);
    }
}

/// What becomes of a version.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::default());
/// for version in &plan.versions {
///     println!("{} is {}: {}", version.name, version.role, version.reason);
/// }
/// assert_eq!(plan.versions[1].readiness.reason(), "ServiceMissing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedVersion {
    /// The version.
    pub name: VersionName,
    /// Its Service.
    pub service: ServiceName,
    /// Its Deployment.
    pub deployment: ObjectName,
    /// What it is in the release.
    pub role: Role,
    /// Whether it can take requests.
    pub readiness: Readiness,
    /// Its share of the requests that no other rule takes, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// The requests that are its own.
    #[serde(skip_serializing_if = "List::is_empty")]
    pub matches: List<RouteMatch>,
    /// Why it gets the requests it gets, or none.
    pub reason: Reason,
    /// The rollout that its Service is to name in a label, so that its `EndpointSlices` do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// What a version is in a release.
///
/// ```
/// use iter8_core::Role;
///
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::default());
/// assert_eq!((&plan.versions[0].role, &plan.versions[1].role), (&Role::Primary, &Role::Candidate));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Role {
    /// The first of the declared versions.
    Primary,
    /// Another declared version.
    Candidate,
    /// It has left the document.
    Removed(Removal),
}

/// How far the removal of a version is.
///
/// ```
/// use iter8_core::{Removal, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// // A version that is not in the document any more, and that no live route names.
/// let mut observation = Observation::all_ready(&release);
/// let mut seen = VersionObservation::ready(&release.candidates()[0]);
/// seen.service.as_mut().ok_or("none")?.name = "old".parse()?;
/// observation.versions.insert("old".parse()?, seen);
/// let plan = plan(&release, &observation);
/// let (version, removal) = plan.removed().next().ok_or("nothing is removed")?;
/// assert_eq!((version.name.as_str(), removal), ("old", Removal::DrainBegins));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Removal {
    /// It stays and serves until what replaces it is ready.
    Retained,
    /// The route without it is being written, or its parents have not accepted it yet.
    Leaving,
    /// The route is without it: the drain begins now and is to be recorded.
    DrainBegins,
    /// Requests under way may finish until this moment.
    Draining {
        /// The end of the drain.
        until: Timestamp,
    },
    /// Nothing needs it any more: its objects are to be deleted.
    Due,
}

impl Removal {
    /// Whether the drain has begun. Where it has not (any more), the next one begins anew: nothing may say that there
    /// was one.
    ///
    /// ```
    /// use iter8_core::Removal;
    ///
    /// assert!(Removal::DrainBegins.drains() && !Removal::Retained.drains());
    /// ```
    #[must_use]
    pub const fn drains(&self) -> bool {
        match self {
            Self::Retained | Self::Leaving => false,
            Self::DrainBegins | Self::Draining { .. } | Self::Due => true,
        }
    }
}

impl Role {
    /// The role in one word.
    ///
    /// ```
    /// assert_eq!(iter8_core::Role::Primary.as_str(), "primary");
    /// ```
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Candidate => "candidate",
            Self::Removed(_) => "removed",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RoutePlan {
    /// The rules; none where there is no route.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert!(plan(&release, &Observation::default()).rules().is_empty(), "the primary is not ready");
    /// assert_eq!(plan(&release, &Observation::all_ready(&release)).rules().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rules(&self) -> &[PlannedRule] {
        self.route.as_ref().map_or(&[], |route| &route.rules)
    }

    /// The versions that have left the document, with how far their removal is.
    ///
    /// ```
    /// use iter8_core::VersionObservation;
    ///
    #[doc = include_str!("example_release.txt")]
    /// let mut observation = Observation::all_ready(&release);
    /// observation.versions.insert("old".parse()?, VersionObservation::ready(release.primary()));
    /// let plan = plan(&release, &observation);
    /// assert_eq!(plan.removed().map(|(version, _)| version.name.as_str()).collect::<Vec<_>>(), ["old"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn removed(&self) -> impl Iterator<Item = (&PlannedVersion, Removal)> {
        self.versions.iter().filter_map(|version| match version.role {
            Role::Removed(removal) => Some((version, removal)),
            Role::Primary | Role::Candidate => None,
        })
    }

    /// The versions of the document.
    ///
    /// ```
    /// use iter8_core::VersionObservation;
    ///
    #[doc = include_str!("example_release.txt")]
    /// let mut observation = Observation::all_ready(&release);
    /// observation.versions.insert("old".parse()?, VersionObservation::ready(release.primary()));
    /// let plan = plan(&release, &observation);
    /// assert_eq!(plan.declared().map(|version| version.name.as_str()).collect::<Vec<_>>(), ["web-0", "web-1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn declared(&self) -> impl Iterator<Item = &PlannedVersion> {
        self.versions.iter().filter(|version| match version.role {
            Role::Primary | Role::Candidate => true,
            Role::Removed(_) => false,
        })
    }
}
