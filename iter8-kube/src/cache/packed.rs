//! Objects as the cache keeps them: as compressed text, without what nobody reads.
//!
//! A tree of JSON values takes ten times the room of its text, and the text four times what is left of it beside a text
//! that all objects of its kind resemble. It is read only when its Release is reconciled. What is no news is not in the
//! text, so that two states are compared as bytes.

use std::sync::Arc;

use iter8_core::ObjectKind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{DynamicObject, TypeMeta};
use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Owned;
use crate::applier::api_resource;
use crate::workload::SERVICE;

/// What `kubectl apply` leaves behind: the object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What most objects are made of. Any change of it is safe: nothing that is packed outlives the process.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

/// An object that a Release owns.
#[derive(Debug)]
pub(super) struct Packed {
    kind: Arc<ObjectKind>,
    name: Arc<str>,
    version: Option<u64>,
    /// Who has written it, without the fields. That somebody has written is no news by itself.
    managers: Compressed,
    /// All the rest.
    object: Compressed,
}

impl Packed {
    pub(super) fn new(kind: Arc<ObjectKind>, name: Arc<str>, mut object: DynamicObject) -> Self {
        let version = version(&object);
        object.metadata.resource_version = None;
        // Watches name the kind of each object, lists only that of all.
        object.types = None;
        let managers = object.metadata.managed_fields.take().unwrap_or_default();
        let managers: Vec<_> = managers.into_iter().filter_map(writer).collect();
        if let Some(annotations) = &mut object.metadata.annotations {
            annotations.remove(LAST_APPLIED);
        }
        if *kind == SERVICE
            && let Some(fields) = object.data.as_object_mut()
        {
            fields.remove("status");
        }
        forget_times(&mut object.data);
        Self { kind, name, version, managers: Compressed::of(&managers), object: Compressed::of(&object) }
    }

    pub(super) fn unpack(&self) -> Option<Owned> {
        let mut object: DynamicObject = self.object.read()?;
        let resource = api_resource(&self.kind);
        object.types = Some(TypeMeta { api_version: resource.api_version, kind: resource.kind });
        object.metadata.managed_fields = self.managers.read();
        object.metadata.resource_version = self.version.map(|version| version.to_string());
        Some(Owned { kind: (*self.kind).clone(), object })
    }

    /// By what the objects of a Release are ordered.
    pub(super) fn place(&self) -> (&str, &str) {
        (self.kind.kind, &self.name)
    }

    /// Whether this state differs from the one before in anything besides its resourceVersion, the times in its
    /// conditions, and who has written it.
    pub(super) fn is_news(&self, before: &Self) -> bool {
        self.object != before.object
    }

    pub(super) const fn version(&self) -> Option<u64> {
        self.version
    }
}

/// JSON, compressed. The same JSON is the same bytes.
#[derive(Debug, PartialEq, Eq)]
struct Compressed {
    length: usize,
    bytes: Box<[u8]>,
}

impl Compressed {
    fn of(value: &impl Serialize) -> Self {
        // Objects that came as JSON can be written as JSON.
        let text = serde_json::to_vec(value).unwrap_or_default();
        Self { length: text.len(), bytes: compress_with_dict(&text, DICTIONARY).into() }
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = decompress_with_dict(&self.bytes, self.length, DICTIONARY).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The resourceVersion, if it is a number.
pub(super) fn version(object: &DynamicObject) -> Option<u64> {
    object.metadata.resource_version.as_ref().and_then(|version| version.parse().ok())
}

/// Who wrote, when, and whether by apply or by `scale`; which fields is not read, nor who writes the status.
fn writer(mut entry: ManagedFieldsEntry) -> Option<ManagedFieldsEntry> {
    entry.fields_v1 = None;
    (entry.subresource.as_deref() != Some("status")).then_some(entry)
}

fn forget_times(data: &mut Value) {
    let conditions = data.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        for field in ["lastUpdateTime", "lastTransitionTime", "lastProbeTime", "lastHeartbeatTime"] {
            condition.remove(field);
        }
    }
}
