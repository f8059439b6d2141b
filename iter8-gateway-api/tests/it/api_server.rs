//! What the API server does to a route that it stores, written from the schema of the CRD.

use gateway_api::httproutes::HttpRoute;
use serde_json::{Map, Value, json};

/// The route with every default filled in.
pub(crate) fn stored(route: &HttpRoute) -> HttpRoute {
    let mut object = serde_json::to_value(route).unwrap();
    fill_in(&mut object["spec"]);
    serde_json::from_value(object).unwrap()
}

/// Fills in the defaults of an HTTPRoute's spec.
pub(crate) fn fill_in(spec: &mut Value) {
    for parent in entries(spec, "parentRefs") {
        default(parent, "group", json!("gateway.networking.k8s.io"));
        default(parent, "kind", json!("Gateway"));
    }
    default(spec, "rules", json!([{}]));
    for rule in entries(spec, "rules") {
        default(rule, "matches", json!([{}]));
        for entry in entries(rule, "matches") {
            default(entry, "path", json!({}));
            default(&mut entry["path"], "type", json!("PathPrefix"));
            default(&mut entry["path"], "value", json!("/"));
            for list in ["headers", "queryParams"] {
                for condition in entries(entry, list) {
                    default(condition, "type", json!("Exact"));
                }
            }
        }
        for backend in entries(rule, "backendRefs") {
            fill_in_reference(backend);
            default(backend, "weight", json!(1));
        }
        for filter in entries(rule, "filters") {
            if let Some(mirror) = filter.get_mut("requestMirror") {
                fill_in_reference(&mut mirror["backendRef"]);
            }
        }
    }
}

/// Fills in the defaults of a GRPCRoute's spec.
pub(crate) fn fill_in_grpc(spec: &mut Value) {
    for parent in entries(spec, "parentRefs") {
        default(parent, "group", json!("gateway.networking.k8s.io"));
        default(parent, "kind", json!("Gateway"));
    }
    for rule in entries(spec, "rules") {
        for entry in entries(rule, "matches") {
            if let Some(method) = entry.get_mut("method") {
                default(method, "type", json!("Exact"));
            }
            for condition in entries(entry, "headers") {
                default(condition, "type", json!("Exact"));
            }
        }
        for backend in entries(rule, "backendRefs") {
            fill_in_reference(backend);
            default(backend, "weight", json!(1));
        }
        for filter in entries(rule, "filters") {
            if let Some(mirror) = filter.get_mut("requestMirror") {
                fill_in_reference(&mut mirror["backendRef"]);
            }
        }
    }
}

fn fill_in_reference(reference: &mut Value) {
    default(reference, "group", json!(""));
    default(reference, "kind", json!("Service"));
}

fn entries<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}

fn default(object: &mut Value, field: &str, value: Value) {
    let fields: &mut Map<_, _> = object.as_object_mut().unwrap();
    fields.entry(field).or_insert(value);
}
