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
//!   dry run, `status` endpoints.
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
//! - No `scale`, `binding`, `log` or `exec` endpoints. Applied configurations have to be JSON.
//! - CEL rules of definitions are not evaluated. No `OpenAPI` documents, no tables, no protocol buffers.
//! - Versions of a custom resource differ in nothing but their `apiVersion` (conversion strategy `None`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::client::{Body, Client};

mod admit;
mod call;
mod collect;
mod custom;
mod decode;
mod defaults;
mod definition;
mod delete;
mod discovery;
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

/// An in-memory API server. Clones are the same server.
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
    #[must_use]
    pub fn new() -> Self {
        let state = State::new();
        let (changed, _) = tokio::sync::watch::channel(state.store.version());
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed }) }
    }

    /// A client whose default namespace is `default`. Has to be called in a Tokio runtime.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_as("iter8-testkit")
    }

    /// A client whose requests are recorded, and whose fields are owned, under a name of its own.
    ///
    /// Has to be called in a Tokio runtime.
    #[must_use]
    pub fn client_as(&self, user_agent: &str) -> Client {
        let shared = self.shared.clone();
        let agent =
            http::HeaderValue::from_str(user_agent).unwrap_or(http::HeaderValue::from_static("unnamed"));
        let service = tower::service_fn(move |mut request: http::Request<Body>| {
            request.headers_mut().insert(http::header::USER_AGENT, agent.clone());
            service::answer(shared.clone(), request)
        });
        Client::new(service, "default")
    }

    /// The requests for objects since the start or since they were cleared, in the order in which they were answered.
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
