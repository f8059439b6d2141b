//! Matches, in both directions.

use gateway_api::httproutes::{
    HttpRouteRulesMatches, HttpRouteRulesMatchesHeaders, HttpRouteRulesMatchesHeadersType as HeaderType,
    HttpRouteRulesMatchesMethod as RouteMethod, HttpRouteRulesMatchesPath,
    HttpRouteRulesMatchesPathType as PathType, HttpRouteRulesMatchesQueryParams,
    HttpRouteRulesMatchesQueryParamsType as QueryParamType,
};
use iter8_core::{HttpMatch, Method, PathMatch, PathMatchType, RouteMatch, ValueMatch, ValueMatchType};

/// The match as it stands in a route; what the API server fills in is left out. `None` for one of another protocol.
pub(crate) fn render(entry: &RouteMatch) -> Option<HttpRouteRulesMatches> {
    match entry {
        RouteMatch::Http(entry) => Some(render_http(entry)),
        RouteMatch::Grpc(_) => None,
    }
}

fn render_http(route_match: &HttpMatch) -> HttpRouteRulesMatches {
    let headers: Vec<_> = route_match.headers.iter().map(header).collect();
    let query_params: Vec<_> = route_match.query_params.iter().map(query_param).collect();
    HttpRouteRulesMatches {
        headers: Some(headers).filter(|headers| !headers.is_empty()),
        method: route_match.method.map(method),
        path: route_match.path.as_ref().map(path),
        query_params: Some(query_params).filter(|params| !params.is_empty()),
    }
}

fn path(path: &PathMatch) -> HttpRouteRulesMatchesPath {
    let kind = match path.kind {
        PathMatchType::Exact => PathType::Exact,
        PathMatchType::PathPrefix => PathType::PathPrefix,
        PathMatchType::RegularExpression => PathType::RegularExpression,
    };
    HttpRouteRulesMatchesPath { r#type: Some(kind), value: Some(path.value.clone()) }
}

fn header(header: &ValueMatch) -> HttpRouteRulesMatchesHeaders {
    HttpRouteRulesMatchesHeaders {
        name: header.name.clone(),
        r#type: match header.kind {
            ValueMatchType::Exact => None,
            ValueMatchType::RegularExpression => Some(HeaderType::RegularExpression),
        },
        value: header.value.clone(),
    }
}

fn query_param(param: &ValueMatch) -> HttpRouteRulesMatchesQueryParams {
    HttpRouteRulesMatchesQueryParams {
        name: param.name.clone(),
        r#type: match param.kind {
            ValueMatchType::Exact => None,
            ValueMatchType::RegularExpression => Some(QueryParamType::RegularExpression),
        },
        value: param.value.clone(),
    }
}

fn method(method: Method) -> RouteMethod {
    match method {
        Method::Get => RouteMethod::Get,
        Method::Head => RouteMethod::Head,
        Method::Post => RouteMethod::Post,
        Method::Put => RouteMethod::Put,
        Method::Delete => RouteMethod::Delete,
        Method::Connect => RouteMethod::Connect,
        Method::Options => RouteMethod::Options,
        Method::Trace => RouteMethod::Trace,
        Method::Patch => RouteMethod::Patch,
    }
}

/// A live match in the core's terms; one with defaults reads like one without.
pub(crate) fn observe(live: &HttpRouteRulesMatches) -> RouteMatch {
    RouteMatch::Http(HttpMatch {
        path: live.path.as_ref().map(observe_path),
        headers: live.headers.iter().flatten().map(observe_header).collect(),
        query_params: live.query_params.iter().flatten().map(observe_query_param).collect(),
        method: live.method.as_ref().map(observe_method),
    })
    .canonical()
}

fn observe_path(live: &HttpRouteRulesMatchesPath) -> PathMatch {
    let kind = match live.r#type {
        Some(PathType::Exact) => PathMatchType::Exact,
        None | Some(PathType::PathPrefix) => PathMatchType::PathPrefix,
        Some(PathType::RegularExpression) => PathMatchType::RegularExpression,
    };
    PathMatch { kind, value: live.value.clone().unwrap_or_else(|| "/".to_owned()) }
}

fn observe_header(live: &HttpRouteRulesMatchesHeaders) -> ValueMatch {
    let kind = match live.r#type {
        None | Some(HeaderType::Exact) => ValueMatchType::Exact,
        Some(HeaderType::RegularExpression) => ValueMatchType::RegularExpression,
    };
    ValueMatch { kind, name: live.name.clone(), value: live.value.clone() }
}

fn observe_query_param(live: &HttpRouteRulesMatchesQueryParams) -> ValueMatch {
    let kind = match live.r#type {
        None | Some(QueryParamType::Exact) => ValueMatchType::Exact,
        Some(QueryParamType::RegularExpression) => ValueMatchType::RegularExpression,
    };
    ValueMatch { kind, name: live.name.clone(), value: live.value.clone() }
}

fn observe_method(live: &RouteMethod) -> Method {
    match live {
        RouteMethod::Get => Method::Get,
        RouteMethod::Head => Method::Head,
        RouteMethod::Post => Method::Post,
        RouteMethod::Put => Method::Put,
        RouteMethod::Delete => Method::Delete,
        RouteMethod::Connect => Method::Connect,
        RouteMethod::Options => Method::Options,
        RouteMethod::Trace => Method::Trace,
        RouteMethod::Patch => Method::Patch,
    }
}
