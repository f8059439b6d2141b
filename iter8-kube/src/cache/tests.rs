//! What the cache makes of the events of watches.

use iter8_core::{EndpointsObservation, Rollout};
use kube::api::TypeMeta;
use serde_json::{Value, json};

use super::*;
use crate::workload::DEPLOYMENT;

fn service(name: &str, version: u64, owner: Option<&str>) -> DynamicObject {
    let owners: Vec<_> = owner
        .iter()
        .map(|owner| {
            json!({
                "apiVersion": "iter8.tools/v1alpha1", "kind": "Release", "name": owner, "uid": "1", "controller": true,
            })
        })
        .collect();
    let object = json!({
        "metadata": { "name": name, "namespace": "test", "resourceVersion": version.to_string(), "ownerReferences": owners },
        "spec": { "ports": [{ "port": 80 }] },
    });
    serde_json::from_value(object).unwrap()
}

fn deployment(version: u64, status: &Value) -> DynamicObject {
    let mut object = service("web-0", version, Some("web"));
    object.data = json!({ "status": status });
    object
}

fn slice(name: &str, ready: &[bool]) -> EndpointSlice {
    let endpoints: Vec<_> = ready
        .iter()
        .map(|ready| json!({ "addresses": ["10.0.0.1"], "conditions": { "ready": ready } }))
        .collect();
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "test", "labels": { "kubernetes.io/service-name": "web-0" } },
        "addressType": "IPv4",
        "endpoints": endpoints,
    }))
    .unwrap()
}

fn web() -> Vec<ObjectRef<Release>> {
    vec![ObjectRef::new("web").within("test")]
}

fn names(cache: &Cache) -> Vec<String> {
    cache.objects_of("test", "web").iter().map(|owned| owned.object.name_any()).collect()
}

#[test]
fn an_event_concerns_the_release_that_controls_the_object() {
    let cache = Cache::default();
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web")))), web());
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(service("other", 2, None))), vec![]);
    assert_eq!(names(&cache), ["web-0"]);
}

#[test]
fn an_object_that_loses_its_owner_is_forgotten_and_the_release_told() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(service("web-0", 2, None))), web());
    assert_eq!(names(&cache), [""; 0]);
}

#[test]
fn an_update_that_changes_nothing_we_read_concerns_nobody() {
    let cache = Cache::default();
    let status = |time: &str, available: &str| json!({ "conditions": [{ "type": "Available", "status": available, "lastUpdateTime": time }] });
    cache.object_event(&DEPLOYMENT, Event::Apply(deployment(1, &status("1", "False"))));
    assert_eq!(cache.object_event(&DEPLOYMENT, Event::Apply(deployment(2, &status("2", "False")))), vec![]);
    assert_eq!(cache.object_event(&DEPLOYMENT, Event::Apply(deployment(3, &status("3", "True")))), web());
}

#[test]
fn the_watch_does_not_put_an_older_state_over_our_own_write() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    let mut written = service("web-0", 5, Some("web"));
    written.data = json!({ "spec": { "ports": [{ "port": 81 }] } });
    cache.written(&SERVICE, written);
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 3, Some("web"))));
    cache.object_event(&SERVICE, Event::Delete(service("web-0", 4, Some("web"))));
    let objects = cache.objects_of("test", "web");
    assert_eq!(objects[0].object.data.pointer("/spec/ports/0/port"), Some(&json!(81)));
    cache.object_event(&SERVICE, Event::Delete(service("web-0", 6, Some("web"))));
    assert_eq!(names(&cache), [""; 0]);
}

/// The Service `web-0` by state and identity.
fn with_uid(version: u64, uid: &str) -> DynamicObject {
    let mut object = service("web-0", version, Some("web"));
    object.metadata.uid = Some(uid.to_owned());
    object
}

#[test]
fn what_we_have_deleted_is_gone_before_the_watch_says_so() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(with_uid(1, "a")));
    cache.deleted(&SERVICE, &with_uid(1, "a"));
    assert_eq!(names(&cache), [""; 0]);
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(with_uid(2, "a"))), vec![], "a late event");
    assert_eq!(names(&cache), [""; 0]);
    assert_eq!(cache.object_event(&SERVICE, Event::Delete(with_uid(3, "a"))), web(), "it has gone now");
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(with_uid(4, "b"))), web(), "another of the name");
}

#[test]
fn an_answer_that_comes_after_the_end_of_its_object_brings_nothing_back() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(with_uid(1, "a")));
    cache.object_event(&SERVICE, Event::Delete(with_uid(3, "a")));
    cache.written(&SERVICE, with_uid(2, "a"));
    assert_eq!(names(&cache), [""; 0], "told by an event");
    cache.written(&SERVICE, with_uid(4, "b"));
    assert_eq!(names(&cache), ["web-0"], "another one of the name");

    for event in [Event::Init, Event::InitDone] {
        cache.object_event(&SERVICE, event);
    }
    cache.written(&SERVICE, with_uid(5, "b"));
    assert_eq!(names(&cache), [""; 0], "told by a list");
    cache.found(&SERVICE, with_uid(5, "b"));
    assert_eq!(names(&cache), ["web-0"], "it had lost its label only");
    cache.object_event(&SERVICE, Event::Delete(with_uid(6, "b")));
    cache.object_event(&SERVICE, Event::Apply(with_uid(7, "b")));
    cache.written(&SERVICE, with_uid(8, "b"));
    assert_eq!(cache.objects_of("test", "web")[0].object.metadata.resource_version.as_deref(), Some("8"));
}

#[test]
fn a_new_listing_drops_what_it_does_not_have() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    cache.object_event(&SERVICE, Event::Apply(service("web-1", 2, Some("web"))));
    cache.object_event(&SERVICE, Event::Init);
    cache.object_event(&SERVICE, Event::InitApply(service("web-0", 1, Some("web"))));
    assert_eq!(names(&cache), ["web-0", "web-1"], "nothing is dropped before the listing is complete");
    assert_eq!(cache.object_event(&SERVICE, Event::InitDone), web());
    assert_eq!(names(&cache), ["web-0"]);
}

#[test]
fn a_listing_takes_nothing_back_that_was_written_after_it_began() {
    let cache = Cache::default();
    let mut before = service("web-0", 1, Some("web"));
    before.metadata.uid = Some("a".to_owned());
    cache.object_event(&SERVICE, Event::Apply(before.clone()));
    cache.object_event(&SERVICE, Event::Apply(service("web-1", 2, Some("web"))));
    cache.object_event(&SERVICE, Event::Init);
    cache.deleted(&SERVICE, &before);
    let mut changed = service("web-1", 5, Some("web"));
    changed.data = json!({ "spec": { "ports": [{ "port": 81 }] } });
    cache.written(&SERVICE, changed);
    cache.written(&SERVICE, service("web-2", 6, Some("web")));
    for listed in [before, service("web-1", 2, Some("web"))] {
        assert_eq!(cache.object_event(&SERVICE, Event::InitApply(listed)), vec![]);
    }
    assert_eq!(cache.object_event(&SERVICE, Event::InitDone), vec![]);
    assert_eq!(names(&cache), ["web-1", "web-2"]);
    let port = cache.objects_of("test", "web")[0].object.data.pointer("/spec/ports/0/port").cloned();
    assert_eq!(port, Some(json!(81)));
    cache.object_event(&SERVICE, Event::Init);
    cache.written(&SERVICE, service("web-1", 7, Some("web")));
    let mut changed = service("web-1", 8, Some("web"));
    changed.data = json!({ "spec": { "ports": [{ "port": 82 }] } });
    assert_eq!(
        cache.object_event(&SERVICE, Event::InitApply(changed)),
        web(),
        "somebody has written it after us"
    );
    cache.object_event(&SERVICE, Event::Init);
    assert_eq!(cache.object_event(&SERVICE, Event::InitDone), [web(), web()].concat(), "the next one counts");
}

#[test]
fn endpoints_are_counted_over_the_slices_of_a_service() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    assert_eq!(cache.slice_event(Event::Apply(slice("web-0-a", &[true, false]))), web());
    assert_eq!(cache.slice_event(Event::Apply(slice("web-0-b", &[true]))), web());
    assert_eq!(cache.slice_event(Event::Apply(slice("web-0-b", &[true]))), vec![], "no news");
    assert_eq!(cache.endpoints_of("test", "web-0").counts, EndpointsObservation { ready: 2, terminating: 0 });
    assert_eq!(cache.slice_event(Event::Delete(slice("web-0-a", &[]))), web());
    assert_eq!(cache.endpoints_of("test", "web-0").counts, EndpointsObservation { ready: 1, terminating: 0 });
}

#[test]
fn a_slice_that_changes_its_service_leaves_the_one_before() {
    let cache = Cache::default();
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    cache.slice_event(Event::Apply(slice("a", &[true])));
    let mut moved = slice("a", &[true]);
    moved.metadata.labels = Some([("kubernetes.io/service-name".to_owned(), "other".to_owned())].into());
    assert_eq!(cache.slice_event(Event::Apply(moved)), web());
    assert_eq!(cache.endpoints_of("test", "web-0").counts, EndpointsObservation::default());
    assert_eq!(cache.endpoints_of("test", "other").counts.ready, 1);
    let mut bare = slice("a", &[true]);
    bare.metadata.labels = None;
    cache.slice_event(Event::Apply(bare));
    assert_eq!(cache.endpoints_of("test", "other").counts, EndpointsObservation::default());
}

#[test]
fn a_pod_in_the_slices_of_both_address_families_counts_once() {
    let cache = Cache::default();
    cache.slice_event(Event::Apply(slice("web-0-a", &[true])));
    cache.slice_event(Event::Apply(EndpointSlice {
        address_type: "IPv6".to_owned(),
        ..slice("web-0-b", &[true])
    }));
    assert_eq!(cache.endpoints_of("test", "web-0").counts, EndpointsObservation { ready: 1, terminating: 0 });
}

#[test]
fn the_slices_of_a_service_name_a_rollout_when_all_that_have_endpoints_do() {
    let cache = Cache::default();
    let named = |name: &str, ready: &[bool], rollout: Option<&str>| {
        let mut slice = slice(name, ready);
        let label = rollout.map(|rollout| ("iter8.tools/rollout".to_owned(), rollout.to_owned()));
        slice.metadata.labels.get_or_insert_default().extend(label);
        slice
    };
    cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web"))));
    cache.slice_event(Event::Apply(named("web-0-a", &[true], None)));
    cache.slice_event(Event::Apply(named("web-0-b", &[true], Some("u.2"))));
    assert_eq!(cache.endpoints_of("test", "web-0").rollout, None);
    let event = Event::Apply(named("web-0-a", &[true], Some("u.2")));
    assert_eq!(cache.slice_event(event), web(), "a label is news");
    let second = Rollout::from_label("u.2");
    assert_eq!(cache.endpoints_of("test", "web-0").rollout, second);
    cache.slice_event(Event::Apply(named("web-0-c", &[], None)));
    assert_eq!(cache.endpoints_of("test", "web-0").rollout, second, "it has no endpoints");
}

#[test]
fn a_slice_that_comes_before_its_service_is_counted_when_the_service_comes() {
    let cache = Cache::default();
    assert_eq!(cache.slice_event(Event::Apply(slice("web-0-a", &[true]))), vec![]);
    assert_eq!(cache.object_event(&SERVICE, Event::Apply(service("web-0", 1, Some("web")))), web());
    assert_eq!(cache.endpoints_of("test", "web-0").counts, EndpointsObservation { ready: 1, terminating: 0 });
}

#[test]
fn the_cache_is_filled_when_every_watch_has_listed_or_its_kind_is_missing() {
    let cache = Cache::default();
    assert!(!cache.is_synced(["Service", "HTTPRoute"]));
    cache.slice_event(Event::InitDone);
    cache.object_event(&SERVICE, Event::InitDone);
    assert!(!cache.is_synced(["Service", "HTTPRoute"]));
    assert!(cache.set_missing("HTTPRoute", true));
    assert!(cache.is_synced(["Service", "HTTPRoute"]));
}

#[test]
fn an_object_of_a_list_is_the_same_as_one_of_a_watch() {
    let (listed, watched) = (Cache::default(), Cache::default());
    let of_list = service("web-0", 1, Some("web"));
    let mut of_watch = of_list.clone();
    of_watch.types = Some(TypeMeta { api_version: "v1".to_owned(), kind: "Service".to_owned() });
    assert_eq!(of_list.types, None, "lists of built-in objects do not repeat their kind");
    listed.object_event(&SERVICE, Event::InitApply(of_list));
    watched.object_event(&SERVICE, Event::Apply(of_watch));
    let only = |cache: &Cache| serde_json::to_value(&cache.objects_of("test", "web")[0].object).unwrap();
    assert_eq!(only(&listed), only(&watched));
}
