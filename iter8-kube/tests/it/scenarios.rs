//! What must hold in any cluster.

use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_kube::{Applier, ServerSideApplier, Target, workload};
use iter8_testkit::world;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{CustomResourceExt, ResourceExt};
use serde_json::{Value, json};

use crate::cluster::{Cluster, from};
use crate::servers::{Scenario, scenarios};

pub(crate) const INITIAL: &str = include_str!("../../../testdata/tutorial/1-initial.yaml");
pub(crate) const CANDIDATE: &str = include_str!("../../../testdata/tutorial/2-candidate.yaml");
pub(crate) const PROMOTED: &str = include_str!("../../../testdata/tutorial/3-promoted.yaml");

/// The documents with a short drain, where the drain is not what the scenario is about.
pub(crate) fn brisk(document: &str) -> String {
    document.replace("application:", "application:\n  drainSeconds: 1")
}

/// What must hold where the Gateway API is not installed at first.
pub(crate) const WITHOUT_GATEWAY_API: &[Scenario] =
    scenarios![a_missing_gateway_api_is_reported_and_picked_up];

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    the_tutorial_runs_from_the_first_version_to_cleanup,
    objects_and_route_are_those_of_the_golden_cases,
    a_version_gets_no_request_before_it_is_ready,
    a_failing_candidate_loses_its_requests_and_gets_them_back,
    a_controller_that_restarts_at_each_step_ends_in_the_same_state,
    a_controller_that_restarts_writes_only_what_is_missing,
    a_removed_candidate_serves_until_the_new_primary_is_ready,
    a_rollback_during_the_drain_keeps_the_candidate,
    an_invalid_document_changes_nothing_and_says_why,
    a_foreign_object_is_reported_and_left_alone,
    an_object_that_has_taken_the_name_of_ours_is_not_touched,
    an_object_that_the_api_server_refuses_is_reported,
    a_field_that_kubernetes_does_not_know_is_reported,
    a_route_edited_by_hand_is_repaired,
    a_filter_added_by_hand_is_taken_away,
];

async fn a_missing_gateway_api_is_reported_and_picked_up(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    let missing = Some(("False".to_owned(), "GatewayAPINotInstalled".to_owned()));
    cluster
        .until("the report", || cluster.condition("RouteProgrammed"), |condition| *condition == missing)
        .await;
    let ready = || cluster.condition("VersionsReady");
    cluster
        .until("versions", ready, |condition| condition.as_ref().is_some_and(|(status, _)| status == "True"))
        .await;

    world::install(&cluster.world.client(), &[HttpRoute::crd()]).await.unwrap();
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
}

async fn the_tutorial_runs_from_the_first_version_to_cleanup(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));

    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    let services = names(&["httpbin", "httpbin-0", "httpbin-1"]);
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0", "httpbin-1"]), services));

    cluster.declare(PROMOTED).await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-0")));
    let labels = cluster.api::<Service>().get("httpbin-0").await.unwrap().labels().clone();
    assert_eq!(labels["app.kubernetes.io/version"], "v1");

    cluster.delete().await;
    cluster
        .until(
            "workloads to be gone",
            || cluster.workloads(),
            |(deployments, services)| deployments.is_empty() && services.is_empty(),
        )
        .await;
    cluster.until("the route to be gone", || cluster.route(), Option::is_none).await;
}

async fn objects_and_route_are_those_of_the_golden_cases(cluster: Cluster) {
    for case in [
        include_str!("../../../testdata/golden/tutorial-canary-1-initial.json"),
        include_str!("../../../testdata/golden/tutorial-canary-2-candidate.json"),
        include_str!("../../../testdata/golden/tutorial-canary-3-promoted.json"),
    ] {
        let mut case: Value = serde_json::from_str(case).unwrap();
        cluster.declare(&brisk(case["values_yaml"].as_str().unwrap())).await;
        cluster.until_ready().await;
        let namespace = json!(cluster.world.namespace());
        let objects = case["objects"].as_array_mut().unwrap();
        for golden in objects.iter_mut() {
            golden["metadata"]["namespace"] = namespace.clone();
            let name = golden["metadata"]["name"].as_str().unwrap();
            let live = match golden["kind"].as_str().unwrap() {
                "Deployment" => serde_json::to_value(cluster.api::<Deployment>().get(name).await.unwrap()),
                "Service" => serde_json::to_value(cluster.api::<Service>().get(name).await.unwrap()),
                kind => panic!("no such kind in the tutorial: {kind}"),
            };
            assert_contains(&live.unwrap(), golden, "");
        }
        let (deployments, services) = cluster.workloads().await;
        assert_eq!(deployments.len() + services.len(), objects.len(), "no object besides");

        let live = serde_json::to_value(cluster.route().await.unwrap().spec).unwrap();
        let golden = &case["route"]["all_ready"];
        assert_contains(&live["rules"], &golden["rules"], "rules");
        assert_contains(&live["parentRefs"], &golden["parentRefs"], "parentRefs");
        assert!(live["hostnames"].is_null(), "the mesh's route takes every host");
    }
}

/// What the API server fills in is no difference.
fn assert_contains(live: &Value, golden: &Value, path: &str) {
    match (live, golden) {
        (Value::Object(live), Value::Object(golden)) => {
            for (name, golden) in golden {
                assert_contains(live.get(name).unwrap_or(&Value::Null), golden, &format!("{path}.{name}"));
            }
        }
        (Value::Array(live), Value::Array(golden)) => {
            assert_eq!(live.len(), golden.len(), "{path}");
            for (index, (live, golden)) in live.iter().zip(golden).enumerate() {
                assert_contains(live, golden, &format!("{path}[{index}]"));
            }
        }
        (live, golden) => assert_eq!(live, golden, "{path}"),
    }
}

async fn a_version_gets_no_request_before_it_is_ready(cluster: Cluster) {
    cluster.world.workloads().fail("httpbin-0");
    cluster.declare(INITIAL).await;
    let waiting = Some(("False".to_owned(), "PrimaryNotReady".to_owned()));
    cluster
        .until("a status", || cluster.condition("RouteProgrammed"), |condition| *condition == waiting)
        .await;
    let begun = ("False".to_owned(), "NoReadyEndpoint".to_owned());
    cluster
        .until("Pods", || cluster.condition("VersionsReady"), |condition| *condition == Some(begun.clone()))
        .await;
    assert_eq!(cluster.route().await, None, "no route before the primary is ready");
    cluster.world.workloads().recover("httpbin-0");
    cluster.until_answers("httpbin-0", "httpbin-0").await;

    cluster.world.workloads().fail("httpbin-1");
    cluster.declare(CANDIDATE).await;
    cluster
        .until("Pods", || cluster.condition("VersionsReady"), |condition| *condition == Some(begun.clone()))
        .await;
    assert_eq!(rules(&cluster.route().await.unwrap()), 1, "no rule before the candidate is ready");
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-0")));
    cluster.world.workloads().recover("httpbin-1");
    cluster.until_answers("httpbin-0", "httpbin-1").await;
}

async fn a_failing_candidate_loses_its_requests_and_gets_them_back(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.world.workloads().fail("httpbin-1");
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.world.workloads().recover("httpbin-1");
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
}

async fn a_controller_that_restarts_at_each_step_ends_in_the_same_state(mut cluster: Cluster) {
    for (document, answers) in [
        (INITIAL, ("httpbin-0", "httpbin-0")),
        (CANDIDATE, ("httpbin-0", "httpbin-1")),
        (PROMOTED, ("httpbin-0", "httpbin-0")),
    ] {
        // The change is made while no controller runs, and the controller that sees it is killed on its way.
        cluster.crash().await;
        cluster.declare(&brisk(document)).await;
        cluster.start();
        tokio::time::sleep(Duration::from_millis(30)).await;
        cluster.crash().await;
        cluster.start();
        cluster.until_answers(answers.0, answers.1).await;
        cluster.until_ready().await;
    }
    cluster.crash().await;
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-0")), "routes need no controller");
    cluster.delete().await;
    cluster.until("the route to be gone", || cluster.route(), Option::is_none).await;
}

async fn a_controller_that_restarts_writes_only_what_is_missing(mut cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    cluster.crash().await;
    let before = written(&cluster).await;

    // Routes are written last: when this one is back, the new controller has looked at all the others.
    cluster.api::<HttpRoute>().delete("httpbin", &DeleteParams::default()).await.unwrap();
    cluster.start();
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until("the route", || cluster.route(), Option::is_some).await;
    assert_eq!(written(&cluster).await, before);
}

/// What the controller has written to Deployments and Services, and when.
async fn written(cluster: &Cluster) -> Vec<ManagedFieldsEntry> {
    let all = ListParams::default();
    let deployments = cluster.api::<Deployment>().list(&all).await.unwrap();
    let services = cluster.api::<Service>().list(&all).await.unwrap();
    let entries = deployments.iter().flat_map(ResourceExt::managed_fields);
    let entries = entries.chain(services.iter().flat_map(ResourceExt::managed_fields)).cloned();
    entries.filter(|entry| entry.manager.as_deref() == Some("iter8")).collect()
}

async fn a_removed_candidate_serves_until_the_new_primary_is_ready(cluster: Cluster) {
    cluster.declare(&brisk(CANDIDATE)).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;

    cluster.world.workloads().fail_image("web:2");
    cluster.declare(&brisk(PROMOTED).replace("kennethreitz/httpbin", "web:2")).await;
    let rolling = Some(("False".to_owned(), "RollingOut".to_owned()));
    cluster
        .until("a rollout", || cluster.condition("VersionsReady"), |condition| *condition == rolling)
        .await;
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-1")), "nobody is sent back");
    let status = cluster.release().await.status.unwrap();
    let removed = status.versions.iter().find(|version| version.name == "httpbin-1").unwrap();
    assert_eq!(removed.role, "removed");
    assert!(removed.reason.contains("httpbin-0"), "it says what it waits for: {}", removed.reason);

    cluster.world.workloads().recover_image("web:2");
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
    assert_eq!(cluster.workloads().await.0, names(&["httpbin-0"]));
}

async fn a_rollback_during_the_drain_keeps_the_candidate(cluster: Cluster) {
    let slow = |document: &str| document.replace("application:", "application:\n  drainSeconds: 3600");
    cluster.declare(&slow(CANDIDATE)).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.declare(&slow(PROMOTED)).await;
    let removing = Some(("False".to_owned(), "Removing".to_owned()));
    cluster.until("the drain", || cluster.condition("Ready"), |condition| *condition == removing).await;
    let draining = |service: &Service| service.annotations().contains_key("iter8.tools/draining-since");
    let service = || async { cluster.api::<Service>().get("httpbin-1").await.unwrap() };
    cluster.until("the mark", service, draining).await;

    cluster.declare(&slow(CANDIDATE)).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    assert!(!draining(&service().await), "the next drain begins anew");
}

async fn an_invalid_document_changes_nothing_and_says_why(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
    let before = cluster.route().await.unwrap();

    cluster.declare(&CANDIDATE.replace("matches:", "match:")).await;
    let invalid = Some(("False".to_owned(), "Invalid".to_owned()));
    cluster.until("a refusal", || cluster.condition("Accepted"), |condition| *condition == invalid).await;
    let conditions = cluster.release().await.status.unwrap().conditions;
    let accepted = conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
    assert_eq!(
        accepted.message,
        "application.versions[1].match: unknown field `match`; did you mean `matches`?"
    );
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-1")));
    assert_eq!(cluster.route().await.unwrap().metadata.resource_version, before.metadata.resource_version);

    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
}

async fn a_foreign_object_is_reported_and_left_alone(cluster: Cluster) {
    let services = cluster.api::<Service>();
    let foreign: Service = serde_json::from_value(json!({
        "metadata": { "name": "httpbin" },
        "spec": { "selector": { "app": "somebody-elses" }, "ports": [{ "port": 80 }] },
    }))
    .unwrap();
    let foreign = services.create(&PostParams::default(), &foreign).await.unwrap();

    cluster.declare(INITIAL).await;
    let conflict = Some(("False".to_owned(), "NameConflict".to_owned()));
    cluster.until("the conflict", || cluster.condition("Ready"), |condition| *condition == conflict).await;
    let programmed = || cluster.condition("RouteProgrammed");
    cluster.until("the same of the route", programmed, |condition| *condition == conflict).await;
    let now = services.get("httpbin").await.unwrap();
    assert_eq!(now.metadata.resource_version, foreign.metadata.resource_version, "it is not touched");
    let ready =
        || async { cluster.api::<Deployment>().get("httpbin-0").await.unwrap().status.unwrap_or_default() };
    cluster.until("Pods", ready, |status| status.available_replicas == Some(1)).await;
    assert_eq!(cluster.route().await, None, "nor are the requests to it");
}

async fn an_object_that_has_taken_the_name_of_ours_is_not_touched(cluster: Cluster) {
    let services = cluster.api::<Service>();
    let service = |app: &str| -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": "httpbin" },
            "spec": { "selector": { "app": app }, "ports": [{ "port": 80 }] },
        }))
        .unwrap()
    };
    let typed = serde_json::from_value(serde_json::to_value(service("theirs")).unwrap()).unwrap();
    let foreign: Service = services.create(&PostParams::default(), &typed).await.unwrap();

    let applier = ServerSideApplier::new(cluster.world.client());
    let namespace = cluster.world.namespace().to_owned();
    let target = Target { kind: workload::SERVICE, namespace, name: "httpbin".to_owned() };
    let (ours, mut seen) = (service("ours"), service("ours"));
    seen.metadata.uid = Some("00000000-0000-0000-0000-000000000000".to_owned());
    let error = applier.apply(&target, &ours, &seen).await.unwrap_err();
    assert!(matches!(error, iter8_kube::Error::Api { verb: "apply", .. }), "{error}");
    assert_eq!(services.get("httpbin").await.unwrap().spec, foreign.spec);

    seen.metadata.uid = foreign.uid();
    applier.apply(&target, &ours, &seen).await.unwrap();
}

async fn an_object_that_the_api_server_refuses_is_reported(cluster: Cluster) {
    let broken = INITIAL.replace("image:", "resources: {limits: {cpu: plenty}}\n    image:");
    cluster.declare(&broken).await;
    let refused = Some(("False".to_owned(), "Refused".to_owned()));
    cluster.until("the refusal", || cluster.condition("Ready"), |condition| *condition == refused).await;
    let conditions = cluster.release().await.status.unwrap().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert!(ready.message.contains("httpbin-0"), "it says which object: {}", ready.message);
    assert_eq!(cluster.workloads().await.1, names(&["httpbin", "httpbin-0"]), "the others are written");

    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
}

/// A create drops what it does not know unless it is told not to; an apply answers with 500.
async fn a_field_that_kubernetes_does_not_know_is_reported(cluster: Cluster) {
    let refused = Some(("False".to_owned(), "Refused".to_owned()));
    let misspelt =
        INITIAL.replace("image:", "readinessProbe: {tcpSocket: {port: 80}, periodSecond: 1}\n    image:");
    for with_objects in [false, true] {
        if with_objects {
            cluster.declare(INITIAL).await;
            cluster.until_ready().await;
        }
        cluster.declare(&misspelt).await;
        cluster.until("the refusal", || cluster.condition("Ready"), |condition| *condition == refused).await;
        let conditions = cluster.release().await.status.unwrap().conditions;
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert!(ready.message.contains("periodSecond"), "it says which field: {}", ready.message);
    }
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
}

async fn a_route_edited_by_hand_is_repaired(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    let patch = json!({ "spec": { "rules": [{ "backendRefs": [{ "name": "httpbin-1", "port": 80 }] }] } });
    let routes = cluster.api::<HttpRoute>();
    routes.patch("httpbin", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let repaired = |route: &Option<HttpRoute>| route.as_ref().is_some_and(|route| rules(route) == 2);
    cluster.until("the repair", || cluster.route(), repaired).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
}

async fn a_filter_added_by_hand_is_taken_away(cluster: Cluster) {
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let mut route = serde_json::to_value(cluster.route().await.unwrap()).unwrap();
    let filter =
        json!([{ "type": "RequestHeaderModifier", "requestHeaderModifier": { "remove": ["cookie"] } }]);
    route["spec"]["rules"][0]["filters"] = filter;
    let route: HttpRoute = serde_json::from_value(route).unwrap();
    cluster.api::<HttpRoute>().replace("httpbin", &PostParams::default(), &route).await.unwrap();
    let filters = |route: &HttpRoute| route.spec.rules.iter().flatten().any(|rule| rule.filters.is_some());
    let is_repaired = |route: &Option<HttpRoute>| route.as_ref().is_some_and(|route| !filters(route));
    cluster.until("the repair", || cluster.route(), is_repaired).await;
    cluster.until_ready().await;
}

fn rules(route: &HttpRoute) -> usize {
    route.spec.rules.as_ref().map_or(0, Vec::len)
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
