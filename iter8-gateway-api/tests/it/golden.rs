//! The golden releases: document → route, in three states of readiness.

use std::fs;
use std::path::Path;

use gateway_api::httproutes::HttpRoute;
use iter8_core::{Document, ReleaseKey, RoutePlan, RoutingBackend, ValidRelease, declare};
use iter8_gateway_api::GatewayApiBackend;
use serde_json::{Value, json};

use crate::api_server;
use crate::release::plan_where;

/// How many versions are ready in each state of a case, the primary first.
pub(crate) const STATES: [(&str, usize); 3] =
    [("all_ready", usize::MAX), ("only_primary_ready", 1), ("none_ready", 0)];

pub(crate) fn cases() -> Vec<Value> {
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
        let release = declared(case, &backend);
        for (state, ready) in STATES {
            let rendered: Vec<_> = backend
                .render(&plan_of(&release, ready))
                .iter()
                .map(|route| in_golden_form(route.as_http().unwrap()))
                .collect();
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

/// The release of a case.
pub(crate) fn declared(case: &Value, backend: &GatewayApiBackend) -> ValidRelease {
    let document = Document::from_yaml(case["values_yaml"].as_str().unwrap()).unwrap();
    let key = ReleaseKey {
        name: case["release"].as_str().unwrap().parse().unwrap(),
        namespace: namespace(case, &document).parse().unwrap(),
    };
    declare(&key, &document, backend.capabilities())
        .unwrap_or_else(|error| panic!("{} is refused: {error}", case["case"]))
}

/// The plan in which only the first so many versions are ready.
pub(crate) fn plan_of(release: &ValidRelease, ready: usize) -> RoutePlan {
    let ready: Vec<_> = release.versions().take(ready).map(|version| &version.name).collect();
    plan_where(release, |version| ready.contains(&&version.name))
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
