//! Deletion, garbage collection, namespaces, defaults, validation.

use super::*;

fn owned(name: &str, owner: &impl ResourceExt, owner_kind: &str, block: bool) -> ConfigMap {
    object(json!({"metadata": {"name": name, "ownerReferences": [{"apiVersion": "v1", "kind": owner_kind,
        "name": owner.name_any(), "uid": owner.uid(), "blockOwnerDeletion": block}]}}))
}

/// A root, its child, and its child's child.
async fn family(api: &Api<ConfigMap>) {
    let root = api.create(&PostParams::default(), &config_map("root", &json!({}))).await.unwrap();
    let child = api.create(&PostParams::default(), &owned("child", &root, "ConfigMap", true)).await.unwrap();
    api.create(&PostParams::default(), &owned("grandchild", &child, "ConfigMap", true)).await.unwrap();
}

async fn names(api: &Api<ConfigMap>) -> Vec<String> {
    api.list(&ListParams::default()).await.unwrap().iter().map(ResourceExt::name_any).collect()
}

#[tokio::test]
async fn deleted_owner_takes_its_dependents_along() {
    for params in [DeleteParams::background(), DeleteParams::foreground(), DeleteParams::default()] {
        let server = ApiServer::new();
        let api = config_maps(server.client());
        family(&api).await;
        api.delete("root", &params).await.unwrap();
        assert!(names(&api).await.is_empty());
    }
}

#[tokio::test]
async fn orphaned_dependents_stay_without_their_owner() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    family(&api).await;
    api.delete("root", &DeleteParams::orphan()).await.unwrap();
    assert_eq!(names(&api).await, ["child", "grandchild"]);
    assert!(api.get("child").await.unwrap().owner_references().is_empty());
}

#[tokio::test]
async fn foreground_deletion_waits_for_a_dependent_with_a_finalizer() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    family(&api).await;
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    api.patch("grandchild", &PatchParams::default(), &Patch::Merge(&held)).await.unwrap();
    api.delete("root", &DeleteParams::foreground()).await.unwrap();
    assert_eq!(names(&api).await, ["child", "grandchild", "root"]);
    assert!(api.get("root").await.unwrap().metadata.deletion_timestamp.is_some());
    let free = json!({"metadata": {"finalizers": null}});
    api.patch("grandchild", &PatchParams::default(), &Patch::Merge(&free)).await.unwrap();
    assert!(names(&api).await.is_empty());
}

#[tokio::test]
async fn a_finalizer_keeps_an_object_until_it_is_removed() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let mut held = config_map("a", &json!({}));
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    api.create(&PostParams::default(), &held).await.unwrap();
    assert!(api.delete("a", &DeleteParams::default()).await.unwrap().is_left());
    let more = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    assert_eq!(refusal(api.patch("a", &PatchParams::default(), &Patch::Merge(&more)).await).0, 422);
    let free = json!({"metadata": {"finalizers": []}});
    api.patch("a", &PatchParams::default(), &Patch::Merge(&free)).await.unwrap();
    assert!(api.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn preconditions_guard_a_delete() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let created = api.create(&PostParams::default(), &config_map("a", &json!({}))).await.unwrap();
    let wrong = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: Some("other".to_owned()), ..Default::default() });
    assert_eq!(refusal(api.delete("a", &wrong).await), (409, "Conflict".to_owned()));
    let right = DeleteParams::default()
        .preconditions(kube::api::Preconditions { uid: created.uid(), ..Default::default() });
    api.delete("a", &right).await.unwrap();
}

#[tokio::test]
async fn a_namespace_ends_with_what_is_in_it() {
    let server = ApiServer::new();
    let namespaces: Api<Namespace> = Api::all(server.client());
    let inside: Api<ConfigMap> = Api::namespaced(server.client(), "temporary");
    assert_eq!(
        refusal(inside.create(&PostParams::default(), &config_map("a", &json!({}))).await),
        (404, "NotFound".to_owned())
    );
    namespaces
        .create(&PostParams::default(), &object(json!({"metadata": {"name": "temporary"}})))
        .await
        .unwrap();
    let mut held = config_map("a", &json!({}));
    held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
    inside.create(&PostParams::default(), &held).await.unwrap();
    namespaces.delete("temporary", &DeleteParams::default()).await.unwrap();
    let phase = namespaces.get("temporary").await.unwrap().status.unwrap().phase;
    assert_eq!(phase.as_deref(), Some("Terminating"));
    assert_eq!(
        refusal(inside.create(&PostParams::default(), &config_map("b", &json!({}))).await),
        (403, "Forbidden".to_owned())
    );
    let free = json!({"metadata": {"finalizers": []}});
    inside.patch("a", &PatchParams::default(), &Patch::Merge(&free)).await.unwrap();
    assert!(namespaces.get_opt("temporary").await.unwrap().is_none());
}

#[tokio::test]
async fn a_pod_on_a_node_is_given_time() {
    let server = ApiServer::new();
    let api: Api<Pod> = Api::default_namespaced(server.client());
    let pod = |name: &str, node: Option<&str>| {
        object(
            json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "a", "image": "b"}]}}),
        )
    };
    api.create(&PostParams::default(), &pod("waiting", None)).await.unwrap();
    api.create(&PostParams::default(), &pod("running", Some("node"))).await.unwrap();
    for name in ["waiting", "running"] {
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    assert!(api.get_opt("waiting").await.unwrap().is_none());
    assert_eq!(api.get("running").await.unwrap().metadata.deletion_grace_period_seconds, Some(30));
    api.delete("running", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert!(api.get_opt("running").await.unwrap().is_none());
}

#[tokio::test]
async fn services_get_addresses_of_their_own() {
    let server = ApiServer::new();
    let api: Api<Service> = Api::default_namespaced(server.client());
    let service = |name: &str| object(json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}));
    let one: Service = api.create(&PostParams::default(), &service("one")).await.unwrap();
    let two = api.create(&PostParams::default(), &service("two")).await.unwrap();
    let (one, two) = (one.spec.unwrap(), two.spec.unwrap());
    assert_ne!(one.cluster_ip, two.cluster_ip);
    assert_eq!(
        serde_json::to_value(&one.ports).unwrap(),
        json!([{"port": 80, "protocol": "TCP", "targetPort": 80}])
    );
}

#[tokio::test]
async fn deployments_get_defaults_and_keep_their_selector() {
    let server = ApiServer::new();
    let api: Api<Deployment> = Api::default_namespaced(server.client());
    let created = api.create(&PostParams::default(), &deployment("web")).await.unwrap();
    let spec = serde_json::to_value(created.spec.unwrap()).unwrap();
    assert_eq!(
        spec["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
    );
    let patch = json!({"spec": {"selector": {"matchLabels": {"more": "x"}}, "template": {"metadata": {"labels": {"more": "x"}}}}});
    let kube::Error::Api(status) =
        api.patch("web", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(status.code, 422);
    assert!(status.message.contains("field is immutable"), "{}", status.message);
    let mut stray = deployment("stray");
    stray.spec.as_mut().unwrap().selector.match_labels =
        Some([("app".to_owned(), "other".to_owned())].into());
    assert_eq!(refusal(api.create(&PostParams::default(), &stray).await).0, 422);
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &config_map("a", &json!({}))).await.unwrap();
    assert!(api.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn names_are_generated_and_checked() {
    let server = ApiServer::new();
    let api = config_maps(server.client());
    let generated: ConfigMap = object(json!({"metadata": {"generateName": "made-"}}));
    let made = api.create(&PostParams::default(), &generated).await.unwrap();
    assert!(made.name_any().starts_with("made-") && made.name_any().len() == 10);
    let kube::Error::Api(status) =
        api.create(&PostParams::default(), &config_map("Bad_Name", &json!({}))).await.unwrap_err()
    else {
        panic!()
    };
    assert!(status.message.starts_with(
        "ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase"
    ));
}

#[tokio::test]
async fn kinds_are_discovered() {
    let server = ApiServer::new();
    let discovered = kube::Discovery::new(server.client()).run().await.unwrap();
    let deployment = kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment");
    assert_eq!(discovered.resolve_gvk(&deployment).unwrap().0.plural, "deployments");
    assert_eq!(server.client().apiserver_version().await.unwrap().minor, "36");
}
