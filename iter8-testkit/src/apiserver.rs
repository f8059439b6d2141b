//! An in-memory Kubernetes API server behind a real [`kube::Client`].
//!
//! Everything that speaks to Kubernetes through a client runs on it unchanged: typed and dynamic APIs, watches,
//! reflectors, controllers, finalizers, leases. There is no socket and nothing to start:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kube::Result<()> {
//! use iter8_testkit::apiserver::ApiServer;
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::api::{Api, PostParams};
//!
//! let server = ApiServer::new();
//! let config_maps: Api<ConfigMap> = Api::default_namespaced(server.client());
//! let mut config_map = ConfigMap::default();
//! config_map.metadata.name = Some("settings".to_owned());
//! config_maps.create(&PostParams::default(), &config_map).await?;
//! assert!(config_maps.get("settings").await?.metadata.uid.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//! - Get, list (selectors, chunks, versions), watch (initial events, bookmarks, `410 Gone`), create, update with optimistic
//!   locking, delete with preconditions and propagation, all kinds of patch, server-side apply with `managedFields`,
//!   dry run, `status` and (of the built-in kinds) `scale` endpoints.
//! - Defaults and validation of the built-in kinds as far as clients commonly meet them; pruning, defaulting and validation
//!   of custom resources by their structural schema, several served versions.
//! - Garbage collection by owner references and the deletion of namespaces, done by the time the request that causes them
//!   is answered.
//!
//! # How faithful it is
//! Some 400 requests, from creates to watches, are answered field by field as kube-apiserver 1.36 answers them, messages
//! of refusals included. The requests, the real server's answers and the few differences are files in `tests/it` of this
//! crate; a test replays them on this server, and another one on the real server, so that the answers stay true.
//!
//! # What it does not do
//! - No other built-in kinds than `ConfigMap`, `Event`, `Namespace`, `Node`, `Pod`, `Secret`, `Service`, `ServiceAccount`,
//!   `CustomResourceDefinition`, `Deployment`, `ReplicaSet`, `Lease`, `EndpointSlice` and those of RBAC.
//! - No controllers: a Deployment gets no Pods, and a Pod that has a node stays until its grace period is set to 0, as it
//!   does without a kubelet. No authentication, authorization or webhooks.
//! - No `binding`, `log` or `exec` endpoints, no `scale` of custom resources, no apply to a `scale`. Applied
//!   configurations have to be JSON.
//! - CEL rules of definitions are not evaluated. No `OpenAPI` documents, no tables, no protocol buffers.
//! - Versions of a custom resource differ in nothing but their `apiVersion` (conversion strategy `None`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use kube::client::Client;
use serde_json::Value;

use crate::clock::Clock;

mod admit;
mod call;
mod collect;
mod custom;
mod decode;
mod defaults;
mod definition;
mod delete;
mod discovery;
mod endpoint;
mod events;
mod failure;
mod fields;
mod kinds;
mod managed;
mod merge;
mod options;
mod patch;
mod prepare;
mod quantity;
mod read;
mod scale;
mod schema;
mod select;
mod service;
mod state;
mod store;
mod stored;
mod structural;
#[cfg(test)]
mod tests;
mod typed;
mod validate;
mod watch;
mod write;

use state::State;

pub use endpoint::Endpoint;

/// An in-memory API server. Clones are the same server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
#[doc = include_str!("example_config_map.txt")]
/// let same = server.clone();
/// let seen: Api<ConfigMap> = Api::default_namespaced(same.client());
/// assert!(seen.get("settings").await.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

/// A request for objects that the server has answered.
///
/// ```
/// use iter8_testkit::apiserver::ApiServer;
/// use k8s_openapi::api::core::v1::Service;
/// use kube::api::{Api, ListParams};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// let server = ApiServer::new();
/// let services: Api<Service> = Api::namespaced(server.client_as("shop"), "test");
/// services.list(&ListParams::default()).await?;
///
/// let requests = server.requests();
/// assert_eq!((requests[0].verb.as_str(), requests[0].resource.as_str()), ("list", "services"));
/// assert_eq!((requests[0].user_agent.as_str(), requests[0].status), ("shop", 200));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `apply`, `delete` or `deletecollection`.
    pub verb: String,
    /// The plural of the kind, such as `deployments`.
    pub resource: String,
    /// `status` and the like; empty for the object itself.
    pub subresource: String,
    /// Empty for cluster-scoped objects and requests across namespaces.
    pub namespace: String,
    /// Empty for requests to a whole collection, and for creates.
    pub name: String,
    /// Who asked, see [`ApiServer::client_as`].
    pub user_agent: String,
    /// The status code of the answer.
    pub status: u16,
}

/// A change of a stored object, see [`ApiServer::record_changes`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("example_config_map.txt")]
/// server.record_changes();
/// let changes = server.changes();
/// let change = changes.iter().find(|change| change.resource == "configmaps").ok_or("none")?;
/// assert_eq!((change.namespace.as_str(), change.name.as_str()), ("default", "settings"));
/// assert_eq!(change.object.as_ref().ok_or("it is gone")?["kind"], "ConfigMap");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedChange {
    /// The resourceVersion that the change made.
    pub version: u64,
    /// When it was made, by the server's clock.
    pub time: Timestamp,
    /// The group of the kind; empty for the core group.
    pub group: String,
    /// The plural of the kind, such as `deployments`.
    pub resource: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object as it is stored from then on; none if it is gone.
    pub object: Option<Arc<Value>>,
    /// Who asked for it, or for what has caused it; empty for what was there before. See [`ApiServer::client_as`].
    pub user_agent: String,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Tells watches the latest version.
    changed: tokio::sync::watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ApiServer {
    /// A server that knows the built-in kinds and holds the namespaces that every cluster has.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::apiserver::ApiServer;
    /// use k8s_openapi::api::core::v1::Namespace;
    /// use kube::{Api, ResourceExt, api::ListParams};
    ///
    /// let namespaces: Api<Namespace> = Api::all(ApiServer::new().client());
    /// let names: Vec<_> = namespaces.list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
    /// assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// The same with a clock of its own, from which it reads all times that it writes. How long a watch stays open
    /// goes by Tokio's time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::apiserver::ApiServer;
    /// use iter8_testkit::clock::Clock;
    /// use k8s_openapi::api::core::v1::Namespace;
    /// use k8s_openapi::jiff::Timestamp;
    ///
    /// let server = ApiServer::with_clock(Clock::of_tokio(Timestamp::UNIX_EPOCH));
    /// let namespace = kube::Api::<Namespace>::all(server.client()).get("default").await?;
    /// assert_eq!(namespace.metadata.creation_timestamp.map(|time| time.0), Some(Timestamp::UNIX_EPOCH));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let state = State::new(clock);
        let (changed, _) = tokio::sync::watch::channel(state.store.version());
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed }) }
    }

    /// Another server with a clock of its own that holds what this one holds now, and shares nothing with it. It is
    /// made much faster than definitions are installed: for many tests on the same kinds.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// # use kube::api::DeleteParams;
    /// use iter8_testkit::clock::Clock;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let copy: Api<ConfigMap> = Api::default_namespaced(server.copy_with_clock(Clock::system()).client());
    /// copy.delete("settings", &DeleteParams::default()).await?;
    /// assert!(copy.get_opt("settings").await?.is_none());
    /// assert!(config_maps.get_opt("settings").await?.is_some(), "the other server does not know");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn copy_with_clock(&self, clock: Clock) -> Self {
        let mut state = self.shared.lock().clone();
        state.clock = clock;
        let (changed, _) = tokio::sync::watch::channel(state.store.version());
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed }) }
    }

    /// A client whose default namespace is `default`. Has to be called in a Tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::apiserver::ApiServer;
    ///
    /// let client = ApiServer::new().client();
    /// assert_eq!(client.default_namespace(), "default");
    /// assert_eq!(client.apiserver_version().await?.major, "1");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_as("iter8-testkit")
    }

    /// A client whose requests are recorded, and whose fields are owned, under a name of its own.
    ///
    /// Has to be called in a Tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use kube::ResourceExt;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let shop: Api<ConfigMap> = Api::default_namespaced(server.client_as("shop"));
    /// config_map.metadata.name = Some("of-shop".to_owned());
    /// config_map.data = Some([("colour".to_owned(), "blue".to_owned())].into());
    /// let created = shop.create(&PostParams::default(), &config_map).await?;
    /// assert_eq!(created.managed_fields()[0].manager.as_deref(), Some("shop"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client_as(&self, user_agent: &str) -> Client {
        Client::new(self.service(user_agent), "default")
    }

    /// What [`ApiServer::client_as`] sends its requests to: for layers in between, such as [`Faults`](crate::fault::Faults).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// use iter8_testkit::apiserver::ApiServer;
    /// use kube::client::{Body, Client};
    /// use tower::ServiceExt;
    ///
    /// let count = Arc::new(AtomicU32::new(0));
    /// let counter = count.clone();
    /// let counting = ApiServer::new().service("shop").map_request(move |request: http::Request<Body>| {
    ///     counter.fetch_add(1, Ordering::Relaxed);
    ///     request
    /// });
    /// Client::new(counting, "default").apiserver_version().await?;
    /// assert_eq!(count.load(Ordering::Relaxed), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn service(&self, user_agent: &str) -> Endpoint {
        let agent =
            http::HeaderValue::from_str(user_agent).unwrap_or(http::HeaderValue::from_static("unnamed"));
        Endpoint { shared: self.shared.clone(), agent }
    }

    /// Restarts the server: all watches end. Everything that is stored stays.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use futures::TryStreamExt;
    /// use kube::api::WatchParams;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let params = WatchParams::default().disable_bookmarks();
    /// let mut events = std::pin::pin!(config_maps.watch(&params, "0").await?);
    /// assert!(events.try_next().await?.is_some(), "what there is");
    /// server.restart();
    /// assert!(events.try_next().await?.is_none(), "the watch has ended");
    /// assert!(config_maps.get("settings").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart(&self) {
        let mut state = self.shared.lock();
        state.restarts += 1;
        let version = state.store.version();
        drop(state);
        self.shared.changed.send_replace(version);
    }

    /// Forgets all former states of objects, as the regular compaction of etcd does: whoever asks for changes after a
    /// resourceVersion that is not the present one is answered `410 Gone`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::TryStreamExt;
    /// use kube::ResourceExt;
    /// use kube::api::{DeleteParams, WatchEvent, WatchParams};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let version = config_maps.get("settings").await?.resource_version().ok_or("none")?;
    /// config_maps.delete("settings", &DeleteParams::default()).await?;
    /// server.compact();
    /// let mut events = std::pin::pin!(config_maps.watch(&WatchParams::default(), &version).await?);
    /// let event = events.try_next().await?;
    /// assert!(matches!(event, Some(WatchEvent::Error(status)) if status.code == 410));
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact(&self) {
        self.shared.lock().store.compact();
    }

    /// From now on keeps every change for [`ApiServer::changes`], beginning with the objects there are.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    #[doc = include_str!("example_config_map.txt")]
    /// assert!(server.changes().is_empty(), "nobody wanted to know");
    /// server.record_changes();
    /// assert!(server.changes().iter().any(|change| change.name == "settings"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn record_changes(&self) {
        self.shared.lock().record_changes();
    }

    /// The changes since [`ApiServer::record_changes`], in the order in which they were made: what was true when a
    /// request took effect can be found out afterwards.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kube::api::DeleteParams;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// server.record_changes();
    /// config_maps.delete("settings", &DeleteParams::default()).await?;
    /// let changes = server.changes();
    /// let last = changes.last().ok_or("none")?;
    /// assert!(last.name == "settings" && last.object.is_none(), "it is gone");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn changes(&self) -> Vec<RecordedChange> {
        self.shared.lock().changes.clone().unwrap_or_default()
    }

    /// The requests for objects since the start or since they were cleared, in the order in which they were answered.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    #[doc = include_str!("example_config_map.txt")]
    /// config_maps.get("settings").await?;
    /// let verbs: Vec<_> = server.requests().into_iter().map(|request| request.verb).collect();
    /// assert_eq!(verbs, ["create", "get"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.clone()
    }

    /// Forgets the requests so far.
    ///
    /// ```
    /// let server = iter8_testkit::apiserver::ApiServer::new();
    /// server.clear_requests();
    /// assert!(server.requests().is_empty());
    /// ```
    pub fn clear_requests(&self) {
        self.shared.lock().requests.clear();
    }
}
