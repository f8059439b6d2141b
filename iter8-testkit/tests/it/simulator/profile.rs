//! What a mesh makes of a Service's route where it is not what the specification says.

use iter8_testkit::simulator::{Outcome, Parent, Precedence, Request, RouteSet};
use serde_json::{Value, json};

use super::{ask, backend, call, get, grpc, rule, web};

fn rewrite() -> Value {
    json!({ "type": "URLRewrite", "urlRewrite": { "hostname": "other" } })
}

fn mirror(percent: u32) -> Value {
    let backend = json!({ "name": "copies", "port": 80 });
    json!({ "type": "RequestMirror", "requestMirror": { "backendRef": backend, "percent": percent } })
}

fn cors() -> Value {
    json!({ "type": "CORS", "cors": { "allowOrigins": ["*"] } })
}

fn app_version() -> Value {
    let set = json!([{ "name": "app-version", "value": "web-0" }]);
    json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "set": set } })
}

/// A rule with this filter.
fn with(filter: &Value) -> Value {
    json!([{ "filters": [filter], "backendRefs": [{ "name": "web-0", "port": 80 }] }])
}

/// A rule with two backends, of which the second one has this filter.
fn with_at_backend(filter: &Value) -> Value {
    json!([{ "backendRefs": [
        { "name": "web-0", "port": 80, "weight": 3 },
        { "name": "web-1", "port": 80, "filters": [filter] },
    ] }])
}

fn told(outcome: &Outcome, sentence: &str) -> bool {
    outcome.why.iter().any(|why| why.contains(sentence))
}

#[test]
fn linkerd_and_istio_put_nothing_in_force_of_a_route_with_a_filter_that_they_lack() {
    let extension = json!({ "type": "ExtensionRef" });
    for (mesh, filter) in [
        (Precedence::Linkerd, rewrite()),
        (Precedence::Linkerd, mirror(10)),
        (Precedence::Linkerd, cors()),
        (Precedence::Linkerd, extension.clone()),
        (Precedence::Istio, extension),
    ] {
        let outcome = ask(&web(mesh, with(&filter)), get("/"));
        assert!(outcome.passthrough && outcome.mirrors.is_empty(), "{mesh:?} {filter}: {outcome:#?}");
        assert!(told(&outcome, "HTTPRoute test/web is not in force"), "{:?}", outcome.why);
        assert!(told(&outcome, filter["type"].as_str().unwrap()), "{:?}", outcome.why);
    }
}

#[test]
fn another_route_takes_the_place_of_one_that_is_not_in_force() {
    let mut routes = web(Precedence::Linkerd, with(&rewrite()));
    routes.insert(&super::route("test", "second", json!([rule("second", json!({}))]))).unwrap();

    assert_eq!(backend(&ask(&routes, get("/"))), "second");
}

#[test]
fn at_a_gateway_a_filter_counts_whatever_mesh_is_behind_it() {
    for mesh in [Precedence::Linkerd, Precedence::Istio, Precedence::Cilium, Precedence::Kuma] {
        let mut object = super::route("test", "web", with_at_backend(&mirror(20)));
        object["spec"]["parentRefs"] = json!([{ "name": "gateway" }]);
        object["spec"]["rules"][0]["filters"] = json!([rewrite(), cors()]);
        let mut routes = RouteSet::new(mesh);
        routes.insert(&object).unwrap();
        let request = Request::new("GET", "http://web.test/").unwrap().header("origin", "http://a");
        let outcome = routes.route(&Parent::gateway("test", "gateway"), &request);

        assert_eq!(outcome.request.host, "other", "{mesh:?}");
        assert!(outcome.response_headers.set.contains_key("access-control-allow-origin"), "{mesh:?}");
        assert_eq!(outcome.mirrors.len(), 1, "{mesh:?}");
    }
}

#[test]
fn in_linkerd_a_backend_with_a_filter_that_it_lacks_fails() {
    let outcome = ask(&web(Precedence::Linkerd, with_at_backend(&rewrite())), get("/"));

    assert_eq!((outcome.status, backend(&outcome), outcome.failing_share), (200, "web-0", 0.25));
    assert!(
        told(&outcome, "linkerd does not have the filter `URLRewrite` on a backendRef"),
        "{:?}",
        outcome.why
    );
}

#[test]
fn istio_puts_nothing_in_force_of_a_route_with_such_a_filter_at_a_backend() {
    assert!(ask(&web(Precedence::Istio, with_at_backend(&rewrite())), get("/")).passthrough);
}

#[test]
fn kuma_and_cilium_leave_out_the_filters_that_they_lack() {
    let with_origin = || get("/").header("origin", "http://a");
    for mesh in [Precedence::Kuma, Precedence::Cilium] {
        let outcome = ask(&web(mesh, with(&cors())), with_origin());
        assert_eq!((outcome.status, outcome.response_headers.set.len()), (200, 0), "{mesh:?}");
        assert!(told(&outcome, "does not have the filter `CORS`: it has no effect"), "{:?}", outcome.why);

        let outcome = ask(&web(mesh, with_at_backend(&rewrite())), get("/"));
        assert!(outcome.backends.iter().all(|backend| backend.own.is_none()), "{mesh:?}");
        assert_eq!((outcome.request.host.as_str(), outcome.failing_share), ("web.test", 0.0), "{mesh:?}");
    }
    assert_eq!(ask(&web(Precedence::Spec, with(&cors())), with_origin()).response_headers.set.len(), 1);
}

#[test]
fn kuma_reads_no_filters_of_backends() {
    let rules = json!([{ "backendRefs": [{ "name": "web-0", "port": 80, "filters": [app_version()] }] }]);
    let set = |mesh| ask(&web(mesh, rules.clone()), get("/")).response_headers.set.len();

    let meshes = [Precedence::Spec, Precedence::Linkerd, Precedence::Istio, Precedence::Cilium];
    assert_eq!((meshes.map(set), set(Precedence::Kuma)), ([1; 4], 0));
}

#[test]
fn kuma_copies_every_request_but_for_grpc() {
    let percent = |outcome: &Outcome| outcome.mirrors.iter().map(|mirror| mirror.percent).collect::<Vec<_>>();
    let outcome = ask(&web(Precedence::Kuma, with(&mirror(10))), get("/"));
    assert_eq!(percent(&outcome), [100.0]);
    assert!(told(&outcome, "kuma copies every request"), "{:?}", outcome.why);

    assert_eq!(percent(&ask(&web(Precedence::Istio, with(&mirror(10))), get("/"))), [10.0]);
    assert_eq!(percent(&ask(&grpc(Precedence::Kuma, with(&mirror(10))), call("/a.B/C"))), [10.0]);
}

#[test]
fn what_is_not_known_is_said_and_done_as_specified() {
    let outcome = ask(&grpc(Precedence::Cilium, with(&mirror(10))), call("/a.B/C"));

    assert_eq!(outcome.mirrors.len(), 1);
    let sentence = "cilium does not have the filter `RequestMirror`, as far as is known";
    assert!(told(&outcome, sentence), "{:?}", outcome.why);
}

#[test]
fn linkerd_compares_every_value_of_a_query_parameter_and_others_the_first() {
    let rules = json!([
        rule("second", json!({ "queryParams": [{ "name": "x", "value": "2" }] })),
        rule("default", json!({})),
    ]);
    let found = |mesh| ask(&web(mesh, rules.clone()), get("/?x=1&x=2")).backends[0].name.clone();

    assert_eq!(found(Precedence::Linkerd), "second");
    for mesh in [Precedence::Spec, Precedence::Istio, Precedence::Cilium, Precedence::Kuma] {
        assert_eq!(found(mesh), "default", "{mesh:?}");
    }
}

#[test]
fn linkerd_compares_every_value_of_a_header_and_others_all_in_one() {
    let header = |value: &str| json!({ "headers": [{ "name": "x", "value": value }] });
    let rules = json!([rule("one", header("2")), rule("all", header("1,2")), rule("default", json!({}))]);
    let request = || get("/").header("x", "1").header("X", "2");

    assert_eq!(backend(&ask(&web(Precedence::Linkerd, rules.clone()), request())), "one");
    let outcome = ask(&web(Precedence::Spec, rules), request());
    assert_eq!((backend(&outcome), outcome.request.headers["x"].as_str()), ("all", "1,2"));
}

#[test]
fn linkerd_wants_the_first_way_of_matching_an_expression_to_be_the_whole_value() {
    let expression = |pattern: &str| json!({ "headers": [{ "type": "RegularExpression", "name": "x", "value": pattern }] });
    let path = json!({ "path": { "type": "RegularExpression", "value": "/a+?" } });
    let rules = json!([rule("header", expression("a|ab")), rule("path", path), rule("default", json!({}))]);
    for (mesh, by_header, by_path) in
        [(Precedence::Spec, "header", "path"), (Precedence::Linkerd, "default", "default")]
    {
        let routes = web(mesh, rules.clone());
        assert_eq!(backend(&ask(&routes, get("/").header("x", "ab"))), by_header, "{mesh:?}");
        assert_eq!(backend(&ask(&routes, get("/").header("x", "a"))), "header", "{mesh:?}");
        assert_eq!(backend(&ask(&routes, get("/aa"))), by_path, "{mesh:?}");
    }
}

#[test]
fn linkerd_takes_every_post_for_grpc() {
    let rules = json!([rule("add", json!({ "method": { "service": "shop.Cart", "method": "Add" } }))]);
    let post = || Request::new("POST", "http://web.test/shop.Cart/Add").unwrap();
    let by_get = Request::new("GET", "http://web.test/shop.Cart/Add").unwrap();
    let by_get = by_get.header("content-type", "application/grpc");

    let linkerd = grpc(Precedence::Linkerd, rules.clone());
    assert_eq!((backend(&ask(&linkerd, post())), ask(&linkerd, by_get).status), ("add", 404));
    let others = grpc(Precedence::Spec, rules);
    assert_eq!(ask(&others, post()).status, 404);
    assert_eq!(backend(&ask(&others, call("/shop.Cart/Add"))), "add");

    let anything = json!([{ "backendRefs": [{ "name": "any", "port": 80 }] }]);
    assert_eq!(backend(&ask(&grpc(Precedence::Linkerd, anything.clone()), get("/"))), "any");
    assert_eq!(ask(&grpc(Precedence::Spec, anything), get("/")).status, 404);
}

#[test]
fn linkerd_puts_nothing_in_force_of_a_route_with_a_match_that_it_cannot_read() {
    // The second one would grow beyond all memory.
    for value in ["([", "((a{1,100}){1,100}){1,100}"] {
        let bad = json!({ "headers": [{ "type": "RegularExpression", "name": "x", "value": value }] });
        let rules = json!([rule("bad", bad), rule("default", json!({}))]);
        let outcome = ask(&web(Precedence::Linkerd, rules.clone()), get("/"));
        let why = format!("`{value}` is not a regular expression");
        assert!(outcome.passthrough && told(&outcome, &why), "{:?}", outcome.why);
        assert_eq!(backend(&ask(&web(Precedence::Spec, rules), get("/"))), "default");
    }

    let method = json!({ "method": { "type": "RegularExpression", "method": "A.*" } });
    let rules = json!([rule("method", method)]);
    let outcome = ask(&grpc(Precedence::Linkerd, rules.clone()), call("/shop.Cart/Add"));
    assert!(outcome.passthrough && told(&outcome, "by regular expression"), "{:?}", outcome.why);
    assert_eq!(backend(&ask(&grpc(Precedence::Spec, rules), call("/shop.Cart/Add"))), "method");
}

#[test]
fn linkerd_leaves_out_the_dot_at_the_end_of_a_host() {
    let mut object = super::route("test", "web", json!([rule("web", json!({}))]));
    object["spec"]["hostnames"] = json!(["web.test", "*.example.com"]);
    let mut routes = RouteSet::new(Precedence::Linkerd);
    routes.insert(&object).unwrap();
    let status = |host: &str| ask(&routes, get("/").header("host", host)).status;

    assert_eq!(["web.test.", "a.example.com.", "web.test.:80", "other."].map(status), [200, 200, 200, 404]);
}
