//! Whose an object is, and what becomes of what is not ours, or not any more.

use gateway_api::httproutes::HttpRoute;
use iter8_kube::{Release, ReleaseSpec};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::{Cluster, from};
use crate::scenarios::{INITIAL, brisk, names};
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    an_object_that_may_be_adopted_becomes_ours_as_a_whole,
    an_object_whose_selector_is_another_is_not_adopted_and_not_touched,
    hostnames_and_a_target_port_set_by_hand_are_taken_away,
    objects_of_an_earlier_release_of_the_name_are_waited_for,
    names_may_have_any_legal_characters_and_length,
    another_namespace_is_refused,
    objects_that_get_other_names_are_replaced_without_a_gap,
];

/// What needs a real API server.
pub(crate) const REAL: &[Scenario] = scenarios![a_namespace_that_is_being_deleted_is_left_in_peace];

fn object<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

/// A Deployment of somebody else, with this label in its selector and an image and a container name of its own.
fn foreign_deployment(app: &str) -> Deployment {
    object(json!({
        "metadata": {
            "name": "httpbin-0",
            "labels": { "team": "web" },
            "annotations": { "iter8.tools/adopt": "true" },
        },
        "spec": {
            "selector": { "matchLabels": { "app": app } },
            "template": {
                "metadata": { "labels": { "app": app } },
                "spec": { "containers": [{ "name": "other", "image": "other:1" }] },
            },
        },
    }))
}

async fn an_object_that_may_be_adopted_becomes_ours_as_a_whole(cluster: Cluster) {
    let service: Service = object(json!({
        "metadata": { "name": "httpbin", "annotations": { "iter8.tools/adopt": "true", "note": "mine" } },
        "spec": { "selector": { "app": "other" }, "ports": [{ "port": 9090 }] },
    }));
    let (services, deployments) = (cluster.api::<Service>(), cluster.api::<Deployment>());
    let service = services.create(&PostParams::default(), &service).await.unwrap();
    let deployment = foreign_deployment("httpbin-0");
    deployments.create(&PostParams::default(), &deployment).await.unwrap();

    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    let adopted = services.get("httpbin").await.unwrap();
    assert_eq!(adopted.uid(), service.uid(), "it is the same object");
    assert_eq!(adopted.annotations()["note"], "mine", "what is beside the spec stays");
    let spec = adopted.spec.unwrap();
    let ports: Vec<_> = spec.ports.unwrap().iter().map(|port| port.port).collect();
    assert_eq!(ports, [80], "the port of before is gone");
    let adopted = deployments.get("httpbin-0").await.unwrap();
    assert_eq!(adopted.labels()["team"], "web");
    let containers = adopted.spec.unwrap().template.spec.unwrap().containers;
    let images: Vec<_> = containers.iter().map(|container| container.image.as_deref().unwrap()).collect();
    assert_eq!(images, ["kennethreitz/httpbin"], "the container of before is gone");

    cluster.delete().await;
    let gone = |objects: &(Vec<String>, Vec<String>)| objects.0.is_empty() && objects.1.is_empty();
    cluster.until("everything to be gone", || cluster.workloads(), gone).await;
}

async fn an_object_whose_selector_is_another_is_not_adopted_and_not_touched(cluster: Cluster) {
    let deployments = cluster.api::<Deployment>();
    let foreign = foreign_deployment("somebody-elses");
    let foreign = deployments.create(&PostParams::default(), &foreign).await.unwrap();
    cluster.declare(INITIAL).await;
    let refused = Some(("False".to_owned(), "Refused".to_owned()));
    cluster.until("the refusal", || cluster.condition("Ready"), |condition| *condition == refused).await;
    let now = deployments.get("httpbin-0").await.unwrap();
    assert_eq!(now.spec, foreign.spec);
    assert_eq!((now.labels(), now.owner_references()), (foreign.labels(), foreign.owner_references()));
}

async fn hostnames_and_a_target_port_set_by_hand_are_taken_away(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let patch = json!({ "spec": { "hostnames": ["only.example"] } });
    let routes = cluster.api::<HttpRoute>();
    routes.patch("httpbin", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let patch = json!({ "spec": { "ports": [{ "port": 80, "targetPort": 9 }] } });
    let services = cluster.api::<Service>();
    services.patch("httpbin", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();

    let hostnames = |route: &Option<HttpRoute>| {
        route.as_ref().is_some_and(|route| route.spec.hostnames.as_ref().is_none_or(Vec::is_empty))
    };
    cluster.until("the hostnames to go", || cluster.route(), hostnames).await;
    let target = || async {
        let spec = services.get("httpbin").await.unwrap().spec.unwrap();
        serde_json::to_value(&spec.ports.unwrap()[0].target_port).unwrap()
    };
    cluster.until("the target port", target, |target| *target == json!(80)).await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
}

async fn objects_of_an_earlier_release_of_the_name_are_waited_for(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    // What has a finalizer stays for as long as a garbage collector that is late would leave it.
    let services = cluster.api::<Service>();
    let finalizers = |finalizers: Value| Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    let params = PatchParams::default();
    let held = services.patch("httpbin-0", &params, &finalizers(json!(["test.example/hold"]))).await.unwrap();
    cluster.delete().await;
    let release = || async { cluster.api::<Release>().get_opt("httpbin").await.unwrap() };
    cluster.until("the Release to be gone", release, Option::is_none).await;

    cluster.declare(INITIAL).await;
    let collecting = Some(("False".to_owned(), "Collecting".to_owned()));
    cluster.until("the report", || cluster.condition("Ready"), |condition| *condition == collecting).await;
    let now = services.get("httpbin-0").await.unwrap();
    assert_eq!((now.uid(), &now.spec), (held.uid(), &held.spec), "it is not touched");

    services.patch("httpbin-0", &params, &finalizers(json!(null))).await.unwrap();
    cluster.until_ready().await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    assert_ne!(services.get("httpbin-0").await.unwrap().uid(), held.uid());
}

async fn names_may_have_any_legal_characters_and_length(cluster: Cluster) {
    let release = format!("0-a.{}.{}", "b".repeat(120), "c".repeat(128));
    assert_eq!(release.len(), 253);
    let (application, version) = ("a".repeat(63), format!("v{}-1", "e".repeat(60)));
    let document = json!({
        "environment": "deployment-gtw",
        "application": {
            "metadata": { "name": application },
            "strategy": "canary",
            "versions": [{ "image": "web:1", "metadata": { "name": version } }],
        },
    });
    let spec: ReleaseSpec = serde_json::from_value(document).unwrap();
    let releases = cluster.api::<Release>();
    releases.create(&PostParams::default(), &Release::new(&release, spec)).await.unwrap();
    let ready = || async {
        let conditions = releases.get(&release).await.unwrap().status.unwrap_or_default().conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Ready")
    };
    let is_ready = |condition: &Option<_>| matches!(condition, Some(condition) if is_true(condition));
    cluster.until("condition Ready", ready, is_ready).await;
    let host = format!("{application}.{}", cluster.world.namespace());
    assert_eq!(cluster.world.mesh().get(&host, "/get", &[]).await.unwrap().status, 200);

    // The application is called like the Release unless it says otherwise, and no Service can be called like that.
    let unnamed: ReleaseSpec = serde_json::from_value(json!({
        "environment": "deployment-gtw",
        "application": { "versions": [{ "image": "web:1" }] },
    }))
    .unwrap();
    releases.create(&PostParams::default(), &Release::new("web.v1", unnamed)).await.unwrap();
    let accepted = || async {
        let conditions = releases.get("web.v1").await.unwrap().status.unwrap_or_default().conditions;
        conditions.into_iter().find(|condition| condition.type_ == "Accepted")
    };
    let refused = cluster.until("the refusal", accepted, Option::is_some).await.unwrap();
    assert_eq!(refused.status, "False");
    assert!(refused.message.contains("web.v1"), "{}", refused.message);

    releases.delete(&release, &DeleteParams::default()).await.unwrap();
    let gone = |objects: &(Vec<String>, Vec<String>)| objects.0.is_empty() && objects.1.is_empty();
    cluster.until("everything to be gone", || cluster.workloads(), gone).await;
}

fn is_true(condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition) -> bool {
    condition.status == "True"
}

async fn another_namespace_is_refused(cluster: Cluster) {
    let elsewhere = INITIAL.replace("application:", "application:\n  metadata: {namespace: default}");
    cluster.declare(&elsewhere).await;
    let invalid = Some(("False".to_owned(), "Invalid".to_owned()));
    cluster.until("a refusal", || cluster.condition("Accepted"), |condition| *condition == invalid).await;
    let elsewhere: Api<Deployment> = Api::namespaced(cluster.world.client(), "default");
    assert_eq!(elsewhere.get_opt("httpbin-0").await.unwrap(), None);
    assert_eq!(cluster.workloads().await, (names(&[]), names(&[])));
}

/// A release of one version with these names of its Service and its Deployment.
fn named(service: &str, deployment: &str) -> String {
    brisk(&format!(
        "environment: deployment-gtw
application:
  strategy: canary
  versions:
  - serviceSpecification:
      metadata: {{name: {service}}}
      spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
    deploymentSpecification:
      metadata: {{name: {deployment}}}
      spec:
        selector: {{matchLabels: {{app: web, of: {deployment}}}}}
        template:
          metadata: {{labels: {{app: web, of: {deployment}}}}}
          spec: {{containers: [{{name: web, image: 'web:1', ports: [{{containerPort: 80}}]}}]}}
"
    ))
}

async fn objects_that_get_other_names_are_replaced_without_a_gap(cluster: Cluster) {
    cluster.declare(&named("service-a", "deployment-a")).await;
    cluster.until_answers("service-a", "service-a").await;
    cluster.until_ready().await;
    cluster.world.workloads().set_start_delay(std::time::Duration::from_millis(300));
    for (service, deployment) in [
        ("service-b", "deployment-b"),
        ("service-b", "deployment-c"),
        ("service-d", "deployment-c"),
        ("service-a", "deployment-a"),
    ] {
        cluster.declare(&named(service, deployment)).await;
        let mut services = names(&["httpbin", service]);
        services.sort();
        let wanted = (names(&[deployment]), services);
        let state = || async {
            let answer = cluster.get(&[]).await;
            assert_eq!(answer.0, 200, "requests are lost on the way to {service} and {deployment}");
            (answer, cluster.workloads().await)
        };
        let is_wanted = |seen: &(_, _)| *seen == (from(service), wanted.clone());
        cluster.until("the new objects alone", state, is_wanted).await;
        cluster.until_ready().await;
    }
}

async fn a_namespace_that_is_being_deleted_is_left_in_peace(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let namespaces: Api<Namespace> = Api::all(cluster.world.client());
    let namespace = cluster.world.namespace();
    namespaces.delete(namespace, &DeleteParams::default()).await.unwrap();
    let found = || async { namespaces.get_opt(namespace).await.unwrap().map(|found| found.status) };
    cluster.until("the namespace to be gone", found, Option::is_none).await;
    let audit = cluster.control_plane.as_ref().unwrap().audit().unwrap();
    // The workload runner of the world, which writes EndpointSlices and status, is not what is tested.
    let refused: Vec<_> = audit
        .iter()
        .filter(|request| request.namespace == namespace && request.code == 403)
        .filter(|request| ["deployments", "services", "httproutes"].contains(&request.resource.as_str()))
        .collect();
    assert!(refused.len() < 10, "attempts to create something in it: {refused:#?}");
}
