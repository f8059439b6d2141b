//! Others that write the same objects.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gateway_api::httproutes::HttpRoute;
use iter8_kube::{Applier, Created, Error, ReleaseStatus, ServerSideApplier, Target, workload};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::core::Status;
use serde_json::json;

use crate::cluster::Cluster;
use crate::scenarios::{CANDIDATE, INITIAL, PROMOTED};
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_field_that_two_managers_fight_over_is_reported_and_not_looped_on,
    a_manager_that_takes_away_our_marks_is_a_rival_all_the_same,
    an_object_that_is_deleted_again_and_again_is_not_made_in_a_loop,
    an_owner_that_is_not_the_controller_any_more_is_repaired,
    what_is_added_to_a_selector_or_a_match_is_taken_away,
    a_deployment_that_cannot_be_written_holds_up_no_route,
    a_number_of_pods_that_was_scaled_is_left_alone,
    rollouts_one_after_the_other_are_no_fight,
    gateways_one_after_the_other_are_no_fight,
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

/// Without the digest the object does not say any more that it is what we have written; without the label no watch tells of
/// it.
async fn a_manager_that_takes_away_our_marks_is_a_rival_all_the_same(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let services = cluster.api::<Service>();
    let params = PatchParams { field_manager: Some("rival".to_owned()), ..PatchParams::default() };
    for mark in ["annotations", "labels"] {
        let key = if mark == "labels" { "iter8.tools/release" } else { "iter8.tools/digest" };
        let has_mark = |service: &Service| match mark {
            "labels" => service.labels().contains_key(key),
            _ => service.annotations().contains_key(key),
        };
        let fight = async {
            let mut changes = 0_u32;
            loop {
                if has_mark(&services.get("httpbin").await.unwrap()) {
                    let patch = json!({ "metadata": { (mark): { (key): null } } });
                    services.patch("httpbin", &params, &Patch::Merge(patch)).await.unwrap();
                    changes += 1;
                    assert!(changes < 20, "the controller does not give in: {key}");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reported = async {
            let fought = Some(("False".to_owned(), "FieldFight".to_owned()));
            cluster
                .until("the report", || cluster.condition("Ready"), |condition| *condition == fought)
                .await;
        };
        tokio::select! {
            () = fight => {}
            () = reported => {}
        }
    }
}

async fn an_object_that_is_deleted_again_and_again_is_not_made_in_a_loop(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let (services, routes) = (cluster.api::<Service>(), cluster.api::<HttpRoute>());
    let params = DeleteParams::default();
    let fought = Some(("False".to_owned(), "DeletionFight".to_owned()));
    // As often as it is made without a word.
    for _ in 0..5 {
        let is_deleted = || async { services.delete("httpbin", &params).await.is_ok() };
        cluster.until("the Service", is_deleted, |is_deleted| *is_deleted).await;
    }
    cluster.until("the report", || cluster.condition("Ready"), |condition| *condition == fought).await;
    let service = || async { services.get_opt("httpbin").await.unwrap() };
    cluster.until("the Service", service, Option::is_some).await;
    // As long as it is there, routes are written as ever.
    cluster.world.workloads().fail("httpbin-1");
    let rules = || async { cluster.route().await.map(|route| route.spec.rules.unwrap().len()) };
    cluster.until("the candidate's rule to go", rules, |rules| *rules == Some(1)).await;

    let fight = async {
        let mut deletions = 0_u32;
        loop {
            if routes.delete("httpbin", &params).await.is_ok() {
                deletions += 1;
                assert!(deletions < 20, "the controller does not give in");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = fight => {}
        _ = cluster.until("the same of the route", || cluster.condition("RouteProgrammed"), |it| *it == fought) => {}
    }
}

/// Neither is a front Service or a route lost sight of.
async fn an_owner_that_is_not_the_controller_any_more_is_repaired(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let is_ours = |metadata: &ObjectMeta| {
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        owners.iter().any(|owner| owner.controller == Some(true))
    };
    let (services, routes) = (cluster.api::<Service>(), cluster.api::<HttpRoute>());
    let service = || async { services.get("httpbin").await.unwrap().metadata };
    let route = || async { routes.get("httpbin").await.unwrap().metadata };
    for is_ours_alone in [Some(false), None] {
        let owners = |metadata: ObjectMeta| {
            let mut owners = metadata.owner_references.unwrap();
            owners[0].controller = is_ours_alone;
            json!({ "metadata": { "ownerReferences": owners } })
        };
        let params = PatchParams::default();
        services.patch("httpbin", &params, &Patch::Merge(owners(service().await))).await.unwrap();
        cluster.until("the Service's owner", service, is_ours).await;
        routes.patch("httpbin", &params, &Patch::Merge(owners(route().await))).await.unwrap();
        cluster.until("the route's owner", route, is_ours).await;
    }
    cluster.world.workloads().fail("httpbin-1");
    cluster.until_answers("httpbin-0", "httpbin-0").await;
}

/// An apply that names less holds all that is wanted.
async fn what_is_added_to_a_selector_or_a_match_is_taken_away(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let services = cluster.api::<Service>();
    for name in ["httpbin", "httpbin-1"] {
        let patch = json!({ "spec": { "selector": { "nobody": "this" } } });
        services.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        let selector = || async { services.get(name).await.unwrap().spec.unwrap().selector.unwrap() };
        cluster.until("the selector", selector, |selector| !selector.contains_key("nobody")).await;
    }
    cluster.until_answers("httpbin-0", "httpbin-1").await;

    let routes = cluster.api::<HttpRoute>();
    for (rule, added) in
        [(0, json!({ "method": "PUT" })), (1, json!({ "path": { "type": "Exact", "value": "/x" } }))]
    {
        let mut route = serde_json::to_value(cluster.route().await.unwrap()).unwrap();
        let matches = &mut route["spec"]["rules"][rule]["matches"];
        if matches.is_null() {
            *matches = json!([{}]);
        }
        let entry = &mut matches[0];
        for (field, value) in added.as_object().unwrap() {
            entry[field] = value.clone();
        }
        let patch = Patch::Merge(json!({ "spec": { "rules": route["spec"]["rules"] } }));
        routes.patch("httpbin", &PatchParams::default(), &patch).await.unwrap();
        let is_there = |route: &Option<HttpRoute>| {
            let text = serde_json::to_string(&route.as_ref().unwrap().spec.rules).unwrap();
            text.contains("PUT") || text.contains("/x")
        };
        cluster.until("the match", || cluster.route(), |route| !is_there(route)).await;
    }
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
}

/// As where an admission webhook for Deployments fails.
struct WithoutDeployments(ServerSideApplier);

#[async_trait]
impl Applier for WithoutDeployments {
    async fn create(&self, target: &Target, object: &DynamicObject) -> Result<Created, Error> {
        self.0.create(target, object).await
    }

    async fn apply(
        &self,
        target: &Target,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> Result<DynamicObject, Error> {
        if target.kind != workload::DEPLOYMENT {
            return self.0.apply(target, object, live).await;
        }
        let status = Status::failure("failed calling webhook", "InternalError").with_code(500);
        let source = Box::new(kube::Error::Api(Box::new(status)));
        Err(Error::Api { verb: "apply", object: target.to_string(), source })
    }

    async fn annotate(
        &self,
        target: &Target,
        live: &DynamicObject,
        key: &str,
        value: Option<&str>,
    ) -> Result<DynamicObject, Error> {
        self.0.annotate(target, live, key, value).await
    }

    async fn delete(&self, target: &Target, live: &DynamicObject) -> Result<(), Error> {
        self.0.delete(target, live).await
    }

    async fn report(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        status: &ReleaseStatus,
    ) -> Result<Option<String>, Error> {
        self.0.report(namespace, name, uid, status).await
    }
}

async fn a_deployment_that_cannot_be_written_holds_up_no_route(mut cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let applier = WithoutDeployments(ServerSideApplier::new(cluster.world.client()));
    cluster.restart_with(Arc::new(applier)).await;
    cluster.world.workloads().fail("httpbin-1");
    // What may be the cure cannot be written.
    cluster.declare(&CANDIDATE.replace("image:", "replicas: 2\n    image:")).await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
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
    let notices = cluster.release().await.status.unwrap().notices;
    let scaled = notices.iter().find(|notice| notice.reason == "Scaled").unwrap();
    assert!(scaled.message.starts_with("`replicas` of httpbin-0 has no effect: "), "{}", scaled.message);
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

/// The route for the Service stays as it is meanwhile.
async fn gateways_one_after_the_other_are_no_fight(cluster: Cluster) {
    let routes = cluster.api::<HttpRoute>();
    for number in 0..8 {
        let gateway = format!("gateway-{number}");
        cluster.declare(&format!("gateway: {gateway}\n{INITIAL}")).await;
        let parents = || async {
            let route = routes.get_opt("httpbin-gateway").await.unwrap();
            let parents = route.and_then(|route| route.spec.parent_refs).unwrap_or_default();
            parents.into_iter().map(|parent| parent.name).collect::<Vec<_>>()
        };
        cluster.until("the Gateway", parents, |parents| parents.contains(&gateway)).await;
        let reason = || async { cluster.condition("Ready").await.map(|(_, reason)| reason) };
        let reason = cluster.until("a word", reason, Option::is_some).await;
        assert_ne!(reason.as_deref(), Some("FieldFight"), "{number}");
    }
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
