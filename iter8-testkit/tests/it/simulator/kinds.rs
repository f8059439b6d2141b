//! HTTPRoutes and GRPCRoutes at one listener.

use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
use serde_json::{Value, json};

use super::{call, route, rule};

fn at_gateway(kind: &str, name: &str, hostname: &str, created: &str) -> Value {
    let mut object = route("infra", name, json!([rule(name, json!({}))]));
    object["kind"] = kind.into();
    object["spec"]["parentRefs"] = json!([{ "name": "gateway" }]);
    object["spec"]["hostnames"] = json!([hostname]);
    object["metadata"]["creationTimestamp"] = created.into();
    object
}

const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-01-02T00:00:00Z";

fn set(objects: &[Value]) -> RouteSet {
    let mut routes = RouteSet::new(Precedence::Spec);
    for object in objects {
        routes.insert(object).unwrap();
    }
    routes
}

/// The backend of a gRPC call and of a plain request to this host, or the status.
fn answers(routes: &RouteSet, host: &str) -> [String; 2] {
    let get = Request::new("GET", "http://any/").unwrap();
    [call("/a.B/C"), get].map(|request| {
        let outcome = routes.route(&Parent::gateway("infra", "gateway"), &request.header("host", host));
        outcome.backends.first().map_or_else(|| outcome.status.to_string(), |backend| backend.name.clone())
    })
}

/// The names of the routes that the Gateway does not accept, with the reason.
fn refused(routes: &RouteSet) -> Vec<(String, &'static str)> {
    let attachments = routes.attachments().into_iter().filter(|attachment| !attachment.accepted);
    attachments.map(|attachment| (attachment.name, attachment.reason)).collect()
}

#[test]
fn of_two_kinds_with_a_hostname_in_common_the_older_route_has_the_listener() {
    for (grpc, http, winner) in [(EARLY, LATE, ["grpc", "404"]), (LATE, EARLY, ["404", "http"])] {
        let routes = set(&[
            at_gateway("HTTPRoute", "http", "a.example.com", http),
            at_gateway("GRPCRoute", "grpc", "*.example.com", grpc),
        ]);
        // The winner keeps what is its own only; the loser has nothing left.
        let [by_grpc, by_http] = answers(&routes, "a.example.com");
        assert_eq!(
            [by_grpc.as_str() == "grpc", by_http.as_str() == "http"],
            winner.map(|name| name != "404")
        );
        let loser = if winner[0] == "grpc" { "http" } else { "grpc" };
        assert_eq!(refused(&routes), [(loser.to_owned(), "HostnameConflict")]);
        assert_eq!(routes.attachments().iter().filter(|attachment| attachment.accepted).count(), 1);
    }
}

#[test]
fn of_the_same_age_the_name_decides() {
    let routes = set(&[
        at_gateway("GRPCRoute", "b", "a.example.com", EARLY),
        at_gateway("HTTPRoute", "a", "a.example.com", EARLY),
    ]);
    assert_eq!(refused(&routes), [("b".to_owned(), "HostnameConflict")]);
}

#[test]
fn hostnames_apart_leave_both_kinds_in_place() {
    let routes = set(&[
        at_gateway("HTTPRoute", "http", "a.example.com", LATE),
        at_gateway("GRPCRoute", "grpc", "b.example.com", EARLY),
    ]);
    assert_eq!(refused(&routes), []);
    assert_eq!(
        (answers(&routes, "b.example.com")[0].as_str(), answers(&routes, "a.example.com")[1].as_str()),
        ("grpc", "http")
    );
}

#[test]
fn a_route_that_has_lost_is_in_nobodys_way() {
    let routes = set(&[
        at_gateway("GRPCRoute", "first", "a.example.com", EARLY),
        at_gateway("HTTPRoute", "second", "*.example.com", "2026-01-01T12:00:00Z"),
        at_gateway("GRPCRoute", "third", "b.example.com", LATE),
    ]);
    assert_eq!(refused(&routes), [("second".to_owned(), "HostnameConflict")]);
    assert_eq!(answers(&routes, "b.example.com")[0], "third");
}

#[test]
fn a_route_that_has_lost_one_listener_keeps_another() {
    let listener = |name: &str, port: u16| json!({ "name": name, "port": port, "protocol": "HTTP" });
    let gateway = json!({
        "kind": "Gateway",
        "metadata": { "namespace": "infra", "name": "gateway" },
        "spec": { "listeners": [listener("one", 80), listener("two", 8080)] },
    });
    let mut grpc = at_gateway("GRPCRoute", "grpc", "a.example.com", EARLY);
    grpc["spec"]["parentRefs"][0]["sectionName"] = "one".into();
    let routes = set(&[gateway, grpc, at_gateway("HTTPRoute", "http", "a.example.com", LATE)]);

    assert_eq!(refused(&routes), []);
    let parent = Parent::gateway("infra", "gateway");
    assert_eq!(routes.attached_routes(&parent), [("one".to_owned(), 1), ("two".to_owned(), 1)].into());
    let status = |port: u16| {
        routes.route(&parent, &Request::new("GET", &format!("http://a.example.com:{port}/")).unwrap()).status
    };
    assert_eq!([status(80), status(8080)], [404, 200]);
}
