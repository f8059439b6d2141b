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
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the caches are filled, so that the controller writes, or could take over at once from the one that does.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}
