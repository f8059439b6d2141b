//! The controller: watches, queue, shutdown. Wiring only.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use iter8_core::{ObjectKind, RoutingBackend};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{Controller, WatchStreamExt, watcher as watch};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::applier::{Applier, api_resource};
use crate::cache::Cache;
use crate::context::{Clock, Context, system_clock};
use crate::labels;
use crate::reconcile::{on_error, reconcile};
use crate::resource::Release;
use crate::workload::{DEPLOYMENT, SERVICE};

/// Which Releases a controller looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of one namespace.
    Namespace(String),
    /// All of them.
    Cluster,
}

/// How a controller runs.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Which Releases it looks after.
    pub scope: Scope,
    /// The name of this process in Events.
    pub identity: String,
    /// What writes; [`ServerSideApplier`](crate::ServerSideApplier) if there is none.
    pub applier: Option<Arc<dyn Applier>>,
    /// The time; the machine's clock unless a test has one of its own.
    pub clock: Clock,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("scope", &self.scope)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Looks after these Releases with the machine's clock.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self { scope, identity: "iter8".to_owned(), applier: None, clock: system_clock() }
    }

    /// With this name of the process.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = identity.into();
        self
    }

    /// With this applier.
    #[must_use]
    pub fn applier(mut self, applier: Arc<dyn Applier>) -> Self {
        self.applier = Some(applier);
        self
    }

    /// With this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Runs the controller until `shutdown` resolves.
///
/// # Flow
/// Every watch fills the cache; whatever is news puts the Release it concerns into a queue with one
/// entry for each Release; [`iter8_core::plan()`] decides, and the differences are applied.
///
/// # Guarantees
/// No Release is reconciled before every cache is filled, and no Release twice at the same time.
///
/// # Caveats
/// Two controllers on the same Releases write the same things twice; they do no harm.
pub async fn run<B: RoutingBackend>(
    client: Client,
    backend: B,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let cache = Arc::new(Cache::default());
    let backend = Arc::new(backend);
    let kinds: Vec<_> = [DEPLOYMENT, SERVICE].into_iter().chain(backend.kinds().iter().cloned()).collect();
    let (sender, triggers) = mpsc::unbounded();
    let (all, triggers_for_all) = mpsc::unbounded();
    let (progress, mut progressed) = tokio::sync::watch::channel(());

    // Dropping the set ends the watches.
    let mut watches = JoinSet::new();
    for kind in &kinds {
        let stream = watch(api(&client, &options.scope, kind), ours());
        let sink = Sink {
            cache: Arc::clone(&cache),
            sender: sender.clone(),
            progress: progress.clone(),
            all: all.clone(),
        };
        watches.spawn(follow_objects(kind.clone(), stream, sink));
    }
    let slices: Api<EndpointSlice> = match &options.scope {
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        Scope::Cluster => Api::all(client.clone()),
    };
    watches.spawn(follow_slices(
        watch(slices, ours()),
        Sink { cache: Arc::clone(&cache), sender, progress, all },
    ));

    let shutdown = futures::FutureExt::shared(futures::FutureExt::boxed(shutdown));
    let is_synced = || cache.is_synced(kinds.iter().map(|kind| kind.kind));
    let synced = async {
        while !is_synced() {
            if progressed.changed().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = synced => {}
        () = shutdown.clone() => return,
    }
    info!(scope = ?options.scope, mesh = backend.capabilities().mesh, "controller started");

    let releases: Api<Release> = match &options.scope {
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        Scope::Cluster => Api::all(client.clone()),
    };
    let context = Arc::new(Context::new(client, backend, cache, options));
    Controller::new(releases, watcher::Config::default())
        .reconcile_on(triggers)
        .reconcile_all_on(triggers_for_all)
        .graceful_shutdown_on(shutdown)
        .run(reconcile, on_error, context)
        .for_each(|outcome| async move {
            match outcome {
                Ok((release, _)) => debug!(%release, "reconciled"),
                // `on_error` has said what went wrong with a reconciliation.
                Err(error) => debug!(%error, "controller"),
            }
        })
        .await;
    info!("controller stopped");
}

/// Only what carries our label is watched.
fn ours() -> watcher::Config {
    watcher::Config::default().labels(labels::RELEASE)
}

fn api(client: &Client, scope: &Scope, kind: &ObjectKind) -> Api<DynamicObject> {
    let resource = api_resource(kind);
    match scope {
        Scope::Namespace(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        Scope::Cluster => Api::all_with(client.clone(), &resource),
    }
}

/// Where a watch puts what it sees.
struct Sink {
    cache: Arc<Cache>,
    sender: mpsc::UnboundedSender<ObjectRef<Release>>,
    progress: tokio::sync::watch::Sender<()>,
    /// Puts every Release into the queue.
    all: mpsc::UnboundedSender<()>,
}

impl Sink {
    /// A kind has come or gone: no object tells which Releases that concerns.
    fn trigger_all(&self) {
        let _ = self.all.unbounded_send(());
    }

    fn trigger(&self, releases: Vec<ObjectRef<Release>>) {
        for release in releases {
            // The queue is gone only when the controller is stopping.
            let _ = self.sender.unbounded_send(release);
        }
        self.progress.send_replace(());
    }
}

async fn follow_objects(
    kind: ObjectKind,
    stream: impl Stream<Item = watcher::Result<Event<DynamicObject>>> + Send,
    sink: Sink,
) {
    let mut stream = std::pin::pin!(stream.default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if sink.cache.set_missing(kind.kind, false) {
                    info!(kind = kind.kind, "the API server knows this kind now");
                    sink.trigger_all();
                }
                sink.trigger(sink.cache.object_event(&kind, event));
            }
            Err(error) => {
                if is_unknown_kind(&error) && sink.cache.set_missing(kind.kind, true) {
                    warn!(kind = kind.kind, "the API server does not know this kind; is its CRD installed?");
                    sink.trigger_all();
                }
                debug!(kind = kind.kind, %error, "watch interrupted");
                sink.trigger(Vec::new());
            }
        }
    }
}

async fn follow_slices(stream: impl Stream<Item = watcher::Result<Event<EndpointSlice>>> + Send, sink: Sink) {
    let mut stream = std::pin::pin!(stream.default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => sink.trigger(sink.cache.slice_event(event)),
            Err(error) => debug!(kind = "EndpointSlice", %error, "watch interrupted"),
        }
    }
}

/// A list of a kind that the API server does not know is answered with 404.
fn is_unknown_kind(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))) = error
    else {
        return false;
    };
    // By the code: for an unknown kind kube-apiserver answers with bare text, of which kube makes no reason.
    status.code == 404
}
