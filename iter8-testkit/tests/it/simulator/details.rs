//! Single headers, names and copies.

use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
use serde_json::json;

use super::{ask, backend, get, grpc, route, rule, web};

#[test]
fn names_compare_as_one_text() {
    let mut routes = RouteSet::new(Precedence::Spec);
    for (namespace, name) in [("d", "a"), ("d-x", "a")] {
        let mut object = route(namespace, name, json!([rule(namespace, json!({}))]));
        object["spec"]["parentRefs"] = json!([{ "name": "gateway", "namespace": "infra" }]);
        routes.insert(&object).unwrap();
    }
    // `-` comes before `/`.
    assert_eq!(backend(&routes.route(&Parent::gateway("infra", "gateway"), &get("/"))), "d-x");
}

#[test]
fn the_host_is_a_header_that_matches_look_at() {
    let rules = json!([
        rule("host", json!({ "headers": [{ "name": "Host", "value": "a.example" }] })),
        rule("default", json!({})),
    ]);
    let routes = web(Precedence::Spec, rules);

    assert_eq!(backend(&ask(&routes, get("/").header("host", "a.example"))), "host");
    assert_eq!(backend(&ask(&routes, get("/"))), "default");
}

#[test]
fn a_mirror_of_one_backend_copies_what_goes_there() {
    let mirror = |name: &str, percent: u32| {
        let backend = json!({ "name": name, "port": 80 });
        json!({ "type": "RequestMirror", "requestMirror": { "backendRef": backend, "percent": percent } })
    };
    let rules = json!([{
        "filters": [mirror("rule", 50), mirror("nobody", 0)],
        "backendRefs": [
            { "name": "web-0", "port": 80, "weight": 3 },
            { "name": "web-1", "port": 80, "filters": [mirror("backend", 40)] },
        ],
    }]);
    let outcome = ask(&web(Precedence::Spec, rules), get("/"));
    let mirrors: Vec<_> =
        outcome.mirrors.iter().map(|mirror| (mirror.name.as_str(), mirror.percent)).collect();

    assert_eq!(mirrors, [("rule", 50.0), ("backend", 10.0)]);
    let told = |sentence: &str| outcome.why.iter().any(|why| why == sentence);
    assert!(told("`backend` gets copies of what goes to backend `web-1`, 10.0% of all"), "{:?}", outcome.why);
    assert!(told("`nobody` gets copies of 0% of the requests: none"), "{:?}", outcome.why);
}

#[test]
fn grpc_is_told_by_its_media_type() {
    let routes = grpc(Precedence::Spec, json!([rule("grpc", json!({}))]));
    let status = |content_type: &str| {
        let request = Request::new("POST", "http://web.test/a.B/C").unwrap();
        ask(&routes, request.header("content-type", content_type)).status
    };
    let grpc = ["application/grpc", "Application/gRPC", "application/grpc+proto", "application/grpc; a=b"];
    assert_eq!(grpc.map(status), [200; 4]);
    assert_eq!(["application/grpc-web", "application/json", "application/grpcx"].map(status), [404; 3]);
}
