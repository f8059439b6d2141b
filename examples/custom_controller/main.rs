//! Planning in a controller of your own: `iter8-core` decides, you observe and apply.
//!
//! An organisation deploys with tools of its own and wants the routing of iter8 only. Its custom resource
//! `Canary` names Services that exist already. The controller (in `controller.rs`, some 150 lines with kube-rs)
//!
//! 1. declares: a `Canary` becomes a release,
//! 2. observes: the endpoints of its Services and the live route become an `Observation`,
//! 3. plans,
//! 4. applies what `iter8-gateway-api` renders.
//!
//! This program runs it on the in-memory API server of `iter8-testkit` with Pods and a mesh that answer real
//! requests, and checks what they answer. It needs no cluster:
//!
//! ```sh
//! cargo run -p iter8-examples --example custom-controller
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what happens")]

mod cluster;
mod controller;

use std::error::Error;
use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_testkit::world::World;
use kube::CustomResourceExt;
use kube::api::{Api, PostParams};

use controller::{Canary, CanarySpec};

const NAMESPACE: &str = "shop";

/// How long a change may take to reach the requests.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let world = World::in_memory(NAMESPACE, &[Canary::crd(), HttpRoute::crd()]).await?;
    let controller = world.run(controller::run);

    println!("Services web, web-1 and web-2 are deployed by other means; a Canary routes between them");
    for version in ["web-1", "web-2"] {
        cluster::deploy(&world.client(), NAMESPACE, version).await?;
    }
    cluster::front(&world.client(), NAMESPACE, "web", "web-1").await?;
    let spec = CanarySpec { primary: "web-1".to_owned(), candidate: Some("web-2".to_owned()) };
    let canaries: Api<Canary> = Api::namespaced(world.client(), NAMESPACE);
    canaries.create(&PostParams::default(), &Canary::new("web", spec)).await?;
    expect(&world, &[], "web-1").await?;
    expect(&world, &[("traffic", "test")], "web-2").await?;

    println!("the Pods of web-2 fail");
    world.workloads().fail("web-2");
    expect(&world, &[("traffic", "test")], "web-1").await?;

    println!("the Pods of web-2 recover");
    world.workloads().recover("web-2");
    expect(&world, &[("traffic", "test")], "web-2").await?;

    controller.stop().await;
    Ok(())
}

/// Waits until a request with these headers is answered by this version.
async fn expect(world: &World, headers: &[(&str, &str)], version: &str) -> Result<(), Box<dyn Error>> {
    let mut last = "no answer".to_owned();
    let answered = tokio::time::timeout(PATIENCE, async {
        loop {
            let response = world.mesh().get("web", "/get", headers).await?;
            if response.status == 200 && response.header("app-version") == Some(version) {
                return Ok::<_, Box<dyn Error>>(());
            }
            last = format!("status {}, app-version {:?}", response.status, response.header("app-version"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    answered.await.map_err(|_| format!("not answered by {version} in {PATIENCE:?}; last: {last}"))??;
    println!("  a request with headers {headers:?} is answered by {version}");
    Ok(())
}
