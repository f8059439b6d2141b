//! The golden releases: document → route, in three states of readiness.

use std::fs;
use std::path::Path;

use gateway_api::httproutes::HttpRoute;
use iter8_core::{Document, ReleaseKey, RoutingBackend, declare};
use iter8_gateway_api::GatewayApiBackend;
use serde_json::{Value, json};

use crate::api_server;
use crate::release::plan_where;

fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
}

#[test]
fn every_golden_release_gets_its_routes_in_every_state_of_readiness() {
    let backend = GatewayApiBackend::default();
    let mut compared = 0;
    for case in cases().iter().filter(|case| case["error"].is_null()) {
        let name = case["case"].as_str().unwrap();
        let document = Document::from_yaml(case["values_yaml"].as_str().unwrap()).unwrap();
        let key = ReleaseKey {
            name: case["release"].as_str().unwrap().parse().unwrap(),
            namespace: namespace(case, &document).parse().unwrap(),
        };
        let release = declare(&key, &document, backend.capabilities())
            .unwrap_or_else(|error| panic!("{name} is refused: {error}"));
        for (state, ready) in [("all_ready", usize::MAX), ("only_primary_ready", 1), ("none_ready", 0)] {
            let is_ready =
                |version: &str| release.versions().take(ready).any(|ready| ready.name.as_str() == version);
            let plan = plan_where(&release, |version| is_ready(version.name.as_str()));
            let rendered: Vec<_> =
                backend.render(&plan).iter().map(|route| in_golden_form(route.as_http().unwrap())).collect();
            let golden: Vec<_> =
                ["route", "gateway_route"].iter().filter_map(|key| golden(&case[key][state])).collect();
            assert_eq!(
                serde_json::to_string_pretty(&rendered).unwrap(),
                serde_json::to_string_pretty(&golden).unwrap(),
                "{name}, {state}"
            );
            compared += golden.len();
        }
    }
    assert!(compared > 100, "only {compared} routes were compared");
}

/// A document that names a namespace is applied there.
fn namespace(case: &Value, document: &Document) -> String {
    let metadata = document.root().get("application").and_then(|application| application.get("metadata"));
    let declared = metadata.and_then(|metadata| metadata.get("namespace")).and_then(|value| value.as_str());
    declared.filter(|name| !name.is_empty()).or_else(|| case["namespace"].as_str()).unwrap().to_owned()
}

/// What the golden files say of a route, with the API's defaults filled in.
fn golden(route: &Value) -> Option<Value> {
    let mut route = (!route.is_null()).then(|| route.clone())?;
    api_server::fill_in(&mut route);
    Some(route)
}

fn in_golden_form(route: &HttpRoute) -> Value {
    let object = serde_json::to_value(route).unwrap();
    assert_eq!(object["apiVersion"], "gateway.networking.k8s.io/v1");
    assert_eq!(object["kind"], "HTTPRoute");
    let mut golden = object["spec"].clone();
    api_server::fill_in(&mut golden);
    for key in ["name", "namespace"] {
        golden[key] = object["metadata"].get(key).cloned().unwrap_or(json!(null));
    }
    golden
}
