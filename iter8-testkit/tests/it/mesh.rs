//! The mesh against an API server: what a client in it sees.

mod fixture;

use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_testkit::apiserver::ApiServer;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, CustomResourceExt};
use serde_json::{Value, json};

use iter8_testkit::simulator::Precedence;

use self::fixture::{NAMESPACE, World};

/// An API server with the tests' namespace, where HTTPRoutes are not installed.
async fn bare_cluster() -> Client {
    let client = ApiServer::new().client();
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(NAMESPACE.into()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
    client
}

async fn install_http_routes(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &HttpRoute::crd()).await.unwrap();
}

fn header_rule(backend: &str) -> Value {
    json!({
        "matches": [{ "headers": [{ "name": "traffic", "value": "test" }] }],
        "backendRefs": [backend_ref(backend, 1)],
    })
}

fn default_rule(backends: &[Value]) -> Value {
    json!({ "backendRefs": backends })
}

fn backend_ref(name: &str, weight: u32) -> Value {
    json!({
        "name": name,
        "port": 80,
        "weight": weight,
        "filters": [{
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": { "add": [{ "name": "app-version", "value": name }] },
        }],
    })
}

#[tokio::test]
async fn a_service_without_routes_answers_for_itself() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;

    for host in ["httpbin", "httpbin.test", "HTTPBIN.test.svc", "httpbin.test.svc.cluster.local:80"] {
        let answer = world.mesh.get(host, "/get?show=all", &[]).await.unwrap();
        assert_eq!(answer.header("answered-by"), Some("httpbin"), "{host}: {answer:?}");
        let received: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&received["path"], &received["headers"]["host"]),
            (&json!("/get?show=all"), &json!(host))
        );
    }
}

#[tokio::test]
async fn the_header_rule_takes_its_requests_and_the_default_rule_the_others() {
    let world = World::new().await;
    for name in ["httpbin", "httpbin-0", "httpbin-1"] {
        world.service_with_pod(name).await;
    }
    world
        .route("httpbin", json!([header_rule("httpbin-1"), default_rule(&[backend_ref("httpbin-0", 1)])]))
        .await;

    let tested = world.get("/", &[("traffic", "test")]).await;
    let other = world.get("/", &[]).await;

    assert_eq!((tested.status, tested.header("app-version")), (200, Some("httpbin-1")));
    assert_eq!((other.status, other.header("app-version")), (200, Some("httpbin-0")));
}

#[tokio::test]
async fn weights_are_kept_in_every_run_of_requests() {
    let world = World::new().await;
    for name in ["httpbin", "httpbin-0", "httpbin-1"] {
        world.service_with_pod(name).await;
    }
    let backends = [backend_ref("httpbin-0", 30), backend_ref("httpbin-1", 70)];
    world.route("httpbin", json!([default_rule(&backends)])).await;

    let mut first = 0;
    for _ in 0..20 {
        first += usize::from(world.answered_by("/", &[]).await == "httpbin-0");
    }
    assert_eq!(first, 6);
}

#[tokio::test]
async fn what_cannot_be_served_gets_the_status_that_linkerd_gives() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;
    world.service("httpbin-0").await;
    let rules = json!([
        { "matches": [{ "path": { "type": "PathPrefix", "value": "/empty" } }], "backendRefs": [{ "name": "httpbin-0", "port": 80 }] },
        { "matches": [{ "path": { "type": "PathPrefix", "value": "/missing" } }], "backendRefs": [{ "name": "httpbin-9", "port": 80 }] },
    ]);
    world.route("httpbin", rules).await;

    assert_eq!(world.get("/empty", &[]).await.status, 503);
    assert_eq!(world.get("/missing", &[]).await.status, 500);
    assert_eq!(world.get("/other", &[]).await.status, 404);
    assert_eq!(world.mesh.get("nothing.test", "/", &[]).await.unwrap().status, 502);
    assert_eq!(world.mesh.get("httpbin.test:81", "/", &[]).await.unwrap().status, 502);
    assert_eq!(world.mesh.get("httpbin.elsewhere", "/", &[]).await.unwrap().status, 502);
}

#[tokio::test]
async fn filters_change_what_the_pod_and_the_client_get() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;
    let modified = json!([
        { "type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{ "name": "X-Set", "value": "new" }],
            "add": [{ "name": "X-Add", "value": "more" }],
            "remove": ["X-Gone"],
        } },
        { "type": "ResponseHeaderModifier", "responseHeaderModifier": {
            "set": [{ "name": "answered-by", "value": "the route" }],
        } },
    ]);
    let redirected = json!([{ "type": "RequestRedirect", "requestRedirect": {
        "hostname": "example.org", "statusCode": 301, "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/new" },
    } }]);
    let rules = json!([
        { "matches": [{ "path": { "type": "PathPrefix", "value": "/old" } }], "filters": redirected },
        { "filters": modified, "backendRefs": [{ "name": "httpbin", "port": 80 }] },
    ]);
    world.route("httpbin", rules).await;

    let answer =
        world.get("/", &[("x-set", "old"), ("x-add", "one"), ("x-gone", "there"), ("x-kept", "as is")]).await;
    let headers = serde_json::from_str::<Value>(&answer.body).unwrap()["headers"].take();
    assert_eq!((&headers["x-set"], &headers["x-add"]), (&json!("new"), &json!("one,more")));
    assert_eq!((&headers["x-gone"], &headers["x-kept"]), (&Value::Null, &json!("as is")));
    assert_eq!(answer.header("answered-by"), Some("the route"));

    let answer = world.get("/old/page?x=1", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (301, Some("http://example.org/new/page?x=1")));
}

#[tokio::test]
async fn a_mirror_gets_its_percentage_of_copies_and_the_client_never_its_answers() {
    // Linkerd has no mirrors.
    let world = World::with_rules_of(Precedence::Spec).await;
    world.service_with_pod("httpbin").await;
    world.service_with_pod("httpbin-1").await;
    let backend = json!({ "name": "httpbin-1", "port": 80 });
    let mirror =
        json!({ "type": "RequestMirror", "requestMirror": { "backendRef": backend, "percent": 25 } });
    let rule = json!({ "filters": [mirror], "backendRefs": [{ "name": "httpbin", "port": 80 }] });
    world.route("httpbin", json!([rule])).await;

    for _ in 0..8 {
        assert_eq!(world.answered_by("/", &[]).await, "httpbin");
    }
    let copied = async {
        while world.received_by("httpbin-1") < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), copied).await.unwrap();
    assert_eq!((world.received_by("httpbin"), world.received_by("httpbin-1")), (8, 2));
}

#[tokio::test]
async fn requests_take_turns_over_ready_endpoints_and_pass_over_those_that_refuse() {
    let world = World::new().await;
    world.service("httpbin").await;
    let (one, two, down, unready) = (
        world.pod("one").await,
        world.pod("two").await,
        world.network.allocate(),
        world.pod("unready").await,
    );
    // Nothing listens on this socket.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.network.expose(down, 8080, closed);
    world.endpoints("httpbin", &[(one, true), (two, true), (down, true), (unready, false)]).await;

    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(world.answered_by("/", &[]).await);
    }
    answers.sort();
    answers.dedup();
    assert_eq!(answers, ["one", "two"]);
}

#[tokio::test]
async fn a_change_of_the_route_is_in_force_at_once_and_its_end_too() {
    let world = World::new().await;
    for name in ["httpbin", "httpbin-0", "httpbin-1"] {
        world.service_with_pod(name).await;
    }
    for backend in ["httpbin-0", "httpbin-1", "httpbin-0"] {
        world.route("httpbin", json!([default_rule(&[backend_ref(backend, 1)])])).await;
        assert_eq!(world.answered_by("/", &[]).await, backend);
    }
    world.delete("HTTPRoute", "httpbin").await;
    world.wait(|view| view.route("httpbin").is_none()).await;
    assert_eq!(world.answered_by("/", &[]).await, "httpbin");
}

#[tokio::test]
async fn hostnames_on_the_route_of_a_service_keep_other_hosts_out() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;
    let spec = json!({
        "parentRefs": [{ "group": "", "kind": "Service", "name": "httpbin" }],
        "hostnames": ["httpbin.test"],
        "rules": [default_rule(&[backend_ref("httpbin", 1)])],
    });
    world.route_with("httpbin", spec).await;

    assert_eq!(world.get("/", &[]).await.status, 200);
    assert_eq!(world.mesh.get("httpbin", "/", &[]).await.unwrap().status, 404);
}

#[tokio::test]
async fn the_status_says_accepted_as_linkerd_does() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;
    world.route("httpbin", json!([default_rule(&[backend_ref("httpbin", 1)])])).await;

    let parents = world.reported("httpbin").await;

    let reference = json!({ "group": "core", "kind": "Service", "name": "httpbin", "namespace": NAMESPACE });
    assert_eq!(parents[0]["parentRef"], reference);
    assert_eq!(parents[0]["controllerName"], "iter8.tools/testkit-mesh");
    let conditions = parents[0]["conditions"].as_array().unwrap();
    let told: Vec<_> =
        conditions.iter().map(|told| [&told["type"], &told["status"], &told["reason"]]).collect();
    assert_eq!(
        told,
        [
            [&json!("Accepted"), &json!("True"), &json!("Accepted")],
            [&json!("ResolvedRefs"), &json!("True"), &json!("ResolvedRefs")],
        ]
    );
}

#[tokio::test]
async fn the_status_follows_backends_that_go_and_come() {
    let world = World::new().await;
    world.service_with_pod("httpbin").await;
    world.route("httpbin", json!([default_rule(&[backend_ref("httpbin-1", 1)])])).await;
    let parents = world.reported("httpbin").await;
    assert_eq!(parents[0]["conditions"][1]["reason"], "BackendNotFound");

    world.service_with_pod("httpbin-1").await;

    world
        .wait(|view| {
            let status = view.route("httpbin").and_then(|route| route.status.as_ref());
            status.is_some_and(|status| {
                status.parents.iter().any(|parent| parent.conditions.iter().all(|told| told.status == "True"))
            })
        })
        .await;
}

#[tokio::test]
async fn routes_are_followed_from_the_moment_they_are_installed() {
    let world = World::on(bare_cluster().await).await;
    world.service_with_pod("httpbin").await;
    world.service_with_pod("httpbin-0").await;
    assert_eq!(world.answered_by("/", &[]).await, "httpbin");

    install_http_routes(&world.client).await;
    world.route("httpbin", json!([default_rule(&[backend_ref("httpbin-0", 1)])])).await;

    assert_eq!(world.answered_by("/", &[]).await, "httpbin-0");
}

#[tokio::test]
async fn a_dropped_mesh_takes_no_connections() {
    let World { mesh, .. } = World::new().await;
    let address = mesh.url().replace("http://", "");
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());

    drop(mesh);
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
}
