//! Reads `matches`: the form of an `HTTPRouteMatch`.

use super::fields::Node;
use crate::route_match::{Method, PathMatch, PathMatchType, RouteMatch, ValueMatch, ValueMatchType};

pub(super) fn route_match(node: &Node<'_>) -> Option<RouteMatch> {
    let mut fields = node.map()?;
    let route_match = RouteMatch {
        path: fields.take("path").and_then(|node| path(&node)),
        headers: fields.take("headers").map(|node| node.list_of(value_match)).unwrap_or_default(),
        query_params: fields.take("queryParams").map(|node| node.list_of(value_match)).unwrap_or_default(),
        method: fields.take("method").and_then(|node| method(&node)),
    };
    fields.finish();
    Some(route_match)
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
    let name = fields.required("name").and_then(|node| node.owned_text());
    let value = fields.required("value").and_then(|node| node.owned_text());
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
    let text = node.text()?;
    let names = || Method::ALL.map(Method::as_str).join(", ");
    Method::ALL.into_iter().find(|method| method.as_str() == text).or_else(|| {
        node.violation("is not a method that a route can match", &format!("write one of {}", names()))
    })
}
