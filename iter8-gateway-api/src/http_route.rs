//! Plan → `HTTPRoute`: the only place that writes rules.

use gateway_api::httproutes::{HttpRoute, HttpRouteParentRefs, HttpRouteRules, HttpRouteSpec};
use iter8_core::{Labels, PlannedRoute, PlannedRule};

use crate::{filters, header_modifiers, matches, reference, timeouts};

/// The route of the front Service and, where there are Gateways, theirs.
pub(crate) fn render(route: &PlannedRoute) -> Vec<HttpRoute> {
    let service = named(route, route.name.as_str(), vec![reference::front_service(route)], None);
    if route.gateways.is_empty() {
        return vec![service];
    }
    let hostnames: Vec<_> = route.hostnames.iter().map(ToString::to_string).collect();
    let parents = route.gateways.iter().map(reference::gateway).collect();
    let gateway = named(
        route,
        &format!("{}-gateway", route.name),
        parents,
        Some(hostnames).filter(|hostnames| !hostnames.is_empty()),
    );
    vec![service, gateway]
}

fn named(
    route: &PlannedRoute,
    name: &str,
    parents: Vec<HttpRouteParentRefs>,
    hostnames: Option<Vec<String>>,
) -> HttpRoute {
    let rules = route.rules.iter().map(|planned| rule(route, planned)).collect();
    let spec = HttpRouteSpec { hostnames, parent_refs: Some(parents), rules: Some(rules) };
    let mut object = HttpRoute::new(name, spec);
    object.metadata.namespace = Some(route.namespace.to_string());
    let texts = |labels: &Labels| (!labels.is_empty()).then(|| (**labels).clone());
    object.metadata.labels = texts(&route.labels);
    object.metadata.annotations = texts(&route.annotations);
    object
}

fn rule(route: &PlannedRoute, rule: &PlannedRule) -> HttpRouteRules {
    let backends = rule.backends.iter().map(reference::backend).collect();
    let declared = route.filters.iter().filter_map(header_modifiers::render);
    let filters: Vec<_> = declared.chain(rule.mirrors.iter().map(filters::mirror)).collect();
    let matches: Vec<_> = rule.matches.iter().map(matches::render).collect();
    HttpRouteRules {
        backend_refs: Some(backends),
        filters: Some(filters).filter(|filters| !filters.is_empty()),
        matches: Some(matches).filter(|matches| !matches.is_empty()),
        name: None,
        timeouts: timeouts::render(&route.timeouts),
    }
}
