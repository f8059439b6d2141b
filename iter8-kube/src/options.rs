//! How a controller runs.

use std::fmt;
use std::sync::Arc;

use crate::applier::Applier;
use crate::context::{Clock, system_clock};
use crate::health::Health;
use crate::leader::LeaderElection;
use crate::metrics::Metrics;

/// Which Releases a controller looks after.
///
/// ```
/// use iter8_kube::Scope;
///
/// assert_ne!(Scope::Namespace("test".into()), Scope::Cluster);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of one namespace.
    Namespace(String),
    /// All of them.
    Cluster,
}

/// How a controller runs.
///
/// ```
/// use iter8_kube::{Health, LeaderElection, Options, Scope};
///
/// let health = Health::new();
/// let options = Options::new(Scope::Cluster)
///     .identity("iter8-0")
///     .leader_election(LeaderElection::new("iter8-system"))
///     .health(health.clone());
/// assert_eq!(options.identity, "iter8-0");
/// assert!(!health.is_ready(), "nothing runs yet");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Which Releases it looks after.
    pub scope: Scope,
    /// The name of this process in Events and, with a suffix of its own, in the Lease.
    pub identity: String,
    /// What writes; [`ServerSideApplier`](crate::ServerSideApplier) if there is none.
    pub applier: Option<Arc<dyn Applier>>,
    /// The time; the machine's clock unless a test has one of its own.
    pub clock: Clock,
    /// How replicas agree on the one that writes; without it, this one does.
    pub leader_election: Option<LeaderElection>,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether it can do its work.
    pub health: Health,
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
        Self {
            scope,
            identity: "iter8".to_owned(),
            applier: None,
            clock: system_clock(),
            leader_election: None,
            metrics: Metrics::new(),
            health: Health::new(),
        }
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

    /// With replicas of which one writes at a time.
    #[must_use]
    pub fn leader_election(mut self, election: LeaderElection) -> Self {
        self.leader_election = Some(election);
        self
    }

    /// Counting in these metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Telling its health here.
    #[must_use]
    pub fn health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }
}
