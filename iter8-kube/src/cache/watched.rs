//! Objects as a watch delivers them, without what nobody reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference, Time};
use kube::Resource;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// An object of a watch. Which fields somebody manages is the larger half of its text, and a tree of it the largest
/// part of the work on an event; it is skipped while the object is read.
#[derive(Debug, Clone)]
pub(crate) struct Watched(DynamicObject);

impl From<Watched> for DynamicObject {
    fn from(watched: Watched) -> Self {
        watched.0
    }
}

impl Resource for Watched {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(resource)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(resource)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(resource)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(resource)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.0.metadata
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

/// The fields of an object.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Watched;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Watched, A::Error> {
        let mut metadata = Metadata::default();
        let mut data = Map::new();
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "metadata" => metadata = fields.next_value()?,
                // The watch knows them.
                "apiVersion" | "kind" => drop(fields.next_value::<IgnoredAny>()?),
                _ => drop(data.insert(field, fields.next_value::<Value>()?)),
            }
        }
        let (metadata, data) = (metadata.into(), Value::Object(data));
        Ok(Watched(DynamicObject { types: None, metadata, data }))
    }
}

/// What is read of an object's metadata.
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    managed_fields: Option<Vec<Writer>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    uid: Option<String>,
}

/// Who has written an object, and how.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Writer {
    api_version: Option<String>,
    manager: Option<String>,
    operation: Option<String>,
    subresource: Option<String>,
    time: Option<Time>,
}

impl From<Metadata> for ObjectMeta {
    fn from(metadata: Metadata) -> Self {
        let managed_fields = metadata.managed_fields.map(|managers| managers.into_iter().map(Into::into));
        Self {
            annotations: metadata.annotations,
            creation_timestamp: metadata.creation_timestamp,
            deletion_timestamp: metadata.deletion_timestamp,
            generation: metadata.generation,
            labels: metadata.labels,
            managed_fields: managed_fields.map(Iterator::collect),
            name: metadata.name,
            namespace: metadata.namespace,
            owner_references: metadata.owner_references,
            resource_version: metadata.resource_version,
            uid: metadata.uid,
            ..Self::default()
        }
    }
}

impl From<Writer> for ManagedFieldsEntry {
    fn from(writer: Writer) -> Self {
        Self {
            api_version: writer.api_version,
            manager: writer.manager,
            operation: writer.operation,
            subresource: writer.subresource,
            time: writer.time,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_is_read_is_there_and_the_managed_fields_are_not() {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "web-0", "namespace": "test", "uid": "1", "resourceVersion": "7", "generation": 2,
                "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["kept/elsewhere"],
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                "ownerReferences": [{ "apiVersion": "iter8.tools/v1alpha1", "kind": "Release", "name": "web", "uid": "2", "controller": true }],
                "managedFields": [{
                    "manager": "iter8", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                    "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:ports": {} } },
                }],
            },
            "spec": { "selector": { "app": "web-0" } },
            "status": { "loadBalancer": {} },
        });
        let watched: Watched = serde_json::from_value(object.clone()).unwrap();
        let mut whole: DynamicObject = serde_json::from_value(object).unwrap();
        whole.types = None;
        whole.metadata.finalizers = None;
        for entry in whole.metadata.managed_fields.iter_mut().flatten() {
            (entry.fields_v1, entry.fields_type) = (None, None);
        }
        assert_eq!(watched.0, whole);
    }
}
