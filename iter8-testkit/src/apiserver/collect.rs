//! Deletion and what follows from it: finalizers, garbage collection by owner, the end of a namespace.
//!
//! In a cluster the garbage collector and the namespace controller do this a little later; here it is done by the
//! time the request that caused it is answered.

use k8s_openapi::jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::fields::FieldSet;
use super::kinds::Kind;
use super::managed::{self, Writer};
use super::state::State;
use super::store::{self, Key, text};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What happens to the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Background,
    Foreground,
    Orphan,
}

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deletion {
    pub(super) policy: Option<Policy>,
    /// Seconds that a Pod has to shut down.
    pub(super) grace: Option<i64>,
}

/// The outcome of a deletion.
#[derive(Debug)]
pub(super) enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Value),
    /// The object waits for finalizers, or for its grace period.
    Marked(Value),
}

/// Deletes an object, as far as its finalizers and grace period allow. Call [`settle`] afterwards.
pub(super) fn delete(state: &mut State, key: &Key, deletion: &Deletion) -> Deleted {
    let Some(stored) = state.store.get(key) else {
        return Deleted::Gone(json!({}));
    };
    let Some(kind) = state.kind_of(key) else {
        return Deleted::Gone(state.erase(key).unwrap_or_default());
    };
    let mut object = (*stored).clone();
    let mut finalizers = store::finalizers(&object);
    let own = match deletion.policy {
        None => None,
        Some(policy) => {
            finalizers.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
            match policy {
                Policy::Background => None,
                Policy::Foreground => Some(FOREGROUND),
                Policy::Orphan => Some(ORPHAN),
            }
        }
    };
    finalizers.extend(own.map(str::to_owned));
    store::set_finalizers(&mut object, &finalizers);
    if kind.is("", "Namespace") {
        mark(&mut object, &kind, state.clock.now(), 0);
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("phase".to_owned(), "Terminating".into());
        }
        return Deleted::Marked(put_if_new(state, key, &stored, object));
    }
    let grace = grace_period(&kind, &object, deletion.grace);
    let goes = finalizers.is_empty() && grace == 0;
    // A Pod is seen terminating even if it goes at once.
    if goes && !kind.is("", "Pod") {
        return Deleted::Gone(state.erase(key).unwrap_or_default());
    }
    mark(&mut object, &kind, state.clock.now(), grace);
    let marked = put_if_new(state, key, &stored, object);
    if goes {
        state.erase(key);
        return Deleted::Gone(marked);
    }
    Deleted::Marked(marked)
}

fn put_if_new(state: &mut State, key: &Key, stored: &Value, object: Value) -> Value {
    if *stored == object {
        return object;
    }
    (*state.put(key, object)).clone()
}

/// Marks an object as being deleted.
fn mark(object: &mut Value, kind: &Kind, now: Timestamp, grace: i64) {
    let earlier = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
    if store::is_terminating(object) && earlier.is_none_or(|earlier| earlier <= grace) {
        return;
    }
    if !store::is_terminating(object)
        && kind.generation
        && let Some(generation) = object.pointer("/metadata/generation").and_then(Value::as_i64)
    {
        store::set_meta(object, "generation", json!(generation + 1));
    }
    let end = now.checked_add(grace.seconds()).unwrap_or(Timestamp::MAX);
    store::set_meta(object, "deletionTimestamp", end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    if !kind.is("", "Namespace") {
        store::set_meta(object, "deletionGracePeriodSeconds", json!(grace));
    }
}

/// Only a Pod that has been given to a node, and has not ended, gets time to shut down.
fn grace_period(kind: &Kind, object: &Value, asked: Option<i64>) -> i64 {
    let ended = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    if !kind.is("", "Pod") || text(object, "/spec/nodeName").is_empty() || ended {
        return 0;
    }
    let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    asked.or(own).unwrap_or(30).max(0)
}

/// Whether an update takes away the last finalizer that an object was waiting for.
pub(super) fn ends(kind: &Kind, live: &Value, new: &Value) -> bool {
    if !store::is_terminating(live) || !store::finalizers(new).is_empty() {
        return false;
    }
    if kind.is("", "Namespace") {
        return new.pointer("/spec/finalizers/0").is_none();
    }
    live.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64) == Some(0)
}

/// Does what the controllers of a cluster would do now, until nothing is left to do.
pub(super) fn settle(state: &mut State) {
    while let Some(key) = state.unsettled.pop() {
        attend(state, &key);
    }
}

fn attend(state: &mut State, key: &Key) {
    let Some(object) = state.store.get(key) else { return };
    let Some(kind) = state.kind_of(key) else { return };
    if store::is_terminating(&object) {
        if kind.is("", "Namespace") {
            empty_namespace(state, key);
            return;
        }
        let finalizers = store::finalizers(&object);
        if finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
            delete_in_foreground(state, key, &object);
        } else if finalizers.iter().any(|finalizer| finalizer == ORPHAN) {
            orphan_dependents(state, key, &object);
        }
        return;
    }
    follow_owners(state, key, &object);
}

/// Waits for the dependents that block, then lets the object go.
fn delete_in_foreground(state: &mut State, key: &Key, object: &Value) {
    let uid = text(object, "/metadata/uid");
    let dependents = state.store.owned_by(uid);
    let blocking = dependents.iter().filter_map(|key| state.store.get(key)).any(|dependent| {
        references(&dependent)
            .any(|owner| text(owner, "/uid") == uid && owner.get("blockOwnerDeletion") == Some(&json!(true)))
    });
    if !blocking {
        drop_finalizer(state, key, object, FOREGROUND);
    }
    let untouched = dependents
        .into_iter()
        .filter(|key| state.store.get(key).is_some_and(|dependent| !store::is_terminating(&dependent)));
    state.unsettled.extend(untouched.collect::<Vec<_>>());
}

fn orphan_dependents(state: &mut State, key: &Key, object: &Value) {
    let uid = text(object, "/metadata/uid");
    for dependent in state.store.owned_by(uid) {
        drop_owners(state, &dependent, &[uid.to_owned()]);
    }
    drop_finalizer(state, key, object, ORPHAN);
}

fn drop_finalizer(state: &mut State, key: &Key, object: &Value, finalizer: &str) {
    let mut object = object.clone();
    let mut finalizers = store::finalizers(&object);
    finalizers.retain(|other| other != finalizer);
    store::set_finalizers(&mut object, &finalizers);
    write_as_controller(state, key, object);
}

fn drop_owners(state: &mut State, key: &Key, uids: &[String]) {
    let Some(stored) = state.store.get(key) else { return };
    let mut object = (*stored).clone();
    let kept: Vec<_> = references(&stored)
        .filter(|owner| !uids.iter().any(|uid| uid == text(owner, "/uid")))
        .cloned()
        .collect();
    if kept.is_empty() {
        store::remove_meta(&mut object, "ownerReferences");
    } else {
        store::set_meta(&mut object, "ownerReferences", kept.into());
    }
    write_as_controller(state, key, object);
}

/// Stores what the controllers of a cluster change about an object.
fn write_as_controller(state: &mut State, key: &Key, mut object: Value) {
    let (Some(live), Some(kind)) = (state.store.get(key), state.kind_of(key)) else { return };
    let (now, api_version) = (state.now(), text(&live, "/apiVersion").to_owned());
    let writer = Writer {
        schema: &kind.schema,
        api_version: &api_version,
        subresource: "",
        ignored: &FieldSet::default(),
        manager: "kube-controller-manager",
        now: &now,
    };
    managed::update(&writer, &live, &mut object);
    if ends(&kind, &live, &object) {
        state.erase(key);
    } else {
        state.put(key, object);
    }
}

fn references(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// Deletes an object that all owners have left, and drops references to those that are gone.
fn follow_owners(state: &mut State, key: &Key, object: &Value) {
    let (mut gone, mut waiting, mut staying) = (Vec::new(), Vec::new(), 0_u32);
    for owner in references(object) {
        let uid = text(owner, "/uid").to_owned();
        match owner_state(state, key, owner) {
            OwnerState::Waiting if owner.get("blockOwnerDeletion") == Some(&json!(true)) => waiting.push(uid),
            OwnerState::Waiting | OwnerState::Gone => gone.push(uid),
            OwnerState::There => staying += 1,
        }
    }
    if gone.is_empty() && waiting.is_empty() {
        return;
    }
    if staying > 0 {
        gone.extend(waiting);
        drop_owners(state, key, &gone);
        return;
    }
    let has_dependents = !state.store.owned_by(text(object, "/metadata/uid")).is_empty();
    let finalizers = store::finalizers(object);
    let policy =
        if (!waiting.is_empty() && has_dependents) || finalizers.iter().any(|name| name == FOREGROUND) {
            Policy::Foreground
        } else if finalizers.iter().any(|name| name == ORPHAN) {
            Policy::Orphan
        } else {
            Policy::Background
        };
    delete(state, key, &Deletion { policy: Some(policy), grace: None });
}

enum OwnerState {
    There,
    /// Being deleted in the foreground.
    Waiting,
    Gone,
}

fn owner_state(state: &State, dependent: &Key, reference: &Value) -> OwnerState {
    let Some(kind) = state.kinds.of(text(reference, "/apiVersion"), text(reference, "/kind")) else {
        // A kind that is not known might come back; its objects are not declared gone.
        return OwnerState::There;
    };
    let namespace = if kind.namespaced { dependent.namespace.clone() } else { String::new() };
    let key = Key { resource: kind.resource(), namespace, name: text(reference, "/name").to_owned() };
    match state.store.get(&key) {
        Some(owner) if text(&owner, "/metadata/uid") == text(reference, "/uid") => {
            let foreground = store::finalizers(&owner).iter().any(|finalizer| finalizer == FOREGROUND);
            if store::is_terminating(&owner) && foreground { OwnerState::Waiting } else { OwnerState::There }
        }
        _ => OwnerState::Gone,
    }
}

/// Deletes what is in a terminating namespace, and the namespace once nothing is.
fn empty_namespace(state: &mut State, key: &Key) {
    for content in state.store.in_namespace(&key.name) {
        let waits = state.store.get(&content).is_none_or(|object| store::is_terminating(&object));
        if !waits {
            delete(state, &content, &Deletion { policy: Some(Policy::Background), grace: None });
        }
    }
    if !state.store.in_namespace(&key.name).is_empty() {
        return;
    }
    let Some(stored) = state.store.get(key) else { return };
    let mut object = (*stored).clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(Value::Array(finalizers)) = spec.get_mut("finalizers")
    {
        finalizers.retain(|finalizer| finalizer.as_str() != Some("kubernetes"));
        if finalizers.is_empty() {
            spec.remove("finalizers");
        }
    }
    write_as_controller(state, key, object);
}
