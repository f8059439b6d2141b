//! A whole small world for a controller: an API server, workloads that run, a mesh that proxies requests.
//!
//! The same scenario runs in the in-memory world and in one around a real API server; the controller under
//! test is whatever function you give to [`World::run`].

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, ResourceExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::apiserver::ApiServer;
use crate::mesh::{Mesh, MeshError};
use crate::pod_network::PodNetwork;
use crate::workload::{WorkloadError, WorkloadRunner};

/// How long a custom resource definition may take to be served.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// A namespace with workloads and a mesh, on some API server. Dropping it stops them.
///
/// ```
/// use iter8_testkit::world::World;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let world = World::in_memory("test", &[]).await?;
/// let controller = world.run(|client, shutdown| async move {
///     // A controller of yours; this one says hello.
///     assert!(client.apiserver_version().await.is_ok());
///     shutdown.await;
/// });
/// controller.stop().await;
///
/// // Nothing is deployed: the mesh knows no such Service.
/// assert_ne!(world.mesh().get("web", "/", &[]).await?.status, 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct World {
    namespace: String,
    network: PodNetwork,
    workloads: WorkloadRunner,
    mesh: Mesh,
    client: WorldClient,
}

/// A client that can be shown.
#[derive(Clone)]
struct WorldClient(Client);

impl std::fmt::Debug for WorldClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// Why a world cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The API server refused something.
    #[error("cannot {what}")]
    Api {
        /// What was asked.
        what: String,
        /// The answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// A custom resource definition is not served.
    #[error("`{0}` is not served")]
    NotEstablished(String),
    /// The workloads cannot run.
    #[error(transparent)]
    Workloads(#[from] WorkloadError),
    /// The mesh cannot start.
    #[error(transparent)]
    Mesh(#[from] MeshError),
}

fn refused(what: impl Into<String>) -> impl FnOnce(kube::Error) -> WorldError {
    move |source| WorldError::Api { what: what.into(), source: Box::new(source) }
}

impl World {
    /// A world in memory, with these kinds of custom resource installed.
    ///
    /// # Errors
    /// The definitions are refused, or there is no loopback port.
    pub async fn in_memory(namespace: &str, kinds: &[CustomResourceDefinition]) -> Result<Self, WorldError> {
        let client = ApiServer::new().client();
        install(&client, kinds).await?;
        Self::on(client, namespace).await
    }

    /// A world in a namespace of an API server that runs, which is made if it is not there.
    ///
    /// Nothing else may play Deployments and EndpointSlices in this namespace.
    ///
    /// # Errors
    /// The API server refuses, or there is no loopback port.
    pub async fn on(client: Client, namespace: &str) -> Result<Self, WorldError> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let metadata = ObjectMeta { name: Some(namespace.to_owned()), ..ObjectMeta::default() };
        match namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await
        {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => {
                created.map_err(refused(format!("create namespace {namespace}")))?;
            }
        }
        let network = PodNetwork::new();
        let workloads = WorkloadRunner::start(client.clone(), namespace, network.clone()).await?;
        let mesh = Mesh::start(client.clone(), namespace, network.clone()).await?;
        Ok(Self { namespace: namespace.to_owned(), network, workloads, mesh, client: WorldClient(client) })
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A client of the API server.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.0.clone()
    }

    /// The workloads: to make Pods fail, recover, or start slowly.
    #[must_use]
    pub fn workloads(&self) -> &WorkloadRunner {
        &self.workloads
    }

    /// The mesh: to send requests.
    #[must_use]
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Where the Pods' addresses lead to.
    #[must_use]
    pub fn network(&self) -> &PodNetwork {
        &self.network
    }

    /// Runs a controller: a function of a client and of a future that resolves when it shall stop.
    pub fn run<F>(&self, controller: impl FnOnce(Client, BoxFuture<'static, ()>) -> F) -> Running
    where
        F: Future<Output = ()> + Send + 'static,
    {
        run(self.client(), controller)
    }
}

/// Runs a controller, a function of a client and of a future that resolves when it shall stop, on any API server.
pub fn run<F>(client: Client, controller: impl FnOnce(Client, BoxFuture<'static, ()>) -> F) -> Running
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    // A sender that is dropped means stop, too.
    let shutdown = stopped.map(|_| ()).boxed();
    Running { stop: Some(stop), task: tokio::spawn(controller(client, shutdown)) }
}

/// Installs kinds of custom resource and waits until they are served; those that are there are left alone.
///
/// # Errors
/// The API server refuses a definition or does not serve it in time.
pub async fn install(client: &Client, kinds: &[CustomResourceDefinition]) -> Result<(), WorldError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in kinds {
        let name = kind.name_any();
        match api.create(&PostParams::default(), kind).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => {
                created.map_err(refused(format!("install {name}")))?;
            }
        }
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        let established = tokio::time::timeout(ESTABLISHED, established).await;
        if !matches!(established, Ok(Ok(_))) {
            return Err(WorldError::NotEstablished(name));
        }
    }
    Ok(())
}

/// A controller that runs in a [`World`]. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Asks the controller to stop and waits until it has.
    pub async fn stop(mut self) {
        self.stop.take();
        // A controller that panicked has stopped, too; its panic has been printed.
        let _ = (&mut self.task).await;
    }

    /// Ends the controller at whatever it is doing, as a crash would.
    pub async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
