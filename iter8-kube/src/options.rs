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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{Options, Scope};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let options = Options::new(Scope::Namespace("default".into()));
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// assert!(await_condition(deployments, "web-0", is_there).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{LeaderElection, Options, Scope};
    /// use k8s_openapi::api::coordination::v1::Lease;
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let options = Options::new(Scope::Cluster).identity("iter8-0").leader_election(LeaderElection::new("default"));
    /// let leases: Api<Lease> = Api::default_namespaced(client.clone());
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// await_condition(deployments, "web-0", is_there).await?;
    ///
    /// let holder = leases.get("iter8-controller").await?.spec.and_then(|spec| spec.holder_identity);
    /// assert!(holder.is_some_and(|holder| holder.starts_with("iter8-0_")));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = identity.into();
        self
    }

    /// With this applier.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use iter8_kube::{Options, Scope, ServerSideApplier};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let applier = ServerSideApplier::new(server.client_as("writer"));
    /// let options = Options::new(Scope::Cluster).applier(Arc::new(applier));
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// await_condition(deployments, "web-0", is_there).await?;
    ///
    /// let requests = server.requests();
    /// let created = requests.iter().find(|request| (&*request.verb, &*request.resource) == ("create", "deployments"));
    /// assert_eq!(created.ok_or("none")?.user_agent, "writer");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn applier(mut self, applier: Arc<dyn Applier>) -> Self {
        self.applier = Some(applier);
        self
    }

    /// With this clock.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use iter8_core::Timestamp;
    /// use iter8_kube::{Options, Scope, system_clock};
    ///
    /// let machine = system_clock();
    /// let options = Options::new(Scope::Cluster).clock(Arc::new(move || machine().plus_seconds(60)));
    /// assert!((options.clock)() > system_clock()(), "it is a minute fast");
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// With replicas of which one writes at a time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{LeaderElection, Metrics, Options, Scope};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let metrics = Metrics::new();
    /// let election = LeaderElection::new("default");
    /// let options = Options::new(Scope::Cluster).metrics(metrics.clone()).leader_election(election);
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// await_condition(deployments, "web-0", is_there).await?;
    /// assert!(metrics.encode().contains("iter8_leader 1"), "only a leader writes Deployments");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn leader_election(mut self, election: LeaderElection) -> Self {
        self.leader_election = Some(election);
        self
    }

    /// Counting in these metrics.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{Metrics, Options, Scope};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let metrics = Metrics::new();
    /// let options = Options::new(Scope::Cluster).metrics(metrics.clone());
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// await_condition(deployments, "web-0", is_there).await?;
    /// assert!(metrics.encode().contains("iter8_api_requests_total{"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Telling its health here.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{Health, Options, Scope};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let health = Health::new();
    /// let probe = health.clone(); // for whatever serves `/readyz`
    /// let options = Options::new(Scope::Cluster).health(health);
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// await_condition(deployments, "web-0", is_there).await?;
    /// assert!(probe.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }
}
