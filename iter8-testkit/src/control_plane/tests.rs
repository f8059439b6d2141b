//! These start real programs: run them with `KUBEBUILDER_ASSETS` set and `--ignored`.

use std::time::Duration;

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, PostParams, PropagationPolicy, WatchEvent, WatchParams};
use kube::{Api, Resource as _, ResourceExt as _};

use super::ControlPlane;

async fn start() -> ControlPlane {
    let assets = ControlPlane::assets_from_env().expect("KUBEBUILDER_ASSETS is set");
    ControlPlane::start(&assets).await.unwrap()
}

fn config_map(name: &str) -> ConfigMap {
    let mut config_map = ConfigMap::default();
    config_map.metadata.name = Some(name.to_owned());
    config_map
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn deleted_owner_takes_its_dependents_along() {
    let cluster = start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    let owner = api.create(&PostParams::default(), &config_map("owner")).await.unwrap();
    let mut dependent = config_map("dependent");
    dependent.metadata.owner_references = owner.owner_ref(&()).map(|reference| vec![reference]);
    let dependent = api.create(&PostParams::default(), &dependent).await.unwrap();

    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..Default::default() };
    api.delete("owner", &params).await.unwrap();

    let gone = kube::runtime::conditions::is_deleted(dependent.metadata.uid.as_deref().unwrap());
    let waiting = kube::runtime::wait::await_condition(api, "dependent", gone);
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn stored_objects_survive_a_restart_of_the_api_server() {
    let mut cluster = start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    api.create(&PostParams::default(), &config_map("kept")).await.unwrap();

    cluster.stop_api_server();
    assert!(api.get("kept").await.is_err());
    cluster.start_api_server().await.unwrap();

    assert_eq!(api.get("kept").await.unwrap().name_any(), "kept");
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn installed_definitions_are_served_at_once() {
    let cluster = start().await;
    let crds = ControlPlane::assets_from_env().unwrap().join("crds");
    cluster.install(&crds).await.unwrap();
    cluster.install(&crds).await.expect("installing twice changes nothing");

    let group = kube::discovery::group(&cluster.client(), "gateway.networking.k8s.io").await.unwrap();
    assert!(group.recommended_kind("HTTPRoute").is_some());
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn what_is_compacted_cannot_be_watched_from_any_more() {
    let mut cluster = start().await;
    let api: Api<ConfigMap> = Api::default_namespaced(cluster.client());
    let old = api.create(&PostParams::default(), &config_map("old")).await.unwrap();
    api.create(&PostParams::default(), &config_map("new")).await.unwrap();

    cluster.stop_api_server();
    cluster.compact().await.unwrap();
    cluster.start_api_server().await.unwrap();

    let params = WatchParams::default();
    let mut events = std::pin::pin!(api.watch(&params, &old.resource_version().unwrap()).await.unwrap());
    let event = events.try_next().await.unwrap().unwrap();
    assert!(matches!(&event, WatchEvent::Error(status) if status.code == 410), "{event:?}");
}

/// What is left of a list whose first part was given before is not what it was; both servers say so, and how to go on.
#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn a_list_that_is_continued_too_late_is_refused_as_in_memory() {
    let mut cluster = start().await;
    let real = begun_list(&cluster.client()).await;
    cluster.stop_api_server();
    cluster.compact().await.unwrap();
    cluster.start_api_server().await.unwrap();
    let real = continued(&cluster.client(), &real).await;
    assert_eq!(names(&cluster.client(), &real.3).await, ["b"], "the rest of what is there by now");

    let server = crate::apiserver::ApiServer::new();
    let in_memory = begun_list(&server.client()).await;
    server.compact();
    let in_memory = continued(&server.client(), &in_memory).await;
    assert_eq!(names(&server.client(), &in_memory.3).await, ["b"]);
    assert_eq!((in_memory.0, &in_memory.1, &in_memory.2), (real.0, &real.1, &real.2));
    assert_eq!((real.0, real.1.as_str()), (410, "Expired"));
}

/// What a list is that goes on with a token.
async fn names(client: &kube::Client, token: &str) -> Vec<String> {
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let list = api.list(&ListParams::default().continue_token(token)).await.unwrap();
    list.iter().map(kube::ResourceExt::name_any).filter(|name| name.len() == 1).collect()
}

/// The token after the first of three objects, and a change after it.
async fn begun_list(client: &kube::Client) -> String {
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for name in ["a", "b", "c"] {
        api.create(&PostParams::default(), &config_map(name)).await.unwrap();
    }
    let list = api.list(&ListParams::default().limit(1)).await.unwrap();
    api.delete("c", &DeleteParams::default()).await.unwrap();
    list.metadata.continue_.unwrap()
}

/// Code, reason and message of the answer, and the token to go on with.
async fn continued(client: &kube::Client, token: &str) -> (u16, String, String, String) {
    let path = format!("/api/v1/namespaces/default/configmaps?limit=1&continue={token}");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let error = client.request::<serde_json::Value>(request).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    let token = status.metadata.clone().unwrap_or_default().continue_;
    (status.code, status.reason.clone(), status.message.clone(), token.unwrap())
}
