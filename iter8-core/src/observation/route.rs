//! The live routes of a release, in the core's terms.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use super::Timestamp;
use crate::filter::{RouteFilter, Timeouts};
use crate::name::{Hostname, ServiceName};
use crate::parent_ref::ParentRef;
use crate::release::Protocol;
use crate::route_match::RouteMatch;
use crate::shared::{List, Text};
use crate::weight::{Percent, Port, Weight};

/// The live routes of a release, read back by its routing backend: those of one protocol.
///
/// ```
/// use iter8_core::{ObservedBackend, ObservedRule, Port, RouteObservation, Weight};
///
#[doc = include_str!("../example_release.txt")]
/// let backend = ObservedBackend { service: "web-0".parse()?, port: Port::HTTP, weight: Weight::ONE };
/// let default_rule = ObservedRule { backends: vec![backend], ..ObservedRule::default() };
/// let route = RouteObservation { rules: vec![default_rule], ..RouteObservation::default() };
/// let observation = Observation { route: Some(route), ..Observation::default() };
///
/// let reason = plan(&release, &observation).rules()[0].reason.to_string();
/// assert!(reason.contains("the primary keeps its rule though it is not ready"), "{reason}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouteObservation {
    /// The protocol of the routes.
    pub protocol: Protocol,
    /// The routes of the other protocol, while both are there: the protocol is being changed.
    pub other: Option<Box<Self>>,
    /// The rules, in the order of the front Service's route.
    pub rules: Vec<ObservedRule>,
    /// The Services that any of the live routes sends or copies requests to, with whatever weight.
    pub named: BTreeSet<ServiceName>,
    /// When a route was written last: by this moment, and at most
    /// [`WRITTEN_WITHIN_SECONDS`](Self::WRITTEN_WITHIN_SECONDS) before it, since the API has whole seconds only.
    pub written: Option<Timestamp>,
    /// What the parents of the routes say.
    pub parents: Vec<ParentReport>,
    /// What was written of the Gateways' route, nothing where there is none; `None` where the backend does not tell. Then
    /// Gateways that leave the document leave the route at once.
    pub gateways: Option<GatewaysObservation>,
}

impl RouteObservation {
    /// How long before [`written`](Self::written) a route may have been written.
    pub const WRITTEN_WITHIN_SECONDS: u32 = 1;

    /// The routes of this protocol, else those that there are; and the other ones.
    ///
    /// ```
    /// use iter8_core::{Protocol, RouteObservation};
    ///
    /// let http = RouteObservation::default();
    /// assert_eq!(http.of(Protocol::Grpc), (&http, None), "there is no other route");
    /// let other = Some(Box::new(RouteObservation { protocol: Protocol::Grpc, ..RouteObservation::default() }));
    /// let both = RouteObservation { other, ..http };
    /// assert_eq!(both.of(Protocol::Grpc).0.protocol, Protocol::Grpc);
    /// ```
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> (&Self, Option<&Self>) {
        match self.other.as_deref() {
            Some(other) if self.protocol != protocol => (other, Some(self)),
            other => (self, other),
        }
    }
}

/// Who gets the Gateways' route, as it was written last. Changes by other hands are no part of it: they are repaired.
///
/// ```
/// use iter8_core::{GatewaysObservation, ObservedGateway, Release, Document, Verdict};
///
/// let document = Document::from_yaml("gateway: edge\napplication: {}")?;
/// let parent = Release::from_document(&document).0.gateways.remove(0);
/// let written = GatewaysObservation {
///     parents: vec![ObservedGateway { parent, verdict: Verdict::Silent }],
///     hostnames: vec!["shop.example.com".parse()?],
///     draining_since: None,
/// };
/// assert_ne!(written, GatewaysObservation::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewaysObservation {
    /// Its parents, in order.
    pub parents: Vec<ObservedGateway>,
    /// Its hostnames, in order.
    pub hostnames: Vec<Hostname>,
    /// Since when those drain that have left the document.
    pub draining_since: Option<Timestamp>,
}

/// A parent of the live Gateways' route.
///
/// ```
/// use iter8_core::{Document, ObservedGateway, Release, Verdict};
///
/// let document = Document::from_yaml("gateway: edge\napplication: {}")?;
/// let parent = Release::from_document(&document).0.gateways.remove(0);
/// let seen = ObservedGateway { parent, verdict: Verdict::Accepted };
/// assert_eq!(seen.parent.name.as_str(), "edge");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedGateway {
    /// The parent, as it was declared.
    pub parent: ParentRef,
    /// What it says of the route as it is now.
    pub verdict: Verdict,
}

/// A live rule.
///
/// ```
/// use iter8_core::{ObservedRule, RouteMatch};
///
/// let rule = ObservedRule { matches: [RouteMatch::header("traffic", "test")].into(), ..ObservedRule::default() };
/// assert!(rule.backends.is_empty() && !rule.altered);
/// ```
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
///
/// ```
/// use iter8_core::{ObservedBackend, Port, Weight};
///
/// let backend = ObservedBackend { service: "web-0".parse()?, port: Port::HTTP, weight: Weight::ONE };
/// assert_eq!(backend.service.as_str(), "web-0");
/// # Ok::<(), iter8_core::InvalidNameError>(())
/// ```
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
///
/// ```
/// use iter8_core::{ObservedMirror, Percent, Port};
///
/// let mirror = ObservedMirror { service: "web-1".parse()?, port: Port::HTTP, percent: Percent::ALL };
/// assert_eq!(mirror.percent.get(), 100);
/// # Ok::<(), iter8_core::InvalidNameError>(())
/// ```
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
///
/// ```
/// use iter8_core::{ParentReport, Verdict};
///
/// let verdict = Verdict::Refused { reason: "NoMatchingParent".into(), message: "no such port".into() };
/// let report = ParentReport { parent: "Service test/web:80".into(), is_gateway: false, verdict };
/// assert_eq!(report.to_string(), "Service test/web:80 refuses the route: NoMatchingParent: no such port");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentReport {
    /// The parent, in words.
    pub parent: Text,
    /// Whether it is a Gateway, which takes routes of one kind for a hostname, and no Service of the mesh.
    pub is_gateway: bool,
    /// What it says of the route as it is now.
    pub verdict: Verdict,
}

/// What it says, where that is a refusal: `Service test/web:80 refuses the route: Reason: message`.
impl fmt::Display for ParentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parent, is_gateway: _, verdict } = self;
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
///
/// ```
/// use iter8_core::{ParentReport, Verdict};
///
/// let report = ParentReport { parent: "Gateway test/edge".into(), is_gateway: true, verdict: Verdict::Stale };
/// assert_eq!(report.to_string(), "Gateway test/edge has not yet said anything of the route");
/// ```
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
