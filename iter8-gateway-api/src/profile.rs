//! Meshes as data: what each of them does with a route.
//!
//! Each fact has its source and its version. Where none is found, the profile says the careful thing and why. Nothing is
//! known by the name of a mesh elsewhere.
//!
//! That ports of gRPC Services need `kubernetes.io/h2c` is GEP-1911 (conformance: `HTTPRouteBackendProtocolH2C`), for
//! every mesh that is not said to need another; no source of Linkerd's or Istio's own was found that says otherwise.
//!
//! Routes of a Service have no hostnames here, so it does not matter that only some meshes look at them.

use std::str::FromStr;

use iter8_core::{
    Capabilities, FilterType, Limits, MatchKind, Parents, Precedence, RouteCapabilities, TimeoutSupport,
};

/// The parents of every mesh: its Services, and Gateways of whatever implementation there is. That routes can be at Services
/// was measured for Linkerd; Istio and Cilium say so by MESH profiles in the reports named below, Cilium also at
/// docs.cilium.io/en/stable/network/servicemesh/gateway-api/gamma, Kuma since 2.3 (konghq.com/blog/engineering/gamma-and-kuma).
const BOTH: Parents = Parents { service: true, gateway: true };

/// Linkerd, measured and read on its main branch of August 2026 (policy controller and linkerd2-proxy); the commits were
/// not noted.
const LINKERD: Capabilities = Capabilities {
    mesh: "linkerd",
    // It has no Gateways of its own; an ingress of another implementation forwards into the mesh.
    parents: BOTH,
    http: RouteCapabilities {
        // Measured, in this order: length of the path, headers, query parameters, method. Commit 3865944 of linkerd2-proxy,
        // http/route/src/http/match.rs, has path, method, headers, query parameters; the measured holds.
        precedence: Precedence::PathLengthFirst,
        // policy-controller, outbound/index/http.rs, `convert_gateway_filter`: the others are refused.
        filters: &LINKERD_FILTERS,
        backend_filters: &LINKERD_FILTERS,
        // The same file takes timeouts from annotations of the route only.
        timeouts: TimeoutSupport::Ignored(LINKERD_TIMEOUTS),
        ..RouteCapabilities::HTTP
    },
    grpc: Some(RouteCapabilities {
        // linkerd2-proxy, http/route/src/grpc/match.rs: characters of service, of method, headers, as specified.
        filters: &[FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier],
        backend_filters: &[FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier],
        // policy-controller, routes/grpc.rs, `try_match`: "unsupported GRPCRoute method match type".
        matches: &[MatchKind::GrpcMethodExact, MatchKind::HeaderExact, MatchKind::HeaderRegularExpression],
        timeouts: TimeoutSupport::Missing(LINKERD_TIMEOUTS),
        ..RouteCapabilities::GRPC
    }),
    limits: Limits::HTTP_ROUTE,
    waypoint_label: None,
};

const LINKERD_FILTERS: [FilterType; 3] =
    [FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier, FilterType::RequestRedirect];

const LINKERD_TIMEOUTS: &str =
    "write the annotation `timeout.linkerd.io/request` in `application.route.annotations`";

/// Istio with sidecars: release 1.28 (its conformance report for the Gateway API v1.4.0) and
/// pilot/pkg/config/kube/gateway/conversion.go of that time.
const ISTIO: Capabilities = Capabilities {
    mesh: "istio",
    parents: BOTH,
    http: RouteCapabilities {
        // `sortHTTPRoutes`: exact path, prefix by length, method, headers, query parameters, as specified.
        precedence: Precedence::Specification,
        // `convertHTTPRoute` refuses ExtensionRef.
        filters: &ISTIO_FILTERS,
        // The same file, `convertHTTPRoute`, takes timeouts of a rule, and `createMirrorFilter` a percentage of a mirror.
        // MeshHTTPRouteBackendRequestHeaderModification is reported; response headers take the same way in
        // `buildHTTPDestination`. Nothing else is reported for backendRefs.
        backend_filters: &HEADER_MODIFIERS,
        // `getURIRank` puts a regular expression after every prefix, the `/` of the default rule, too: a candidate with
        // such a path would get nothing.
        matches: &HTTP_WITHOUT_PATH_EXPRESSIONS,
        ..RouteCapabilities::HTTP
    },
    grpc: Some(RouteCapabilities {
        // `createGRPCURIMatch` makes a path of the call: service and method exact, a service a prefix, a method a
        // regular expression; sorted as above that is the order of the specification.
        // `convertGRPCRoute` takes these three and refuses any other.
        filters: &GRPC_FILTERS,
        backend_filters: &HEADER_MODIFIERS,
        // Calls by regular expression all become paths by regular expression, ranked by their length.
        ..RouteCapabilities::GRPC
    }),
    limits: Limits::HTTP_ROUTE,
    waypoint_label: None,
};

/// Istio's ambient mode routes at a waypoint, which Services or namespaces are led to by a label
/// (istio.io/latest/docs/ambient/usage/waypoint, read for 1.28); the rest is as with sidecars.
const ISTIO_AMBIENT: Capabilities =
    Capabilities { mesh: "istio-ambient", waypoint_label: Some("istio.io/use-waypoint"), ..ISTIO };

const ISTIO_FILTERS: [FilterType; 6] = [
    FilterType::RequestHeaderModifier,
    FilterType::ResponseHeaderModifier,
    FilterType::RequestMirror,
    FilterType::RequestRedirect,
    FilterType::UrlRewrite,
    FilterType::Cors,
];

/// Cilium's service mesh: release 1.19 (its conformance report for the Gateway API v1.4.0) and
/// operator/pkg/model of that time.
const CILIUM: Capabilities = Capabilities {
    mesh: "cilium",
    parents: BOTH,
    http: RouteCapabilities {
        // translation/envoy_virtual_host.go, `SortableRoute`: exact path, regular expression, prefix, method, headers,
        // query parameters.
        precedence: Precedence::Specification,
        // HTTPRouteCORS is reported as unsupported, ExtensionRef is not implemented.
        filters: &CILIUM_FILTERS,
        // `getRouteAction` adds request and response headers of a backend to its weighted cluster.
        backend_filters: &HEADER_MODIFIERS,
        // All kinds of matches, as `SortableRoute` ranks them; no source was found that refuses one.
        // No source was found for timeouts in the mesh: they are kept in the route, as the specification has them.
        ..RouteCapabilities::HTTP
    },
    grpc: Some(RouteCapabilities {
        // ingestion/gateway.go, `toGRPCPathMatch`: a method without a service is a path by regular expression, a service
        // without a method a prefix.
        precedence: Precedence::MethodOfAnyServiceFirst,
        // MESH-GRPC is reported with its core features; mirrors are not among them.
        filters: &HEADER_MODIFIERS,
        backend_filters: &HEADER_MODIFIERS,
        ..RouteCapabilities::GRPC
    }),
    limits: Limits::HTTP_ROUTE,
    waypoint_label: None,
};

const CILIUM_FILTERS: [FilterType; 5] = [
    FilterType::RequestHeaderModifier,
    FilterType::ResponseHeaderModifier,
    FilterType::RequestMirror,
    FilterType::RequestRedirect,
    FilterType::UrlRewrite,
];

/// Kuma, pkg/plugins/runtime/k8s/controllers/gatewayapi: GRPCRoutes as of commit 010e698 (module v3), HTTPRoutes as of
/// commit 96250fc (module v2).
const KUMA: Capabilities = Capabilities {
    mesh: "kuma",
    parents: BOTH,
    http: RouteCapabilities {
        // MeshHTTPRoute, compare.go: exact path, prefix by length, method, headers, query parameters, as specified.
        precedence: Precedence::Specification,
        // http_route_conversion.go, `gapiToKumaMeshFilter`: any other filter is left out.
        filters: &CILIUM_FILTERS,
        // The same file reads no filters of backendRefs.
        backend_filters: &[],
        // It reads no percentage of a mirror either.
        mirror_percent: false,
        // compare.go puts a regular expression after every prefix, the `/` of the default rule, too.
        matches: &HTTP_WITHOUT_PATH_EXPRESSIONS,
        // It reads no timeouts of a rule.
        timeouts: TimeoutSupport::Ignored("declare a MeshTimeout"),
        // kuma.io/docs/2.9.x/policies/protocol-support-in-kuma (read for 2.9 only): any other port is opaque TCP.
        app_protocol: Some("http"),
        ..RouteCapabilities::HTTP
    },
    grpc: Some(RouteCapabilities {
        // grpc_route_conversion.go makes a path of the call, as Istio does. `gapiGRPCToKumaMeshFilter` refuses any other
        // filter, and reads the percentage of a mirror.
        filters: &GRPC_FILTERS,
        backend_filters: &[],
        timeouts: TimeoutSupport::Missing("declare a MeshTimeout"),
        app_protocol: Some("grpc"),
        // It makes the prefix `/` of a rule without matches, which comes before any match without a path: one on
        // headers only, or on a method of any service. A match without conditions comes last.
        explicit_default: true,
        ..RouteCapabilities::GRPC
    }),
    limits: Limits::HTTP_ROUTE,
    waypoint_label: None,
};

const HEADER_MODIFIERS: [FilterType; 2] =
    [FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier];

const GRPC_FILTERS: [FilterType; 3] =
    [FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier, FilterType::RequestMirror];

const HTTP_WITHOUT_PATH_EXPRESSIONS: [MatchKind; 7] = [
    MatchKind::PathExact,
    MatchKind::PathPrefix,
    MatchKind::Method,
    MatchKind::HeaderExact,
    MatchKind::HeaderRegularExpression,
    MatchKind::QueryParamExact,
    MatchKind::QueryParamRegularExpression,
];

/// The meshes that are known, the default first. The last is whatever follows the Gateway API v1.5: an ingress; the
/// Service's route is for a mesh that may be behind it, and does no harm where there is none.
const MESHES: [Capabilities; 6] =
    [LINKERD, ISTIO, ISTIO_AMBIENT, CILIUM, KUMA, Capabilities::specification()];

/// A mesh, by what it does with a route.
///
/// ```
/// use iter8_core::FilterType;
/// use iter8_gateway_api::MeshProfile;
///
/// assert_eq!(MeshProfile::default(), MeshProfile::linkerd());
/// assert!(!"linkerd".parse::<MeshProfile>()?.capabilities().http.has(FilterType::RequestMirror));
/// assert_eq!(
///     "isto".parse::<MeshProfile>().unwrap_err().to_string(),
///     "unknown mesh `isto`; known are `linkerd`, `istio`, `istio-ambient`, `cilium`, `kuma`, `gateway`"
/// );
/// # Ok::<(), iter8_gateway_api::UnknownMeshError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshProfile {
    capabilities: Capabilities,
}

impl MeshProfile {
    /// Linkerd: rules are chosen by the length of the path first, and requests are not copied.
    ///
    /// ```
    /// use iter8_core::Precedence;
    /// use iter8_gateway_api::MeshProfile;
    ///
    /// assert_eq!(MeshProfile::linkerd().capabilities().http.precedence, Precedence::PathLengthFirst);
    /// ```
    #[must_use]
    pub const fn linkerd() -> Self {
        Self { capabilities: LINKERD }
    }

    /// A mesh or gateway that does everything as the Gateway API specifies it.
    ///
    /// ```
    /// use iter8_core::Precedence;
    /// use iter8_gateway_api::MeshProfile;
    ///
    /// assert_eq!(MeshProfile::gateway().capabilities().http.precedence, Precedence::Specification);
    /// ```
    #[must_use]
    pub const fn gateway() -> Self {
        Self { capabilities: Capabilities::specification() }
    }

    /// The names that can be parsed, the default first.
    ///
    /// ```
    /// use iter8_gateway_api::MeshProfile;
    ///
    /// assert!(MeshProfile::names().all(|name| name.parse::<MeshProfile>().is_ok()));
    /// ```
    pub fn names() -> impl Iterator<Item = &'static str> {
        MESHES.into_iter().map(|capabilities| capabilities.mesh)
    }

    /// The name of the mesh.
    ///
    /// ```
    /// assert_eq!(iter8_gateway_api::MeshProfile::default().name(), "linkerd");
    /// ```
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.capabilities.mesh
    }

    /// What the mesh can do.
    ///
    /// ```
    /// use iter8_gateway_api::MeshProfile;
    ///
    /// let linkerd = MeshProfile::linkerd();
    /// assert_eq!(linkerd.capabilities().limits.rules, 16, "of an HTTPRoute");
    /// ```
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
}

/// Linkerd.
impl Default for MeshProfile {
    fn default() -> Self {
        Self::linkerd()
    }
}

/// By name.
impl FromStr for MeshProfile {
    type Err = UnknownMeshError;

    fn from_str(text: &str) -> Result<Self, UnknownMeshError> {
        let known = MESHES.into_iter().find(|capabilities| capabilities.mesh == text);
        known
            .map(|capabilities| Self { capabilities })
            .ok_or_else(|| UnknownMeshError { name: text.to_owned() })
    }
}

/// A name that no mesh profile has.
///
/// ```
/// use iter8_gateway_api::MeshProfile;
///
/// let error = "isto".parse::<MeshProfile>().unwrap_err();
/// assert!(error.to_string().starts_with("unknown mesh `isto`; known are `linkerd`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mesh `{name}`; known are {}", known())]
pub struct UnknownMeshError {
    name: String,
}

fn known() -> String {
    MeshProfile::names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
