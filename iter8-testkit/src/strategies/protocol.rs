//! Documents for HTTP and for gRPC out of one vocabulary.

use iter8_core::{
    GrpcMatch, GrpcMethodMatch, HttpMatch, PathMatch, PathMatchType, Protocol, Release, RouteMatch,
    ValueMatchType,
};

/// The document with matches of its own protocol only.
pub(super) fn fit_for_protocol(mut release: Release) -> Release {
    let protocol = release.application.protocol.unwrap_or_default();
    for version in &mut release.application.versions {
        for entry in &mut version.matches {
            *entry = of_protocol(entry, protocol);
        }
    }
    release
}

/// The match that asks for nearly the same in another protocol: the path `/a/b` is method `b` of service `a`.
/// What the other protocol does not have is left out.
pub(super) fn of_protocol(entry: &RouteMatch, protocol: Protocol) -> RouteMatch {
    match (entry, protocol) {
        (RouteMatch::Http(http), Protocol::Grpc) => RouteMatch::Grpc(GrpcMatch {
            method: http.path.as_ref().and_then(call),
            headers: http.headers.clone(),
        }),
        (RouteMatch::Grpc(grpc), Protocol::Http) => RouteMatch::Http(HttpMatch {
            path: grpc.method.as_ref().map(path),
            headers: grpc.headers.clone(),
            ..HttpMatch::default()
        }),
        (RouteMatch::Http(_), Protocol::Http) | (RouteMatch::Grpc(_), Protocol::Grpc) => entry.clone(),
    }
}

/// An exact path of one element is a method of any service.
fn call(path: &PathMatch) -> Option<GrpcMethodMatch> {
    let kind = match path.kind {
        PathMatchType::Exact | PathMatchType::PathPrefix => ValueMatchType::Exact,
        PathMatchType::RegularExpression => ValueMatchType::RegularExpression,
    };
    let elements = path.value.trim_matches('/');
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (service, method) = match elements.split_once('/') {
        Some(_) if kind == ValueMatchType::RegularExpression => (some("[ab]"), some("b")),
        Some((service, method)) => (some(service), some(method)),
        None if path.kind == PathMatchType::Exact => (None, some(elements)),
        None => (some(elements), None),
    };
    (service.is_some() || method.is_some()).then_some(GrpcMethodMatch { kind, service, method })
}

fn path(call: &GrpcMethodMatch) -> PathMatch {
    let (kind, value) = match (call.kind, &call.service, &call.method) {
        (ValueMatchType::RegularExpression, ..) => (PathMatchType::RegularExpression, "/a.*".to_owned()),
        (ValueMatchType::Exact, Some(service), Some(method)) => {
            (PathMatchType::Exact, format!("/{service}/{method}"))
        }
        (ValueMatchType::Exact, Some(service), None) => (PathMatchType::PathPrefix, format!("/{service}")),
        (ValueMatchType::Exact, None, method) => {
            (PathMatchType::Exact, format!("/{}", method.as_deref().unwrap_or_default()))
        }
    };
    PathMatch { kind, value }
}
