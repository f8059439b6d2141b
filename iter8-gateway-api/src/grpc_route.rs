//! `GRPCRoute`s, in both directions.
//!
//! A `GRPCRoute` is an `HTTPRoute` with other matches and without timeouts, but the bindings have a type of its own for
//! every part of it. The common parts are converted by their serialized form; only matches are written here.

use gateway_api::grpcroutes::{
    GrpcRoute, GrpcRouteRulesMatches, GrpcRouteRulesMatchesHeaders,
    GrpcRouteRulesMatchesHeadersType as HeaderType, GrpcRouteRulesMatchesMethod,
    GrpcRouteRulesMatchesMethodType as MethodType,
};
use gateway_api::httproutes::HttpRoute;
use iter8_core::{
    GrpcMatch, GrpcMethodMatch, List, PlannedRoute, PlannedRule, RouteMatch, ValueMatch, ValueMatchType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http_route::{self, Lowering};

/// The routes of a plan for gRPC requests.
pub(crate) fn render(route: &PlannedRoute, lowering: &Lowering<'_>) -> Vec<GrpcRoute> {
    let common = http_route::render(route, lowering);
    common.iter().filter_map(|common| with_matches(common, route, lowering)).collect()
}

/// `None` would be for a route that is none any more when it is written out; there is no such route.
fn with_matches(common: &HttpRoute, route: &PlannedRoute, lowering: &Lowering<'_>) -> Option<GrpcRoute> {
    let mut object: GrpcRoute = converted(common)?;
    let rules = object.spec.rules.iter_mut().flatten();
    for (rule, planned) in rules.zip(http_route::rules(route)) {
        rule.matches = render_matches(planned, lowering.explicit_default());
    }
    Some(object)
}

/// A live route as an `HTTPRoute` without matches, and the matches of each of its rules.
pub(crate) fn observe(live: &GrpcRoute) -> Option<(HttpRoute, Vec<List<RouteMatch>>)> {
    let mut common = live.clone();
    let mut matches = Vec::new();
    for rule in common.spec.rules.iter_mut().flatten() {
        matches.push(rule.matches.take().iter().flatten().map(observe_match).collect());
    }
    Some((converted(&common)?, matches))
}

fn converted<T: DeserializeOwned>(object: &impl Serialize) -> Option<T> {
    serde_json::from_value(serde_json::to_value(object).ok()?).ok()
}

fn render_matches(rule: &PlannedRule, explicit_default: bool) -> Option<Vec<GrpcRouteRulesMatches>> {
    if rule.matches.is_empty() && explicit_default {
        return Some(vec![GrpcRouteRulesMatches::default()]);
    }
    let matches = rule.matches.iter().filter_map(|entry| match entry {
        RouteMatch::Grpc(entry) => Some(render_match(entry)),
        RouteMatch::Http(_) => None,
    });
    Some(matches.collect()).filter(|matches: &Vec<_>| !matches.is_empty())
}

/// What the API server fills in is left out.
fn render_match(entry: &GrpcMatch) -> GrpcRouteRulesMatches {
    let headers: Vec<_> = entry.headers.iter().map(render_header).collect();
    GrpcRouteRulesMatches {
        headers: Some(headers).filter(|headers| !headers.is_empty()),
        method: entry.method.as_ref().map(|method| GrpcRouteRulesMatchesMethod {
            method: method.method.clone(),
            service: method.service.clone(),
            r#type: match method.kind {
                ValueMatchType::Exact => None,
                ValueMatchType::RegularExpression => Some(MethodType::RegularExpression),
            },
        }),
    }
}

fn render_header(header: &ValueMatch) -> GrpcRouteRulesMatchesHeaders {
    GrpcRouteRulesMatchesHeaders {
        name: header.name.clone(),
        r#type: match header.kind {
            ValueMatchType::Exact => None,
            ValueMatchType::RegularExpression => Some(HeaderType::RegularExpression),
        },
        value: header.value.clone(),
    }
}

/// A live match in the core's terms; one with defaults reads like one without.
fn observe_match(live: &GrpcRouteRulesMatches) -> RouteMatch {
    let method = live.method.as_ref().map(|live| GrpcMethodMatch {
        kind: match live.r#type {
            None | Some(MethodType::Exact) => ValueMatchType::Exact,
            Some(MethodType::RegularExpression) => ValueMatchType::RegularExpression,
        },
        service: live.service.clone(),
        method: live.method.clone(),
    });
    let headers = live.headers.iter().flatten().map(|live| ValueMatch {
        kind: match live.r#type {
            None | Some(HeaderType::Exact) => ValueMatchType::Exact,
            Some(HeaderType::RegularExpression) => ValueMatchType::RegularExpression,
        },
        name: live.name.clone(),
        value: live.value.clone(),
    });
    RouteMatch::Grpc(GrpcMatch { method, headers: headers.collect() }).canonical()
}
