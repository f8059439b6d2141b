//! Which parent a URL means.

use iter8_testkit::simulator::{Outcome, Parent, Precedence, Request, RouteSet};
use serde_json::{Value, json};

use super::{backend, route, rule, service};

fn gateway(name: &str, listeners: Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": { "namespace": "infra", "name": name },
        "spec": { "listeners": listeners },
    })
}

fn set(objects: &[Value]) -> RouteSet {
    let mut set = RouteSet::new(Precedence::Linkerd);
    for object in objects {
        set.insert(object).unwrap();
    }
    set
}

fn get(url: &str) -> Request {
    Request::new("GET", url).unwrap()
}

fn found(set: &RouteSet, url: &str, namespace: Option<&str>) -> Option<String> {
    set.parent_for(&get(url), namespace).unwrap().map(|parent| parent.to_string())
}

fn ask(set: &RouteSet, url: &str) -> Outcome {
    let parent = set.parent_for(&get(url), None).unwrap().unwrap();
    set.route(&parent, &get(url))
}

/// A Gateway for `x.com` on port 80.
fn of_one_host(name: &str) -> Value {
    gateway(name, json!([{ "name": "http", "port": 80, "protocol": "HTTP", "hostname": "x.com" }]))
}

#[test]
fn a_host_that_no_listener_takes_is_not_found_at_the_gateway() {
    let set = set(&[of_one_host("public")]);

    assert_eq!(found(&set, "http://b.org/", None).as_deref(), Some("Gateway infra/public"));
    let outcome = ask(&set, "http://b.org/");
    assert_eq!((outcome.status, outcome.passthrough, outcome.route), (404, false, None));
}

#[test]
fn of_several_gateways_the_one_that_listens_on_the_port_finds_nothing() {
    let other_port = json!([{ "name": "http", "port": 8080, "protocol": "HTTP", "hostname": "x.com" }]);
    let set = set(&[gateway("a", other_port), of_one_host("b")]);

    assert_eq!(found(&set, "http://b.org/", None).as_deref(), Some("Gateway infra/b"));
    assert_eq!(found(&set, "http://b.org:8080/", None).as_deref(), Some("Gateway infra/a"));
    assert_eq!(found(&set, "http://b.org:9090/", None), None);
}

#[test]
fn the_address_of_a_pod_is_no_gateways_unless_one_listens_on_the_port() {
    let set = set(&[of_one_host("public")]);

    assert_eq!(found(&set, "http://10.244.0.1:8080/", None), None);
    assert_eq!(found(&set, "http://[fd00::1]:8080/", None), None);
    assert_eq!(found(&set, "http://10.244.0.1/", None).as_deref(), Some("Gateway infra/public"));
}

#[test]
fn the_gateway_with_the_more_specific_listener_is_meant() {
    let any_host = json!([{
        "name": "http", "port": 80, "protocol": "HTTP",
        "allowedRoutes": { "namespaces": { "from": "All" } },
    }]);
    let mut listeners = any_host.clone();
    listeners[0]["hostname"] = "x.com".into();
    let mut everywhere = route("infra", "everywhere", json!([rule("web", json!({}))]));
    everywhere["spec"]["parentRefs"] = json!([{ "name": "a" }, { "name": "b" }]);
    let set = set(&[gateway("a", any_host), gateway("b", listeners), everywhere]);

    assert_eq!(found(&set, "http://x.com/", None).as_deref(), Some("Gateway infra/b"));
    assert_eq!(found(&set, "http://y.com/", None).as_deref(), Some("Gateway infra/a"));
}

#[test]
fn a_bare_name_is_the_only_service_so_called_unless_a_namespace_is_given() {
    let set = set(&[service("d", "echo", &[80]), service("e", "other", &[80])]);

    assert_eq!(found(&set, "http://echo/", None).as_deref(), Some("Service d/echo"));
    assert_eq!(found(&set, "http://echo/", Some("d")).as_deref(), Some("Service d/echo"));
    // DNS in another namespace would not find it.
    assert_eq!(found(&set, "http://echo/", Some("e")).as_deref(), Some("Service e/echo"));
    assert_eq!(ask(&set, "http://echo/").backends[0].name, "echo");
}

#[test]
fn a_bare_name_of_several_services_is_an_error_that_names_the_namespaces() {
    let set = set(&[service("d", "echo", &[80]), service("e", "echo", &[80])]);
    let error = set.parent_for(&get("http://echo/"), None).unwrap_err().to_string();

    assert!(error.contains("d, e") && error.contains("`echo.d`"), "{error}");
    assert_eq!(found(&set, "http://echo/", Some("e")).as_deref(), Some("Service e/echo"));
}

#[test]
fn a_service_that_is_missing_is_named_and_fails() {
    let set = set(&[service("d", "echo", &[80])]);
    for url in ["http://nosuch.d/", "http://nosuch.other.svc/", "http://nosuch.other.svc.cluster.local/"] {
        let outcome = ask(&set, url);
        assert_eq!((outcome.status, outcome.passthrough), (500, false), "{url}");
        assert!(outcome.why[0].contains("nosuch does not exist"), "{url}: {:?}", outcome.why);
    }
    // Nobody speaks of a namespace `org`.
    assert_eq!(found(&set, "http://example.org/", None), None);
}

#[test]
fn without_services_any_name_in_a_known_namespace_is_that_of_a_service() {
    let set = set(&[route("test", "web", json!([rule("web-0", json!({}))]))]);
    let outcome = ask(&set, "http://shop.test/");

    assert!(outcome.passthrough);
    assert_eq!((backend(&outcome), outcome.backends[0].namespace.as_str()), ("shop", "test"));
    assert_eq!(found(&set, "http://web.svc/", None), None, "a Service in a namespace `svc`");
}

#[test]
fn a_listener_set_is_found_by_its_gateway() {
    let mut public = of_one_host("public");
    public["spec"]["allowedListeners"] = json!({ "namespaces": { "from": "All" } });
    let shop = json!({
        "kind": "ListenerSet",
        "metadata": { "namespace": "shop", "name": "set" },
        "spec": {
            "parentRef": { "name": "public", "namespace": "infra" },
            "listeners": [{ "name": "shop", "port": 80, "protocol": "HTTP", "hostname": "shop.example" }],
        },
    });
    let mut routed = route("shop", "shop", json!([rule("shop", json!({}))]));
    routed["spec"]["parentRefs"] = json!([{ "kind": "ListenerSet", "name": "set" }]);

    assert_eq!(backend(&ask(&set(&[public, shop.clone(), routed.clone()]), "http://shop.example/")), "shop");
    // Without the Gateway the set is its only witness.
    assert_eq!(backend(&ask(&set(&[shop, routed]), "http://shop.example/")), "shop");
}

#[test]
fn a_port_that_the_service_does_not_have_takes_no_request() {
    let set = set(&[service("test", "web", &[80]), route("test", "web", json!([rule("web", json!({}))]))]);
    let outcome = set.route(&Parent::service("test", "web"), &get("http://web.test:8080/"));

    assert_eq!((outcome.status, outcome.passthrough), (500, false));
    assert_eq!(outcome.why, ["Service test/web has no port 8080"]);
    assert_eq!(ask(&set, "http://web.test/").status, 200);
}
