//! Live routes → [`RouteObservation`].

pub(crate) mod parents;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use gateway_api::httproutes::{HttpRoute, HttpRouteRules, HttpRouteRulesBackendRefs};
use iter8_core::{
    Capabilities, Header, HeaderModifier, List, ObservedBackend, ObservedRule, Protocol, RouteFilter,
    RouteMatch, RouteObservation, ServiceName, Timestamp, VERSION_HEADER, Weight,
};

use crate::http_route::Lowering;
use crate::reference::Parent;
use crate::route::Route;
use crate::{declared_filters, filters, gateways, grpc_route, matches, reference, timeouts};

/// The field manager that writes the routes.
const FIELD_MANAGER: &str = "iter8";

/// A live route: what both kinds have, and the matches of each rule in the core's terms.
struct Live<'a> {
    route: Cow<'a, HttpRoute>,
    matches: Vec<List<RouteMatch>>,
}

impl<'a> Live<'a> {
    fn of(object: &'a Route) -> Option<(Protocol, Self)> {
        match object {
            Route::Http(route) => {
                let rules = route.spec.rules.iter().flatten();
                let matches =
                    rules.map(|rule| rule.matches.iter().flatten().map(matches::observe).collect()).collect();
                Some((Protocol::Http, Self { route: Cow::Borrowed(route), matches }))
            }
            Route::Grpc(route) => {
                let (route, matches) = grpc_route::observe(route)?;
                Some((Protocol::Grpc, Self { route: Cow::Owned(route), matches }))
            }
        }
    }
}

/// The live routes of a release; `None` where there are none.
pub(crate) fn observe(objects: &[Route], capabilities: &Capabilities) -> Option<RouteObservation> {
    let live: Vec<_> = objects.iter().filter_map(Live::of).collect();
    let of = |protocol: Protocol| {
        let routes = live.iter().filter(|(of, _)| *of == protocol).map(|(_, live)| live).collect();
        observe_kind(routes, protocol, capabilities)
    };
    match (of(Protocol::Http), of(Protocol::Grpc)) {
        (Some(http), grpc) => Some(RouteObservation { other: grpc.map(Box::new), ..http }),
        (None, grpc) => grpc,
    }
}

fn observe_kind(
    mut routes: Vec<&Live<'_>>,
    protocol: Protocol,
    capabilities: &Capabilities,
) -> Option<RouteObservation> {
    // The front Service's first. While an application is being renamed there are two, and the newer one is
    // the one that stays. By name in the end, so that the order of the objects does not matter.
    routes.sort_by_key(|Live { route, .. }| {
        let created = route.metadata.creation_timestamp.as_ref();
        (Reverse(is_of_service(route)), Reverse(created), route.metadata.name.as_deref())
    });
    let (front, others) = routes.split_first()?;
    let is_moved = capabilities
        .of(protocol)
        .is_some_and(|routes| Lowering::new(capabilities, routes).moves_version_header());
    let mut rules = observe_rules(front, protocol, is_moved);
    for other in others {
        mark_differences(&mut rules, &observe_rules(other, protocol, is_moved));
    }
    Some(RouteObservation {
        protocol,
        other: None,
        rules,
        named: routes.iter().flat_map(|live| named(&live.route)).collect(),
        written: routes.iter().filter_map(|live| written(&live.route)).max(),
        parents: routes.iter().flat_map(|live| parents::reports(&live.route)).collect(),
        gateways: Some(routes.iter().find_map(|live| gateways::observe(&live.route)).unwrap_or_default()),
    })
}

fn is_of_service(route: &HttpRoute) -> bool {
    let namespace = route.metadata.namespace.as_deref();
    let parents = route.spec.parent_refs.iter().flatten();
    parents.map(|parent| Parent::of_spec(parent, namespace)).any(|parent| parent.is_service())
}

/// Marks the rules that another route of the release does not have in the same place.
fn mark_differences(rules: &mut [ObservedRule], others: &[ObservedRule]) {
    for (index, rule) in rules.iter_mut().enumerate() {
        let differs = others.get(index).is_none_or(|other| {
            let unaltered = ObservedRule { altered: false, ..rule.clone() };
            unaltered != *other
        });
        rule.altered |= differs;
    }
    if others.len() > rules.len()
        && let Some(last) = rules.last_mut()
    {
        last.altered = true;
    }
}

fn observe_rules(live: &Live<'_>, protocol: Protocol, is_moved: bool) -> Vec<ObservedRule> {
    let namespace = live.route.metadata.namespace.as_deref();
    let rules = live.route.spec.rules.as_deref().unwrap_or_default();
    let mut rules: Vec<_> = rules
        .iter()
        .zip(&live.matches)
        .map(|(rule, matches)| observe_rule(rule, matches.clone(), protocol, namespace, is_moved))
        .collect();
    match rules.last_mut() {
        // The API server writes the default rule's missing matches out as one that takes every request.
        Some(last) if last.matches == [RouteMatch::every(protocol)] => last.matches = List::default(),
        Some(_) => {}
        None => rules.push(ObservedRule { altered: true, ..ObservedRule::default() }),
    }
    rules
}

fn observe_rule(
    live: &HttpRouteRules,
    mut matches: List<RouteMatch>,
    protocol: Protocol,
    namespace: Option<&str>,
    is_moved: bool,
) -> ObservedRule {
    let HttpRouteRules { backend_refs, filters, matches: _, name, timeouts } = live;
    let observed_timeouts = timeouts::observe(timeouts.as_ref());
    let mut altered = name.is_some() || observed_timeouts.is_none();
    let mut backends = Vec::new();
    for live in backend_refs.iter().flatten() {
        let backend = observe_backend(live, namespace);
        altered |= backend.is_none() || !has_planned_filters(live, is_moved);
        backends.extend(backend);
    }
    let (mut mirrors, mut modifiers) = (Vec::new(), Vec::new());
    for live in filters.iter().flatten() {
        if let Some(mirror) = filters::observe_mirror(live, namespace) {
            mirrors.push(mirror);
            continue;
        }
        let modifier = declared_filters::observe(live);
        altered |= modifier.is_none();
        modifiers.extend(modifier);
    }
    if let [only] = backends.as_slice()
        && is_moved
    {
        altered |= !take_version_header(&mut modifiers, &only.service);
    }
    if matches.is_empty() {
        matches = [RouteMatch::every(protocol)].into();
    }
    let timeouts = observed_timeouts.unwrap_or_default();
    let filters = modifiers.into();
    ObservedRule { matches, backends, mirrors, timeouts, filters, altered }
}

/// Takes the header that names the version out of the rule's filters; whether it was there.
fn take_version_header(filters: &mut Vec<RouteFilter>, service: &ServiceName) -> bool {
    let is_header = |header: &Header| header.name == VERSION_HEADER && header.value == service.as_str();
    let mut was_there = false;
    for filter in filters.iter_mut() {
        if let RouteFilter::ResponseHeaderModifier(headers) = filter
            && let Some(place) = headers.add.iter().rposition(is_header)
        {
            headers.add.remove(place);
            was_there = true;
        }
    }
    filters.retain(|filter| *filter != RouteFilter::ResponseHeaderModifier(HeaderModifier::default()));
    was_there
}

/// `None` for a backend that is not a Service of this namespace with a legal port and weight.
fn observe_backend(live: &HttpRouteRulesBackendRefs, namespace: Option<&str>) -> Option<ObservedBackend> {
    Some(ObservedBackend {
        service: reference::service(live, namespace)?,
        port: reference::port(live.port)?,
        weight: match live.weight {
            None => Weight::ONE,
            Some(weight) => Weight::try_from(i128::from(weight)).ok()?,
        },
    })
}

/// Whether a backendRef has the one filter that iter8 writes, or none where the rule has it.
fn has_planned_filters(live: &HttpRouteRulesBackendRefs, is_moved: bool) -> bool {
    let filters = live.filters.as_deref().unwrap_or_default();
    if is_moved {
        return filters.is_empty();
    }
    live.name.parse().is_ok_and(|service| filters == [filters::app_version(&service)])
}

/// The Services that a route sends or copies requests to.
fn named(route: &HttpRoute) -> BTreeSet<ServiceName> {
    let namespace = route.metadata.namespace.as_deref();
    let mut named = BTreeSet::new();
    for rule in route.spec.rules.iter().flatten() {
        let mirrors = rule.filters.iter().flatten().filter_map(|filter| filter.request_mirror.as_ref());
        named.extend(mirrors.filter_map(|mirror| reference::service(&mirror.backend_ref, namespace)));
        for backend in rule.backend_refs.iter().flatten() {
            named.extend(reference::service(backend, namespace));
            let mirrors =
                backend.filters.iter().flatten().filter_map(|filter| filter.request_mirror.as_ref());
            named.extend(mirrors.filter_map(|mirror| reference::service(&mirror.backend_ref, namespace)));
        }
    }
    named
}

/// When the route was written last, its status apart. The API has whole seconds, rounded down: the end of the
/// second is the earliest moment that is surely not before the write.
fn written(route: &HttpRoute) -> Option<Timestamp> {
    let entries = route.metadata.managed_fields.iter().flatten();
    let ours = entries.filter(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.subresource.as_deref() != Some("status")
    });
    let newest = ours.filter_map(|entry| entry.time.as_ref()).max()?;
    u64::try_from(newest.0.as_millisecond())
        .ok()
        .map(|millis| Timestamp::from_millis(millis).plus_seconds(RouteObservation::WRITTEN_WITHIN_SECONDS))
}
