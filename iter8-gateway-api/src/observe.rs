//! Live `HTTPRoute`s → [`RouteObservation`].

mod parents;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use gateway_api::httproutes::{HttpRoute, HttpRouteRules, HttpRouteRulesBackendRefs};
use iter8_core::{
    List, ObservedBackend, ObservedRule, RouteMatch, RouteObservation, ServiceName, Timestamp, Weight,
};

use crate::reference::Parent;
use crate::{filters, header_modifiers, matches, reference, timeouts};

/// The field manager that writes the routes.
const FIELD_MANAGER: &str = "iter8";

/// The live routes of a release; `None` where there are none.
pub(crate) fn observe(routes: &[HttpRoute]) -> Option<RouteObservation> {
    let mut routes: Vec<_> = routes.iter().collect();
    // The front Service's first. While an application is being renamed there are two, and the newer one is
    // the one that stays. By name in the end, so that the order of the objects does not matter.
    routes.sort_by_key(|route| {
        let created = route.metadata.creation_timestamp.as_ref();
        (Reverse(is_of_service(route)), Reverse(created), route.metadata.name.as_deref())
    });
    let (front, others) = routes.split_first()?;
    let mut rules = observe_rules(front);
    for other in others {
        mark_differences(&mut rules, &observe_rules(other));
    }
    Some(RouteObservation {
        rules,
        named: routes.iter().flat_map(|route| named(route)).collect(),
        written: routes.iter().filter_map(|route| written(route)).max(),
        parents: routes.iter().flat_map(|route| parents::reports(route)).collect(),
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

fn observe_rules(route: &HttpRoute) -> Vec<ObservedRule> {
    let namespace = route.metadata.namespace.as_deref();
    let live = route.spec.rules.as_deref().unwrap_or_default();
    let mut rules: Vec<_> = live.iter().map(|rule| observe_rule(rule, namespace)).collect();
    match rules.last_mut() {
        // The API server writes the default rule's missing matches out as one that takes every request.
        Some(last) if last.matches == [RouteMatch::default()] => last.matches = List::default(),
        Some(_) => {}
        None => rules.push(ObservedRule { altered: true, ..ObservedRule::default() }),
    }
    rules
}

fn observe_rule(live: &HttpRouteRules, namespace: Option<&str>) -> ObservedRule {
    let HttpRouteRules { backend_refs, filters, matches, name, timeouts } = live;
    let observed_timeouts = timeouts::observe(timeouts.as_ref());
    let mut altered = name.is_some() || observed_timeouts.is_none();
    let mut backends = Vec::new();
    for live in backend_refs.iter().flatten() {
        let backend = observe_backend(live, namespace);
        altered |= backend.is_none() || !has_planned_filters(live);
        backends.extend(backend);
    }
    let (mut mirrors, mut modifiers) = (Vec::new(), Vec::new());
    for live in filters.iter().flatten() {
        let mirror = filters::observe_mirror(live, namespace);
        let modifier = header_modifiers::observe(live);
        altered |= mirror.is_none() && modifier.is_none();
        mirrors.extend(mirror);
        modifiers.extend(modifier);
    }
    let mut matches: Vec<_> = matches.iter().flatten().map(matches::observe).collect();
    if matches.is_empty() {
        matches.push(RouteMatch::default());
    }
    let timeouts = observed_timeouts.unwrap_or_default();
    ObservedRule { matches: matches.into(), backends, mirrors, timeouts, filters: modifiers.into(), altered }
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

/// Whether a backendRef has the one filter that iter8 writes.
fn has_planned_filters(live: &HttpRouteRulesBackendRefs) -> bool {
    let filters = live.filters.as_deref().unwrap_or_default();
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
