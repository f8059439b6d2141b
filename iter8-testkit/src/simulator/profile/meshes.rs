//! The meshes. Each fact has its version and its source; what is not listed goes by the specification.

use super::{Expressions, Filters, Grpc, Matching, Others, Place, Profile, Repeated};

const EVERYTHING: Place = Place { has: None, others: Others::Unknown };

/// What the specification recommends, and Envoy does: of a header's values one text is made (RFC 9110, section 5.3; Envoy's
/// `HeaderUtility::getAllOfHeaderAsString`), of a query parameter's the first one counts. Regular expressions are anchored.
const AS_SPECIFIED: Matching = Matching {
    headers: Repeated::Joined,
    query_params: Repeated::First,
    expressions: Expressions::Anchored,
    grpc: Grpc::ContentType,
};

pub(super) const SPECIFICATION: Profile = Profile {
    mesh: "the specification",
    http: Filters { rules: EVERYTHING, backends: EVERYTHING, copies_all: false },
    grpc: Filters { rules: EVERYTHING, backends: EVERYTHING, copies_all: false },
    matching: AS_SPECIFIED,
    refuses_matches: false,
};

/// Linkerd: policy-controller/k8s/index/src of linkerd2 and linkerd/http/route/src of linkerd2-proxy, each file read at
/// the commit named.
pub(super) const LINKERD: Profile = Profile {
    mesh: "linkerd",
    // outbound/index/http.rs at 0407cc5f, `convert_gateway_rule`: the error of a filter is that of the route; at 009bec4f
    // outbound/index.rs, `apply`, logs it and leaves the index as it was. `convert_backend` makes a `Backend::Invalid` of
    // it ("unsupported backend filter").
    http: Filters {
        rules: Place { has: Some(&LINKERD_HTTP), others: Others::VoidRoute },
        backends: Place { has: Some(&LINKERD_HTTP), others: Others::FailBackend },
        copies_all: false,
    },
    // outbound/index/grpc.rs at 0407cc5f calls the same functions.
    grpc: Filters {
        rules: Place { has: Some(&HEADER_MODIFIERS), others: Others::VoidRoute },
        backends: Place { has: Some(&HEADER_MODIFIERS), others: Others::FailBackend },
        copies_all: false,
    },
    matching: Matching {
        // http/match/header.rs at cfbb562d: `get_all(n).iter().any(..)`.
        headers: Repeated::Any,
        // http/match/query_param.rs at da3e2bec: any pair of the query.
        query_params: Repeated::Any,
        // The same files and http/match/path.rs at 7cc8fefa: `find`, then start and end are compared.
        expressions: Expressions::Found,
        // grpc/match.rs at 18f31a1b looks at the method and the path; lib.rs at 38659448 has the "implicit match".
        grpc: Grpc::Post,
    },
    // routes/http.rs at 111fc98d: an expression that is none is an error of the route. routes/grpc.rs at 037300ae:
    // "unsupported GRPCRoute method match type".
    refuses_matches: true,
};

const LINKERD_HTTP: [&str; 3] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"];

const HEADER_MODIFIERS: [&str; 2] = ["RequestHeaderModifier", "ResponseHeaderModifier"];

/// Istio: release 1.28, pilot/pkg/config/kube/gateway/conversion.go; `route_collections.go` at f3c4b381.
pub(super) const ISTIO: Profile = Profile {
    mesh: "istio",
    // `convertHTTPRoute` and `buildHTTPDestination`: "unsupported filter type" is an error without a route, with which
    // `computeRoute` gives none of the object's ("This was a hard error").
    http: Filters {
        rules: Place { has: Some(&ISTIO_HTTP), others: Others::VoidRoute },
        backends: Place { has: Some(&HEADER_MODIFIERS), others: Others::VoidRoute },
        copies_all: false,
    },
    grpc: Filters {
        rules: Place { has: Some(&GRPC), others: Others::Unknown },
        backends: Place { has: Some(&HEADER_MODIFIERS), others: Others::Unknown },
        copies_all: false,
    },
    matching: AS_SPECIFIED,
    refuses_matches: false,
};

const ISTIO_HTTP: [&str; 6] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "RequestMirror",
    "URLRewrite",
    "CORS",
];

const GRPC: [&str; 3] = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"];

/// Cilium: release 1.19, operator/pkg/model/ingestion/gateway.go, which picks the filters that it knows and passes over
/// the others. Its conformance report has `HTTPRouteCORS` as unsupported.
pub(super) const CILIUM: Profile = Profile {
    mesh: "cilium",
    http: Filters {
        rules: Place { has: Some(&WITHOUT_CORS), others: Others::NoEffect },
        backends: Place { has: Some(&HEADER_MODIFIERS), others: Others::NoEffect },
        copies_all: false,
    },
    // Its report has the core features of GRPCRoutes only.
    grpc: Filters {
        rules: Place { has: Some(&HEADER_MODIFIERS), others: Others::Unknown },
        backends: Place { has: Some(&HEADER_MODIFIERS), others: Others::Unknown },
        copies_all: false,
    },
    matching: AS_SPECIFIED,
    refuses_matches: false,
};

const WITHOUT_CORS: [&str; 5] =
    ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "RequestMirror", "URLRewrite"];

/// Kuma: pkg/plugins/runtime/k8s/controllers/gatewayapi, `http_route_conversion.go` at 96250fc0 and
/// `grpc_route_conversion.go` at 010e6988.
pub(super) const KUMA: Profile = Profile {
    mesh: "kuma",
    http: Filters {
        // `gapiToKumaMeshFilter` gives nothing for any other; `gapiToKumaMeshRule` reads none of the backendRefs.
        rules: Place { has: Some(&WITHOUT_CORS), others: Others::NoEffect },
        backends: Place { has: Some(&[]), others: Others::NoEffect },
        // Nor does it read the percentage or fraction of a mirror.
        copies_all: true,
    },
    grpc: Filters {
        // Any other is reported as UnsupportedValue; what becomes of the route then is not read.
        rules: Place { has: Some(&GRPC), others: Others::Unknown },
        backends: Place { has: Some(&[]), others: Others::NoEffect },
        // `grpcMirrorPercentage`.
        copies_all: false,
    },
    matching: AS_SPECIFIED,
    refuses_matches: false,
};
