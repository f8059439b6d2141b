//! `iter8 explain` on what `iter8 template` prints.

use serde_json::{Value, json};

use crate::program::{Outcome, run, tutorial};

fn explain(format: &str, args: &[&str]) -> Outcome {
    let template = ["template", "httpbin", "-n", "test", "-f", "-", "-o", format];
    let routes = run(&template, &tutorial("2-candidate.yaml")).done();
    run(&[&["explain", "--routes", "-"], args].concat(), &routes)
}

fn outcome(args: &[&str]) -> Value {
    serde_json::from_str(&explain("json", &[args, &["-o", "json"]].concat()).done()).unwrap()
}

#[test]
fn the_match_decides_which_version_gets_a_request() {
    let test = outcome(&["-H", "traffic: test", "http://httpbin.test/get"]);
    assert_eq!(test["status"], 200);
    assert_eq!(test["route"], json!({ "namespace": "test", "name": "httpbin", "rule": 0, "match": 0 }));
    assert_eq!(
        test["backends"],
        json!([{ "namespace": "test", "name": "httpbin-1", "port": 80, "share": 1.0 }])
    );
    assert_eq!(
        test["request"],
        json!({ "host": "httpbin.test", "path": "/get", "headers": { "traffic": "test" } })
    );
    assert_eq!(test["response_headers"]["add"], json!({ "app-version": "httpbin-1" }));
    assert_eq!(outcome(&["http://httpbin.test/get"])["backends"][0]["name"], "httpbin-0");
}

#[test]
fn a_stream_and_a_list_explain_alike() {
    let args = ["http://httpbin.test/get"];
    assert_eq!(explain("yaml", &args).done(), explain("json", &args).done());
}

#[test]
fn people_are_told_who_gets_it_and_why() {
    let text = explain("yaml", &["-H", "traffic: test", "http://httpbin.test/get"]).done();
    assert!(text.starts_with("httpbin-1 gets it\nsent to  Service test/httpbin\n"), "{text}");
    assert!(text.contains("matches too, but it has fewer header conditions"), "{text}");
}

#[test]
fn a_request_to_nothing_known_goes_past_every_route() {
    let past = outcome(&["http://elsewhere.example/"]);
    assert_eq!((&past["passthrough"], &past["route"]), (&json!(true), &Value::Null));
    let parent = outcome(&["--parent", "service/test/httpbin", "http://10.0.0.1/"]);
    assert_eq!(parent["backends"][0]["name"], "httpbin-0");
}

/// A Gateway for one host, and a Service of one port with a route to two backends, of which one is missing.
const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: shop.example, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: test}
spec:
  parentRefs: [{name: public, namespace: infra}, {group: '', kind: Service, name: web}]
  rules:
  - matches: [{headers: [{name: traffic, value: test}]}]
    backendRefs: [{name: web, port: 80}, {name: gone, port: 80}]
  - matches: [{method: GET}]
    backendRefs: [{name: web, port: 80}]
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: test}, spec: {ports: [{port: 80}]}}
";

fn explain_objects(args: &[&str]) -> Outcome {
    run(&[&["explain", "--routes", "-"], args].concat(), OBJECTS)
}

#[test]
fn the_rules_of_the_mesh_hold_at_services_and_the_specification_at_gateways() {
    let rule = |url: &str| {
        let json = explain_objects(&["-H", "traffic: test", "-o", "json", url]).done();
        serde_json::from_str::<Value>(&json).unwrap()["route"]["rule"].clone()
    };
    assert_eq!(rule("http://web/"), 0, "Linkerd: the header before the method");
    assert_eq!(rule("http://shop.example/"), 1, "the method before the header");
}

#[test]
fn a_host_that_the_gateway_does_not_take_is_not_found() {
    let json = explain_objects(&["-o", "json", "http://other.example/"]).done();
    let outcome: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&outcome["status"], &outcome["backends"]), (&json!(404), &json!([])));
    assert_eq!(outcome.get("passthrough"), None);
    let text = explain_objects(&["http://other.example/"]).done();
    assert!(text.starts_with("nobody gets it: status 404\nsent to  Gateway infra/public\n"), "{text}");
}

#[test]
fn people_are_told_which_share_fails() {
    let text = explain_objects(&["-H", "traffic: test", "http://web.test/"]).done();
    assert!(text.starts_with("web gets it, but 50% fail with status 500\n"), "{text}");
    assert!(text.contains("\nbackend  Service test/web:80 50%\n"), "{text}");
    assert!(text.contains("\nfails    50% (status 500)\n"), "{text}");
}

#[test]
fn a_bare_name_of_two_services_has_to_be_told_apart() {
    let second = "---\n{apiVersion: v1, kind: Service, metadata: {name: web, namespace: prod}, spec: {}}\n";
    let both = format!("{OBJECTS}{second}");
    let stderr = run(&["explain", "--routes", "-", "http://web/"], &both).failed(2);
    assert!(stderr.contains("`web` is a Service in several namespaces: prod, test"), "{stderr}");
    for flag in ["-n", "--client-namespace"] {
        let text = run(&["explain", "--routes", "-", flag, "prod", "http://web/"], &both).done();
        assert!(text.starts_with("web gets it: no route applies\nsent to  Service prod/web\n"), "{text}");
    }
}

#[test]
fn an_invalid_file_is_told_by_line_and_field() {
    let broken = OBJECTS.replace("value: test", "value: 5");
    let list =
        format!("items:\n- {}", OBJECTS.split("---").nth(2).unwrap().trim()).replace("name: web", "name: 7");
    for (input, message) in [
        (
            broken.as_str(),
            "error: <stdin>:15:42: HTTPRoute `web` cannot be read: spec.rules[0].matches[0].headers[0].value: \
             invalid type: integer `5`, expected a string\n",
        ),
        (
            &format!("kind: List\n{list}"),
            "error: <stdin>:3:46: Service `7` cannot be read: metadata.name: invalid type: integer `7`, expected a \
             string\n",
        ),
        ("a: [1\n", "error: <stdin>:1:4: not valid YAML: unclosed bracket '['\n"),
    ] {
        let stderr = run(&["explain", "--routes", "-", "http://web/"], input).failed(2);
        assert!(stderr.starts_with(message) && stderr.matches("error").count() == 1, "{stderr}");
    }
}

#[test]
fn what_is_no_url_header_or_parent_is_wrong_usage() {
    let cases: [(&[&str], &str); 3] = [
        (&["httpbin.test/get"], "it has no scheme"),
        (&["-H", "traffic", "http://httpbin.test/"], "write `NAME: VALUE`"),
        (&["--parent", "httpbin", "http://httpbin.test/"], "KIND/NAMESPACE/NAME"),
    ];
    for (args, sentence) in cases {
        let stderr = explain("yaml", args).failed(2);
        assert!(stderr.contains(sentence), "{stderr}");
    }
}
