//! `GRPCRoute`s: what is rendered, and that it reads back as it was planned.

use iter8_core::{Observation, ObservedRule, Protocol, RoutePlan, RoutingBackend, plan};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile, Route};
use serde_json::{Value, json};

use crate::api_server;
use crate::release::release_for;

const DOCUMENT: &str = "environment: deployment-gtw
gateway: public
application:
  protocol: grpc
  strategy: canary
  route:
    labels: {team: a}
    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x, value: y}]}}]
  versions:
  - image: web:1
  - image: web:2
    matches:
    - method: {service: shop.Cart, method: Add}
      headers: [{name: a, value: b}, {type: RegularExpression, name: c, value: d}]
    - method: {service: shop.Cart}
  - image: web:3
    matches: [{method: {method: Get}}]";

fn backend(mesh: &str) -> GatewayApiBackend {
    GatewayApiBackend::new(mesh.parse::<MeshProfile>().unwrap())
}

fn planned(backend: &GatewayApiBackend, document: &str) -> RoutePlan {
    let release = release_for(backend, document);
    plan(&release, &Observation::all_ready(&release))
}

/// What the API server makes of a route.
fn stored(route: &Route) -> Route {
    let mut object = serde_json::to_value(route).unwrap();
    api_server::fill_in_grpc(&mut object["spec"]);
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_grpc_release_gets_grpc_routes_with_its_matches() {
    let backend = backend("linkerd");
    let routes = backend.render(&planned(&backend, DOCUMENT));
    let [service, gateway] = routes.as_slice() else { panic!("{routes:?}") };
    let service = serde_json::to_value(service).unwrap();
    assert_eq!((&service["kind"], &service["metadata"]["name"]), (&json!("GRPCRoute"), &json!("web")));
    assert_eq!(service["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(
        service["spec"]["parentRefs"],
        json!([{"group": "", "kind": "Service", "name": "web", "port": 80}])
    );
    let rules = service["spec"]["rules"].as_array().unwrap();
    assert_eq!(
        rules[0]["matches"],
        json!([
            {
                "method": {"service": "shop.Cart", "method": "Add"},
                "headers": [{"name": "a", "value": "b"}, {"type": "RegularExpression", "name": "c", "value": "d"}],
            },
            {"method": {"service": "shop.Cart"}},
        ])
    );
    assert_eq!(
        rules[1]["backendRefs"],
        json!([{
            "group": "", "kind": "Service", "name": "web-2", "port": 80, "weight": 1,
            "filters": [{
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"add": [{"name": "app-version", "value": "web-2"}]},
            }],
        }])
    );
    assert_eq!(rules[2].get("matches"), None, "the default rule takes every call");
    let gateway = serde_json::to_value(gateway).unwrap();
    assert_eq!(gateway["metadata"]["name"], "web-gateway");
    assert_eq!(gateway["spec"]["hostnames"].as_array().unwrap().len(), 4);
    assert_eq!(gateway["spec"]["rules"], service["spec"]["rules"]);
}

#[test]
fn rendered_grpc_routes_read_back_as_they_were_planned_in_every_mesh() {
    let blue_green = "environment: deployment-gtw
application: {protocol: grpc, strategy: blue-green, versions: [{image: web:1, weight: 3}, {image: web:2}]}";
    let mirror = "environment: deployment-gtw
application: {protocol: grpc, strategy: mirror, versions: [{image: web:1}, {image: web:2, mirrorPercent: 7}]}";
    let mut seen = 0;
    for (mesh, documents) in [
        ("linkerd", &[DOCUMENT, blue_green][..]),
        ("istio", &[DOCUMENT, blue_green, mirror]),
        ("istio-ambient", &[DOCUMENT, blue_green, mirror]),
        ("cilium", &[DOCUMENT, blue_green]),
        ("kuma", &[DOCUMENT]),
        ("gateway", &[DOCUMENT, blue_green, mirror]),
    ] {
        let backend = backend(mesh);
        for document in documents {
            let plan = planned(&backend, document);
            let routes = backend.render(&plan);
            let live: Vec<_> = routes.iter().map(stored).collect();
            let observed = backend.observe(&live).unwrap();
            assert_eq!(observed.protocol, Protocol::Grpc);
            assert!(observed.other.is_none());
            assert_eq!(observed.rules, expected(&plan), "{mesh}: {document}");
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
}

fn expected(plan: &RoutePlan) -> Vec<ObservedRule> {
    let route = plan.route.as_ref().unwrap();
    route.rules.iter().map(|rule| crate::round_trip::observed(route, rule)).collect()
}

#[test]
fn routes_of_both_kinds_are_both_observed_whatever_their_order() {
    let backend = backend("gateway");
    let grpc = backend.render(&planned(&backend, DOCUMENT));
    let http = backend.render(&planned(
        &backend,
        "environment: deployment-gtw\napplication: {strategy: canary, versions: [{image: web:1}, {image: web:9}, {image: web:7}, {image: web:5}]}",
    ));
    for live in [[grpc.clone(), http.clone()].concat(), [http, grpc].concat()] {
        let observed = backend.observe(&live).unwrap();
        let (grpc, http) = observed.of(Protocol::Grpc);
        assert_eq!((grpc.protocol, grpc.rules.len()), (Protocol::Grpc, 3));
        assert_eq!(http.map(|http| (http.protocol, http.rules.len())), Some((Protocol::Http, 4)));
        let (http, grpc) = observed.of(Protocol::Http);
        assert_eq!((http.protocol, grpc.map(|grpc| grpc.protocol)), (Protocol::Http, Some(Protocol::Grpc)));
    }
}

#[test]
fn a_grpc_route_edited_by_hand_reads_as_altered_or_changed() {
    let backend = backend("gateway");
    let plan = planned(&backend, DOCUMENT);
    let untouched = expected(&plan);
    for (place, value) in [
        ("/spec/rules/1/name", json!("mine")),
        (
            "/spec/rules/1/filters/0",
            json!({"type": "ExtensionRef", "extensionRef": {"group": "a", "kind": "B", "name": "c"}}),
        ),
        ("/spec/rules/1/backendRefs/0/filters", json!([])),
        ("/spec/rules/1/matches/0/method/method", json!("Put")),
    ] {
        let mut object = serde_json::to_value(&backend.render(&plan)[0]).unwrap();
        let (parent, field) = place.rsplit_once('/').unwrap();
        match object.pointer_mut(parent).unwrap() {
            Value::Array(entries) => entries[0] = value,
            parent => parent[field] = value,
        }
        let live: Route = serde_json::from_value(object).unwrap();
        let rules = backend.observe(&[live]).unwrap().rules;
        assert_ne!(rules[1], untouched[1], "{place}");
        assert_eq!(rules[0], untouched[0], "{place}");
    }
}

#[test]
fn an_object_of_another_kind_is_no_route() {
    for object in [json!({"kind": "TCPRoute"}), json!({}), json!({"kind": "GRPCRoute", "spec": 7})] {
        assert!(serde_json::from_value::<Route>(object.clone()).is_err(), "{object}");
    }
}
