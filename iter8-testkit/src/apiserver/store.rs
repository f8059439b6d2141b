//! Objects, their versions and the recent history of changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::Resource;

/// So many changes are remembered; a watch that starts further back is told to list again.
const HISTORY: usize = 10_000;

/// Where an object is stored. The namespace of cluster-scoped objects is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) resource: Resource,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// A change of one object, at a version.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) key: Key,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    version: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    /// Versions up to this one are no longer in the history.
    forgotten: u64,
    by_uid: BTreeMap<String, Key>,
    by_owner: BTreeMap<String, BTreeSet<Key>>,
}

/// A version that is not in the history any more, or not yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooOld;

impl Store {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    pub(super) fn by_uid(&self, uid: &str) -> Option<&Key> {
        self.by_uid.get(uid)
    }

    /// The objects that name `uid` as an owner.
    pub(super) fn owned_by(&self, uid: &str) -> Vec<Key> {
        self.by_owner.get(uid).into_iter().flatten().cloned().collect()
    }

    /// The objects of a resource, all namespaces if `namespace` is `None`, in order of namespace and name.
    pub(super) fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<(&Key, &Arc<Value>)> {
        let first = Key {
            resource: resource.clone(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: String::new(),
        };
        self.objects
            .range(first..)
            .take_while(|(key, _)| key.resource == *resource && namespace.is_none_or(|n| key.namespace == n))
            .collect()
    }

    /// The objects of a resource as they were at a version.
    pub(super) fn list_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<(Key, Arc<Value>)>, TooOld> {
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.list(resource, namespace).into_iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let changes: Vec<_> = self.changes_after(version)?.collect();
        for change in changes.into_iter().rev() {
            let concerned =
                change.key.resource == *resource && namespace.is_none_or(|n| change.key.namespace == n);
            match &change.before {
                _ if !concerned => {}
                Some(before) => {
                    objects.insert(change.key.clone(), before.clone());
                }
                None => {
                    objects.remove(&change.key);
                }
            }
        }
        Ok(objects.into_iter().collect())
    }

    /// Every stored object.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter()
    }

    /// Every stored object of a namespace.
    pub(super) fn in_namespace(&self, namespace: &str) -> Vec<Key> {
        self.objects.keys().filter(|key| key.namespace == namespace).cloned().collect()
    }

    /// The changes after a version.
    pub(super) fn changes_after(&self, version: u64) -> Result<impl Iterator<Item = &Change>, TooOld> {
        if version < self.forgotten {
            return Err(TooOld);
        }
        let first = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(first..))
    }

    /// Stores an object under the next version.
    pub(super) fn put(&mut self, key: &Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        set_version(&mut object, self.version);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), object.clone());
        self.reindex(key, before.as_deref(), Some(&object));
        self.remember(key, before, Some(object.clone()));
        object
    }

    /// Removes an object; the answer is its last state, with the version of the removal.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        self.reindex(key, Some(&before), None);
        let mut last = (*before).clone();
        set_version(&mut last, self.version);
        self.remember(key, Some(before), None);
        Some(last)
    }

    /// Forgets the history, as a compaction does.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.forgotten = self.version;
    }

    fn remember(&mut self, key: &Key, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        self.history.push_back(Change { version: self.version, key: key.clone(), before, after });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.version;
        }
    }

    fn reindex(&mut self, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        if let Some(before) = before {
            for owner in owner_uids(before) {
                if let Some(keys) = self.by_owner.get_mut(owner) {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.by_owner.remove(owner);
                    }
                }
            }
            self.by_uid.remove(text(before, "/metadata/uid"));
        }
        if let Some(after) = after {
            for owner in owner_uids(after) {
                self.by_owner.entry(owner.to_owned()).or_default().insert(key.clone());
            }
            self.by_uid.insert(text(after, "/metadata/uid").to_owned(), key.clone());
        }
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().filter_map(|owner| owner.get("uid").and_then(Value::as_str))
}

/// The text at a place in an object, empty if there is none.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Writes the version into an object.
pub(super) fn set_version(object: &mut Value, version: u64) {
    set_meta(object, "resourceVersion", json!(version.to_string()));
}

/// Writes a field of an object's metadata.
pub(super) fn set_meta(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = object {
        let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
        if let Value::Object(metadata) = metadata {
            metadata.insert(field.to_owned(), value);
        }
    }
}

/// Removes a field of an object's metadata.
pub(super) fn remove_meta(object: &mut Value, field: &str) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove(field);
    }
}

/// The finalizers of an object.
pub(super) fn finalizers(object: &Value) -> Vec<String> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Replaces the finalizers of an object.
pub(super) fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    if finalizers.is_empty() {
        remove_meta(object, "finalizers");
    } else {
        set_meta(object, "finalizers", json!(finalizers));
    }
}

/// Whether somebody asked to delete the object.
pub(super) fn is_terminating(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}
