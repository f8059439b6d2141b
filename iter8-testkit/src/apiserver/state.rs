//! Everything the server remembers, and the steps that every write ends with.

use std::sync::Arc;

use serde_json::{Value, json};

use super::custom;
use super::events;
use super::kinds::{Kind, Kinds, Resource};
use super::store::{self, Key, Store, text};
use super::structural;
use super::{RecordedChange, RecordedRequest};
use crate::clock::Clock;

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) kinds: Kinds,
    pub(super) requests: Vec<RecordedRequest>,
    /// Objects that the garbage collector and the namespace controller have yet to look at.
    pub(super) unsettled: Vec<Key>,
    pub(super) clock: Clock,
    /// Watches that were opened before the last restart have ended.
    pub(super) restarts: u64,
    /// What has changed, if somebody wants to know.
    pub(super) changes: Option<Vec<RecordedChange>>,
    /// Whose request is being carried out.
    pub(super) user_agent: String,
    identities: u64,
}

const BUILT_IN_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        let mut state = Self {
            store: Store::default(),
            kinds: Kinds::built_in(),
            requests: Vec::new(),
            unsettled: Vec::new(),
            clock,
            restarts: 0,
            changes: None,
            user_agent: String::new(),
            identities: 0,
        };
        for name in BUILT_IN_NAMESPACES {
            let now = state.now();
            let owned = json!({"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}}}});
            let namespace = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {
                    "name": name, "uid": state.new_uid(), "creationTimestamp": now,
                    "labels": {"kubernetes.io/metadata.name": name},
                    "managedFields": [{
                        "manager": "kube-apiserver", "operation": "Update", "apiVersion": "v1", "time": now,
                        "fieldsType": "FieldsV1", "fieldsV1": owned,
                    }],
                },
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            });
            state.store.put(&namespace_key(name), namespace);
        }
        state
    }

    /// The current time, as the server writes it.
    pub(super) fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A number that looks random and never repeats.
    fn next_identity(&mut self) -> u64 {
        self.identities += 1;
        let mut mixed = self.identities.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn new_uid(&mut self) -> String {
        let (high, low) = (self.next_identity(), self.next_identity());
        let hex = format!("{high:016x}{low:016x}");
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        // Version 4, variant 1.
        format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }

    /// The end of a generated name.
    pub(super) fn new_suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut rest = self.next_identity();
        let mut out = String::new();
        for _ in 0..5 {
            let at = usize::try_from(rest % 27).unwrap_or_default();
            out.extend(LETTERS.get(at).copied().map(char::from));
            rest /= 27;
        }
        out
    }

    /// Stores an object.
    pub(super) fn put(&mut self, key: &Key, object: Value) -> Arc<Value> {
        let stored = self.store.put(key, object);
        self.record(key, Some(stored.clone()));
        if key.resource.plural == DEFINITIONS {
            custom::register(&mut self.kinds, &stored);
        }
        let owned = stored.pointer("/metadata/ownerReferences").is_some();
        if owned || store::is_terminating(&stored) {
            self.unsettled.push(key.clone());
        }
        stored
    }

    /// Removes an object for good; the answer is its last state.
    pub(super) fn erase(&mut self, key: &Key) -> Option<Value> {
        let last = self.store.remove(key)?;
        self.record(key, None);
        if key.resource.plural == DEFINITIONS {
            self.erase_all_of(&last);
            custom::unregister(&mut self.kinds, &last);
        }
        let uid = text(&last, "/metadata/uid");
        self.unsettled.extend(self.store.owned_by(uid));
        let owners = last.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owners = owners.into_iter().flatten().filter_map(|owner| self.store.by_uid(text(owner, "/uid")));
        self.unsettled.extend(owners.cloned());
        if !key.namespace.is_empty() {
            self.unsettled.push(namespace_key(&key.namespace));
        }
        Some(last)
    }

    /// The objects of a kind go with its definition, and no finalizer keeps them.
    fn erase_all_of(&mut self, definition: &Value) {
        let part = |pointer| text(definition, pointer).to_owned();
        let resource = Resource { group: part("/spec/group"), plural: part("/spec/names/plural") };
        let keys: Vec<_> = self.store.list(&resource, None).into_iter().map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.erase(&key);
        }
    }

    /// Starts to keep every change, beginning with the objects there are.
    pub(super) fn record_changes(&mut self) {
        self.changes = Some(Vec::new());
        self.user_agent.clear();
        let present: Vec<_> = self.store.all().map(|(key, object)| (key.clone(), object.clone())).collect();
        for (key, object) in present {
            self.record(&key, Some(object));
        }
    }

    fn record(&mut self, key: &Key, object: Option<Arc<Value>>) {
        let (version, time) = (self.store.version(), self.clock.now());
        if let Some(changes) = &mut self.changes {
            changes.push(RecordedChange {
                version,
                time,
                group: key.resource.group.clone(),
                resource: key.resource.plural.clone(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                object,
                user_agent: self.user_agent.clone(),
            });
        }
    }

    /// Some version of the kind of a stored object.
    pub(super) fn kind_of(&self, key: &Key) -> Option<Arc<Kind>> {
        self.kinds.iter().find(|kind| kind.resource() == key.resource).cloned()
    }
}

const DEFINITIONS: &str = "customresourcedefinitions";

pub(super) fn namespace_key(name: &str) -> Key {
    let resource = Resource { group: String::new(), plural: "namespaces".to_owned() };
    Key { resource, namespace: String::new(), name: name.to_owned() }
}

/// A stored object, in the version that a client asked for.
pub(super) fn present(kind: &Kind, stored: &Value) -> Value {
    let mut object = stored.clone();
    if let Some(custom) = &kind.custom {
        if kind.version != custom.storage_version {
            structural::prune(&custom.schema, &mut object);
        }
        structural::fill_in(&custom.schema, &mut object);
        set_api_version(&mut object, &kind.api_version());
    } else if kind.group == "events.k8s.io" {
        events::to_events_group(&mut object);
    }
    object
}

/// An object in the version in which it is stored.
pub(super) fn to_stored(kind: &Kind, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(custom) = &kind.custom {
        set_api_version(&mut object, &format!("{}/{}", kind.group, custom.storage_version));
    } else if kind.group == "events.k8s.io" {
        events::to_core(&mut object);
    }
    object
}

fn set_api_version(object: &mut Value, api_version: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), api_version.into());
    }
}
