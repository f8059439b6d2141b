//! Leader election by a Lease: one replica writes, the others watch and wait.
//!
//! Times are told by each replica's own monotonic clock only, as client-go does: a follower counts from when it
//! *saw* a renewal, the leader from before it *asked* for it. So while clocks run at the same rate, the leader has
//! stopped writing before anybody else begins, whatever the clocks show.

mod candidate;
mod gate;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::context::Clock;
use crate::labels::MANAGER;
use crate::recorder::moment;
use candidate::{Candidate, Record, Step};
pub(crate) use gate::{Gate, GatedApplier};

/// How the replicas of a controller agree on the one that writes.
///
/// ```
/// use std::time::Duration;
///
/// use iter8_kube::LeaderElection;
///
/// let election = LeaderElection::new("iter8-system").lease_duration(Duration::from_secs(5));
/// assert_eq!((election.namespace.as_str(), election.name.as_str()), ("iter8-system", "iter8-controller"));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeaderElection {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// How long the others wait after the last renewal that they have seen; whole seconds, at least one.
    pub lease_duration: Duration,
}

impl LeaderElection {
    /// By the Lease `iter8-controller` of this namespace, which lasts 15 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use iter8_kube::LeaderElection;
    ///
    /// let election = LeaderElection::new("iter8-system");
    /// assert_eq!((election.name.as_str(), election.lease_duration), ("iter8-controller", Duration::from_secs(15)));
    /// ```
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: "iter8-controller".to_owned(),
            lease_duration: Duration::from_secs(15),
        }
    }

    /// By the Lease of this name.
    ///
    /// ```
    /// use iter8_kube::LeaderElection;
    ///
    /// // Another controller in the same namespace elects a leader of its own.
    /// let election = LeaderElection::new("iter8-system").name("iter8-controller-of-test");
    /// assert_ne!(election.name, LeaderElection::new("iter8-system").name);
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With Leases that last this long, rounded up to whole seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use iter8_kube::LeaderElection;
    ///
    /// let election = LeaderElection::new("iter8-system").lease_duration(Duration::from_millis(2500));
    /// assert_eq!(election.lease_duration, Duration::from_secs(3), "a Lease has whole seconds");
    /// ```
    #[must_use]
    pub fn lease_duration(mut self, duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
        self.lease_duration = Duration::from_secs(seconds.max(1));
        self
    }
}

/// One replica in the election.
pub(crate) struct Elector {
    api: Api<Lease>,
    election: LeaderElection,
    candidate: Candidate,
    /// For those who read the Lease; no replica goes by it.
    clock: Clock,
    term: watch::Sender<Option<Instant>>,
}

impl fmt::Debug for Elector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elector").field("candidate", &self.candidate).finish_non_exhaustive()
    }
}

/// How long a write that is under way may take when the replica stops: the Lease should be handed over within a second.
const LAST_WRITE: Duration = Duration::from_millis(500);

impl Elector {
    /// A replica, and the gate that is open while it leads.
    pub(crate) fn new(
        client: Client,
        election: LeaderElection,
        identity: &str,
        clock: Clock,
    ) -> (Self, Gate) {
        let api = Api::namespaced(client, &election.namespace);
        let (term, open_until) = watch::channel(None);
        let candidate = Candidate::new(unique(identity), election.lease_duration);
        (Self { api, election, candidate, clock, term }, Gate::open_until(open_until))
    }

    /// Takes part until `stop` resolves or is dropped, then hands a held Lease over. `changed` is told whether the
    /// replica leads, each time that changes.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>, changed: impl Fn(bool) + Send) {
        let news = watcher::watch_object(self.api.clone(), &self.election.name).default_backoff();
        let mut news = pin!(news);
        let mut leads = false;
        loop {
            let now = Instant::now();
            let leads_now = self.candidate.writes_until().is_some_and(|until| now < until);
            self.term.send_replace(self.candidate.writes_until());
            if leads_now != leads {
                leads = leads_now;
                info!(lease = self.election.name, leads, holder = self.candidate.identity(), "leadership");
                changed(leads);
            }
            let until = match self.candidate.step(now) {
                Step::Watch => None,
                Step::WaitUntil(until) => Some(until),
                step @ (Step::Create | Step::Take { .. } | Step::Renew { .. }) => {
                    let mut writing = pin!(self.write(&step));
                    tokio::select! {
                        () = &mut writing => continue,
                        // The API server may have taken it already: only the version that it gave is handed over.
                        _ = &mut stop => drop(tokio::time::timeout(LAST_WRITE, writing).await),
                    }
                    break;
                }
            };
            tokio::select! {
                event = news.next() => self.saw(event),
                () = sleep_until(until) => {}
                _ = &mut stop => break,
            }
        }
        if leads {
            changed(false);
        }
        self.hand_over().await;
    }

    fn saw(&mut self, event: Option<watcher::Result<Option<Lease>>>) {
        match event {
            Some(Ok(lease)) => self.candidate.saw(lease.as_ref().map(record), Instant::now()),
            Some(Err(error)) => {
                warn!(lease = self.election.name, error = %cause(&error), "the Lease cannot be watched");
            }
            // The stream of a watch does not end.
            None => {}
        }
    }

    /// Writes the Lease as decided. Time counts from before the request.
    async fn write(&mut self, step: &Step) {
        let begun = Instant::now();
        let give_up = self.candidate.gives_up_at(begun);
        let written = tokio::time::timeout_at(give_up, self.send(step)).await;
        match written {
            Ok(Ok(lease)) => self.candidate.wrote(record(&lease), begun),
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_already_exists() => {
                debug!(lease = self.election.name, "somebody else was faster");
                self.candidate.failed(Instant::now());
                if let Ok(lease) = self.api.get_opt(&self.election.name).await {
                    self.candidate.saw(lease.as_ref().map(record), Instant::now());
                }
            }
            Ok(Err(error)) => {
                warn!(lease = self.election.name, %error, "the Lease cannot be written");
                self.candidate.failed(Instant::now());
            }
            Err(_) => {
                warn!(lease = self.election.name, "the Lease could not be written in time");
                self.candidate.failed(Instant::now());
            }
        }
    }

    async fn send(&self, step: &Step) -> Result<Lease, kube::Error> {
        let now = moment((self.clock)());
        let mut spec = json!({
            "holderIdentity": self.candidate.identity(),
            "leaseDurationSeconds": self.election.lease_duration.as_secs(),
            "renewTime": now,
        });
        let mut transitions = |count: i32| {
            if let Some(spec) = spec.as_object_mut() {
                spec.insert("acquireTime".to_owned(), json!(now));
                spec.insert("leaseTransitions".to_owned(), count.into());
            }
        };
        let version = match step {
            Step::Take { version, transitions: before } => {
                transitions(before.saturating_add(1));
                version
            }
            Step::Renew { version } => version,
            Step::Create | Step::Watch | Step::WaitUntil(_) => {
                transitions(0);
                let lease = json!({ "metadata": { "name": self.election.name }, "spec": spec });
                let lease = serde_json::from_value(lease).map_err(kube::Error::SerdeError)?;
                let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                return self.api.create(&params, &lease).await;
            }
        };
        self.patch(version, &spec).await
    }

    /// Changes the Lease only if it still has this version.
    async fn patch(&self, version: &str, spec: &serde_json::Value) -> Result<Lease, kube::Error> {
        let patch = json!({ "metadata": { "resourceVersion": version }, "spec": spec });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.api.patch(&self.election.name, &params, &Patch::Merge(patch)).await
    }

    /// Gives up a Lease that is held, so that nobody has to wait for its end.
    async fn hand_over(self) {
        self.term.send_replace(None);
        let Some(version) = self.candidate.held_version() else { return };
        let spec = json!({ "holderIdentity": null });
        let released = self.patch(version, &spec);
        match tokio::time::timeout_at(self.candidate.gives_up_at(Instant::now()), released).await {
            Ok(Ok(_)) => info!(lease = self.election.name, "handed over"),
            Ok(Err(error)) => warn!(lease = self.election.name, %error, "not handed over"),
            Err(_) => warn!(lease = self.election.name, "not handed over in time"),
        }
    }
}

/// Resolves at this time, or never.
async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Two processes of one name must not both believe that they hold the Lease.
fn unique(identity: &str) -> String {
    format!("{identity}_{:016x}", RandomState::new().hash_one(std::process::id()))
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        duration: Duration::from_secs(seconds.unwrap_or(0)),
        transitions: spec.lease_transitions.unwrap_or(0),
        version: lease.resource_version().unwrap_or_default(),
    }
}

fn cause(error: &watcher::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests;
