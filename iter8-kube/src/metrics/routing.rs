//! How long it takes from a version's readiness to its route.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Metrics;

/// The Releases of which a version has become ready and whose route has not been written since.
#[derive(Debug)]
pub(crate) struct Routing {
    metrics: Metrics,
    pending: Mutex<HashMap<(String, String), Instant>>,
}

impl Routing {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, pending: Mutex::default() }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A version has become ready by what was seen at this time.
    pub(crate) fn became_ready(&self, namespace: &str, name: &str, seen: Instant) {
        self.pending().entry((namespace.to_owned(), name.to_owned())).or_insert(seen);
    }

    /// A route has been written.
    pub(crate) fn routed(&self, namespace: &str, name: &str) {
        if let Some(seen) = self.take(namespace, name) {
            self.metrics.ready_to_routed.observe(seen.elapsed().as_secs_f64());
        }
    }

    /// The route is as planned: there is nothing to wait for.
    pub(crate) fn settled(&self, namespace: &str, name: &str) {
        self.take(namespace, name);
    }

    fn take(&self, namespace: &str, name: &str) -> Option<Instant> {
        self.pending().remove(&(namespace.to_owned(), name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_ends_with_the_write_of_the_route() {
        let routing = Routing::new(Metrics::new());
        let seen = Instant::now();
        routing.became_ready("test", "web", seen);
        tokio::time::advance(Duration::from_secs(2)).await;
        routing.became_ready("test", "web", Instant::now());
        routing.routed("test", "web");
        routing.routed("test", "web");
        routing.became_ready("test", "web", seen);
        routing.settled("test", "web");
        routing.routed("test", "web");
        let text = routing.metrics.encode();
        assert!(text.contains("iter8_ready_to_routed_seconds_sum 2.0\n"), "{text}");
        assert!(text.contains("iter8_ready_to_routed_seconds_count 1\n"), "{text}");
    }
}
