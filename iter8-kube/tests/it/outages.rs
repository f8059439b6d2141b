//! What becomes of the controller when a real API server goes away, or the kinds of routes. Each has one of its own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_kube::Release;
use iter8_testkit::control_plane::ControlPlane;
use iter8_testkit::world::{self, World};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::{Api, DeleteParams};
use libtest_mimic::Trial;

use crate::cluster::Cluster;
use crate::load::Load;
use crate::scenarios::{CANDIDATE, INITIAL, PROMOTED, brisk};
use crate::servers::Servers;

type Outage = fn(ControlPlane) -> Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) fn trials(servers: &Servers) -> Vec<Trial> {
    let all: [(&str, Outage); 2] = [
        ("real::the_gateway_api_comes_and_goes", |control_plane| {
            Box::pin(the_gateway_api_comes_and_goes(control_plane))
        }),
        ("real::a_promotion_goes_on_after_an_outage_of_the_api_server_and_a_compaction", |control_plane| {
            Box::pin(a_promotion_goes_on_after_an_outage_of_the_api_server_and_a_compaction(control_plane))
        }),
    ];
    let trial = |(name, outage): (&str, Outage)| {
        let servers = servers.clone();
        let trial = Trial::test(name, move || {
            servers.block_on(async {
                let assets = ControlPlane::assets_from_env().unwrap();
                let control_plane = ControlPlane::start(&assets).await.unwrap();
                world::install(&control_plane.client(), &[Release::crd()]).await.unwrap();
                outage(control_plane).await;
            });
            Ok(())
        });
        let reason = if Servers::have_real() { "" } else { "KUBEBUILDER_ASSETS is not set" };
        trial.with_ignored_flag(!Servers::have_real()).with_kind(reason)
    };
    all.into_iter().map(trial).collect()
}

async fn cluster(control_plane: &ControlPlane) -> Cluster {
    let world = World::on(control_plane.client(), "outage").await.unwrap();
    let mut cluster = Cluster::new(world, None);
    cluster.start();
    cluster
}

async fn install_gateway_api(control_plane: &ControlPlane) {
    let assets = ControlPlane::assets_from_env().unwrap();
    control_plane.install(&assets.join("crds")).await.unwrap();
}

async fn the_gateway_api_comes_and_goes(control_plane: ControlPlane) {
    let cluster = cluster(&control_plane).await;
    let missing = Some(("False".to_owned(), "GatewayAPINotInstalled".to_owned()));
    cluster.declare(INITIAL).await;
    for _ in 0..2 {
        let programmed = || cluster.condition("RouteProgrammed");
        cluster.until("the report", programmed, |condition| *condition == missing).await;
        install_gateway_api(&control_plane).await;
        cluster.until_answers("httpbin-0", "httpbin-0").await;
        cluster.until_ready().await;
        let definitions: Api<CustomResourceDefinition> = Api::all(control_plane.client());
        definitions.delete(HttpRoute::crd_name(), &DeleteParams::default()).await.unwrap();
        let gone = || async { definitions.get_opt(HttpRoute::crd_name()).await.unwrap() };
        cluster.until("the CRD to be gone", gone, Option::is_none).await;
    }
}

/// What the watches ask for afterwards the API server does not know any more.
async fn a_promotion_goes_on_after_an_outage_of_the_api_server_and_a_compaction(
    mut control_plane: ControlPlane,
) {
    install_gateway_api(&control_plane).await;
    let cluster = cluster(&control_plane).await;
    cluster.declare(&brisk(CANDIDATE)).await;
    cluster.until_ready().await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;

    let load = Load::start(&cluster);
    cluster.world.workloads().set_start_delay(Duration::from_secs(2));
    cluster.declare(&brisk(PROMOTED).replace("kennethreitz/httpbin", "web:2")).await;
    let rolling = Some(("False".to_owned(), "RollingOut".to_owned()));
    cluster
        .until("a rollout", || cluster.condition("VersionsReady"), |condition| *condition == rolling)
        .await;
    control_plane.stop_api_server();
    control_plane.compact().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    control_plane.start_api_server().await.unwrap();

    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
    let report = load.stop().await;
    let lost = report.lost();
    assert!(lost.is_empty(), "{} requests failed: {lost:#?}", lost.len());
    assert_eq!(cluster.workloads().await.0, ["httpbin-0"]);
}
