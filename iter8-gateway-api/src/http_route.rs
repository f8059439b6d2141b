//! Plan → `HTTPRoute`: the only place that writes rules.

use gateway_api::httproutes::{
    HttpRoute, HttpRouteParentRefs, HttpRouteRules, HttpRouteRulesFilters, HttpRouteSpec,
};
use iter8_core::{
    Capabilities, FilterType, Header, HeaderModifier, Labels, Parents, PlannedRoute, PlannedRule,
    RouteCapabilities, RouteFilter, ServiceName, VERSION_HEADER,
};

use crate::{declared_filters, filters, gateways, matches, reference, timeouts};

/// What the mesh makes of a plan that another mesh would route in another form.
#[derive(Clone, Copy)]
pub(crate) struct Lowering<'a> {
    pub(crate) parents: Parents,
    pub(crate) routes: &'a RouteCapabilities,
}

impl<'a> Lowering<'a> {
    pub(crate) const fn new(capabilities: &'a Capabilities, routes: &'a RouteCapabilities) -> Self {
        Self { parents: capabilities.parents, routes }
    }

    /// Whether the header that names the version is added by the rule and not at the backend.
    pub(crate) fn moves_version_header(&self) -> bool {
        !self.routes.has_on_backends(FilterType::ResponseHeaderModifier)
    }

    pub(crate) const fn explicit_default(&self) -> bool {
        self.routes.explicit_default
    }
}

/// The route of the front Service and, where there are Gateways, theirs.
pub(crate) fn render(route: &PlannedRoute, lowering: &Lowering<'_>) -> Vec<HttpRoute> {
    let mut routes = Vec::new();
    if lowering.parents.service {
        let parents = vec![reference::front_service(route)];
        routes.push(named(route, lowering, route.name.as_str(), parents, None));
    }
    let parents: Vec<_> = route.gateway_parents().map(reference::gateway).collect();
    if lowering.parents.gateway && !parents.is_empty() {
        let hostnames: Vec<_> = route.gateway_hostnames().map(ToString::to_string).collect();
        let hostnames = Some(hostnames).filter(|hostnames| !hostnames.is_empty());
        let mut object = named(route, lowering, &format!("{}-gateway", route.name), parents, hostnames);
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.extend(gateways::annotation(route));
        routes.push(object);
    }
    routes
}

/// The rules of a plan. A match of another protocol has no place in the route, and the rule without it would take every
/// request; no plan has one.
pub(crate) fn rules(route: &PlannedRoute) -> impl Iterator<Item = &PlannedRule> {
    let is_of_route =
        |rule: &&PlannedRule| rule.matches.iter().all(|entry| entry.protocol() == route.protocol);
    route.rules.iter().filter(is_of_route)
}

fn named(
    route: &PlannedRoute,
    lowering: &Lowering<'_>,
    name: &str,
    parents: Vec<HttpRouteParentRefs>,
    hostnames: Option<Vec<String>>,
) -> HttpRoute {
    let rules = rules(route).map(|planned| rule(route, planned, lowering)).collect();
    let spec = HttpRouteSpec { hostnames, parent_refs: Some(parents), rules: Some(rules) };
    let mut object = HttpRoute::new(name, spec);
    object.metadata.namespace = Some(route.namespace.to_string());
    let texts = |labels: &Labels| (!labels.is_empty()).then(|| (**labels).clone());
    object.metadata.labels = texts(&route.labels);
    object.metadata.annotations = texts(&route.annotations);
    object
}

fn rule(route: &PlannedRoute, rule: &PlannedRule, lowering: &Lowering<'_>) -> HttpRouteRules {
    let moved = lowering.moves_version_header();
    let backends = rule.backends.iter().map(|backend| reference::backend(backend, !moved)).collect();
    let mut filters = match rule.backends.as_slice() {
        [only] if moved => with_version_header(&route.filters, &only.service),
        _ => route.filters.iter().filter_map(declared_filters::render).collect(),
    };
    filters.extend(rule.mirrors.iter().map(filters::mirror));
    let matches: Vec<_> = rule.matches.iter().filter_map(matches::render).collect();
    HttpRouteRules {
        backend_refs: Some(backends),
        filters: Some(filters).filter(|filters| !filters.is_empty()),
        matches: Some(matches).filter(|matches| !matches.is_empty()),
        name: None,
        timeouts: timeouts::render(&route.timeouts),
    }
}

/// The declared filters, and the header that names the version: a rule can change response headers only once.
fn with_version_header(declared: &[RouteFilter], service: &ServiceName) -> Vec<HttpRouteRulesFilters> {
    let header = Header { name: VERSION_HEADER.to_owned(), value: service.to_string() };
    let mut filters = declared.to_vec();
    let response = filters.iter_mut().find_map(|filter| match filter {
        RouteFilter::ResponseHeaderModifier(headers) => Some(headers),
        _ => None,
    });
    match response {
        Some(headers) => headers.add.push(header),
        None => filters.push(RouteFilter::ResponseHeaderModifier(HeaderModifier {
            add: vec![header],
            ..HeaderModifier::default()
        })),
    }
    filters.iter().filter_map(declared_filters::render).collect()
}
