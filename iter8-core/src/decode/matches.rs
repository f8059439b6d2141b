//! Reads `matches`: the form of an `HTTPRouteMatch` or a `GRPCRouteMatch`.

use alloc::borrow::ToOwned;
use alloc::format;

use super::fields::{MapReader, Node};
use crate::Value;
use crate::release::Protocol;
use crate::route_match::{
    GrpcMatch, GrpcMethodMatch, HttpMatch, Method, PathMatch, PathMatchType, RouteMatch, ValueMatch,
    ValueMatchType,
};

pub(super) fn route_match(node: &Node<'_>, protocol: Protocol) -> Option<RouteMatch> {
    let mut fields = node.map()?;
    let headers = fields.take("headers").map(|node| node.list_of(value_match)).unwrap_or_default();
    let entry = match protocol {
        Protocol::Http => RouteMatch::Http(HttpMatch {
            path: fields.take("path").and_then(|node| path(&node)),
            headers,
            query_params: fields
                .take("queryParams")
                .map(|node| node.list_of(value_match))
                .unwrap_or_default(),
            method: fields.take("method").and_then(|node| method(&node)),
        }),
        Protocol::Grpc => {
            refuse_http_fields(&mut fields);
            let method = fields.take("method").and_then(|node| grpc_method(&node));
            RouteMatch::Grpc(GrpcMatch { method, headers })
        }
    };
    fields.finish();
    Some(entry)
}

/// What the matches of versions are for, by the form of their methods.
pub(super) fn protocol(versions: &Value) -> Protocol {
    let matches = entries(Some(versions)).flat_map(|version| entries(version.get("matches")));
    let mut methods = matches.filter_map(|entry| entry.get("method"));
    if methods.any(|method| method.as_map().is_some()) { Protocol::Grpc } else { Protocol::Http }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_list).unwrap_or_default().iter()
}

const GRPC_METHOD: &str = "write `method: {service: package.Service, method: Method}`";

/// What a request of HTTP has and one of gRPC has not.
fn refuse_http_fields(fields: &mut MapReader<'_>) {
    for (field, hint) in
        [("path", GRPC_METHOD), ("queryParams", "match a header, which a gRPC client sends as metadata")]
    {
        if let Some(node) = fields.take_unlisted(field) {
            node.violation::<()>(&format!("a match of protocol grpc has no `{field}`"), hint);
        }
    }
}

fn grpc_method(node: &Node<'_>) -> Option<GrpcMethodMatch> {
    if node.value.as_str().is_some() {
        return node.violation("is the method of an HTTP request; the protocol is grpc", GRPC_METHOD);
    }
    let mut fields = node.map()?;
    let kind = fields.take("type").map(|node| value_type(&node));
    let mut name = |field| fields.take(field).and_then(|node| node.owned_text());
    let (service, method) = (name("service"), name("method"));
    fields.finish();
    Some(GrpcMethodMatch { kind: kind.unwrap_or(Some(ValueMatchType::Exact))?, service, method })
}

fn path(node: &Node<'_>) -> Option<PathMatch> {
    let mut fields = node.map()?;
    let kind = fields.take("type").map(|node| path_type(&node));
    let value = fields.take("value").map(|node| node.owned_text());
    fields.finish();
    // The defaults of the Gateway API: the prefix `/`.
    Some(PathMatch {
        kind: kind.unwrap_or(Some(PathMatchType::PathPrefix))?,
        value: value.unwrap_or_else(|| Some("/".to_owned()))?,
    })
}

fn path_type(node: &Node<'_>) -> Option<PathMatchType> {
    match node.text()? {
        "Exact" => Some(PathMatchType::Exact),
        "PathPrefix" => Some(PathMatchType::PathPrefix),
        "RegularExpression" => Some(PathMatchType::RegularExpression),
        _ => node
            .violation("is not a kind of path match", "write `Exact`, `PathPrefix` or `RegularExpression`"),
    }
}

fn value_match(node: &Node<'_>) -> Option<ValueMatch> {
    let mut fields = node.map()?;
    let kind = fields.take("type").map(|node| value_type(&node));
    let name = fields.required("name", "write its name").and_then(|node| node.owned_text());
    let value = fields.required("value", "write the value to match").and_then(|node| node.owned_text());
    fields.finish();
    Some(ValueMatch { kind: kind.unwrap_or(Some(ValueMatchType::Exact))?, name: name?, value: value? })
}

fn value_type(node: &Node<'_>) -> Option<ValueMatchType> {
    match node.text()? {
        "Exact" => Some(ValueMatchType::Exact),
        "RegularExpression" => Some(ValueMatchType::RegularExpression),
        _ => node.violation("is not a kind of match", "write `Exact` or `RegularExpression`"),
    }
}

fn method(node: &Node<'_>) -> Option<Method> {
    if node.value.as_map().is_some() {
        return node.violation(
            "is the method of a gRPC request; the protocol is http",
            "write a method like `GET`, or `protocol: grpc` in `application`",
        );
    }
    let text = node.text()?;
    let names = || Method::ALL.map(Method::as_str).join(", ");
    Method::ALL.into_iter().find(|method| method.as_str() == text).or_else(|| {
        node.violation("is not a method that a route can match", &format!("write one of {}", names()))
    })
}
