//! Releases of protocol grpc. The mesh of these worlds proxies HTTPRoutes only, so these look at the objects.

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use iter8_testkit::world;
use k8s_openapi::api::core::v1::Service;
use kube::CustomResourceExt;
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
    let (http, none) = (http(), (false, false));
    let (only_http, only_grpc) = ((true, false), (false, true));
    // The new kind is asked for first: whatever happens in between, a change is not seen as a gap.
    let grpc_first = || async {
        let grpc = cluster.grpc_route().await.is_some();
        (cluster.route().await.is_some(), grpc)
    };
    cluster.declare(&http).await;
    cluster.until_ready().await;
    assert_eq!(grpc_first().await, only_http);
    for (document, new) in [(GRPC, only_grpc), (http.as_str(), only_http)] {
        cluster.declare(document).await;
        cluster
            .until("both routes", &grpc_first, |seen| {
                assert!(*seen != none && *seen != new, "the route before has gone at once: {seen:?}");
                *seen == (true, true)
            })
            .await;
        cluster.until_ready().await;
        assert_eq!(grpc_first().await, new, "the route before goes in the end");
    }
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
