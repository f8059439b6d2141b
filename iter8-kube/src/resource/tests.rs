use kube::CustomResourceExt;
use serde_json::Value;

use super::*;

fn version() -> Value {
    let definition = serde_json::to_value(Release::crd()).unwrap();
    definition["spec"]["versions"][0].clone()
}

#[test]
fn kubectl_prints_strategy_primary_candidates_readiness_and_age() {
    let columns = version()["additionalPrinterColumns"].as_array().unwrap().clone();
    let usual = columns.iter().filter(|column| column["priority"].as_i64().unwrap_or(0) == 0);
    let names: Vec<_> = usual.map(|column| column["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["Strategy", "Primary", "Candidates", "Ready", "Age"]);
}

/// The paths of fields without a description, for `kubectl explain` to show.
fn undescribed(path: &str, schema: &Value, found: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if field["description"].as_str().is_none_or(str::is_empty) {
            found.push(path.clone());
        }
        undescribed(&path, field, found);
    }
    if let Some(items) = schema.get("items") {
        undescribed(&format!("{path}[]"), items, found);
    }
}

#[test]
fn kubectl_explains_every_field() {
    let schema = version()["schema"]["openAPIV3Schema"].clone();
    let mut found = Vec::new();
    for part in ["spec", "status"] {
        assert!(schema["properties"][part]["properties"].is_object(), "{part} has fields");
        undescribed(part, &schema["properties"][part], &mut found);
    }
    assert_eq!(found, [""; 0]);
}
