//! The Gateway API's conformance tests, as facts: one file per test in `conformance/`, each with its objects,
//! requests, and what has to become of them.

mod expectation;

use std::path::Path;

use iter8_testkit::simulator::{Outcome, Parent, Precedence, Request, RouteSet};
use serde_json::{Value, json};

/// How a case is put to the simulator.
#[derive(Clone, Copy)]
struct Way {
    precedence: Precedence,
    /// Whether the parent is told, or has to be found by the host and port of the URL.
    tells_parent: bool,
}

#[test]
fn every_case_of_the_conformance_suite_holds() {
    every_case_holds(Way { precedence: Precedence::Spec, tells_parent: true });
}

/// Whoever asks without naming a mesh gets the rules of Linkerd, which are not those of a Gateway.
#[test]
fn every_case_holds_by_the_rules_of_linkerd() {
    every_case_holds(Way { precedence: Precedence::Linkerd, tells_parent: true });
}

#[test]
fn every_case_holds_where_the_url_has_to_say_which_parent_is_meant() {
    every_case_holds(Way { precedence: Precedence::Spec, tells_parent: false });
    every_case_holds(Way { precedence: Precedence::Linkerd, tells_parent: false });
}

fn every_case_holds(way: Way) {
    let mut cases = 0;
    let mut failures = Vec::new();
    for (file, test) in files() {
        for case in list(&test["cases"]) {
            cases += 1;
            let outcome = run(&test, case, way);
            for problem in expectation::problems(&outcome, case) {
                let why = outcome.why.join("\n    ");
                failures.push(format!("{file}: {}: {problem}\n    {why}", text(&case["name"])));
            }
        }
        for claim in list(&test["attachment"]) {
            failures.extend(attachment_problem(&test, claim).map(|problem| format!("{file}: {problem}")));
        }
    }
    assert!(failures.is_empty(), "{} problems\n{}", failures.len(), failures.join("\n"));
    assert!(cases >= 233, "only {cases} cases were found");
}

fn files() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/conformance");
    let mut files: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

fn run(test: &Value, case: &Value, way: Way) -> Outcome {
    let request = request(&case["request"]);
    let objects = objects(test, list(&case["reference_grants_removed"]), way.precedence);
    let told = match case.get("parent") {
        Some(Value::Null) => None,
        Some(parent) => Some(parent_of(parent)),
        None => Some(parent_of(&test["parent"])),
    };
    // The two Gateways of this test have the same listeners: only their addresses tell them apart.
    let is_told = way.tells_parent || text(&test["source"]).ends_with("GatewayHTTPListenerIsolation");
    let parent = if is_told { told } else { objects.parent_for(&request, None).unwrap() };
    match parent {
        Some(parent) => objects.route(&parent, &request),
        None => Outcome::past_every_route(&request),
    }
}

fn request(wanted: &Value) -> Request {
    let is_grpc = wanted["protocol"] == "grpc";
    let host = wanted["host"].as_str().unwrap_or("192.0.2.1");
    let connect_to = wanted["sni"].as_str().or_else(|| host.split(':').next()).unwrap_or(host);
    let path = wanted["path"].as_str().unwrap_or(if is_grpc { "/any.Service/Any" } else { "/" });
    let scheme = wanted["scheme"].as_str().unwrap_or("http");
    let url = format!("{scheme}://{connect_to}:{}{path}", wanted["port"]);
    let mut request = Request::new(text(&wanted["method"]), &url).unwrap().header("host", host);
    for (name, value) in map(&wanted["headers"]) {
        request = request.header(name, text(value));
    }
    if is_grpc {
        request = request.header("content-type", "application/grpc");
    }
    match wanted["client_namespace"].as_str() {
        Some(namespace) => request.from_namespace(namespace),
        None => request,
    }
}

/// The objects of a test, without the grants that are gone in a case.
fn objects(test: &Value, removed_grants: &[Value], precedence: Precedence) -> RouteSet {
    let mut objects = RouteSet::new(precedence);
    let parents = || list(&test["parents"]).iter().chain(test.get("parent"));
    let has_listener_sets = parents().any(|parent| parent["kind"] == "ListenerSet");
    let grants = list(&test["reference_grants"])
        .iter()
        .filter(|grant| !removed_grants.contains(&grant["metadata"]["name"]));
    for object in list(&test["routes"]).iter().chain(grants) {
        objects.insert(object).unwrap();
    }
    for (name, labels) in map(&test["namespaces"]) {
        let namespace = json!({ "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        objects.insert(&namespace).unwrap();
    }
    let mut services: Vec<Value> = backend_services(test);
    for parent in parents() {
        let metadata = json!({ "name": parent["name"], "namespace": parent["namespace"] });
        match text(&parent["kind"]) {
            "Service" => {
                // Ports of one number may differ in protocol; the routes tell them apart by number alone.
                services.retain(|service| service["metadata"] != metadata);
                services.push(json!({ "kind": "Service", "metadata": metadata, "spec": { "ports": parent["listeners"] } }));
            }
            "Gateway" => {
                let from = if has_listener_sets { "All" } else { "None" };
                let default = json!({ "namespaces": { "from": from } });
                let allowed = parent.get("allowedListeners").unwrap_or(&default);
                let spec = json!({ "listeners": parent["listeners"], "allowedListeners": allowed });
                objects.insert(&json!({ "kind": "Gateway", "metadata": metadata, "spec": spec })).unwrap();
            }
            kind => {
                let spec =
                    json!({ "listeners": parent["listeners"], "parentRef": { "name": parent["gateway"] } });
                objects.insert(&json!({ "kind": kind, "metadata": metadata, "spec": spec })).unwrap();
            }
        }
    }
    for service in services {
        objects.insert(&service).unwrap();
    }
    objects
}

/// The Services that the routes name, other than those that the test says are missing.
fn backend_services(test: &Value) -> Vec<Value> {
    let mut services = Vec::new();
    let missing = list(&test["missing_services"]);
    for route in list(&test["routes"]) {
        for backend in backend_refs(route) {
            let namespace = backend.get("namespace").unwrap_or_else(|| &route["metadata"]["namespace"]);
            let is_missing = |gone: &Value| *gone == backend["name"] || gone["name"] == backend["name"];
            if !missing.iter().any(is_missing) {
                let metadata = json!({ "name": backend["name"], "namespace": namespace });
                services.push(json!({ "kind": "Service", "metadata": metadata, "spec": {} }));
            }
        }
    }
    services
}

fn backend_refs(route: &Value) -> Vec<&Value> {
    let rules = list(&route["spec"]["rules"]);
    let named = rules.iter().flat_map(|rule| list(&rule["backendRefs"]));
    let filters = rules.iter().flat_map(|rule| list(&rule["filters"]));
    named.chain(filters.filter_map(|filter| filter.pointer("/requestMirror/backendRef"))).collect()
}

fn attachment_problem(test: &Value, claim: &Value) -> Option<String> {
    let objects = objects(test, &[], Precedence::Spec);
    let parent = parent_of(&claim["parent"]);
    if let Some(wanted) = claim.get("attached_routes") {
        let found = json!(objects.attached_routes(&parent));
        return (found != *wanted).then(|| format!("attached routes are {found}, wanted {wanted}"));
    }
    let attachments = objects.attachments();
    let found = attachments.iter().find(|found| claim["route"] == *found.name && found.parent == parent);
    let found = found.map(|found| json!([found.accepted, found.reason]));
    let wanted = json!([claim["accepted"], claim["reason"]]);
    (found.as_ref() != Some(&wanted)).then(|| format!("attachment is {found:?}, wanted {wanted}"))
}

fn parent_of(parent: &Value) -> Parent {
    let [kind, namespace, name] = ["kind", "namespace", "name"].map(|field| text(&parent[field]));
    format!("{kind}/{namespace}/{name}").parse().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
