//! A document of protocol grpc, and every mesh, offline.

use serde_json::{Value, json};

use crate::program::{run, tutorial};

const DOCUMENT: &str = "environment: deployment-gtw
application:
  protocol: grpc
  strategy: canary
  versions:
  - image: cart:1
  - image: cart:2
    matches: [{method: {service: shop.Cart, method: Add}}]
";

const MESHES: [&str; 6] = ["linkerd", "istio", "istio-ambient", "cilium", "kuma", "gateway"];

fn template(document: &str, mesh: &str) -> String {
    run(&["template", "cart", "-n", "test", "-f", "-", "-o", "json", "--mesh", mesh], document).done()
}

#[test]
fn a_grpc_document_makes_a_grpc_route_in_every_mesh() {
    for mesh in MESHES {
        let list: Value = serde_json::from_str(&template(DOCUMENT, mesh)).unwrap();
        let objects = list["items"].as_array().unwrap();
        let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
        let routes = of("GRPCRoute");
        assert_eq!(routes.len(), 1, "{mesh}");
        assert_eq!(routes[0]["spec"]["rules"].as_array().unwrap().len(), 2);
        assert!(of("HTTPRoute").is_empty(), "{mesh}");
        let protocol = if mesh == "kuma" { "grpc" } else { "kubernetes.io/h2c" };
        for service in of("Service") {
            assert_eq!(service["spec"]["ports"][0]["appProtocol"], protocol, "{mesh}: {service}");
        }
    }
}

#[test]
fn a_plan_says_which_calls_go_where() {
    let plan = run(&["plan", "cart", "-n", "test", "-f", "-"], DOCUMENT).done();
    assert!(plan.contains("gRPC shop.Cart/Add"), "{plan}");
    let json = run(&["plan", "cart", "-n", "test", "-f", "-", "-o", "json"], DOCUMENT).done();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["route"]["protocol"], "grpc");
    assert_eq!(
        json["route"]["rules"][0]["matches"],
        json!([{ "grpc": { "method": { "service": "shop.Cart", "method": "Add" } } }])
    );
}

#[test]
fn a_call_is_explained_by_the_rules_of_every_mesh() {
    for mesh in MESHES {
        let routes = template(DOCUMENT, mesh);
        for (path, version) in [("shop.Cart/Add", "cart-1"), ("shop.Cart/Get", "cart-0")] {
            let url = format!("http://cart.test/{path}");
            let args = ["explain", "--routes", "-", "--mesh", mesh, "-X", "POST", "-o", "json"];
            let args = [&args[..], &["-H", "content-type: application/grpc", &url]].concat();
            let outcome: Value = serde_json::from_str(&run(&args, &routes).done()).unwrap();
            assert_eq!(outcome["backends"][0]["name"], version, "{mesh}: {outcome}");
            assert_eq!(outcome["response_headers"]["add"], json!({ "app-version": version }), "{mesh}");
        }
    }
}

#[test]
fn the_tutorials_documents_are_templated_for_every_mesh() {
    for mesh in MESHES {
        for document in ["1-initial.yaml", "2-candidate.yaml", "3-promoted.yaml"] {
            let list: Value = serde_json::from_str(&template(&tutorial(document), mesh)).unwrap();
            let objects = list["items"].as_array().unwrap();
            assert!(objects.iter().any(|object| object["kind"] == "HTTPRoute"), "{mesh}");
        }
    }
    let split = "environment: deployment-gtw\napplication: {strategy: blue-green, versions: [{image: a}, {image: b}]}\n";
    let stderr = run(&["template", "cart", "-f", "-", "--mesh", "kuma"], split).failed(2);
    let wanted = "<stdin>:2:15: application.strategy: needs ResponseHeaderModifier on backendRefs, which the mesh \
                  kuma does not have";
    assert!(stderr.contains(wanted), "{stderr}");
}
