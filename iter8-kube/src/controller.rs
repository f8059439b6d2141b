//! The controller: watches, queue, shutdown. Wiring only.

mod following;

use std::future::Future;
use std::sync::Arc;

use futures::channel::mpsc;
use futures::{FutureExt, StreamExt, TryStreamExt};
use iter8_core::{ObjectKind, RoutingBackend};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::Api;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::Event;
use kube::runtime::{Controller, WatchStreamExt, controller, watcher};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{debug, info};

use self::following::{Sink, follow_objects, follow_slices, unhurried, unwrapped};

use crate::applier::api_resource;
use crate::cache::{Cache, Watched};
use crate::context::Context;
use crate::labels;
use crate::leader::{Elector, Gate};
use crate::metrics::{Queue, metered};
use crate::options::{Options, Scope};
use crate::pace::Pace;
use crate::reconcile::{on_error, reconcile};
use crate::resource::{Release, WatchedRelease};
use crate::workload::{DEPLOYMENT, SERVICE};

/// How many Releases are reconciled at the same time, each with one request under way. More would only wait in the API
/// server instead of here, each on a connection of its own.
const CONCURRENCY: u16 = 32;

/// Runs the controller until `shutdown` resolves.
///
/// # Flow
/// Every watch fills the cache; whatever is news puts the Release it concerns into a queue with one
/// entry for each Release; [`iter8_core::plan()`] decides, and the differences are applied.
///
/// With [`Options::leader_election`], a replica that does not lead fills its caches all the same, so that it can take
/// over at once.
///
/// # Guarantees
/// - No Release is reconciled before every cache is filled, and no Release twice at the same time.
/// - With leader election, nothing is written by a replica whose Lease has ended, and the Lease is handed over when
///   `shutdown` has resolved and the writes under way have ended.
///
/// # Caveats
/// The client should not repeat requests by itself (`Config::default_retry` of kube): what was planned is old by then,
/// and the controller does as the API server asks, by planning again.
///
/// Two controllers on the same Releases without leader election write the same things twice; they do no harm.
///
/// ```
/// use gateway_api::httproutes::HttpRoute;
/// use iter8_gateway_api::GatewayApiBackend;
/// use iter8_kube::{Options, Release, Scope};
/// use iter8_testkit::apiserver::ApiServer;
/// use kube::CustomResourceExt;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = ApiServer::new();
/// iter8_testkit::world::install(&server.client(), &[Release::crd(), HttpRoute::crd()]).await?;
///
/// let shutdown = async {}; // at once, in this example
/// let options = Options::new(Scope::Namespace("test".into()));
/// iter8_kube::run(server.client(), GatewayApiBackend::default(), options, shutdown).await;
/// # Ok(())
/// # }
/// ```
pub async fn run<B: RoutingBackend>(
    client: Client,
    backend: B,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let pace = Pace::default();
    let client = metered(client, options.metrics.clone(), pace.clone());
    let cache = Arc::new(Cache::default());
    let backend = Arc::new(backend);
    let (releases, writer) = reflector::store();
    let queue = Arc::new(Queue::new(options.metrics.clone(), releases.clone()));
    let kinds: Vec<_> = [DEPLOYMENT, SERVICE].into_iter().chain(backend.kinds().iter().cloned()).collect();
    let (sender, triggers) = mpsc::unbounded();
    let (all, triggers_for_all) = mpsc::unbounded();
    let (progress, mut progressed) = tokio::sync::watch::channel(());

    // Dropping the set ends the watches.
    let mut watches = JoinSet::new();
    let sink =
        Sink { cache: Arc::clone(&cache), sender, queue: Arc::clone(&queue), progress, all: all.clone() };
    for kind in &kinds {
        let api = api(&client, &options.scope, kind);
        watches.spawn(follow_objects(kind.clone(), move || watcher(api.clone(), ours()), sink.clone()));
    }
    let slices: Api<EndpointSlice> = match &options.scope {
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        Scope::Cluster => Api::all(client.clone()),
    };
    watches.spawn(follow_slices(watcher(slices, ours()), sink));

    let shutdown = FutureExt::shared(FutureExt::boxed(shutdown));
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
    options.health.set_ready(true);
    info!(scope = ?options.scope, mesh = backend.capabilities().mesh, "controller started");

    let api: Api<WatchedRelease> = match &options.scope {
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        Scope::Cluster => Api::all(client.clone()),
    };
    let (metrics, waiting) = (options.metrics.clone(), Arc::clone(&queue));
    let on_change = move |leads| {
        metrics.leads(leads);
        if leads {
            waiting.added_all();
            let _ = all.unbounded_send(());
        }
    };
    let (gate, election) = elect(client.clone(), &options, on_change);
    let stopping = gate.clone();
    let _ending = Ending(gate.clone());
    let stopped_early = before_listing(shutdown.clone(), releases.clone());
    let shutdown = shutdown.map(move |()| stopping.close());
    let health = options.health.clone();
    let context = Arc::new(Context::new(client, backend, cache, queue, gate, pace, options));
    let (known, forgetful) = (releases.clone(), Arc::clone(&context));
    let (listed, relisted) = (releases.clone(), Arc::clone(&context));
    let changes = unhurried(watcher(api, watcher::Config::default()))
        .map_ok(unwrapped::<_, Release>)
        .reflect(writer)
        .inspect_ok(move |event| {
            if matches!(event, Event::InitDone) {
                let is_there = |namespace: &str, name: &str| {
                    listed.get(&ObjectRef::new(name).within(namespace)).is_some()
                };
                relisted.listed(is_there);
            }
        })
        .touched_objects()
        .inspect_ok(move |release| {
            let key = ObjectRef::from_obj(release);
            forgetful.queue.added(&key);
            if known.get(&key).is_none() {
                forgetful.forget_release(key.namespace.as_deref().unwrap_or_default(), &key.name);
            }
        });
    let running = Controller::for_stream(changes, releases)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
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
        });
    tokio::select! {
        () = running => {}
        () = stopped_early => {}
    }
    health.set_ready(false);
    election.end().await;
    info!("controller stopped");
}

/// Closes the gate when the controller is dropped: a reconciliation that another thread is at just then gets no further
/// than its next request.
struct Ending(Gate);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Resolves with the shutdown if the Releases have not been listed by then: nothing is being reconciled, and kube's
/// controller would wait for ever for the list that it does not go on with.
async fn before_listing(shutdown: impl Future<Output = ()>, releases: reflector::Store<Release>) {
    shutdown.await;
    if releases.wait_until_ready().now_or_never().is_some() {
        std::future::pending::<()>().await;
    }
}

/// The part that a replica takes in the election while it runs.
struct Election {
    stop: oneshot::Sender<()>,
    task: JoinSet<()>,
}

impl Election {
    /// Hands over what is held.
    async fn end(mut self) {
        drop(self.stop);
        while self.task.join_next().await.is_some() {}
    }
}

/// Begins to take part in the election, or leads at once where there is none.
fn elect(
    client: Client,
    options: &Options,
    on_change: impl Fn(bool) + Send + Sync + 'static,
) -> (Gate, Election) {
    let (stop, stopped) = oneshot::channel();
    let mut task = JoinSet::new();
    let Some(election) = options.leader_election.clone() else {
        on_change(true);
        return (Gate::open(), Election { stop, task });
    };
    let (elector, gate) = Elector::new(client, election, &options.identity, Arc::clone(&options.clock));
    task.spawn(elector.run(stopped, on_change));
    (gate, Election { stop, task })
}

/// Only what carries our label is watched.
fn ours() -> watcher::Config {
    watcher::Config::default().labels(labels::RELEASE)
}

fn api(client: &Client, scope: &Scope, kind: &ObjectKind) -> Api<Watched> {
    let resource = api_resource(kind);
    match scope {
        Scope::Namespace(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        Scope::Cluster => Api::all_with(client.clone(), &resource),
    }
}

#[cfg(test)]
mod tests;
