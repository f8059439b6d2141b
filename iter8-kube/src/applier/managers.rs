//! Who manages which fields of an object. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use crate::labels::MANAGER;

/// Whether we have written the object itself by this operation.
pub(super) fn is_ours(entry: &ManagedFieldsEntry, operation: &str) -> bool {
    entry.manager.as_deref() == Some(MANAGER)
        && entry.subresource.is_none()
        && entry.operation.as_deref() == Some(operation)
}

/// Makes the whole `spec` ours, by operation `Apply`, so that what an apply does not name goes. Metadata stays with
/// whom it belongs to, and so does what was written by a subresource: a number of Pods, a status.
pub(super) fn hand_over_spec(entries: &mut Vec<ManagedFieldsEntry>, object: &DynamicObject) {
    let version = object.types.as_ref().map(|types| types.api_version.clone());
    let mut spec = Value::Object(Map::new());
    let is_theirs =
        |entry: &&mut ManagedFieldsEntry| entry.subresource.is_none() && entry.api_version == version;
    for entry in entries.iter_mut().filter(is_theirs) {
        let fields = entry.fields_v1.as_mut().and_then(|fields| fields.0.as_object_mut());
        if let Some(theirs) = fields.and_then(|fields| fields.remove("f:spec")) {
            merge(&mut spec, theirs);
        }
    }
    entries
        .retain(|entry| entry.fields_v1.as_ref().is_some_and(|fields| fields.0 != Value::Object(Map::new())));
    entries.push(ManagedFieldsEntry {
        manager: Some(MANAGER.to_owned()),
        operation: Some("Apply".to_owned()),
        api_version: version,
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: Some(FieldsV1(Value::Object(Map::from_iter([("f:spec".to_owned(), spec)])))),
        ..ManagedFieldsEntry::default()
    });
}

fn merge(into: &mut Value, other: Value) {
    let (Value::Object(into), Value::Object(other)) = (into, other) else { return };
    for (name, other) in other {
        merge(into.entry(name).or_insert_with(|| Value::Object(Map::new())), other);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, subresource: Option<&str>, fields: &Value) -> ManagedFieldsEntry {
        let entry = json!({
            "manager": manager, "operation": "Update", "apiVersion": "v1", "subresource": subresource,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn the_spec_is_handed_over_and_nothing_else() {
        let mut entries = vec![
            entry(
                "a",
                None,
                &json!({ "f:metadata": { "f:labels": {} }, "f:spec": { "f:ports": { "1": {} } } }),
            ),
            entry("b", None, &json!({ "f:spec": { "f:ports": { "2": {} }, "f:type": {} } })),
            entry("c", Some("scale"), &json!({ "f:spec": { "f:replicas": {} } })),
        ];
        let object = serde_json::from_value(json!({ "apiVersion": "v1", "kind": "Service", "metadata": {} }));
        hand_over_spec(&mut entries, &object.unwrap());
        let managers: Vec<_> = entries.iter().map(|entry| entry.manager.as_deref().unwrap()).collect();
        assert_eq!(managers, ["a", "c", "iter8"], "who has nothing left is gone");
        let fields = |index: usize| entries[index].fields_v1.as_ref().unwrap().0.clone();
        assert_eq!(fields(0), json!({ "f:metadata": { "f:labels": {} } }));
        assert_eq!(fields(1), json!({ "f:spec": { "f:replicas": {} } }));
        assert_eq!(
            fields(2),
            json!({ "f:spec": { "f:ports": { "1": {}, "2": {} }, "f:type": {} } }),
            "what both have is in it once"
        );
    }
}
