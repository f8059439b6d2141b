use std::time::Duration;

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use http::Request;
use iter8_gateway_api::GatewayApiBackend;
use iter8_testkit::apiserver::ApiServer;
use kube::CustomResourceExt;
use kube::client::Body;
use tower::{ServiceExt, service_fn};

use super::*;

/// A client whose requests for Releases are never answered.
fn without_releases(server: &ApiServer) -> Client {
    let endpoint = server.service("iter8");
    let silent = service_fn(move |request: Request<Body>| {
        let endpoint = endpoint.clone();
        async move {
            if request.uri().path().ends_with("/releases") {
                std::future::pending::<()>().await;
            }
            endpoint.oneshot(request).await
        }
    });
    Client::new(silent, "default")
}

#[tokio::test]
async fn a_shutdown_before_the_releases_are_listed_ends_the_controller() {
    let server = ApiServer::new();
    let definitions = [Release::crd(), HttpRoute::crd(), GrpcRoute::crd()];
    iter8_testkit::world::install(&server.client(), &definitions).await.unwrap();
    let options = Options::new(Scope::Namespace("default".to_owned()));
    let health = options.health.clone();
    let shutdown = async move {
        while !health.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let running = run(without_releases(&server), GatewayApiBackend::default(), options, shutdown);
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it has ended");
}
