//! Requests from outside: other Gateways and hostnames take over without a lost request.

use std::time::{Duration, Instant};

use gateway_api::httproutes::HttpRoute;
use iter8_testkit::mesh::Gateway;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::{Cluster, from};
use crate::load::Load;
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_gateway_takes_over_from_another_without_a_lost_request,
    a_hostname_takes_over_from_another_without_a_lost_request,
    a_gateway_that_leaves_without_a_successor_is_drained,
    a_parent_added_by_hand_is_taken_away_at_once,
];

/// Seconds that those drain who have left the document.
const DRAIN: Duration = Duration::from_secs(2);
/// For so long they surely serve after the first answer of their successor, which may come some time after the route is
/// accepted.
const SURELY: Duration = Duration::from_secs(1);

fn at(gateways: &str, hostname: &str) -> String {
    format!(
        "environment: deployment-gtw\ngateway: {gateways}\nhostnames: [{hostname}]\napplication:\n  \
         strategy: canary\n  drainSeconds: {}\n  versions: [{{image: web:1}}, {{image: web:2}}]\n",
        DRAIN.as_secs()
    )
}

async fn until_answers(cluster: &Cluster, gateway: &Gateway, host: &str, status: u16) -> Instant {
    let ask = async || gateway.get(host, "/get", &[]).await.unwrap().status;
    cluster.until("the Gateway's answer", ask, |answer| *answer == status).await;
    Instant::now()
}

async fn a_gateway_takes_over_from_another_without_a_lost_request(cluster: Cluster) {
    let host = "shop.example.com";
    let mesh = cluster.world.mesh();
    let old = mesh.open_gateway("old").await.unwrap();
    cluster.declare(&at("old", host)).await;
    cluster.until_ready().await;
    until_answers(&cluster, &old, host, 200).await;

    let (inside, outside) = (Load::start(&cluster), Load::at(&old.url(), host));
    cluster.declare(&at("new", host)).await;
    // The new Gateway's controller takes its time: longer than a mesh may be silent.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let new = mesh.open_gateway("new").await.unwrap();
    let taken_over = until_answers(&cluster, &new, host, 200).await;
    let at_new = Load::at(&new.url(), host);
    until_answers(&cluster, &old, host, 404).await;
    cluster.until_ready().await;

    assert_eq!(inside.stop().await.lost(), [""; 0]);
    assert_eq!(at_new.stop().await.lost(), [""; 0]);
    let outside = outside.stop().await;
    assert_eq!(outside.lost_before(taken_over + SURELY), [""; 0]);
    assert!(!outside.lost().is_empty(), "in the end the old Gateway has no route: {outside}");
}

async fn a_hostname_takes_over_from_another_without_a_lost_request(cluster: Cluster) {
    let (old, new) = ("old.example.com", "new.example.com");
    let edge = cluster.world.mesh().open_gateway("edge").await.unwrap();
    cluster.declare(&at("edge", old)).await;
    cluster.until_ready().await;
    until_answers(&cluster, &edge, old, 200).await;
    let load = Load::at(&edge.url(), old);
    cluster.declare(&at("edge", new)).await;
    let taken_over = until_answers(&cluster, &edge, new, 200).await;
    until_answers(&cluster, &edge, old, 404).await;
    cluster.until_ready().await;
    let lost = load.stop().await.lost_before(taken_over + SURELY);
    assert_eq!(lost, [""; 0]);
}

async fn a_gateway_that_leaves_without_a_successor_is_drained(cluster: Cluster) {
    let host = "shop.example.com";
    let edge = cluster.world.mesh().open_gateway("edge").await.unwrap();
    cluster.declare(&at("edge", host)).await;
    cluster.until_ready().await;
    until_answers(&cluster, &edge, host, 200).await;
    let load = Load::at(&edge.url(), host);
    let declared = Instant::now();
    cluster.declare(&at("[]", host)).await;
    until_answers(&cluster, &edge, host, 404).await;
    cluster.until_ready().await;
    assert_eq!(load.stop().await.lost_before(declared + DRAIN), [""; 0]);
    assert!(cluster.api::<HttpRoute>().get_opt("httpbin-gateway").await.unwrap().is_none());
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-1")));
}

/// It would pass for one that has left the document if the route did not remember what was declared.
async fn a_parent_added_by_hand_is_taken_away_at_once(cluster: Cluster) {
    let host = "shop.example.com";
    let mesh = cluster.world.mesh();
    let _edge = mesh.open_gateway("edge").await.unwrap();
    let other = mesh.open_gateway("other").await.unwrap();
    cluster.declare(&at("edge", host)).await;
    cluster.until_ready().await;
    let parents = json!([{"name": "edge"}, {"name": "other"}]);
    let patch = Patch::Merge(json!({"spec": {"parentRefs": parents}}));
    let edited = Instant::now();
    cluster
        .api::<HttpRoute>()
        .patch(
            "httpbin-gateway",
            &PatchParams { field_manager: Some("by-hand".into()), ..Default::default() },
            &patch,
        )
        .await
        .unwrap();
    let count = async || {
        let route = cluster.api::<HttpRoute>().get("httpbin-gateway").await.unwrap();
        route.spec.parent_refs.unwrap_or_default().len()
    };
    cluster.until("one parent", count, |count| *count == 1).await;
    assert!(edited.elapsed() < DRAIN, "it was repaired after {:?}", edited.elapsed());
    until_answers(&cluster, &other, host, 404).await;
}
