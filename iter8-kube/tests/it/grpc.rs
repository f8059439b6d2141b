//! Releases of protocol grpc. The mesh of these worlds proxies HTTPRoutes only, so these look at the objects.

use std::fmt::Debug;
use std::future::ready;
use std::pin::pin;

use futures::StreamExt;
use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use iter8_testkit::world;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{CustomResourceExt, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::servers::{Scenario, scenarios};

const GRPC: &str = "environment: deployment-gtw
application:
  protocol: grpc
  drainSeconds: 1
  strategy: canary
  versions:
  - image: kennethreitz/httpbin
  - image: kennethreitz/httpbin
    matches: [{method: {service: shop.Cart, method: Add}}]
";

/// The same with protocol http.
fn http() -> String {
    GRPC.replace("protocol: grpc", "protocol: http")
        .replace("method: {service: shop.Cart, method: Add}", "path: {value: /get}")
}

trait Route:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned
{
}
impl Route for HttpRoute {}
impl Route for GrpcRoute {}

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_grpc_release_gets_a_grpc_route_and_no_other,
    a_change_of_protocol_keeps_the_route_before_until_the_new_one_is_in_force,
];

/// What must hold where the Gateway API is not installed at first.
pub(crate) const WITHOUT_GATEWAY_API: &[Scenario] =
    scenarios![only_the_kind_of_route_that_a_release_needs_has_to_be_known];

async fn a_grpc_release_gets_a_grpc_route_and_no_other(cluster: Cluster) {
    cluster.declare(GRPC).await;
    cluster.until_ready().await;
    let route = cluster.grpc_route().await.unwrap();
    let rules = serde_json::to_value(route.spec.rules.unwrap()).unwrap();
    assert_eq!(rules[0]["matches"][0]["method"]["service"], "shop.Cart");
    assert_eq!(rules[0]["backendRefs"][0]["name"], "httpbin-1");
    assert_eq!(rules[1]["backendRefs"][0]["name"], "httpbin-0");
    assert!(cluster.route().await.is_none());
    for name in ["httpbin", "httpbin-0", "httpbin-1"] {
        assert_eq!(app_protocol(&cluster, name).await, json!("kubernetes.io/h2c"), "{name}");
    }

    cluster.delete().await;
    cluster.until("the route to be gone", || cluster.grpc_route(), Option::is_none).await;
}

async fn app_protocol(cluster: &Cluster, service: &str) -> Value {
    let service = cluster.api::<Service>().get(service).await.unwrap();
    json!(service.spec.unwrap().ports.unwrap()[0].app_protocol)
}

async fn a_change_of_protocol_keeps_the_route_before_until_the_new_one_is_in_force(cluster: Cluster) {
    let http = http();
    cluster.declare(&http).await;
    cluster.until_ready().await;
    assert!(cluster.route().await.is_some() && cluster.grpc_route().await.is_none());

    let since = now(&cluster).await;
    cluster.declare(GRPC).await;
    cluster.until_ready().await;
    assert!(cluster.route().await.is_none() && cluster.grpc_route().await.is_some());
    assert!(added::<GrpcRoute>(&cluster, &since).await < deleted::<HttpRoute>(&cluster, &since).await);

    let since = now(&cluster).await;
    cluster.declare(&http).await;
    cluster.until_ready().await;
    assert!(cluster.route().await.is_some() && cluster.grpc_route().await.is_none());
    assert!(added::<HttpRoute>(&cluster, &since).await < deleted::<GrpcRoute>(&cluster, &since).await);
}

/// The resourceVersion of this moment.
async fn now(cluster: &Cluster) -> String {
    cluster.api::<Service>().list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap()
}

/// The resourceVersion at which the first route of this kind was created. The order of two writes is asked of the API
/// server, since whoever looks now and then may be too slow to see what is there for the second of a drain.
async fn added<K: Route>(cluster: &Cluster, since: &str) -> u64 {
    first(cluster, since, |event: WatchEvent<K>| match event {
        WatchEvent::Added(route) => Some(route),
        _ => None,
    })
    .await
}

/// The resourceVersion at which the first route of this kind went.
async fn deleted<K: Route>(cluster: &Cluster, since: &str) -> u64 {
    first(cluster, since, |event: WatchEvent<K>| match event {
        WatchEvent::Deleted(route) => Some(route),
        _ => None,
    })
    .await
}

async fn first<K: Route>(
    cluster: &Cluster,
    since: &str,
    is_wanted: impl Fn(WatchEvent<K>) -> Option<K>,
) -> u64 {
    let params = WatchParams::default().timeout(20);
    let events = cluster.api::<K>().watch(&params, since).await.unwrap();
    let mut wanted = pin!(events.filter_map(|event| ready(is_wanted(event.unwrap()))));
    wanted.next().await.unwrap().resource_version().unwrap().parse().unwrap()
}

async fn only_the_kind_of_route_that_a_release_needs_has_to_be_known(cluster: Cluster) {
    world::install(&cluster.world.client(), &[HttpRoute::crd()]).await.unwrap();
    cluster.declare(GRPC).await;
    let missing = Some(("False".to_owned(), "GatewayAPINotInstalled".to_owned()));
    let programmed = || cluster.condition("RouteProgrammed");
    cluster.until("the report", programmed, |condition| *condition == missing).await;
    cluster.declare(&http()).await;
    cluster.until_ready().await;
    assert!(cluster.route().await.is_some());

    world::install(&cluster.world.client(), &[GrpcRoute::crd()]).await.unwrap();
    cluster.declare(GRPC).await;
    cluster.until("the GRPCRoute", || cluster.grpc_route(), Option::is_some).await;
    cluster.until_ready().await;
}
