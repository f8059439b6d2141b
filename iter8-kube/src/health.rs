//! Whether the controller can do its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The health of a controller, for a readiness probe.
///
/// Clones tell the same. Give one to [`Options::health`](crate::Options::health) to ask it.
///
/// ```
/// let health = iter8_kube::Health::new();
/// let probe = health.clone(); // what a readiness probe asks, while a controller has `health`
/// assert!(!probe.is_ready());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
}

impl Health {
    /// The health of a controller that has not started.
    ///
    /// ```
    /// assert!(!iter8_kube::Health::new().is_ready());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the caches are filled, so that the controller writes, or could take over at once from the one that does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{Health, Options, Scope};
    ///
    #[doc = include_str!("example_controller.txt")]
    /// let health = Health::new();
    /// let options = Options::new(Scope::Cluster).health(health.clone());
    /// tokio::spawn(iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown));
    /// assert!(!health.is_ready(), "the caches are empty yet");
    /// await_condition(deployments, "web-0", is_there).await?;
    /// assert!(health.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}
