//! Deployments that really run: the Deployment controller, the `EndpointSlice` controller and the kubelet of one
//! namespace, in process, with a real HTTP server for every Pod.
//!
//! It works on any API server through [`kube::Client`]. What a cluster's controllers would do, it does with their
//! rules: rolling updates within `maxSurge` and `maxUnavailable`, the status of Deployments and Pods, the
//! `EndpointSlices` of Services. Pods have addresses of a [`PodNetwork`], and loopback sockets behind them.
//!
//! What it leaves out: `ReplicaSets` (a Deployment owns its Pods), paused Deployments (they stay as they are), Nodes
//! and scheduling, the Pod's own commands, probes and environment (every container answers as httpbin does), and
//! restarts. What a deleted Deployment or Service owned is left to the API server's garbage collector.

mod deployments;
mod driver;
mod endpoints;
mod faults;
mod kubelet;
mod pod;
mod queue;
mod rollout;
mod server;
mod slices;
mod status;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::pod_network::PodNetwork;
use driver::{Driver, Servers};
use faults::Faults;

/// Runs the Deployments of one namespace. Dropping it stops every server and leaves the objects as they are; a
/// runner that is started later takes them over.
///
/// Each Pod's server answers `/get`, `/headers`, `/status/{n}` and `/delay/{n}` much as httpbin does, and 404 to the
/// rest, on every `containerPort` the Pod declares. Every answer names the Pod and its image: `pod` and `image` in
/// the JSON body, headers `x-pod` and `x-image`. A Pod that is not ready answers 503.
///
/// A deleted Pod is first marked as terminating in the `EndpointSlices`, then leaves them, and goes on serving for a
/// second more; then its server finishes the requests it has, and its object goes. A finalizer on the Pods
/// keeps it so long.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("example_deployment.txt")]
/// let network = PodNetwork::new(); // leads to the Pods' servers
/// let runner = WorkloadRunner::start(client, "default", network.clone()).await?;
/// await_condition(deployments.clone(), "web", is_ready).await?;
/// runner.fail("web");
/// await_condition(deployments.clone(), "web", is_down).await?;
/// drop(runner);
/// assert!(is_down(Some(&deployments.get("web").await?)), "nobody plays any more: the objects stay as they are");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WorkloadRunner {
    faults: Arc<Faults>,
    task: AbortHandle,
}

/// Why the runner could not start.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use iter8_testkit::apiserver::ApiServer;
/// use iter8_testkit::fault::{Faults, Rates};
/// use iter8_testkit::pod_network::PodNetwork;
/// use iter8_testkit::workload::WorkloadRunner;
///
/// let broken = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
/// let client = broken.client(&ApiServer::new(), "runner");
/// let error = WorkloadRunner::start(client, "default", PodNetwork::new()).await.unwrap_err();
/// assert_eq!(error.to_string(), "cannot list the Deployments of namespace `default`");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The API server cannot be reached or refuses to list Deployments.
    #[error("cannot list the Deployments of namespace `{namespace}`")]
    Api {
        /// The runner's namespace.
        namespace: String,
        /// What the client said.
        #[source]
        source: Box<kube::Error>,
    },
}

impl WorkloadRunner {
    /// Run what is in `namespace` and what comes. All later errors of the API server are tried again.
    ///
    /// # Errors
    /// The API server does not answer now.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kube::api::ListParams;
    #[doc = include_str!("example_deployment.txt")]
    /// let network = PodNetwork::new();
    /// let _runner = WorkloadRunner::start(client.clone(), "default", network.clone()).await?;
    /// await_condition(deployments, "web", is_ready).await?;
    ///
    /// let pods = Api::<Pod>::default_namespaced(client).list(&ListParams::default()).await?;
    /// let status = pods.items[0].status.as_ref().ok_or("none")?;
    /// let socket = network.resolve(status.pod_ip.as_deref().ok_or("none")?.parse()?, 8080);
    /// assert!(socket.is_some_and(|socket| socket.ip().is_loopback()), "there its server listens");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(client: Client, namespace: &str, network: PodNetwork) -> Result<Self, WorkloadError> {
        Self::begin(client, namespace, network, (Clock::system(), Servers::Real)).await
    }

    /// Play the same without servers: Deployments, Pods and `EndpointSlices` are objects, and nothing listens at their
    /// addresses. So no socket is needed, and in a Tokio runtime whose time is paused all of it takes no time.
    ///
    /// # Errors
    /// The API server does not answer now.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let _runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// assert!(await_condition(deployments, "web", is_ready).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_objects(client: Client, namespace: &str, clock: Clock) -> Result<Self, WorkloadError> {
        Self::begin(client, namespace, PodNetwork::new(), (clock, Servers::None)).await
    }

    async fn begin(
        client: Client,
        namespace: &str,
        network: PodNetwork,
        mode: (Clock, Servers),
    ) -> Result<Self, WorkloadError> {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
        deployments.list(&ListParams::default().limit(1)).await.map_err(|source| WorkloadError::Api {
            namespace: namespace.to_owned(),
            source: Box::new(source),
        })?;
        let faults = Arc::new(Faults::default());
        let driver = Driver::new(&client, namespace, network, Arc::clone(&faults), mode);
        let task = tokio::spawn(driver.run()).abort_handle();
        Ok(Self { faults, task })
    }

    /// How long a Pod that starts from now on takes to become ready. At first they are ready at once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// runner.set_start_delay(Duration::from_secs(60));
    /// let begun = tokio::time::Instant::now();
    /// await_condition(deployments, "web", is_ready).await?;
    /// assert!(begun.elapsed() >= Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_start_delay(&self, delay: Duration) {
        self.faults.set_start_delay(delay);
    }

    /// The Pods of this Deployment, present and future, fail: they answer 503 and are not ready.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// await_condition(deployments.clone(), "web", is_ready).await?;
    /// runner.fail("web");
    /// assert!(await_condition(deployments, "web", is_down).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail(&self, deployment: &str) {
        self.faults.fail_deployment(deployment);
    }

    /// The Pods of this Deployment serve again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// runner.fail("web");
    /// await_condition(deployments.clone(), "web", is_down).await?;
    /// runner.recover("web");
    /// assert!(await_condition(deployments, "web", is_ready).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn recover(&self, deployment: &str) {
        self.faults.recover_deployment(deployment);
    }

    /// The image can no longer be pulled: Pods with it that have not been ready yet do not become so.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// runner.fail_image("web:1");
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert!(is_down(Some(&deployments.get("web").await?)), "the Pod is still not ready");
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail_image(&self, image: &str) {
        self.faults.fail_image(image);
    }

    /// The image can be pulled again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_deployment.txt")]
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let runner = WorkloadRunner::start_objects(client, "default", clock).await?;
    /// runner.fail_image("web:1");
    /// await_condition(deployments.clone(), "web", is_down).await?;
    /// runner.recover_image("web:1");
    /// assert!(await_condition(deployments, "web", is_ready).await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn recover_image(&self, image: &str) {
        self.faults.recover_image(image);
    }
}

impl Drop for WorkloadRunner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
