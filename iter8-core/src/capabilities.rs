//! What a mesh can do, as data.

use alloc::vec::Vec;

use crate::filter::FilterType;
use crate::release::Protocol;
use crate::route_match::{GrpcMatch, HttpMatch, PathMatchType, RouteMatch, ValueMatch, ValueMatchType};

/// How a mesh chooses among rules that match the same request.
///
/// ```
/// use iter8_core::{Capabilities, Precedence};
///
/// assert_eq!(Capabilities::specification().http.precedence, Precedence::Specification);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precedence {
    /// As the Gateway API has it. HTTP: exact path, longest prefix, method, number of headers, number of query
    /// parameters. gRPC: characters of the service, characters of the method, number of headers.
    Specification,
    /// As linkerd2-proxy has it for HTTP: length of the path, headers, query parameters, method.
    PathLengthFirst,
    /// As Cilium has it for gRPC, where a method of any service is a regular expression and comes before a service
    /// with any method.
    MethodOfAnyServiceFirst,
}

/// How much fits into a route.
///
/// ```
/// use iter8_core::{Capabilities, Document, Limits, ReleaseKey, declare};
///
/// let capabilities =
///     Capabilities { limits: Limits { rules: 2, ..Limits::HTTP_ROUTE }, ..Capabilities::specification() };
/// let document = Document::from_yaml(
///     "environment: deployment-gtw
/// application: {strategy: canary, versions: [{image: 'web:1'}, {image: 'web:2'}, {image: 'web:3'}]}",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// assert!(declare(&key, &document, &capabilities).is_err(), "three versions need three rules");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rules.
    pub rules: usize,
    /// Matches of one rule.
    pub matches_per_rule: usize,
    /// Matches of all rules together.
    pub matches: usize,
    /// Hostnames.
    pub hostnames: usize,
    /// Backends of one rule.
    pub backends_per_rule: usize,
}

impl Limits {
    /// Those of an `HTTPRoute` of the Gateway API v1.5, by the validation of its CRD; a `GRPCRoute` has the same.
    pub const HTTP_ROUTE: Self =
        Self { rules: 16, matches_per_rule: 64, matches: 128, hostnames: 16, backends_per_rule: 16 };
}

/// The parents that routes of a mesh can have.
///
/// ```
/// use iter8_core::{Capabilities, Parents};
///
/// let mesh_only = Capabilities { parents: Parents { service: true, gateway: false }, ..Capabilities::specification() };
/// assert!(!mesh_only.parents.gateway);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parents {
    /// Services, by which requests in the mesh are routed (GEP-1426).
    pub service: bool,
    /// Gateways, the mesh's own or those of another implementation beside it.
    pub gateway: bool,
}

/// The kinds of condition that a match can have.
///
/// ```
/// use iter8_core::{Capabilities, MatchKind};
///
/// assert!(Capabilities::specification().http.matches.contains(&MatchKind::PathRegularExpression));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MatchKind {
    /// Exact path.
    PathExact,
    /// Path prefix.
    PathPrefix,
    /// Path by regular expression.
    PathRegularExpression,
    /// HTTP method.
    Method,
    /// Header with an exact value.
    HeaderExact,
    /// Header by regular expression.
    HeaderRegularExpression,
    /// Query parameter with an exact value.
    QueryParamExact,
    /// Query parameter by regular expression.
    QueryParamRegularExpression,
    /// gRPC service and method by name.
    GrpcMethodExact,
    /// gRPC service and method by regular expression.
    GrpcMethodRegularExpression,
}

impl MatchKind {
    /// Every kind that an HTTPRoute has.
    pub const HTTP: [Self; 8] = [
        Self::PathExact,
        Self::PathPrefix,
        Self::PathRegularExpression,
        Self::Method,
        Self::HeaderExact,
        Self::HeaderRegularExpression,
        Self::QueryParamExact,
        Self::QueryParamRegularExpression,
    ];

    /// Every kind that a GRPCRoute has.
    pub const GRPC: [Self; 4] = [
        Self::GrpcMethodExact,
        Self::GrpcMethodRegularExpression,
        Self::HeaderExact,
        Self::HeaderRegularExpression,
    ];

    /// The kind in words.
    ///
    /// ```
    /// assert_eq!(iter8_core::MatchKind::PathPrefix.as_str(), "a path prefix");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PathExact => "an exact path",
            Self::PathPrefix => "a path prefix",
            Self::PathRegularExpression => "a path by regular expression",
            Self::Method => "a method",
            Self::HeaderExact => "a header",
            Self::HeaderRegularExpression => "a header by regular expression",
            Self::QueryParamExact => "a query parameter",
            Self::QueryParamRegularExpression => "a query parameter by regular expression",
            Self::GrpcMethodExact => "a gRPC method",
            Self::GrpcMethodRegularExpression => "a gRPC method by regular expression",
        }
    }

    /// The kinds of condition that a match has, each with its field and index in the match.
    pub(crate) fn of(entry: &RouteMatch) -> Vec<(Self, &'static str, Option<usize>)> {
        let mut kinds = Vec::new();
        let values = |entries: &[ValueMatch], field, exact, expression| {
            let kind = move |entry: &ValueMatch| match entry.kind {
                ValueMatchType::Exact => exact,
                ValueMatchType::RegularExpression => expression,
            };
            let entries = entries.iter().enumerate();
            entries.map(|(index, entry)| (kind(entry), field, Some(index))).collect::<Vec<_>>()
        };
        match entry {
            RouteMatch::Http(HttpMatch { path, method, query_params, .. }) => {
                kinds.extend(path.iter().map(|path| match path.kind {
                    PathMatchType::Exact => (Self::PathExact, "path", None),
                    PathMatchType::PathPrefix => (Self::PathPrefix, "path", None),
                    PathMatchType::RegularExpression => (Self::PathRegularExpression, "path", None),
                }));
                kinds.extend(method.map(|_| (Self::Method, "method", None)));
                let expression = Self::QueryParamRegularExpression;
                kinds.extend(values(query_params, "queryParams", Self::QueryParamExact, expression));
            }
            RouteMatch::Grpc(GrpcMatch { method, .. }) => {
                kinds.extend(method.iter().map(|method| match method.kind {
                    ValueMatchType::Exact => (Self::GrpcMethodExact, "method", None),
                    ValueMatchType::RegularExpression => (Self::GrpcMethodRegularExpression, "method", None),
                }));
            }
        }
        kinds.extend(values(entry.headers(), "headers", Self::HeaderExact, Self::HeaderRegularExpression));
        kinds
    }
}

/// What becomes of the timeouts of a rule.
///
/// ```
/// use iter8_core::{RouteCapabilities, TimeoutSupport};
///
/// assert_eq!(RouteCapabilities::HTTP.timeouts, TimeoutSupport::Kept);
/// assert!(matches!(RouteCapabilities::GRPC.timeouts, TimeoutSupport::Missing(_)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutSupport {
    /// The mesh keeps them.
    Kept,
    /// The mesh does not look at them; this is what to write instead.
    Ignored(&'static str),
    /// This kind of route has none; this is what to write instead.
    Missing(&'static str),
}

/// What a mesh can do with routes of one kind.
///
/// ```
/// use iter8_core::{FilterType, RouteCapabilities};
///
/// /// Of a mesh that copies requests and has no other filter.
/// const ROUTES: RouteCapabilities =
///     RouteCapabilities { filters: &[FilterType::RequestMirror], backend_filters: &[], ..RouteCapabilities::HTTP };
/// assert!(ROUTES.has(FilterType::RequestMirror) && !ROUTES.has_on_backends(FilterType::RequestMirror));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteCapabilities {
    /// How the mesh chooses among rules.
    pub precedence: Precedence,
    /// The filters that a rule can have.
    pub filters: &'static [FilterType],
    /// The filters that a backendRef can have.
    pub backend_filters: &'static [FilterType],
    /// Whether a share of the requests can be copied, and not only all of them.
    pub mirror_percent: bool,
    /// The kinds of condition that a match can have.
    pub matches: &'static [MatchKind],
    /// What becomes of timeouts.
    pub timeouts: TimeoutSupport,
    /// The `appProtocol` that ports of Services need for these routes.
    pub app_protocol: Option<&'static str>,
    /// Whether the default rule has to say in a match without conditions that it takes every request.
    pub explicit_default: bool,
}

impl RouteCapabilities {
    /// Everything that the Gateway API specifies for an HTTPRoute.
    pub const HTTP: Self = Self {
        precedence: Precedence::Specification,
        filters: &FilterType::ALL,
        backend_filters: &FilterType::ALL,
        mirror_percent: true,
        matches: &MatchKind::HTTP,
        timeouts: TimeoutSupport::Kept,
        app_protocol: None,
        explicit_default: false,
    };

    /// Everything that the Gateway API specifies for a GRPCRoute. Its Services speak HTTP/2 without TLS (GEP-1911).
    pub const GRPC: Self = Self {
        filters: &FilterType::GRPC,
        backend_filters: &FilterType::GRPC,
        matches: &MatchKind::GRPC,
        timeouts: TimeoutSupport::Missing("leave it out"),
        app_protocol: Some("kubernetes.io/h2c"),
        ..Self::HTTP
    };

    /// Whether a rule can have this filter.
    ///
    /// ```
    /// use iter8_core::{FilterType, RouteCapabilities};
    ///
    /// assert!(RouteCapabilities::HTTP.has(FilterType::Cors));
    /// assert!(!RouteCapabilities::GRPC.has(FilterType::Cors));
    /// ```
    #[must_use]
    pub fn has(&self, filter: FilterType) -> bool {
        self.filters.contains(&filter)
    }

    /// Whether a backendRef can have this filter.
    ///
    /// ```
    /// use iter8_core::{FilterType, RouteCapabilities};
    ///
    /// assert!(RouteCapabilities::HTTP.has_on_backends(FilterType::ResponseHeaderModifier));
    /// ```
    #[must_use]
    pub fn has_on_backends(&self, filter: FilterType) -> bool {
        self.backend_filters.contains(&filter)
    }
}

/// What a routing backend and the mesh behind it can do. Whether a release is valid depends on it.
///
/// ```
/// use iter8_core::{Capabilities, Document, ReleaseKey, declare};
///
/// let without_grpc = Capabilities { mesh: "example", grpc: None, ..Capabilities::specification() };
/// let document = Document::from_yaml(
///     "environment: deployment-gtw\napplication: {strategy: canary, protocol: grpc, versions: [{image: 'web:1'}]}",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let error = declare(&key, &document, &without_grpc).unwrap_err();
/// assert!(error.to_string().contains("application.protocol"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The name of the mesh, for messages.
    pub mesh: &'static str,
    /// The parents that routes can have.
    pub parents: Parents,
    /// What it can do with routes of HTTP requests.
    pub http: RouteCapabilities,
    /// What it can do with routes of gRPC requests; `None` if it has none.
    pub grpc: Option<RouteCapabilities>,
    /// How much fits into a route.
    pub limits: Limits,
    /// The label that leads the requests to a Service over a proxy that routes, where that is not given.
    pub waypoint_label: Option<&'static str>,
}

impl Capabilities {
    /// A mesh that does everything the Gateway API specifies.
    ///
    /// ```
    /// use iter8_core::{Capabilities, FilterType};
    ///
    /// assert!(FilterType::ALL.into_iter().all(|filter| Capabilities::specification().http.has(filter)));
    /// ```
    #[must_use]
    pub const fn specification() -> Self {
        Self {
            mesh: "gateway",
            parents: Parents { service: true, gateway: true },
            http: RouteCapabilities::HTTP,
            grpc: Some(RouteCapabilities::GRPC),
            limits: Limits::HTTP_ROUTE,
            waypoint_label: None,
        }
    }

    /// What the mesh can do with routes of these requests; `None` if it has no such routes.
    ///
    /// ```
    /// use iter8_core::{Capabilities, Protocol, RouteCapabilities};
    ///
    /// assert_eq!(Capabilities::specification().of(Protocol::Grpc), Some(&RouteCapabilities::GRPC));
    /// ```
    #[must_use]
    pub const fn of(&self, protocol: Protocol) -> Option<&RouteCapabilities> {
        match protocol {
            Protocol::Http => Some(&self.http),
            Protocol::Grpc => self.grpc.as_ref(),
        }
    }
}
