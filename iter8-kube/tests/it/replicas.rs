//! Replicas of the controller, and what each of them writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request};
use iter8_gateway_api::GatewayApiBackend;
use iter8_kube::{Health, LeaderElection, Metrics, Options, Scope};
use iter8_testkit::control_plane::AuditedRequest;
use iter8_testkit::world::{self, Running};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::client::Body;
use tokio::time::Instant;

use crate::cluster::Cluster;

/// How the user names of replicas begin in the audit log.
const REPLICA: &str = "replica-";

/// A replica of the controller with a connection of its own.
pub(crate) struct Replica {
    pub(crate) name: &'static str,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) running: Running,
    severed: Arc<Severed>,
    writes: Writes,
}

/// What of a replica's connection is cut, and how it held its Lease.
#[derive(Default)]
struct Severed {
    all: AtomicBool,
    lease: AtomicBool,
    /// When it sent the last renewal that was answered.
    renewed: Mutex<Option<Instant>>,
}

impl Severed {
    /// Whether a request of this path gets nowhere.
    fn stops(&self, path: &str) -> bool {
        self.all.load(Ordering::Relaxed) || self.lease.load(Ordering::Relaxed) && is_lease(path)
    }
}

fn is_lease(path: &str) -> bool {
    path.contains("/leases")
}

/// When each write was begun and when it ended, by replica.
pub(crate) type Writes = Arc<Mutex<Vec<(&'static str, Instant, Instant)>>>;

impl Replica {
    /// Starts a replica that takes part in the election.
    pub(crate) async fn start(
        cluster: &Cluster,
        name: &'static str,
        lease: Duration,
        writes: &Writes,
    ) -> Self {
        let namespace = cluster.world.namespace().to_owned();
        let (health, metrics) = (Health::new(), Metrics::new());
        let options = Options::new(Scope::Namespace(namespace.clone()))
            .identity(name)
            .health(health.clone())
            .metrics(metrics.clone())
            .leader_election(LeaderElection::new(namespace).lease_duration(lease));
        let severed = Arc::new(Severed::default());
        let client = observed(cluster.client_of(name).await, name, Arc::clone(&severed), Arc::clone(writes));
        let running = world::run(client, |client, shutdown| {
            iter8_kube::run(
                client,
                GatewayApiBackend::default(),
                options,
                futures::FutureExt::shared(shutdown),
            )
        });
        Self { name, health, metrics, running, severed, writes: Arc::clone(writes) }
    }

    /// Cuts its connection: no request is answered any more.
    pub(crate) fn sever(&self) {
        self.severed.all.store(true, Ordering::Relaxed);
    }

    /// Lets requests of the Lease get nowhere; all others go on.
    pub(crate) fn sever_lease(&self) {
        self.severed.lease.store(true, Ordering::Relaxed);
    }

    /// When it sent the last renewal that was answered.
    pub(crate) fn renewed(&self) -> Instant {
        self.severed.renewed.lock().unwrap().unwrap()
    }

    /// When its last write had been answered or given up.
    pub(crate) fn wrote(&self) -> Instant {
        let writes = self.writes.lock().unwrap();
        writes.iter().filter(|(name, ..)| *name == self.name).map(|(_, _, ended)| *ended).max().unwrap()
    }

    pub(crate) fn mend(&self) {
        self.severed.all.store(false, Ordering::Relaxed);
    }

    /// How many writes it has begun.
    pub(crate) fn writes(&self) -> usize {
        self.writes.lock().unwrap().iter().filter(|(name, ..)| *name == self.name).count()
    }

    pub(crate) fn leads(&self) -> bool {
        self.metrics.encode().contains("iter8_leader 1\n")
    }
}

/// The client, with every write but those of the Lease noted down.
fn observed(client: Client, name: &'static str, severed: Arc<Severed>, writes: Writes) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, severed, writes) = (client.clone(), Arc::clone(&severed), Arc::clone(&writes));
        async move {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            if severed.stops(&path) {
                std::future::pending::<()>().await;
            }
            let is_write = method != Method::GET && !is_lease(&path);
            let begun = Instant::now();
            let note = Note { name, begun, writes: is_write.then_some(writes) };
            let answer = client.send(request).await;
            if severed.stops(&path) {
                std::future::pending::<()>().await;
            }
            drop(note);
            let is_done = answer.as_ref().is_ok_and(|answer| answer.status().is_success());
            if is_done && method != Method::GET && is_lease(&path) {
                *severed.renewed.lock().unwrap() = Some(begun);
            }
            answer
        }
    });
    Client::new(service, namespace)
}

/// Notes a write when it has been answered or given up.
struct Note {
    name: &'static str,
    begun: Instant,
    writes: Option<Writes>,
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(writes) = &self.writes {
            writes.lock().unwrap().push((self.name, self.begun, Instant::now()));
        }
    }
}

/// Panics if two replicas have written at the same time.
pub(crate) fn assert_one_at_a_time(writes: &Writes) {
    let mut writes = writes.lock().unwrap().clone();
    writes.sort_by_key(|(_, begun, _)| *begun);
    for (index, (name, begun, _)) in writes.iter().enumerate() {
        let other = writes[..index].iter().find(|(other, _, ended)| other != name && ended > begun);
        assert!(other.is_none(), "{name} began at {begun:?}, within {other:?}");
    }
}

impl Cluster {
    /// The replica that holds the Lease.
    pub(crate) async fn holder(&self) -> Option<String> {
        let lease = self.api::<Lease>().get_opt("iter8-controller").await.unwrap()?;
        let holder = lease.spec?.holder_identity.filter(|holder| !holder.is_empty())?;
        holder.rsplit_once('_').map(|(name, _)| name.to_owned())
    }

    /// Asserts that the API server has seen no two replicas write at the same time, if it keeps an audit log.
    pub(crate) fn assert_one_writer(&self) {
        let Some(control_plane) = &self.control_plane else { return };
        let mut writes = control_plane.audit().unwrap();
        writes.retain(|request| {
            request.namespace == self.world.namespace()
                && request.is_write()
                && request.resource != "leases"
                && request.user.starts_with(REPLICA)
        });
        writes.sort_by_key(|write| write.received);
        assert!(!writes.is_empty(), "the audit log has the writes");
        for (index, write) in writes.iter().enumerate() {
            let overlaps =
                |other: &&AuditedRequest| other.user != write.user && other.answered > write.received;
            let other = writes[..index].iter().find(overlaps);
            assert!(other.is_none(), "{write:?} was received within {other:?}");
        }
    }

    /// A client by which the API server tells a replica from others.
    async fn client_of(&self, name: &str) -> Client {
        match &self.control_plane {
            Some(control_plane) => {
                control_plane.client_as(&format!("{REPLICA}{name}"), &["system:masters"]).await.unwrap()
            }
            None => self.world.client(),
        }
    }

    pub(crate) async fn until_held_by(&self, name: &str) {
        self.until("the Lease", || self.holder(), |holder| holder.as_deref() == Some(name)).await;
    }
}
