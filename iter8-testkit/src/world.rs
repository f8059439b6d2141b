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
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use iter8_testkit::apiserver::ApiServer;
/// use iter8_testkit::fault::{Faults, Rates};
/// use iter8_testkit::world::World;
///
/// let broken = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
/// let error = World::on(broken.client(&ApiServer::new(), "world"), "test").await.unwrap_err();
/// assert_eq!(error.to_string(), "cannot create namespace test");
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use gateway_api::httproutes::HttpRoute;
    /// use iter8_testkit::world::World;
    /// use kube::CustomResourceExt;
    /// use kube::api::{Api, ListParams};
    ///
    /// let world = World::in_memory("test", &[HttpRoute::crd()]).await?;
    /// let routes: Api<HttpRoute> = Api::namespaced(world.client(), "test");
    /// assert!(routes.list(&ListParams::default()).await?.items.is_empty());
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::apiserver::ApiServer;
    /// use iter8_testkit::world::World;
    /// use k8s_openapi::api::core::v1::Namespace;
    /// use kube::Api;
    ///
    /// // Or a client of a real API server.
    /// let client = ApiServer::new().client();
    /// let (one, other) = (World::on(client.clone(), "one").await?, World::on(client.clone(), "other").await?);
    /// for world in [one, other] {
    ///     assert!(Api::<Namespace>::all(client.clone()).get(world.namespace()).await.is_ok());
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::world::World;
    ///
    /// assert_eq!(World::in_memory("test", &[]).await?.namespace(), "test");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A client of the API server.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kube::api::ListParams;
    ///
    #[doc = include_str!("example_world.txt")]
    /// let pods: Api<Pod> = Api::namespaced(world.client(), world.namespace());
    /// assert_eq!(pods.list(&ListParams::default()).await?.items.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.0.clone()
    }

    /// The workloads: to make Pods fail, recover, or start slowly.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// world.workloads().fail("web");
    /// views.wait_for(|view| view.ready_endpoints("web", 80).is_empty()).await?;
    /// assert_eq!(world.mesh().get("web", "/get", &[]).await?.status, 503);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn workloads(&self) -> &WorkloadRunner {
        &self.workloads
    }

    /// The mesh: to send requests.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// assert_eq!(world.mesh().get("web", "/get", &[]).await?.header("x-image"), Some("web:1"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Where the Pods' addresses lead to.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// let (pod, port) = views.borrow().ready_endpoints("web", 80)[0];
    /// let socket = world.network().resolve(pod, port).ok_or("nothing serves it")?;
    /// assert!(socket.ip().is_loopback() && !pod.is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn network(&self) -> &PodNetwork {
        &self.network
    }

    /// Runs a controller: a function of a client and of a future that resolves when it shall stop.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::world::World;
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kube::api::{Api, PostParams};
    ///
    /// let world = World::in_memory("test", &[]).await?;
    /// let controller = world.run(|client, shutdown| async move {
    ///     let mut mark = ConfigMap::default();
    ///     mark.metadata.name = Some("was-here".to_owned());
    ///     shutdown.await;
    ///     let _ = Api::namespaced(client, "test").create(&PostParams::default(), &mark).await;
    /// });
    /// controller.stop().await;
    /// assert!(Api::<ConfigMap>::namespaced(world.client(), "test").get("was-here").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn run<F>(&self, controller: impl FnOnce(Client, BoxFuture<'static, ()>) -> F) -> Running
    where
        F: Future<Output = ()> + Send + 'static,
    {
        run(self.client(), controller)
    }
}

/// Runs a controller, a function of a client and of a future that resolves when it shall stop, on any API server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use iter8_testkit::apiserver::ApiServer;
/// use iter8_testkit::world;
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kube::api::{Api, ListParams};
///
/// let server = ApiServer::new();
/// let controller = world::run(server.client_as("mine"), |client, shutdown| async move {
///     let _ = Api::<ConfigMap>::all(client).list(&ListParams::default()).await;
///     shutdown.await;
/// });
/// tokio::task::yield_now().await;
/// controller.stop().await;
/// assert_eq!(server.requests()[0].user_agent, "mine");
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gateway_api::httproutes::HttpRoute;
/// use iter8_testkit::apiserver::ApiServer;
/// use iter8_testkit::world;
/// use kube::CustomResourceExt;
/// use kube::api::{Api, ListParams};
///
/// let client = ApiServer::new().client();
/// let routes: Api<HttpRoute> = Api::all(client.clone());
/// assert!(routes.list(&ListParams::default()).await.is_err(), "the server does not know the kind yet");
/// for _ in 0..2 {
///     world::install(&client, &[HttpRoute::crd()]).await?;
///     assert!(routes.list(&ListParams::default()).await.is_ok());
/// }
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::time::Duration;
/// use iter8_testkit::apiserver::ApiServer;
/// use iter8_testkit::world;
/// use tokio::sync::oneshot;
///
/// let (alive, mut ended) = oneshot::channel::<()>();
/// let controller = world::run(ApiServer::new().client(), |_, _| async move {
///     let _alive = alive;
///     std::future::pending().await
/// });
/// assert!(ended.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty), "it runs");
/// drop(controller);
/// assert!(ended.await.is_err(), "it does not run any more");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Asks the controller to stop and waits until it has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicBool, Ordering};
    /// use iter8_testkit::apiserver::ApiServer;
    /// use iter8_testkit::world;
    ///
    /// let has_cleaned_up = Arc::new(AtomicBool::new(false));
    /// let done = has_cleaned_up.clone();
    /// let controller = world::run(ApiServer::new().client(), |_, shutdown| async move {
    ///     shutdown.await;
    ///     done.store(true, Ordering::Relaxed);
    /// });
    /// controller.stop().await;
    /// assert!(has_cleaned_up.load(Ordering::Relaxed));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(mut self) {
        self.stop.take();
        // A controller that panicked has stopped, too; its panic has been printed.
        let _ = (&mut self.task).await;
    }

    /// Ends the controller at whatever it is doing, as a crash would.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicBool, Ordering};
    /// use iter8_testkit::apiserver::ApiServer;
    /// use iter8_testkit::world;
    ///
    /// let has_cleaned_up = Arc::new(AtomicBool::new(false));
    /// let done = has_cleaned_up.clone();
    /// let controller = world::run(ApiServer::new().client(), |_, shutdown| async move {
    ///     shutdown.await;
    ///     done.store(true, Ordering::Relaxed);
    /// });
    /// controller.kill().await;
    /// assert!(!has_cleaned_up.load(Ordering::Relaxed), "it had no time to");
    /// # Ok(())
    /// # }
    /// ```
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
