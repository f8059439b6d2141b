//! What the simulator says where the conformance cases are silent.

use iter8_testkit::simulator::{Outcome, Parent, Precedence, Request, RouteSet};
use serde_json::{Value, json};

mod details;
mod kinds;
mod lookup;
mod profile;

/// The routes of Service `test/web` with these rules.
fn web(precedence: Precedence, rules: Value) -> RouteSet {
    let mut routes = RouteSet::new(precedence);
    routes.insert(&route("test", "web", rules)).unwrap();
    routes
}

fn route(namespace: &str, name: &str, rules: Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": { "namespace": namespace, "name": name },
        "spec": {
            "parentRefs": [{ "group": "", "kind": "Service", "namespace": "test", "name": "web" }],
            "rules": rules,
        },
    })
}

fn rule(name: &str, matches: Value) -> Value {
    json!({ "matches": [matches], "backendRefs": [{ "name": name, "port": 80 }] })
}

fn service(namespace: &str, name: &str, ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({ "port": port })).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "ports": ports },
    })
}

fn ask(routes: &RouteSet, request: Request) -> Outcome {
    routes.route(&Parent::service("test", "web"), &request)
}

fn get(path: &str) -> Request {
    Request::new("GET", &format!("http://web.test{path}")).unwrap()
}

fn backend(outcome: &Outcome) -> &str {
    match outcome.backends.as_slice() {
        [backend] => &backend.name,
        _ => "not one backend",
    }
}

#[test]
fn linkerd_ranks_paths_by_length_and_the_specification_by_kind() {
    let rules = json!([
        rule("prefix", json!({ "path": { "type": "PathPrefix", "value": "/ab" } })),
        rule("exact", json!({ "path": { "type": "Exact", "value": "/ab" } })),
    ]);

    assert_eq!(backend(&ask(&web(Precedence::Spec, rules.clone()), get("/ab"))), "exact");
    assert_eq!(backend(&ask(&web(Precedence::Linkerd, rules), get("/ab"))), "prefix");
}

#[test]
fn linkerd_ranks_the_method_last_and_the_specification_before_headers() {
    let rules = json!([
        rule("header", json!({ "headers": [{ "name": "a", "value": "b" }] })),
        rule("method", json!({ "method": "GET" })),
    ]);
    let request = || get("/").header("a", "b");

    assert_eq!(backend(&ask(&web(Precedence::Spec, rules.clone()), request())), "method");
    assert_eq!(backend(&ask(&web(Precedence::Linkerd, rules), request())), "header");
}

#[test]
fn linkerd_counts_no_trailing_slash_of_a_prefix() {
    let rules = json!([
        rule("prefix", json!({ "path": { "type": "PathPrefix", "value": "/ab/" } })),
        rule("exact", json!({ "path": { "type": "Exact", "value": "/ab" } })),
        rule("header", json!({ "headers": [{ "name": "a", "value": "b" }] })),
        rule("root", json!({ "path": { "type": "PathPrefix", "value": "/" } })),
    ]);
    let routes = web(Precedence::Linkerd, rules);

    // Both have matched three characters, so the first one wins.
    assert_eq!(backend(&ask(&routes, get("/ab"))), "prefix");
    let outcome = ask(&routes, get("/ab").header("a", "b"));
    let told = |sentence: &str| outcome.why.iter().any(|why| why.contains(sentence));
    assert!(told("rule 1") && told("its rule comes later"), "{:?}", outcome.why);
    assert!(told("it has fewer characters of the path (1 against 3)"), "{:?}", outcome.why);
}

#[test]
fn linkerd_has_no_say_at_a_gateway() {
    let rules = json!([
        rule("header", json!({ "headers": [{ "name": "a", "value": "b" }] })),
        rule("method", json!({ "method": "GET" })),
    ]);
    let mut object = route("test", "web", rules);
    object["spec"]["parentRefs"] = json!([{ "name": "gateway" }, { "kind": "ListenerSet", "name": "set" }, { "group": "", "kind": "Service", "name": "web" }]);
    let mut routes = RouteSet::new(Precedence::Linkerd);
    routes.insert(&object).unwrap();
    let at = |parent: Parent| routes.route(&parent, &get("/").header("a", "b")).backends[0].name.clone();

    assert_eq!(at(Parent::service("test", "web")), "header");
    assert_eq!(at(Parent::gateway("test", "gateway")), "method");
    assert_eq!(at(Parent::listener_set("test", "set")), "method");
}

#[test]
fn a_regular_expression_has_to_match_the_whole_value() {
    let rules = json!([
        rule("path", json!({ "path": { "type": "RegularExpression", "value": "/v[0-9]" } })),
        rule(
            "header",
            json!({ "headers": [{ "type": "RegularExpression", "name": "user", "value": "a|b" }] })
        ),
        rule("default", json!({})),
    ]);
    for precedence in [Precedence::Spec, Precedence::Linkerd] {
        let routes = web(precedence, rules.clone());
        assert_eq!(backend(&ask(&routes, get("/v1"))), "path");
        assert_eq!(backend(&ask(&routes, get("/v10"))), "default");
        assert_eq!(backend(&ask(&routes, get("/").header("user", "b"))), "header");
        assert_eq!(backend(&ask(&routes, get("/").header("user", "bob"))), "default");
    }
}

#[test]
fn the_reasons_say_why_the_winner_won_and_the_others_lost() {
    let rules = json!([
        rule("test", json!({ "headers": [{ "name": "traffic", "value": "test" }] })),
        rule("post", json!({ "method": "POST" })),
        rule("default", json!({})),
    ]);
    let outcome = ask(&web(Precedence::Linkerd, rules), get("/").header("traffic", "test"));

    assert_eq!(
        outcome.why,
        [
            "match 0 of rule 0 of HTTPRoute test/web (path prefix `/`, header `traffic: test`) wins",
            "match 0 of rule 2 of HTTPRoute test/web (path prefix `/`) matches too, but it has fewer header \
             conditions (0 against 1)",
            "match 0 of rule 1 of HTTPRoute test/web (path prefix `/`, method `POST`) does not match: the method \
             is `GET`",
        ]
    );
}

#[test]
fn an_outcome_is_written_as_programs_expect_it() {
    let rules = json!([{ "backendRefs": [{
        "name": "httpbin-1",
        "port": 80,
        "filters": [{
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": { "add": [{ "name": "app-version", "value": "httpbin-1" }] },
        }],
    }] }]);
    let mut written =
        serde_json::to_value(ask(&web(Precedence::Spec, rules), get("/").header("Traffic", "test"))).unwrap();

    assert!(
        written.as_object_mut().and_then(|fields| fields.remove("why")).is_some_and(|why| why.is_array())
    );
    assert_eq!(
        written,
        json!({
            "status": 200,
            "route": { "namespace": "test", "name": "web", "rule": 0, "match": 0 },
            "backends": [{ "namespace": "test", "name": "httpbin-1", "port": 80, "share": 1.0 }],
            "request": { "host": "web.test", "path": "/", "headers": { "traffic": "test" } },
            "response_headers": { "set": {}, "add": { "app-version": "httpbin-1" }, "remove": [] },
            "redirect": null,
            "mirrors": [],
        })
    );
}

#[test]
fn a_backend_that_does_not_exist_takes_its_share_down() {
    let rules = json!([{ "backendRefs": [
        { "name": "web-0", "port": 80, "weight": 3 },
        { "name": "web-1", "port": 80, "weight": 1 },
        { "name": "web-2", "port": 80, "weight": 0 },
    ] }]);
    let mut routes = web(Precedence::Spec, rules);
    for name in ["web", "web-0", "web-2"] {
        let metadata = json!({ "namespace": "test", "name": name });
        routes
            .insert(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {} }))
            .unwrap();
    }
    let outcome = ask(&routes, get("/"));

    assert_eq!((outcome.status, backend(&outcome)), (200, "web-0"));
    assert_eq!((outcome.backends[0].share, outcome.failing_share), (0.75, 0.25));
}

#[test]
fn filters_of_different_backends_are_told_apart() {
    let modifier = |value: &str| {
        let set = json!([{ "name": "app-version", "value": value }]);
        json!([{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "set": set } }])
    };
    let rules = json!([{
        "filters": modifier("rule"),
        "backendRefs": [
            { "name": "web-0", "port": 80, "filters": modifier("web-0") },
            { "name": "web-1", "port": 80 },
            { "name": "web-2", "port": 80, "filters": [{ "type": "ExtensionRef" }] },
        ],
    }]);
    let outcome = ask(&web(Precedence::Spec, rules), get("/"));

    assert_eq!(outcome.backends.len(), 2);
    for backend in &outcome.backends {
        // The filters of the rule are nearer to the client, so they have the last word on the response.
        assert_eq!(outcome.effect_on(backend).response_headers.set["app-version"], "rule");
    }
    assert!(outcome.failing_share > 0.3 && outcome.why.iter().any(|why| why.contains("ExtensionRef")));
}

#[test]
fn routes_of_the_clients_namespace_replace_those_of_the_service() {
    let mut routes = web(Precedence::Spec, json!([rule("producer", json!({}))]));
    let rules = json!([{ "backendRefs": [{ "name": "web", "namespace": "test", "port": 80 }] }]);
    routes.insert(&route("shop", "web-for-shop", rules)).unwrap();

    assert_eq!(backend(&ask(&routes, get("/"))), "producer");
    assert_eq!(backend(&ask(&routes, get("/").from_namespace("other"))), "producer");
    assert_eq!(backend(&ask(&routes, get("/").from_namespace("shop"))), "web");
}

#[test]
fn a_grpc_route_keeps_an_http_route_out() {
    let mut routes = web(Precedence::Spec, json!([rule("http", json!({}))]));
    let mut grpc = route("test", "grpc", json!([rule("grpc", json!({ "method": { "service": "a.B" } }))]));
    grpc["kind"] = "GRPCRoute".into();
    routes.insert(&grpc).unwrap();
    let call = |path: &str| {
        Request::new("POST", &format!("http://web{path}")).unwrap().header("content-type", "application/grpc")
    };

    assert_eq!(backend(&ask(&routes, call("/a.B/C"))), "grpc");
    assert_eq!(ask(&routes, call("/a.C/C")).status, 404);
    assert_eq!(ask(&routes, get("/")).status, 404);
}

#[test]
fn without_rules_the_api_server_gives_an_http_route_one_for_every_request() {
    let mut routes = RouteSet::new(Precedence::Spec);
    let mut object = route("test", "web", json!(null));
    object["spec"].as_object_mut().unwrap().remove("rules");
    routes.insert(&object).unwrap();
    let outcome = ask(&routes, get("/a"));
    assert_eq!((outcome.status, backend(&outcome)), (200, "web"), "a Service's own endpoints");

    object["spec"]["rules"] = json!([]);
    routes.insert(&object).unwrap();
    assert_eq!(ask(&routes, get("/a")).status, 404, "a list without a rule is not what the default is for");
}

#[test]
fn at_a_gateway_the_more_specific_hostname_comes_before_the_longer_path() {
    let mut routes = RouteSet::new(Precedence::Spec);
    for (name, hostname, path) in [("any", "*.example.com", "/long/path"), ("exact", "a.example.com", "/")] {
        let wanted = json!({ "path": { "type": "PathPrefix", "value": path } });
        let mut route = route("infra", name, json!([rule(name, wanted)]));
        route["spec"]["parentRefs"] = json!([{ "name": "gateway" }]);
        route["spec"]["hostnames"] = json!([hostname]);
        routes.insert(&route).unwrap();
    }
    let ask = |host: &str| {
        let request = Request::new("GET", &format!("http://{host}/long/path")).unwrap();
        routes.route(&Parent::gateway("infra", "gateway"), &request)
    };

    assert_eq!(backend(&ask("a.example.com")), "exact");
    assert_eq!(backend(&ask("b.example.com")), "any");
    assert_eq!(ask("example.com").status, 404);
}

#[test]
fn the_older_route_wins_a_tie_and_then_the_name() {
    let mut routes = RouteSet::new(Precedence::Spec);
    for (name, created) in
        [("c", "2026-01-01T00:00:00Z"), ("b", "2026-01-02T00:00:00Z"), ("a", "2026-01-02T00:00:00Z")]
    {
        let mut route = route("test", name, json!([rule(name, json!({}))]));
        route["metadata"]["creationTimestamp"] = created.into();
        routes.insert(&route).unwrap();
    }
    let outcome = ask(&routes, get("/"));

    assert_eq!(backend(&outcome), "c");
    assert!(
        outcome.why.iter().any(|why| why.contains("test/a") && why.contains("younger")),
        "{:?}",
        outcome.why
    );
}

#[test]
fn a_listener_set_adds_listeners_where_the_gateway_allows_it() {
    let mut routes = RouteSet::new(Precedence::Spec);
    let gateway = |from: &str| {
        json!({
            "kind": "Gateway",
            "metadata": { "namespace": "infra", "name": "gateway" },
            "spec": {
                "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }],
                "allowedListeners": { "namespaces": { "from": from } },
            },
        })
    };
    routes.insert(&gateway("All")).unwrap();
    let set = json!({
        "kind": "ListenerSet",
        "metadata": { "namespace": "shop", "name": "set" },
        "spec": {
            "parentRef": { "name": "gateway", "namespace": "infra" },
            "listeners": [{ "name": "shop", "port": 80, "protocol": "HTTP", "hostname": "shop.example" }],
        },
    });
    routes.insert(&set).unwrap();
    let mut shop = route("shop", "shop", json!([rule("shop", json!({}))]));
    shop["spec"]["parentRefs"] = json!([{ "kind": "ListenerSet", "name": "set" }]);
    routes.insert(&shop).unwrap();
    let ask = |routes: &RouteSet, host: &str| {
        let request = Request::new("GET", &format!("http://{host}/")).unwrap();
        routes.route(&Parent::gateway("infra", "gateway"), &request).status
    };

    assert_eq!((ask(&routes, "shop.example"), ask(&routes, "other.example")), (200, 404));
    assert_eq!(routes.attached_routes(&Parent::listener_set("shop", "set"))["shop"], 1);

    routes.insert(&gateway("Same")).unwrap();
    assert_eq!(ask(&routes, "shop.example"), 404);
}

#[test]
fn the_host_of_the_url_says_which_parent_is_meant() {
    let mut routes = web(Precedence::Spec, json!([]));
    let mut shop = route("test", "shop", json!([rule("shop", json!({}))]));
    shop["spec"]["parentRefs"] = json!([{ "name": "gateway" }]);
    shop["spec"]["hostnames"] = json!(["*.example.org"]);
    routes.insert(&shop).unwrap();
    let parent = |url: &str| {
        let parent = routes.parent_for(&Request::new("GET", url).unwrap(), None).unwrap();
        parent.map_or_else(String::new, |parent| parent.to_string())
    };

    for host in ["web", "web.test", "web.test.svc", "WEB.test.svc.cluster.local."] {
        assert_eq!(parent(&format!("http://{host}/")), "Service test/web");
    }
    assert_eq!(parent("http://shop.example.org/"), "Gateway test/gateway");
    assert_eq!(parent("http://10.244.0.1:8080/"), "Gateway test/gateway");
    let pod = Request::new("GET", "http://10.244.0.1/").unwrap();
    assert_eq!(web(Precedence::Spec, json!([])).parent_for(&pod, None), Ok(None));
}

#[test]
fn a_list_and_typed_objects_are_read_alike() {
    let item = route("test", "web", json!([rule("web-0", json!({}))]));
    let typed: gateway_api::httproutes::HttpRoute = serde_json::from_value(item.clone()).unwrap();
    let mut of_list = RouteSet::new(Precedence::Spec);
    of_list.insert(&json!({ "apiVersion": "v1", "kind": "List", "items": [item] })).unwrap();
    let mut of_type = RouteSet::new(Precedence::Spec);
    of_type.insert(&typed).unwrap();

    assert_eq!(ask(&of_list, get("/")), ask(&of_type, get("/")));
    assert_eq!(backend(&ask(&of_type, get("/"))), "web-0");
}

#[test]
fn an_object_that_is_not_of_its_kind_is_refused_by_name() {
    let broken = route("test", "web", json!("none"));
    let error = RouteSet::new(Precedence::Spec).insert(&broken).unwrap_err();

    assert_eq!(
        error.to_string(),
        "HTTPRoute `web` cannot be read: spec.rules: invalid type: string \"none\", expected a sequence"
    );
}

/// A GRPCRoute of Service `test/web` with these rules.
fn grpc(precedence: Precedence, rules: Value) -> RouteSet {
    let mut object = route("test", "web", rules);
    object["kind"] = json!("GRPCRoute");
    let mut routes = RouteSet::new(precedence);
    routes.insert(&object).unwrap();
    routes
}

fn call(path: &str) -> Request {
    Request::new("POST", &format!("http://web.test{path}"))
        .unwrap()
        .header("content-type", "application/grpc")
}

#[test]
fn every_mesh_ranks_paths_by_regular_expression_in_its_place() {
    let rules = json!([
        rule("prefix", json!({ "path": { "type": "PathPrefix", "value": "/a" } })),
        rule("expression", json!({ "path": { "type": "RegularExpression", "value": "/a.*" } })),
    ]);
    for (mesh, winner) in [
        ("gateway", "expression"),
        ("cilium", "expression"),
        ("istio", "prefix"),
        ("istio-ambient", "prefix"),
        ("kuma", "prefix"),
    ] {
        assert_eq!(backend(&ask(&web(mesh.parse().unwrap(), rules.clone()), get("/a/b"))), winner, "{mesh}");
    }
}

#[test]
fn a_grpc_method_of_any_service_comes_before_a_service_in_cilium_only() {
    let rules = json!([
        rule("service", json!({ "method": { "service": "shop.Cart" } })),
        rule("method", json!({ "method": { "method": "Add" } })),
        rule("both", json!({ "method": { "service": "shop.Cart", "method": "Get" } })),
    ]);
    for (mesh, winner) in [
        ("gateway", "service"),
        ("linkerd", "service"),
        ("istio", "service"),
        ("kuma", "service"),
        ("cilium", "method"),
    ] {
        let routes = grpc(mesh.parse().unwrap(), rules.clone());
        assert_eq!(backend(&ask(&routes, call("/shop.Cart/Add"))), winner, "{mesh}");
        assert_eq!(backend(&ask(&routes, call("/shop.Cart/Get"))), "both", "{mesh}");
    }
}

#[test]
fn in_kuma_a_grpc_rule_without_matches_comes_before_one_on_headers_unless_it_says_that_it_takes_everything() {
    let header = rule("header", json!({ "headers": [{ "name": "traffic", "value": "test" }] }));
    let default = json!({ "backendRefs": [{ "name": "default", "port": 80 }] });
    let explicit = rule("default", json!({}));
    for (precedence, default, winner) in [
        (Precedence::Kuma, &default, "default"),
        (Precedence::Kuma, &explicit, "header"),
        (Precedence::Spec, &default, "header"),
        (Precedence::Istio, &default, "header"),
        (Precedence::Cilium, &default, "header"),
        (Precedence::Linkerd, &default, "header"),
    ] {
        let routes = grpc(precedence, json!([header, default]));
        let outcome = ask(&routes, call("/shop.Cart/Add").header("traffic", "test"));
        assert_eq!(backend(&outcome), winner, "{precedence:?}");
        assert_eq!(backend(&ask(&routes, call("/shop.Cart/Add"))), "default", "{precedence:?}");
    }
}

#[test]
fn a_mesh_that_nobody_knows_is_named() {
    let error = "mesh".parse::<Precedence>().unwrap_err().to_string();
    assert_eq!(error, "the simulator does not know the mesh `mesh`");
}
