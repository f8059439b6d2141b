//! The rendered routes do what the plan says: for random requests, the simulator's outcome on the routes is that of a
//! small evaluator of the plan, which knows the mesh's precedence.

use std::collections::BTreeMap;

use iter8_core::{
    Capabilities, Document, FilterType, MatchKind, Notice, PathMatchType, PlannedRoute, PlannedRule,
    Precedence, Protocol, RouteFilter, RouteMatch, RoutePlan, RoutingBackend, ValidRelease, ValueMatchType,
    VersionObservation, declare, plan,
};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use iter8_testkit::oracle::{choose, is_left_open};
use iter8_testkit::simulator::{self, Outcome, Parent, RouteSet};
use iter8_testkit::strategies::{Request, Situation, config, key, requests_of, situations};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

/// Service and port → share.
type Shares = BTreeMap<(String, u16), f64>;

fn backends() -> Vec<GatewayApiBackend> {
    MeshProfile::names().map(|mesh| GatewayApiBackend::new(mesh.parse().unwrap())).collect()
}

/// A property of every mesh's situations, with requests.
fn for_every_mesh(
    property: impl Fn(&GatewayApiBackend, &Situation, &[Request]) -> Result<(), TestCaseError>,
) {
    for backend in backends() {
        let requests = |protocol| vec(requests_of(protocol), 8);
        let cases = (situations(backend.capabilities()), requests(Protocol::Http), requests(Protocol::Grpc));
        let outcome = TestRunner::new(config()).run(&cases, |(situation, requests, calls)| {
            let plan = plan(&situation.release, &situation.observation);
            let requests =
                if protocol(&plan, &situation.release) == Protocol::Grpc { calls } else { requests };
            property(&backend, &situation, &requests)
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", backend.capabilities().mesh));
    }
}

/// What the requests are sent by: while a change of protocol waits, that of before.
fn protocol(plan: &RoutePlan, release: &ValidRelease) -> Protocol {
    plan.route.as_ref().map_or(release.protocol, |route| route.protocol)
}

/// The rules of the mesh as the simulator knows them, from its own sources.
fn mesh_rules(capabilities: &Capabilities) -> simulator::Precedence {
    capabilities.mesh.parse().unwrap()
}

/// The rendered routes in a cluster that has the Gateways of the release.
fn simulated(backend: &GatewayApiBackend, release: &ValidRelease, plan: &RoutePlan) -> RouteSet {
    let mut routes = RouteSet::new(mesh_rules(backend.capabilities()));
    let named: std::collections::BTreeSet<_> = release.gateways.iter().collect();
    for gateway in named {
        let namespace = gateway.namespace.as_ref().unwrap_or_else(|| release.namespace());
        routes.insert(&gateway_object(namespace.as_str(), gateway.name.as_str())).unwrap();
    }
    for route in backend.render(plan) {
        routes.insert(&serde_json::to_value(route).unwrap()).unwrap();
    }
    routes
}

fn gateway_object(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "gatewayClassName": "any",
            "listeners": LISTENERS.map(|(name, port)| json!({
                "name": name, "protocol": "HTTP", "port": port,
                "allowedRoutes": {"namespaces": {"from": "All"}},
            })),
        },
    })
}

/// Those that releases of the testkit name.
const LISTENERS: [(&str, u16); 3] = [("http", 80), ("https", 8443), ("other", 8080)];

/// Where the request can be sent, and whose rules count there: to the front Service, where the mesh's do, and to every
/// declared Gateway that has the route under one of its hostnames, where the specification's do.
fn parents(
    backend: &GatewayApiBackend,
    release: &ValidRelease,
    plan: &RoutePlan,
) -> Vec<(Parent, String, Precedence)> {
    let protocol = protocol(plan, release);
    let precedence = backend.capabilities().of(protocol).unwrap().precedence;
    let front = Parent::service(release.namespace().as_str(), release.application.as_str());
    let authority = format!("web.test:{}", release.service_port.get());
    let planned = plan.route.iter().flat_map(PlannedRoute::gateway_parents);
    let gateways = planned.filter(|planned| release.gateways.contains(planned)).map(|gateway| {
        let namespace = gateway.namespace.as_ref().unwrap_or_else(|| release.namespace());
        let hostname = plan.route.iter().flat_map(PlannedRoute::gateway_hostnames).next().unwrap();
        let section = gateway.section_name.as_ref().map_or("http", |section| section.as_str());
        let port = LISTENERS.iter().find(|(name, _)| *name == section).unwrap().1;
        let parent = Parent::gateway(namespace.as_str(), gateway.name.as_str());
        (parent, format!("{hostname}:{port}"), Precedence::Specification)
    });
    std::iter::once((front, authority, precedence)).chain(gateways).collect()
}

fn sent(request: &Request, authority: &str, protocol: Protocol) -> simulator::Request {
    let url = format!("http://{authority}{}", request.target());
    let sent = simulator::Request::new(request.method, &url).unwrap();
    let sent =
        if protocol == Protocol::Grpc { sent.header("content-type", "application/grpc") } else { sent };
    request.headers.iter().fold(sent, |sent, (name, value)| sent.header(name, value))
}

/// Whether the mesh has all kinds of matches and copies in the plan. Live rules, which the observation makes up and the plan may keep,
/// can be of a kind that no release for this mesh can declare.
fn is_of_mesh(backend: &GatewayApiBackend, plan: &RoutePlan) -> bool {
    let Some(route) = &plan.route else { return true };
    let kinds = backend.capabilities().of(route.protocol).unwrap().matches;
    let is_known = |entry: &RouteMatch| match entry {
        RouteMatch::Http(entry) => {
            let mut path = entry.path.iter();
            kinds.contains(&MatchKind::PathRegularExpression)
                || !path.any(|path| path.kind == PathMatchType::RegularExpression)
        }
        RouteMatch::Grpc(entry) => {
            let mut call = entry.method.iter();
            kinds.contains(&MatchKind::GrpcMethodRegularExpression)
                || !call.any(|call| call.kind == ValueMatchType::RegularExpression)
        }
    };
    let has_shares = backend.capabilities().of(route.protocol).unwrap().mirror_percent;
    let mut copies = route.rules.iter().flat_map(|rule| &rule.mirrors);
    route.rules.iter().flat_map(|rule| rule.matches.iter()).all(is_known)
        && copies.all(|copy| has_shares || [0, 100].contains(&copy.percent.get()))
}

/// Whether there is a route that the mesh can have, and whose rules do not meet the request with two matches whose order
/// is left open.
fn is_decided(backend: &GatewayApiBackend, plan: &RoutePlan, request: &Request) -> bool {
    let met: Vec<Vec<_>> = plan
        .rules()
        .iter()
        .map(|rule| rule.matches.iter().filter(|entry| request.meets(entry)).collect())
        .collect();
    let is_open = met.iter().enumerate().any(|(index, ones)| {
        let others = met[index + 1..].iter().flatten();
        others.into_iter().any(|other| ones.iter().any(|one| is_left_open(one, other)))
    });
    plan.route.is_some() && is_of_mesh(backend, plan) && !is_open
}

fn chosen<'a>(plan: &'a RoutePlan, request: &Request, precedence: Precedence) -> &'a PlannedRule {
    let matches: Vec<_> = plan.rules().iter().map(|rule| rule.matches.to_vec()).collect();
    &plan.rules()[choose(&matches, request, precedence).unwrap().0]
}

fn planned_shares(rule: &PlannedRule) -> Shares {
    let sum: f64 = rule.backends.iter().map(|backend| f64::from(backend.weight.get())).sum();
    let share = |backend: &iter8_core::PlannedBackend| {
        ((backend.service.to_string(), backend.port.get()), f64::from(backend.weight.get()) / sum)
    };
    rule.backends.iter().map(share).filter(|(_, share)| *share > 0.0).collect()
}

fn simulated_shares(outcome: &Outcome) -> Shares {
    outcome
        .backends
        .iter()
        .map(|backend| ((backend.name.clone(), backend.port.unwrap()), backend.share))
        .collect()
}

fn is_same(one: &Shares, other: &Shares) -> bool {
    one.keys().eq(other.keys()) && one.values().zip(other.values()).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn every_request_gets_from_the_routes_what_it_gets_by_the_plan() {
    for_every_mesh(|backend, Situation { release, observation }, requests| {
        let plan = plan(release, observation);
        let (routes, protocol) = (simulated(backend, release, &plan), protocol(&plan, release));
        for request in requests.iter().filter(|request| is_decided(backend, &plan, request)) {
            for (parent, authority, precedence) in parents(backend, release, &plan) {
                let rule = chosen(&plan, request, precedence);
                let outcome = routes.route(&parent, &sent(request, &authority, protocol));
                let (expected, found) = (planned_shares(rule), simulated_shares(&outcome));
                prop_assert!(
                    is_same(&expected, &found),
                    "{request:?} to {parent}: {expected:?}, {outcome:#?}"
                );
                let mirrors: Vec<_> = outcome.mirrors.iter().map(|m| (m.name.clone(), m.percent)).collect();
                let planned: Vec<_> = rule
                    .mirrors
                    .iter()
                    .filter(|mirror| mirror.percent.get() > 0)
                    .map(|m| (m.service.to_string(), f64::from(m.percent.get())))
                    .collect();
                prop_assert_eq!(mirrors, planned);
                prop_assert_eq!(outcome.status, 200);
            }
        }
        Ok(())
    });
}

/// Chance hardly ever makes two candidates that only their paths tell apart, so each pair of paths is tried.
#[test]
fn any_two_conditions_on_the_path_are_chosen_between_as_planned() {
    const PATHS: [(&str, &str); 8] = [
        ("PathPrefix", "/"),
        ("PathPrefix", "/a"),
        ("PathPrefix", "/a/"),
        ("PathPrefix", "/a/b"),
        ("Exact", "/a"),
        ("Exact", "/a/"),
        ("Exact", "/a/b"),
        ("RegularExpression", "/a.*"),
    ];
    let requests: Vec<_> = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab"]
        .map(|path| Request { method: "GET", path, headers: vec![], query_params: vec![] })
        .into();
    let mut compared = 0;
    for backend in backends() {
        let pairs = PATHS.iter().flat_map(|one| PATHS.iter().map(move |other| [one, other]));
        for pair in pairs {
            let [one, other] =
                pair.map(|(kind, value)| format!("[{{path: {{type: {kind}, value: {value}}}}}]"));
            let document = format!(
                "environment: deployment-gtw\ngateway: public\napplication: {{strategy: canary, versions: \
                 [{{image: w}}, {{image: w, matches: {one}}}, {{image: w, matches: {other}}}]}}"
            );
            let document = Document::from_yaml(&document).unwrap();
            // A mesh refuses what it cannot match; the next assertion would tell if it were everything.
            let Ok(release) = declare(&key(), &document, backend.capabilities()) else { continue };
            let plan = plan(&release, &iter8_core::Observation::all_ready(&release));
            let routes = simulated(&backend, &release, &plan);
            for ((parent, authority, precedence), request) in parents(&backend, &release, &plan)
                .iter()
                .flat_map(|parent| requests.iter().map(move |request| (parent, request)))
            {
                compared += 1;
                let expected = planned_shares(chosen(&plan, request, *precedence));
                let outcome = routes.route(parent, &sent(request, authority, Protocol::Http));
                let mesh = backend.capabilities().mesh;
                assert!(
                    is_same(&expected, &simulated_shares(&outcome)),
                    "{mesh}: {pair:?} at {parent}, {}: {expected:?}, {outcome:#?}",
                    request.path
                );
            }
        }
    }
    assert!(compared > 2000, "only {compared}");
}

#[test]
fn every_answer_names_its_version_and_has_the_users_own_headers() {
    for_every_mesh(|backend, Situation { release, observation }, requests| {
        let plan = plan(release, observation);
        let (routes, protocol) = (simulated(backend, release, &plan), protocol(&plan, release));
        let of_mesh = backend.capabilities().of(protocol).unwrap();
        let has_filter = of_mesh.has_on_backends(FilterType::ResponseHeaderModifier);
        for request in requests.iter().filter(|request| is_decided(backend, &plan, request)) {
            for (parent, authority, precedence) in parents(backend, release, &plan) {
                let rule = chosen(&plan, request, precedence);
                let outcome = routes.route(&parent, &sent(request, &authority, protocol));
                for found in &outcome.backends {
                    let effect = outcome.effect_on(found);
                    // A mesh without this filter at backends cannot say which of several it was.
                    if has_filter || rule.backends.len() == 1 {
                        prop_assert_eq!(effect.response_headers.add.get("app-version"), Some(&found.name));
                    }
                    for filter in plan.route.iter().flat_map(|route| &*route.filters) {
                        let is_there = match filter {
                            RouteFilter::RequestHeaderModifier(headers) => headers.set.iter().all(|header| {
                                effect.request.headers.get(&header.name) == Some(&header.value)
                            }),
                            RouteFilter::ResponseHeaderModifier(headers) => {
                                let changes = &effect.response_headers;
                                headers
                                    .add
                                    .iter()
                                    .all(|header| changes.add.get(&header.name) == Some(&header.value))
                                    && headers.remove.iter().all(|name| changes.remove.contains(name))
                            }
                            other => panic!("{other:?} is not tested"),
                        };
                        prop_assert!(is_there, "{filter:?}: {effect:?}");
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn law_5_every_request_to_the_front_service_goes_to_one_version() {
    for_every_mesh(|backend, Situation { release, observation }, requests| {
        let plan = plan(release, observation);
        let (routes, protocol) = (simulated(backend, release, &plan), protocol(&plan, release));
        let (front, authority, _) = parents(backend, release, &plan).remove(0);
        for request in requests.iter().filter(|_| is_of_mesh(backend, &plan)) {
            let outcome = routes.route(&front, &sent(request, &authority, protocol));
            // Without a route the front Service leads to the primary.
            prop_assert_eq!(outcome.passthrough, plan.route.is_none());
            let sum: f64 = outcome.backends.iter().map(|backend| backend.share).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9 && outcome.failing_share == 0.0, "{outcome:#?}");
            let is_known = |name: &str| plan.versions.iter().any(|version| version.service.as_str() == name);
            let all_known = outcome.backends.iter().all(|backend| is_known(&backend.name));
            prop_assert!(outcome.passthrough || all_known, "{outcome:#?}");
        }
        Ok(())
    });
}

#[test]
fn law_5_a_candidates_readiness_changes_nothing_for_requests_without_its_match() {
    for_every_mesh(|backend, Situation { release, observation }, requests| {
        // The requests are those of the routes that are held.
        if protocol(&plan(release, observation), release) != release.protocol {
            return Ok(());
        }
        let all_ready = iter8_core::Observation::all_ready(release);
        let before = plan(release, &all_ready);
        // Where no order of the rules makes the mesh choose as specified, or it is not specified, a notice says so.
        let is_told = |plan: &RoutePlan| {
            let is_of_order =
                |notice: &Notice| matches!(notice, Notice::OtherChoice { .. } | Notice::LeftOpen { .. });
            plan.notices.iter().any(is_of_order)
        };
        if release.strategy != iter8_core::Strategy::Canary || is_told(&before) {
            return Ok(());
        }
        let (routes, protocol) = (simulated(backend, release, &before), release.protocol);
        let (front, authority, _) = parents(backend, release, &before).remove(0);
        for candidate in release.candidates() {
            let mut observation = all_ready.clone();
            observation.versions.insert(candidate.name.clone(), VersionObservation::default());
            let after = simulated(backend, release, &plan(release, &observation));
            let is_without = |request: &&Request| !candidate.matches.iter().any(|entry| request.meets(entry));
            for request in requests.iter().filter(is_without) {
                let sent = sent(request, &authority, protocol);
                let (one, other) = (routes.route(&front, &sent), after.route(&front, &sent));
                prop_assert_eq!(simulated_shares(&one), simulated_shares(&other));
            }
        }
        Ok(())
    });
}
