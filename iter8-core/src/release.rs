//! The declared input: a release document, read but not yet validated.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::filter::{FilterType, RouteFilter, Timeouts};
use crate::name::{Hostname, Namespace, ObjectName, ServiceName, VersionName};
use crate::notice::Notice;
use crate::parent_ref::ParentRef;
use crate::route_match::RouteMatch;
use crate::weight::{Percent, Port, Weight};
use crate::{Fields, Value};

/// Which Release a document belongs to: what Helm calls the release's name and namespace.
///
/// ```
/// use iter8_core::ReleaseKey;
///
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// assert_eq!(key.to_string(), "test/web");
/// # Ok::<(), iter8_core::InvalidNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseKey {
    /// The name of the Release.
    pub name: ObjectName,
    /// The namespace of the Release and of everything it owns.
    pub namespace: Namespace,
}

impl core::fmt::Display for ReleaseKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What kind of workload the versions are.
///
/// ```
/// use iter8_core::{Document, Environment, Release};
///
/// let document = Document::from_yaml("environment: deployment\napplication: {}")?;
/// assert_eq!(Release::from_document(&document).0.environment, Some(Environment::Deployment));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Environment {
    /// Deployments and Services with routing by Gateway API routes.
    #[default]
    DeploymentGtw,
    /// Deployments and Services without routing.
    Deployment,
}

/// How requests are spread over the versions.
///
/// ```
/// use iter8_core::Strategy;
///
/// assert_eq!(Strategy::BlueGreen.to_string(), "blue-green");
/// assert_eq!(Strategy::default(), Strategy::None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// No route: the versions are deployed, the front Service leads to the primary.
    #[default]
    None,
    /// Requests that match a candidate's `matches` go to it, all others to the primary.
    Canary,
    /// Requests are split by weight.
    BlueGreen,
    /// The primary answers every request; the candidates get copies.
    Mirror,
}

impl Strategy {
    /// The strategy as it is written in a document.
    ///
    /// ```
    /// assert_eq!(iter8_core::Strategy::Canary.as_str(), "canary");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Canary => "canary",
            Self::BlueGreen => "blue-green",
            Self::Mirror => "mirror",
        }
    }
}

impl core::fmt::Display for Strategy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the requests are, and so which kind of route there is.
///
/// ```
/// use iter8_core::{Document, Protocol, Release};
///
/// let document = Document::from_yaml("application: {protocol: grpc}")?;
/// assert_eq!(Release::from_document(&document).0.application.protocol, Some(Protocol::Grpc));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP requests, by an HTTPRoute.
    #[default]
    Http,
    /// gRPC requests, by a GRPCRoute.
    Grpc,
}

impl Protocol {
    /// The protocol as it is written in a document.
    ///
    /// ```
    /// assert_eq!(iter8_core::Protocol::Grpc.as_str(), "grpc");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }

    /// The kind of its routes.
    ///
    /// ```
    /// assert_eq!(iter8_core::Protocol::Grpc.route_kind(), "GRPCRoute");
    /// ```
    #[must_use]
    pub const fn route_kind(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the form that serde's skip_serializing_if asks for"
    )]
    pub(crate) fn is_http(&self) -> bool {
        *self == Self::Http
    }
}

impl core::fmt::Display for Protocol {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A release document as declared; [`validate`](crate::validate) makes a plannable release of it.
///
/// Absent fields are `None`. Read it from a document with [`Release::from_document`],
/// or build it in code:
///
/// ```
/// use iter8_core::{Application, Capabilities, Environment, Release, ReleaseKey, Strategy, Version, validate};
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
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let valid = validate(&key, &release, &Capabilities::specification())?;
/// assert_eq!(valid.primary().service.as_str(), "web-0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Release {
    /// `environment`, required.
    pub environment: Option<Environment>,
    /// `gateway`: Gateways that also get the routes.
    pub gateways: Vec<ParentRef>,
    /// `hostnames` of the Gateway's route; without any, those of the application's front Service.
    pub hostnames: Vec<Hostname>,
    /// `application`.
    pub application: Application,
    /// What has no effect any more but is accepted.
    pub warnings: Vec<Notice>,
}

/// `application`: what the versions have in common.
///
/// ```
/// use iter8_core::{Application, Document, Release};
///
/// let document = Document::from_yaml("environment: deployment\napplication: {metadata: {name: shop}, servicePort: 8080}")?;
/// let application: Application = Release::from_document(&document).0.application;
/// assert_eq!(application.name.as_deref(), Some("shop"));
/// assert_eq!(application.service_port.map(|port| port.get()), Some(8080));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Application {
    /// `metadata.name`; the name of the front Service and of the route. Default: the name of the Release.
    pub name: Option<ServiceName>,
    /// `metadata.namespace`; where given, it must be that of the Release.
    pub namespace: Option<Namespace>,
    /// `metadata.labels` of all owned objects.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` of all owned objects.
    pub annotations: BTreeMap<String, String>,
    /// `port`: the default port of the versions.
    pub port: Declared<Port>,
    /// `servicePort`: the port of the front Service, default 80.
    pub service_port: Option<Port>,
    /// `protocol`, default http.
    pub protocol: Option<Protocol>,
    /// `drainSeconds`: how long a version keeps its Pods after the route has left it, default 5.
    pub drain_seconds: Option<u32>,
    /// `strategy`, default none.
    pub strategy: Option<Strategy>,
    /// `route`: the user's own on the routes.
    pub route: RouteOptions,
    /// `versions`: the primary first, then the candidates.
    pub versions: Vec<Version>,
}

/// `application.route`: the user's own on the routes, in every rule.
///
/// ```
/// use iter8_core::{Document, Release};
///
/// let document = Document::from_yaml("application: {route: {timeouts: {request: 10s}}}")?;
/// let options = Release::from_document(&document).0.application.route;
/// assert_eq!(options.timeouts.request, Some("10s".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteOptions {
    /// `labels` of the routes, over those of the application.
    pub labels: BTreeMap<String, String>,
    /// `annotations` of the routes, over those of the application.
    pub annotations: BTreeMap<String, String>,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `filters`.
    pub filters: Vec<DeclaredFilter>,
}

/// An entry of `application.route.filters`.
///
/// ```
/// use iter8_core::{DeclaredFilter, Document, FilterType, Release};
///
/// let document = Document::from_yaml("application: {route: {filters: [{type: RequestRedirect}]}}")?;
/// let options = Release::from_document(&document).0.application.route;
/// assert_eq!(options.filters, [DeclaredFilter::Unsupported(FilterType::RequestRedirect)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredFilter {
    /// One that a release can have, where the mesh has it.
    Supported(RouteFilter),
    /// One that validation refuses.
    Unsupported(FilterType),
    /// One that could not be read, in whose place nothing else stands.
    Unread,
}

/// One entry of `application.versions`.
///
/// ```
/// use iter8_core::{RouteMatch, Version};
///
/// let candidate = Version {
///     image: Some("web:2".into()),
///     matches: vec![RouteMatch::header("traffic", "test")],
///     ..Version::default()
/// };
/// assert_eq!(candidate.name, None, "validation names it APPLICATION-INDEX");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Version {
    /// `metadata.name`, default `APPLICATION-INDEX`.
    pub name: Option<VersionName>,
    /// `metadata.namespace`; where given, it must be that of the Release.
    pub namespace: Option<Namespace>,
    /// `metadata.labels` of the Deployment and the Service, over those of the application.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` of the Deployment and the Service, over those of the application.
    pub annotations: BTreeMap<String, String>,
    /// `image`; required unless there is a `deploymentSpecification`.
    pub image: Option<String>,
    /// `port` of the container and the Service.
    pub port: Declared<Port>,
    /// `weight`, for strategy blue-green; default 50.
    pub weight: Option<Weight>,
    /// `mirrorPercent`, for strategy mirror: the share of requests that is copied; default 100.
    pub mirror_percent: Option<Percent>,
    /// `matches`, for strategy canary; default: header `traffic: test`.
    pub matches: Vec<RouteMatch>,
    /// `replicas` of the Deployment.
    pub replicas: Option<u32>,
    /// `readinessProbe` of the container, carried verbatim.
    pub readiness_probe: Option<Value>,
    /// `resources` of the container, carried verbatim.
    pub resources: Option<Value>,
    /// `env` of the container, carried verbatim.
    pub env: Option<Value>,
    /// `deploymentSpecification`: replaces the generated Deployment.
    pub deployment: Option<Specification>,
    /// `serviceSpecification`: replaces the generated Service.
    pub service: Option<Specification>,
}

/// A user's own Deployment or Service.
///
/// ```
/// use iter8_core::{Document, Release};
///
/// let document = Document::from_yaml(
///     "application: {versions: [{deploymentSpecification: {metadata: {name: own}, spec: {replicas: 3}}}]}",
/// )?;
/// let release = Release::from_document(&document).0;
/// let deployment = release.application.versions[0].deployment.as_ref().ok_or("none")?;
/// assert_eq!(deployment.name.as_deref(), Some("own"));
/// assert!(deployment.spec.as_ref().is_some_and(|spec| spec.contains_key("replicas")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Specification {
    /// `metadata.name`, default the version's name.
    pub name: Option<ObjectName>,
    /// `metadata.namespace`; where given, it must be that of the Release.
    pub namespace: Option<Namespace>,
    /// `metadata.labels`, over the version's.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, over the version's.
    pub annotations: BTreeMap<String, String>,
    /// What else `metadata` has, carried verbatim.
    pub metadata: Fields,
    /// `spec`, carried verbatim; required.
    pub spec: Option<Fields>,
}

/// A field whose explicit null means something else than its absence.
///
/// Only `port` is one: null takes an inherited port away.
///
/// ```
/// use iter8_core::{Declared, Document, Release};
///
/// let document = Document::from_yaml("application: {port: 80, versions: [{port: null}, {}]}")?;
/// let versions = Release::from_document(&document).0.application.versions;
/// assert_eq!((versions[0].port, versions[1].port), (Declared::Null, Declared::Absent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Declared<T> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is there and null.
    Null,
    /// The field has this value.
    Value(T),
}
