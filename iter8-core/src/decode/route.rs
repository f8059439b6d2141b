//! Reads `application.route`: the user's own on the routes.

use alloc::format;
use alloc::string::String;

use super::fields::Node;
use crate::filter::{CarriedFilter, FilterType, Header, HeaderModifier, RouteFilter, Timeouts};
use crate::release::{DeclaredFilter, RouteOptions};

/// Fields of a rule that the standard channel does not have, and what to do without them.
const MISSING: [(&str, &str); 3] = [
    ("retries", RETRIES),
    ("retry", RETRIES),
    (
        "sessionPersistence",
        "leave it out; Linkerd, whose retries and timeouts are annotations of the route, has none either",
    ),
];

const RETRIES: &str = "Linkerd's retries are annotations of the route: write `retry.linkerd.io/http: 5xx` and \
                       `retry.linkerd.io/limit: \"2\"` in `application.route.annotations`";

pub(super) fn route(node: &Node<'_>) -> RouteOptions {
    let Some(mut fields) = node.map() else { return RouteOptions::default() };
    let route = RouteOptions {
        labels: fields.take("labels").map(|node| node.texts()).unwrap_or_default(),
        annotations: fields.take("annotations").map(|node| node.texts()).unwrap_or_default(),
        timeouts: fields.take("timeouts").map(|node| timeouts(&node)).unwrap_or_default(),
        filters: fields.take("filters").map(|node| node.list(filter)).unwrap_or_default(),
    };
    for (field, hint) in MISSING {
        if let Some(node) = fields.take_unlisted(field) {
            let message = format!("the standard channel of the Gateway API has no `{field}`");
            node.context.report(crate::Violation::new(node.path, message).hint(hint));
        }
    }
    fields.finish();
    route
}

fn timeouts(node: &Node<'_>) -> Timeouts {
    let Some(mut fields) = node.map() else { return Timeouts::default() };
    let timeouts = Timeouts {
        request: fields.take("request").and_then(|node| node.name()),
        backend_request: fields.take("backendRequest").and_then(|node| node.name()),
    };
    fields.finish();
    timeouts
}

const FILTER_TYPES: &str = "write `RequestHeaderModifier`, `ResponseHeaderModifier`, `URLRewrite`, `CORS`, \
                            `RequestMirror` or `ExtensionRef`";

fn filter(node: &Node<'_>) -> DeclaredFilter {
    read_filter(node).unwrap_or(DeclaredFilter::Unread)
}

fn read_filter(node: &Node<'_>) -> Option<DeclaredFilter> {
    let mut fields = node.map()?;
    let kind = fields.required("type", FILTER_TYPES).and_then(|node| filter_type(&node))?;
    if kind == FilterType::RequestRedirect {
        return Some(DeclaredFilter::Unsupported(kind));
    }
    let own = fields.required(kind.field(), "write what the filter does in it").and_then(Node::carried);
    fields.finish();
    let own = own?;
    let filter = match kind {
        FilterType::RequestHeaderModifier => RouteFilter::RequestHeaderModifier(header_modifier(&own)),
        FilterType::ResponseHeaderModifier => RouteFilter::ResponseHeaderModifier(header_modifier(&own)),
        FilterType::RequestMirror
        | FilterType::RequestRedirect
        | FilterType::UrlRewrite
        | FilterType::Cors
        | FilterType::ExtensionRef => RouteFilter::Carried(CarriedFilter::new(kind, own.value)),
    };
    Some(DeclaredFilter::Supported(filter))
}

fn filter_type(node: &Node<'_>) -> Option<FilterType> {
    let text = node.text()?;
    FilterType::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .or_else(|| node.violation("is not a type of filter", FILTER_TYPES))
}

fn header_modifier(node: &Node<'_>) -> HeaderModifier {
    let Some(mut fields) = node.map() else { return HeaderModifier::default() };
    let headers = HeaderModifier {
        set: fields.take("set").map(|node| node.list_of(header)).unwrap_or_default(),
        add: fields.take("add").map(|node| node.list_of(header)).unwrap_or_default(),
        remove: fields.take("remove").map(|node| node.list_of(header_name)).unwrap_or_default(),
    };
    fields.finish();
    headers
}

fn header_name(node: &Node<'_>) -> Option<String> {
    node.owned_text()
}

fn header(node: &Node<'_>) -> Option<Header> {
    let mut fields = node.map()?;
    let name = fields.required("name", "write the name of the header").and_then(|node| node.owned_text());
    let value = fields.required("value", "write the value of the header").and_then(|node| node.owned_text());
    fields.finish();
    Some(Header { name: name?, value: value? })
}
