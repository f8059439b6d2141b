//! An in-process service mesh: real HTTP requests, routed as the cluster's objects say.
//!
//! A [`Mesh`] follows the HTTPRoutes, Services and `EndpointSlices` of one namespace, reports in each route's status
//! that it has accepted the route, and proxies HTTP/1.1 requests. It does to a request what Linkerd does: routes
//! of the Service decide; without one the request goes to the Service's own endpoints; no rule that matches is a
//! 404, a backend that does not exist a 500, a backend without a ready endpoint a 503.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use iter8_testkit::mesh::Mesh;
//!
#![doc = include_str!("example_world.txt")]
//! let mesh = Mesh::start(world.client(), "test", world.network().clone()).await?;
//! let response = mesh.get("web.test", "/get", &[("traffic", "test")]).await?;
//! assert_eq!(response.header("x-image"), Some("web:1"));
//! # Ok(())
//! # }
//! ```
//!
//! Gateways are started by name ([`Mesh::open_gateway`]), each with a listener for every hostname.
//!
//! What a real mesh has and this one has not: TLS, gRPC and HTTP/2, retries and timeouts, routes and Services of
//! other namespaces, protocol detection, and endpoints that are avoided because they fail. And unlike Linkerd it
//! mirrors and rewrites requests where a route says so, and answers at once where Linkerd would wait for a backend
//! to come back.

mod balance;
mod endpoints;
mod exchange;
mod following;
mod gateway;
mod message;
mod patience;
mod proxy;
mod report;
mod view;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pod_network::PodNetwork;
use crate::simulator::{Parent, Precedence};

use self::proxy::{Entry, Proxy};

pub use self::exchange::Response;
pub use self::gateway::Gateway;
pub use self::view::View;

/// How long the first look at the namespace may take.
const FIRST_VIEW: Duration = Duration::from_secs(30);

/// The name under which the mesh reports in the status of routes.
pub const CONTROLLER_NAME: &str = "iter8.tools/testkit-mesh";

/// A running mesh for one namespace. Dropping it ends it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("example_world.txt")]
/// let response = world.mesh().get("web", "/get", &[]).await?;
/// assert_eq!((response.status, response.header("x-image")), (200, Some("web:1")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Mesh {
    address: SocketAddr,
    namespace: String,
    network: PodNetwork,
    view: watch::Receiver<Arc<View>>,
    gateways: watch::Sender<BTreeSet<String>>,
    _tasks: JoinSet<()>,
}

/// Why the mesh cannot start or a request has no answer.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use iter8_testkit::mesh::MeshError;
/// use iter8_testkit::world::World;
///
/// let world = World::in_memory("test", &[]).await?;
/// let error = world.mesh().get("web", "/no path", &[]).await.unwrap_err();
/// assert!(matches!(error, MeshError::InvalidRequest { .. }));
/// assert_eq!(error.to_string(), "`web/no path` with these headers is not a request");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// No loopback port to listen on.
    #[error("the proxy cannot listen on loopback")]
    Listen(#[source] io::Error),
    /// The API server has not let the mesh see the namespace in time.
    #[error("the Services and EndpointSlices of namespace `{namespace}` could not be read in time")]
    NoView {
        /// The namespace.
        namespace: String,
    },
    /// The request is not one that HTTP can carry.
    #[error("`{host}{path}` with these headers is not a request")]
    InvalidRequest {
        /// The host asked for.
        host: String,
        /// The path asked for.
        path: String,
        /// What is wrong.
        #[source]
        source: http::Error,
    },
    /// The proxy could not be reached.
    #[error("the proxy cannot be reached")]
    Connect(#[source] io::Error),
    /// The exchange with the proxy broke off.
    #[error("the exchange with the proxy broke off")]
    Exchange(#[source] hyper::Error),
}

impl Mesh {
    /// Starts a mesh that behaves like Linkerd, and waits until it knows the namespace.
    ///
    /// HTTPRoutes need not be installed yet: the mesh notices when they are.
    ///
    /// # Errors
    ///
    /// See [`MeshError::Listen`] and [`MeshError::NoView`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::apiserver::ApiServer;
    /// use iter8_testkit::mesh::Mesh;
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// let mesh = Mesh::start(ApiServer::new().client(), "default", PodNetwork::new()).await?;
    /// let response = mesh.get("web", "/", &[]).await?;
    /// assert_eq!((response.status, response.body.contains("there is no Service `web`")), (502, true));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(client: Client, namespace: &str, network: PodNetwork) -> Result<Self, MeshError> {
        Self::start_with(client, namespace, network, Precedence::Linkerd).await
    }

    /// Starts a mesh that decides between rules as `precedence` says.
    ///
    /// # Errors
    ///
    /// See [`MeshError::Listen`] and [`MeshError::NoView`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::mesh::Mesh;
    /// use iter8_testkit::simulator::Precedence;
    ///
    #[doc = include_str!("example_world.txt")]
    /// let network = world.network().clone();
    /// let mesh = Mesh::start_with(world.client(), "test", network, Precedence::Spec).await?;
    #[doc = include_str!("example_route.txt")]
    /// for mesh in [world.mesh(), &mesh] {
    ///     mesh.routes_in_force().wait_for(|view| view.route("web").is_some()).await?;
    /// }
    /// // By the specification a hostname means nothing on the route of a Service; Linkerd looks at it.
    /// assert_eq!(mesh.get("web", "/get", &[]).await?.status, 200);
    /// assert_eq!(world.mesh().get("web", "/get", &[]).await?.status, 404);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_with(
        client: Client,
        namespace: &str,
        network: PodNetwork,
        precedence: Precedence,
    ) -> Result<Self, MeshError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(MeshError::Listen)?;
        let address = listener.local_addr().map_err(MeshError::Listen)?;
        let mut tasks = JoinSet::new();
        let mut view = following::follow(client.clone(), namespace, precedence, &mut tasks);
        let gateways = watch::Sender::default();
        tasks.spawn(report::report(client, namespace.to_owned(), view.clone(), gateways.subscribe()));
        let proxy = Proxy::new(Entry::Services, namespace, network.clone(), view.clone());
        tasks.spawn(proxy::serve(listener, proxy));
        let first = tokio::time::timeout(FIRST_VIEW, view.wait_for(|view| view.is_complete()));
        if !matches!(first.await, Ok(Ok(_))) {
            return Err(MeshError::NoView { namespace: namespace.to_owned() });
        }
        let namespace = namespace.to_owned();
        Ok(Self { address, namespace, network, view, gateways, _tasks: tasks })
    }

    /// The proxy's URL. The `Host` header of a request to it names the Service, as in a cluster: `httpbin`,
    /// `httpbin.test`, `httpbin.test.svc` or `httpbin.test.svc.cluster.local`, with a port if it is not 80.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    #[doc = include_str!("example_world.txt")]
    /// let url = world.mesh().url();
    /// let address = url.strip_prefix("http://").ok_or("another scheme")?;
    /// // For HTTP clients of your own:
    /// let mut connection = tokio::net::TcpStream::connect(address).await?;
    /// connection.write_all(b"GET /get HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n").await?;
    /// let mut answer = String::new();
    /// connection.read_to_string(&mut answer).await?;
    /// assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a GET request through the proxy and reads the whole answer.
    ///
    /// # Errors
    ///
    /// There is no answer, or the request cannot be written down. An answer with any status is no error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// let mesh = world.mesh();
    /// assert_eq!(mesh.get("web.test.svc.cluster.local", "/status/418", &[]).await?.status, 418);
    /// let response = mesh.get("web", "/headers", &[("traffic", "test")]).await?;
    /// assert!(response.body.to_lowercase().contains(r#""traffic":"test""#), "{}", response.body);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Result<Response, MeshError> {
        exchange::get(self.address, host, path, headers).await
    }

    /// Starts a Gateway of this name in the namespace: from now on it accepts the routes that name it as a parent, and
    /// passes requests on as they say.
    ///
    /// Before that nothing is reported of it, as if its controller had not seen it yet.
    ///
    /// # Errors
    ///
    /// See [`MeshError::Listen`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// let edge = world.mesh().open_gateway("edge").await?;
    /// assert_eq!(edge.get("web.test", "/get", &[]).await?.status, 404, "no route names it");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open_gateway(&self, name: &str) -> Result<Gateway, MeshError> {
        let entry = Entry::Gateway(Parent::gateway(&self.namespace, name));
        let proxy = Proxy::new(entry, &self.namespace, self.network.clone(), self.view.clone());
        let gateway = Gateway::start(proxy).await?;
        self.gateways.send_if_modified(|gateways| gateways.insert(name.to_owned()));
        Ok(gateway)
    }

    /// What the proxy goes by, now and after each change.
    ///
    /// Wait for a route with [`watch::Receiver::wait_for`] instead of sleeping.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_world.txt")]
    /// let mut views = world.mesh().routes_in_force();
    #[doc = include_str!("example_route.txt")]
    /// views.wait_for(|view| view.route("web").is_some()).await?;
    /// assert_eq!(world.mesh().get("web.test", "/get", &[]).await?.header("x-route"), Some("web"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn routes_in_force(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }
}
