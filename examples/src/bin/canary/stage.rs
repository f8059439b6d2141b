//! Where the tutorial is performed: this machine, or a cluster.

use std::error::Error;
use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_gateway_api::GatewayApiBackend;
use iter8_kube::{Options, Release, Scope};
use iter8_testkit::world::{Running, World};
use kube::{Client, CustomResourceExt};

use crate::requests::Requests;

/// The namespace of the tutorial.
pub(crate) const NAMESPACE: &str = "test";

/// Where the tutorial is performed.
pub(crate) struct Stage {
    pub(crate) client: Client,
    /// `None` where no request can reach the mesh.
    pub(crate) requests: Option<Requests>,
    /// How long anything may take here.
    pub(crate) patience: Duration,
    pub(crate) embedded: Option<Embedded>,
    pub(crate) created_namespace: bool,
    pub(crate) controller: Option<Running>,
    pub(crate) introduction: Vec<String>,
}

/// What runs in this process in place of a cluster.
#[derive(Debug)]
pub(crate) struct Embedded {
    world: World,
}

impl Embedded {
    /// Makes the Pods of a Deployment fail their readiness probe.
    pub(crate) fn fail(&self, deployment: &str) {
        self.world.workloads().fail(deployment);
    }

    /// Makes them pass it again.
    pub(crate) fn recover(&self, deployment: &str) {
        self.world.workloads().recover(deployment);
    }
}

impl Stage {
    /// The whole tutorial on this machine.
    pub(crate) async fn embedded() -> Result<Self, Box<dyn Error>> {
        let world = World::in_memory(NAMESPACE, &[Release::crd(), HttpRoute::crd()]).await?;
        let controller =
            world.run(|client, shutdown| controller(client, futures::FutureExt::shared(shutdown)));
        let introduction = [
            "on this machine, with nothing installed",
            "simulated: the API server (in memory); Deployments, EndpointSlices and Pods (each Pod is an HTTP server",
            "           on loopback that answers like httpbin, whatever the image); the mesh (a proxy in this process",
            "           that follows HTTPRoutes as Linkerd does)",
            "real:      the controller, the objects and routes it writes, every HTTP request",
        ];
        Ok(Self {
            client: world.client(),
            requests: Some(Requests::new(&world.mesh().url())),
            patience: Duration::from_secs(20),
            embedded: Some(Embedded { world }),
            created_namespace: false,
            controller: Some(controller),
            introduction: introduction.map(str::to_owned).to_vec(),
        })
    }

    pub(crate) fn introduction(&self) -> &[String] {
        &self.introduction
    }

    /// Takes away what the program itself brought.
    pub(crate) async fn leave(self) -> Result<(), Box<dyn Error>> {
        if let Some(controller) = self.controller {
            controller.stop().await;
        }
        if self.created_namespace {
            crate::cluster::delete_namespace(&self.client).await?;
        }
        Ok(())
    }
}

/// The controller, as the program `iter8` runs it.
pub(crate) async fn controller(client: Client, shutdown: impl Future<Output = ()> + Send + Sync + 'static) {
    let options = Options::new(Scope::Namespace(NAMESPACE.to_owned())).identity("canary");
    iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown).await;
}
