//! Others that write the same objects.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::Cluster;
use crate::scenarios::{CANDIDATE, INITIAL, PROMOTED};
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_field_that_two_managers_fight_over_is_reported_and_not_looped_on,
    a_number_of_pods_that_was_scaled_is_left_alone,
    rollouts_one_after_the_other_are_no_fight,
    a_version_keeps_its_requests_without_its_label,
];

async fn a_field_that_two_managers_fight_over_is_reported_and_not_looped_on(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let services = cluster.api::<Service>();
    let manager = |service: &Service| service.labels()["app.kubernetes.io/managed-by"].clone();
    let fight = async {
        let params = PatchParams { field_manager: Some("rival".to_owned()), ..PatchParams::default() };
        let mut changes = 0_u32;
        loop {
            if manager(&services.get("httpbin-0").await.unwrap()) != "rival" {
                let patch = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "rival" } } });
                services.patch("httpbin-0", &params, &Patch::Merge(patch)).await.unwrap();
                changes += 1;
                assert!(changes < 20, "the controller does not give in");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reported = async {
        let fought = Some(("False".to_owned(), "FieldFight".to_owned()));
        cluster.until("the report", || cluster.condition("Ready"), |condition| *condition == fought).await;
    };
    tokio::select! {
        () = fight => {}
        () = reported => {}
    }
    let conditions = cluster.release().await.status.unwrap().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    for part in ["metadata.labels", "httpbin-0", "rival"] {
        assert!(ready.message.contains(part), "no {part} in: {}", ready.message);
    }
}

async fn a_number_of_pods_that_was_scaled_is_left_alone(cluster: Cluster) {
    let declared = INITIAL.replace("image:", "replicas: 2\n    image:");
    cluster.declare(&declared).await;
    cluster.until_ready().await;
    let deployments = cluster.api::<Deployment>();
    let replicas = || async { deployments.get("httpbin-0").await.unwrap().spec.unwrap().replicas };
    assert_eq!(replicas().await, Some(2));

    // What is changed by hand in the Deployment itself is repaired.
    let patch = json!({ "spec": { "replicas": 1 } });
    deployments.patch("httpbin-0", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    cluster.until("the repair", replicas, |replicas| *replicas == Some(2)).await;

    // What is scaled is not: another change of the Deployment is repaired, and the number stays.
    let patch = json!({ "spec": { "replicas": 3 } });
    deployments.patch_scale("httpbin-0", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    cluster.declare(&declared.replace("kennethreitz/httpbin", "web:2")).await;
    let image = || async {
        let spec = deployments.get("httpbin-0").await.unwrap().spec.unwrap();
        (spec.template.spec.unwrap().containers[0].image.clone(), spec.replicas)
    };
    let both = (Some("web:2".to_owned()), Some(3));
    cluster.until("the new image", image, |found| *found == both).await;
    cluster.until_ready().await;
    assert_eq!(replicas().await, Some(3));
}

/// Each of them is named in a label of the version's Service, which is the controller's own to change.
async fn rollouts_one_after_the_other_are_no_fight(cluster: Cluster) {
    for number in 0..8 {
        cluster.declare(&INITIAL.replace("kennethreitz/httpbin", &format!("httpbin:{number}"))).await;
        cluster.until_ready().await;
    }
    let service: Service = cluster.api().get("httpbin-0").await.unwrap();
    assert!(service.labels()["iter8.tools/rollout"].ends_with(".8"), "{:?}", service.labels());
}

async fn a_version_keeps_its_requests_without_its_label(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let written = || async { cluster.route().await.unwrap().metadata.generation };
    let (services, deployments) = (cluster.api::<Service>(), cluster.api::<Deployment>());
    let params = PatchParams::default();
    let before = written().await;
    for label in [json!(null), json!("another")] {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "iter8.tools/version": label } } }));
        services.patch("httpbin-1", &params, &patch).await.unwrap();
        deployments.patch("httpbin-1", &params, &patch).await.unwrap();
        let labels = || async {
            let service = services.get("httpbin-1").await.unwrap();
            let deployment = deployments.get("httpbin-1").await.unwrap();
            [service.metadata, deployment.metadata].map(|metadata| {
                let labels = metadata.labels.unwrap_or_default();
                labels.get("iter8.tools/version").cloned()
            })
        };
        let own = || Some("httpbin-1".to_owned());
        cluster.until("the repair", labels, |labels| *labels == [own(), own()]).await;
    }
    assert_eq!(written().await, before, "the route has led to it all the time");
    let since =
        |service: &Service| service.annotations().get("iter8.tools/draining-since")?.parse::<u64>().ok();
    assert_eq!(since(&services.get("httpbin-1").await.unwrap()), None);

    // One that is removed has nobody to put the label back; it drains as long as any other.
    cluster.declare(PROMOTED).await;
    let draining = || async { since(&services.get("httpbin-1").await.unwrap()) };
    let since = cluster.until("the drain", draining, Option::is_some).await.unwrap();
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "iter8.tools/version": null } } }));
    deployments.patch("httpbin-1", &params, &patch).await.unwrap();
    services.patch("httpbin-1", &params, &patch).await.unwrap();
    let gone = |workloads: &(Vec<String>, Vec<String>)| workloads.0 == ["httpbin-0"];
    cluster.until("the drain to end", || cluster.workloads(), gone).await;
    assert!(iter8_kube::system_clock()().as_millis() >= since + 5000);
    cluster.until_ready().await;
}
