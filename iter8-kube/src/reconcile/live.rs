//! A live object held against the desired one.

use iter8_core::Digest;
use kube::ResourceExt;
use kube::api::DynamicObject;

use crate::cache::Owned;
use crate::workload::Desired;
use crate::{drift, labels};

/// Whether the object is what we have written for this declaration, or was before somebody else changed it.
pub(super) fn is_as_written(desired: &Desired, live: &DynamicObject) -> bool {
    let digest = live.annotations().get(labels::DIGEST).map(String::as_str);
    // A version that drains and has come back into the document is written anew.
    digest == Some(desired.digest.as_str()) && !is_draining(live)
}

/// Whether the object says that its version drains.
pub(super) fn is_draining(live: &DynamicObject) -> bool {
    live.annotations().contains_key(labels::DRAINING_SINCE)
}

/// The live object that is to be as desired.
pub(super) fn live_of<'a>(desired: &Desired, objects: &'a [Owned]) -> Option<&'a Owned> {
    objects.iter().find(|owned| is_of(desired, owned))
}

/// Whether a live object is the one to be as desired.
pub(super) fn is_of(desired: &Desired, owned: &Owned) -> bool {
    desired.kind == owned.kind && desired.name() == owned.object.name_any()
}

/// Whether somebody has taken away by what we know the object, and what of it we have written.
pub(super) fn has_lost_marks(live: &DynamicObject) -> bool {
    !live.annotations().contains_key(labels::DIGEST) || !live.labels().contains_key(labels::RELEASE)
}

/// Whether the object names another rollout than before: that is ours to say, and no repair.
pub(super) fn names_another_rollout(wanted: &DynamicObject, live: &DynamicObject) -> bool {
    let rollout = |object: &DynamicObject| object.labels().get(labels::ROLLOUT).cloned();
    rollout(wanted).is_some_and(|wanted| Some(wanted) != rollout(live))
}

pub(super) fn difference(wanted: &DynamicObject, live: &DynamicObject) -> Option<String> {
    drift::difference(&serde_json::to_value(wanted).ok()?, &serde_json::to_value(live).ok()?)
}

/// Who besides us has written the object last.
pub(super) fn rival(live: &DynamicObject) -> Option<String> {
    let others =
        live.managed_fields().iter().filter(|entry| entry.manager.as_deref() != Some(labels::MANAGER));
    others.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?.manager.clone()
}

/// The digest of the form that a live object has in the fields we own.
pub(super) fn form(wanted: &serde_json::Value, live: &serde_json::Value) -> Digest {
    let value = serde_json::from_value(drift::projection(wanted, live));
    Digest::of(&value.unwrap_or_default())
}
