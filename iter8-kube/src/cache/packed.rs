//! Objects as the cache keeps them: as text, without what nobody reads.
//!
//! A tree of JSON values takes ten times the room of its text, and it is read only when its Release is reconciled.
//! What is no news is not in the text, so that two states are compared as text.

use iter8_core::ObjectKind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{DynamicObject, TypeMeta};
use serde_json::Value;

use super::Owned;
use crate::applier::api_resource;
use crate::workload::SERVICE;

/// What `kubectl apply` leaves behind: the object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that a Release owns, as text.
#[derive(Debug)]
pub(super) struct Packed {
    kind: ObjectKind,
    version: Option<u64>,
    /// Who has written it, without the fields. That somebody has written is no news by itself.
    managers: Box<str>,
    /// All the rest.
    text: Box<str>,
}

impl Packed {
    pub(super) fn new(kind: &ObjectKind, mut object: DynamicObject) -> Self {
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
        // Objects that came as JSON can be written as JSON.
        let managers = serde_json::to_string(&managers).unwrap_or_default().into();
        let text = serde_json::to_string(&object).unwrap_or_default().into();
        Self { kind: kind.clone(), version, managers, text }
    }

    pub(super) fn unpack(&self) -> Option<Owned> {
        let mut object: DynamicObject = serde_json::from_str(&self.text).ok()?;
        let resource = api_resource(&self.kind);
        object.types = Some(TypeMeta { api_version: resource.api_version, kind: resource.kind });
        object.metadata.managed_fields = serde_json::from_str(&self.managers).ok();
        Some(Owned { kind: self.kind.clone(), object })
    }

    /// Whether this state differs from the one before in anything besides its resourceVersion, the times in its
    /// conditions, and who has written it.
    pub(super) fn is_news(&self, before: &Self) -> bool {
        self.text != before.text
    }

    pub(super) const fn version(&self) -> Option<u64> {
        self.version
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
