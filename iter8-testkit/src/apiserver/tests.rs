//! The server seen through kube's own machinery.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::ApiServer;
use crate::clock::Clock;

mod apply;
mod custom;
mod lifecycle;

/// A typed object from JSON.
fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn config_map(name: &str, labels: &Value) -> ConfigMap {
    object(json!({"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}}))
}

fn deployment(name: &str) -> Deployment {
    object(json!({"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "image:1"}]}},
    }}))
}

/// The code and reason of an error of the server.
fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("{other}"),
    }
}

fn config_maps(client: Client) -> Api<ConfigMap> {
    Api::default_namespaced(client)
}

#[tokio::test]
async fn what_is_created_can_be_read_updated_and_deleted() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let created = api.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    assert!(created.uid().is_some() && created.resource_version().is_some());
    assert_eq!(refusal(api.create(&PostParams::default(), &created).await).0, 500);
    assert_eq!(
        refusal(api.create(&PostParams::default(), &config_map("a", &json!({}))).await),
        (409, "AlreadyExists".to_owned())
    );
    let mut changed = created.clone();
    changed.data.as_mut().unwrap().insert("more".to_owned(), "1".to_owned());
    let updated = api.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_ne!(updated.resource_version(), created.resource_version());
    assert_eq!(
        refusal(api.replace("a", &PostParams::default(), &changed).await),
        (409, "Conflict".to_owned())
    );
    let again = api.replace("a", &PostParams::default(), &updated).await.unwrap();
    assert_eq!(
        again.resource_version(),
        updated.resource_version(),
        "an update that changes nothing writes nothing"
    );
    assert!(api.delete("a", &DeleteParams::default()).await.unwrap().is_right());
    assert_eq!(refusal(api.get("a").await), (404, "NotFound".to_owned()));
    let verbs: Vec<_> = server.requests().into_iter().map(|request| (request.verb, request.status)).collect();
    assert_eq!(verbs[..2], [("create".to_owned(), 201), ("create".to_owned(), 500)]);
}

#[tokio::test]
async fn lists_select_and_come_in_chunks_of_one_moment() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    for (name, tier) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")] {
        api.create(&PostParams::default(), &config_map(name, &json!({"tier": tier}))).await.unwrap();
    }
    let names =
        |list: &kube::core::ObjectList<ConfigMap>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    assert_eq!(names(&api.list(&ListParams::default().labels("tier=x")).await.unwrap()), ["a", "c", "d"]);
    assert_eq!(names(&api.list(&ListParams::default().fields("metadata.name=b")).await.unwrap()), ["b"]);
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(
        (names(&first), first.metadata.remaining_item_count),
        (vec!["a".to_owned(), "b".to_owned()], Some(2))
    );
    api.delete("c", &DeleteParams::default()).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let rest = api.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    assert_eq!(names(&rest), ["c", "d"], "the rest is of the version of the first chunk");
    server.compact();
    let late = api.list(&ListParams::default().limit(2).continue_token(&token)).await;
    assert_eq!(refusal(late), (410, "Expired".to_owned()));
}

#[tokio::test]
async fn a_watch_sees_objects_enter_and_leave_its_selection() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    api.create(&PostParams::default(), &config_map("a", &json!({"on": "yes"}))).await.unwrap();
    let params = WatchParams::default().labels("on=yes");
    let mut events = api.watch(&params, "0").await.unwrap().boxed();
    for labels in [json!({"on": "no"}), json!({"on": "yes"}), json!({"on": "yes", "more": "1"})] {
        let patch = json!({"metadata": {"labels": labels}});
        api.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => panic!("{status:?}"),
        });
    }
    assert_eq!(seen, ["added", "deleted", "added", "modified", "deleted"]);
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_gone_and_a_reflector_recovers() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let first = api.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    api.create(&PostParams::default(), &config_map("b", &json!({}))).await.unwrap();
    server.compact();
    let mut events =
        api.watch(&WatchParams::default(), &first.resource_version().unwrap()).await.unwrap().boxed();
    match events.try_next().await.unwrap().unwrap() {
        WatchEvent::Error(status) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(events.try_next().await.unwrap().is_none());
}

async fn eventually(mut check: impl FnMut() -> bool) {
    for _ in 0..500 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the condition never held");
}

#[tokio::test]
async fn a_reflector_follows_with_both_ways_of_listing() {
    for strategy in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let server = ApiServer::new();
        let api = config_maps(server.client());
        api.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
        let (reader, writer) = reflector::store();
        let stream = watcher(api.clone(), strategy).reflect(writer).applied_objects();
        let follow = tokio::spawn(stream.for_each(|_| std::future::ready(())));
        reader.wait_until_ready().await.unwrap();
        assert_eq!(reader.len(), 1);
        api.create(&PostParams::default(), &config_map("b", &json!({}))).await.unwrap();
        eventually(|| reader.len() == 2).await;
        api.delete("a", &DeleteParams::default()).await.unwrap();
        eventually(|| reader.len() == 1).await;
        follow.abort();
    }
}

#[tokio::test]
async fn a_controller_reconciles_owners_of_what_changes() {
    let server = ApiServer::new();
    let client = server.client_as("controller/1.0");
    let runs = Arc::new(AtomicUsize::new(0));
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments.create(&PostParams::default(), &deployment("web")).await.unwrap();
    let reconcile = |owner: Arc<Deployment>, context: Arc<(Client, Arc<AtomicUsize>)>| async move {
        let api = config_maps(context.0.clone());
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.name_any(),
            "uid": owner.uid(), "controller": true, "blockOwnerDeletion": true});
        let child = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": owner.name_any(),
            "ownerReferences": [reference]}, "data": {"a": "b"}});
        api.patch(&owner.name_any(), &PatchParams::apply("test").force(), &Patch::Apply(&child)).await?;
        context.1.fetch_add(1, Ordering::SeqCst);
        Ok::<_, kube::Error>(Action::await_change())
    };
    let controller = Controller::new(deployments.clone(), watcher::Config::default())
        .owns(config_maps(client.clone()), watcher::Config::default())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new((client.clone(), runs.clone())),
        );
    let running = tokio::spawn(controller.for_each(|_| std::future::ready(())));
    let seen = runs.clone();
    eventually(move || seen.load(Ordering::SeqCst) >= 1).await;
    let api = config_maps(client);
    api.delete("web", &DeleteParams::default()).await.unwrap();
    for _ in 0..500 {
        if api.get_opt("web").await.unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(api.get_opt("web").await.unwrap().is_some(), "the controller repairs what was deleted");
    deployments.delete("web", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("web").await.unwrap().is_none(), "garbage collection removed the child");
    assert!(
        server
            .requests()
            .iter()
            .any(|request| request.verb == "apply" && request.user_agent == "controller/1.0")
    );
    running.abort();
}

#[tokio::test]
async fn a_copy_holds_what_the_server_held_and_shares_nothing_with_it() {
    let server = ApiServer::new();
    let create = async |server: &ApiServer, name: &str| {
        let api = config_maps(server.client());
        api.create(&PostParams::default(), &config_map(name, &json!({}))).await.unwrap()
    };
    let before = create(&server, "before").await;
    let copy = server.copy_with_clock(Clock::system());
    create(&server, "original").await;
    create(&copy, "copied").await;
    let names = async |server: &ApiServer| {
        let list = config_maps(server.client()).list(&ListParams::default()).await.unwrap();
        list.items.into_iter().map(|object| object.name_any()).collect::<Vec<_>>()
    };
    assert_eq!(names(&server).await, ["before", "original"]);
    assert_eq!(names(&copy).await, ["before", "copied"]);
    assert_eq!(config_maps(copy.client()).get("before").await.unwrap().uid(), before.uid());
}
