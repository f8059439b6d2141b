//! What the watches have seen of the objects we own, by release.
//!
//! The cache answers "everything of this release" and "which release does this event concern" in
//! constant time, and tells news from noise: an update that changes nothing we read concerns nobody.

mod gone;
mod names;
mod packed;
mod watched;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use iter8_core::{EndpointsObservation, ObjectKind};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use tokio::sync::watch;

use crate::observe::{self, Endpoints};
use crate::resource::Release;
use crate::workload::SERVICE;
use gone::Gone;
use names::{Key, Names};
use packed::Packed;

pub(crate) use watched::{Metadata, Watched};

/// The label by which an EndpointSlice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// An object that a Release owns.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) kind: ObjectKind,
    pub(crate) object: DynamicObject,
}

/// An EndpointSlice of a Service.
#[derive(Debug)]
struct Slice {
    name: Arc<str>,
    family: Arc<str>,
    endpoints: Endpoints,
}

#[derive(Debug, Default)]
struct State {
    names: Names,
    /// Objects by owning Release, by kind and name.
    by_release: HashMap<Key, Vec<Packed>>,
    /// The owning Release of each object, by kind.
    owners: HashMap<(&'static str, Key), Key>,
    /// By Service.
    slices: HashMap<Key, Vec<Slice>>,
    /// The Service of each slice, in the same namespace.
    services: HashMap<Key, Arc<str>>,
    /// What has been seen since the last (re)start of each watch.
    listing: HashMap<&'static str, HashSet<Key>>,
    /// The uid and the owning Release of objects that we have deleted and the watch has not yet seen go.
    deleted: HashMap<(&'static str, Key), (String, Key)>,
    /// Objects of which a watch has told that they are gone: an answer to what we have written may come later.
    gone: Gone,
    /// What we have written since the last (re)start of each watch, until it has listed everything: the list is older.
    written: HashSet<(&'static str, Key)>,
    /// The watches that have seen everything once.
    synced: HashSet<&'static str>,
    /// The kinds that the API server does not know.
    missing: HashSet<&'static str>,
}

/// The cache; shared by the watches, which write, and the reconciler, which reads.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: RwLock<State>,
    /// The kinds of which a write was told that there is no such kind.
    doubts: watch::Sender<HashSet<&'static str>>,
}

const SLICE: &str = "EndpointSlice";

impl Cache {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic elsewhere leaves the maps whole: every change is a single insert or remove.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects of a Release.
    pub(crate) fn objects_of(&self, namespace: &str, release: &str) -> Vec<Owned> {
        let key = Key::new(namespace, release);
        self.read()
            .by_release
            .get(&key)
            .map(|objects| objects.iter().filter_map(Packed::unpack).collect())
            .unwrap_or_default()
    }

    /// The endpoints of a Service, over all its slices. A Pod is in the slices of each address family, so the
    /// family with the most counts.
    pub(crate) fn endpoints_of(&self, namespace: &str, service: &str) -> Endpoints {
        let key = Key::new(namespace, service);
        let state = self.read();
        let slices = || state.slices.get(&key).into_iter().flatten();
        let mut families: BTreeMap<&str, EndpointsObservation> = BTreeMap::new();
        for slice in slices() {
            let sum = families.entry(&slice.family).or_default();
            sum.ready = sum.ready.saturating_add(slice.endpoints.counts.ready);
            sum.terminating = sum.terminating.saturating_add(slice.endpoints.counts.terminating);
        }
        let counts = families.into_values().fold(EndpointsObservation::default(), |most, family| {
            EndpointsObservation {
                ready: most.ready.max(family.ready),
                terminating: most.terminating.max(family.terminating),
            }
        });
        // A slice without endpoints says nothing about them, whenever it was written.
        let mut named = slices()
            .filter(|slice| slice.endpoints.counts != EndpointsObservation::default())
            .map(|slice| &slice.endpoints.rollout);
        let rollout = named.next().filter(|first| named.all(|other| other == *first)).cloned().flatten();
        Endpoints { counts, rollout }
    }

    /// Whether every one of these watches has seen everything once, or cannot see anything.
    pub(crate) fn is_synced(&self, kinds: impl IntoIterator<Item = &'static str>) -> bool {
        let state = self.read();
        let is_done = |kind: &'static str| state.synced.contains(kind) || state.missing.contains(kind);
        kinds.into_iter().chain([SLICE]).all(is_done)
    }

    /// Whether the API server does not know this kind.
    pub(crate) fn is_missing(&self, kind: &'static str) -> bool {
        self.read().missing.contains(kind)
    }

    /// Notes that the API server does not know this kind (or, later, that it does); whether that is news.
    pub(crate) fn set_missing(&self, kind: &'static str, missing: bool) -> bool {
        let mut state = self.write();
        if missing {
            // They went with their kind.
            let gone: Vec<_> =
                state.owners.keys().filter(|(of, _)| *of == kind).map(|(_, key)| key.clone()).collect();
            for key in gone {
                state.remove(kind, &key);
            }
            state.missing.insert(kind)
        } else {
            state.missing.remove(kind)
        }
    }

    /// Notes that the API server has said of a write that it does not know the kind.
    pub(crate) fn doubt(&self, kind: &'static str) {
        self.doubts.send_modify(|kinds| {
            kinds.insert(kind);
        });
    }

    /// Resolves when a kind is in doubt, and ends the doubt: it is for the watch to find out.
    pub(crate) async fn doubted(&self, kind: &'static str) {
        // The sender is part of the cache.
        let _ = self.doubts.subscribe().wait_for(|kinds| kinds.contains(kind)).await;
        self.doubts.send_modify(|kinds| {
            kinds.remove(kind);
        });
    }

    /// Takes in an object that has just been written, without waiting for the watch.
    pub(crate) fn written(&self, kind: &ObjectKind, object: DynamicObject) {
        let mut state = self.write();
        if !state.gone.contains(&object) && !state.knows_newer(kind.kind, &object) {
            if state.listing.contains_key(kind.kind) {
                state.written.insert((kind.kind, key_of(&object)));
            }
            state.insert(kind, object);
        }
    }

    /// Takes in an object that the API server has just been asked for: it is there, whatever a watch has told.
    pub(crate) fn found(&self, kind: &ObjectKind, object: DynamicObject) {
        self.write().gone.forget(&object);
        self.written(kind, object);
    }

    /// Takes in that an object has just been deleted, without waiting for the watch.
    pub(crate) fn deleted(&self, kind: &ObjectKind, object: &DynamicObject) {
        let mut state = self.write();
        let key = key_of(object);
        if let (Some(uid), Some(owner)) = (object.uid(), state.remove(kind.kind, &key)) {
            state.deleted.insert((kind.kind, key), (uid, owner));
        }
    }

    /// Takes in an event of a watch on owned objects; the Releases it concerns.
    pub(crate) fn object_event(
        &self,
        kind: &ObjectKind,
        event: Event<DynamicObject>,
    ) -> Vec<ObjectRef<Release>> {
        let mut state = self.write();
        let keys = match event {
            Event::Init => {
                state.listing.insert(kind.kind, HashSet::new());
                state.deleted.retain(|(of, _), _| *of != kind.kind);
                state.written.retain(|(of, _)| *of != kind.kind);
                Vec::new()
            }
            Event::InitApply(object) => {
                state.gone.forget(&object);
                let listed = key_of(&object);
                let is_written = state.written.contains(&(kind.kind, listed.clone()));
                let is_older = is_written && state.knows_newer(kind.kind, &object)
                    || state.has_deleted(kind.kind, &object);
                state.listing.entry(kind.kind).or_default().insert(listed);
                if is_older { Vec::new() } else { state.insert(kind, object) }
            }
            Event::Apply(object) | Event::Delete(object) if state.knows_newer(kind.kind, &object) => {
                Vec::new()
            }
            Event::Apply(object) if state.has_deleted(kind.kind, &object) => Vec::new(),
            Event::Apply(object) => {
                state.gone.forget(&object);
                state.insert(kind, object)
            }
            Event::Delete(object) => {
                let key = key_of(&object);
                state.gone.note(&object);
                let removed = state.remove(kind.kind, &key);
                let ours = state.deleted.remove(&(kind.kind, key)).map(|(_, owner)| owner);
                removed.or(ours).into_iter().collect()
            }
            Event::InitDone => state.finish_listing(kind.kind),
        };
        references(&keys)
    }

    /// Takes in an event of the watch on EndpointSlices; the Releases it concerns.
    pub(crate) fn slice_event(&self, event: Event<EndpointSlice>) -> Vec<ObjectRef<Release>> {
        let mut state = self.write();
        let keys = match event {
            Event::Init => {
                state.listing.insert(SLICE, HashSet::new());
                Vec::new()
            }
            Event::InitApply(slice) => {
                state.listing.entry(SLICE).or_default().insert(key_of(&slice));
                state.insert_slice(&slice)
            }
            Event::Apply(slice) => state.insert_slice(&slice),
            Event::Delete(slice) => state.remove_slice(&key_of(&slice)).into_iter().collect(),
            Event::InitDone => {
                let listed = state.listing.remove(SLICE).unwrap_or_default();
                let gone: Vec<_> =
                    state.services.keys().filter(|key| !listed.contains(*key)).cloned().collect();
                state.synced.insert(SLICE);
                gone.iter().filter_map(|key| state.remove_slice(key)).collect()
            }
        };
        references(&keys)
    }
}

impl State {
    /// The Releases concerned: the owner, if anything we read has changed, and an owner before it.
    fn insert(&mut self, kind: &ObjectKind, object: DynamicObject) -> Vec<Key> {
        let key = self.names.shared(&key_of(&object));
        let Some(owner) = owner_of(&object) else {
            return self.remove(kind.kind, &key).into_iter().collect();
        };
        let owner = self.names.shared(&owner);
        let mut concerned = Vec::new();
        let known = self.owners.insert((kind.kind, key.clone()), owner.clone());
        if let Some(before) = known.filter(|before| *before != owner) {
            self.forget(&before, kind.kind, &key.name);
            concerned.push(before);
        }
        let packed = Packed::new(self.names.kind(kind), key.name, object);
        let objects = self.by_release.entry(owner.clone()).or_default();
        let place = objects.binary_search_by(|other| other.place().cmp(&packed.place()));
        let is_news = match place {
            Ok(index) => objects.get_mut(index).is_none_or(|before| {
                let is_news = packed.is_news(before);
                *before = packed;
                is_news
            }),
            Err(index) => {
                objects.reserve_exact(1);
                objects.insert(index, packed);
                true
            }
        };
        if is_news {
            concerned.push(owner);
        }
        concerned
    }

    /// Whether the cache holds a later state: one that was written by us and not yet seen by the watch.
    ///
    /// resourceVersions of a kind can be compared as numbers (KEP-5504); any other form is never older.
    /// A new listing is not asked: it is what the API server had when it began, even after a restore of older data.
    fn knows_newer(&self, kind: &'static str, object: &DynamicObject) -> bool {
        let key = key_of(object);
        let known = self.owners.get(&(kind, key.clone())).and_then(|owner| self.by_release.get(owner));
        let known =
            known.and_then(|objects| objects.iter().find(|other| other.place() == (kind, &*key.name)));
        let version = packed::version(object);
        known.and_then(Packed::version) > version && version.is_some()
    }

    /// Whether this is the object of before we deleted it: one that is still on its way says so.
    fn has_deleted(&self, kind: &'static str, object: &DynamicObject) -> bool {
        let deleted = self.deleted.get(&(kind, key_of(object))).map(|(uid, _)| uid);
        deleted.is_some()
            && deleted == object.metadata.uid.as_ref()
            && object.metadata.deletion_timestamp.is_none()
    }

    fn remove(&mut self, kind: &'static str, key: &Key) -> Option<Key> {
        let owner = self.owners.remove(&(kind, key.clone()))?;
        self.forget(&owner, kind, &key.name);
        Some(owner)
    }

    fn forget(&mut self, owner: &Key, kind: &'static str, name: &str) {
        if let Some(objects) = self.by_release.get_mut(owner) {
            objects.retain(|other| other.place() != (kind, name));
            if objects.is_empty() {
                self.by_release.remove(owner);
            }
        }
    }

    /// Drops what the new listing has not seen.
    fn finish_listing(&mut self, kind: &'static str) -> Vec<Key> {
        let listed = self.listing.remove(kind).unwrap_or_default();
        let is_gone = |place: &&(&'static str, Key)| {
            place.0 == kind && !listed.contains(&place.1) && !self.written.contains(*place)
        };
        let gone: Vec<_> = self.owners.keys().filter(is_gone).map(|(_, key)| key.clone()).collect();
        self.written.retain(|(of, _)| *of != kind);
        self.synced.insert(kind);
        for key in &gone {
            self.note_gone(kind, key);
        }
        gone.iter().filter_map(|key| self.remove(kind, key)).collect()
    }

    fn note_gone(&mut self, kind: &'static str, key: &Key) {
        let owner = self.owners.get(&(kind, key.clone()));
        let objects = owner.and_then(|owner| self.by_release.get(owner));
        let object = objects.and_then(|all| all.iter().find(|it| it.place() == (kind, &*key.name)));
        if let Some(owned) = object.and_then(Packed::unpack) {
            self.gone.note(&owned.object);
        }
    }

    fn insert_slice(&mut self, slice: &EndpointSlice) -> Vec<Key> {
        let key = self.names.shared(&key_of(slice));
        let Some(service) = slice.labels().get(SERVICE_NAME) else {
            return self.remove_slice(&key).into_iter().collect();
        };
        let left = self.services.get(&key).is_some_and(|before| **before != **service);
        let mut concerned: Vec<_> = left.then(|| self.remove_slice(&key)).flatten().into_iter().collect();
        let service = Key { namespace: Arc::clone(&key.namespace), name: self.names.name(service) };
        let slice = Slice {
            name: Arc::clone(&key.name),
            family: self.names.name(&slice.address_type),
            endpoints: observe::endpoints(slice),
        };
        self.services.insert(key, Arc::clone(&service.name));
        let slices = self.slices.entry(service.clone()).or_default();
        if let Some(known) = slices.iter_mut().find(|known| known.name == slice.name) {
            if (&known.family, &known.endpoints) == (&slice.family, &slice.endpoints) {
                return concerned;
            }
            *known = slice;
        } else {
            slices.reserve_exact(1);
            slices.push(slice);
        }
        concerned.extend(self.owners.get(&(SERVICE.kind, service)).cloned());
        concerned
    }

    fn remove_slice(&mut self, key: &Key) -> Option<Key> {
        let service = Key { namespace: Arc::clone(&key.namespace), name: self.services.remove(key)? };
        if let Some(slices) = self.slices.get_mut(&service) {
            slices.retain(|slice| slice.name != key.name);
            if slices.is_empty() {
                self.slices.remove(&service);
            }
        }
        self.owners.get(&(SERVICE.kind, service)).cloned()
    }
}

fn references(releases: &[Key]) -> Vec<ObjectRef<Release>> {
    releases.iter().map(|Key { namespace, name }| ObjectRef::new(name).within(namespace)).collect()
}

fn key_of(object: &impl ResourceExt) -> Key {
    Key::new(object.meta().namespace.as_deref().unwrap_or_default(), &object.name_any())
}

/// The Release that owns the object. That it is the controller may have been taken away by hand, and is repaired then.
fn owner_of(object: &DynamicObject) -> Option<Key> {
    let is_release =
        |owner: &&OwnerReference| owner.kind == "Release" && owner.api_version.starts_with("iter8.tools/");
    let releases = || object.owner_references().iter().filter(is_release);
    let owner = releases().find(|owner| owner.controller == Some(true)).or_else(|| releases().next())?;
    Some(Key::new(object.metadata.namespace.as_deref().unwrap_or_default(), &owner.name))
}

#[cfg(test)]
mod tests;
