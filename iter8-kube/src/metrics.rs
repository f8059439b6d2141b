//! What the controller counts, for Prometheus.

mod queue;
mod requests;
mod routing;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub(crate) use queue::Queue;
pub(crate) use requests::metered;
pub(crate) use routing::Routing;

/// The counters of a controller, without a server: [`Metrics::encode`] is what a scrape gets.
///
/// Clones count together. Give one to [`Options::metrics`](crate::Options::metrics) to read it.
///
/// ```
/// let metrics = iter8_kube::Metrics::new();
/// assert!(metrics.encode().contains("iter8_reconciles_total 0"));
/// ```
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Counter,
    reconcile_errors: Counter,
    reconcile_duration: Histogram,
    queue_depth: Gauge,
    queue_duration: Histogram,
    ready_to_routed: Histogram,
    api_requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    events: Family<EventLabels, Counter>,
    leader: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    r#type: &'static str,
    reason: String,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counters that are all zero.
    ///
    /// ```
    /// assert!(iter8_kube::Metrics::new().encode().contains("iter8_reconcile_errors_total 0"));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("iter8");
        // From a millisecond to half a minute.
        let histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let (reconcile_duration, queue_duration, ready_to_routed) = (histogram(), histogram(), histogram());
        let (reconciles, reconcile_errors) = (Counter::default(), Counter::default());
        let (queue_depth, leader) = (Gauge::default(), Gauge::default());
        let (api_requests, events) = (Family::default(), Family::default());
        registry.register("reconciles", "Reconciliations that ended", reconciles.clone());
        registry.register("reconcile_errors", "Reconciliations that failed", reconcile_errors.clone());
        let time = "Time that a reconciliation took";
        registry.register_with_unit("reconcile_duration", time, Unit::Seconds, reconcile_duration.clone());
        registry.register("queue_depth", "Releases that wait to be reconciled", queue_depth.clone());
        let time = "Time that a Release waited to be reconciled";
        registry.register_with_unit("queue_duration", time, Unit::Seconds, queue_duration.clone());
        let time = "Time from the event that made a version ready until its route was written";
        registry.register_with_unit("ready_to_routed", time, Unit::Seconds, ready_to_routed.clone());
        registry.register(
            "api_requests",
            "Requests to the API server, by verb and code of the answer",
            api_requests.clone(),
        );
        registry.register("events_published", "Events published, by type and reason", events.clone());
        registry.register("leader", "Whether this replica writes: 1 if it does", leader.clone());
        Self {
            registry: Arc::new(registry),
            reconciles,
            reconcile_errors,
            reconcile_duration,
            queue_depth,
            queue_duration,
            ready_to_routed,
            api_requests,
            events,
            leader,
        }
    }

    /// All of them in the text format of `OpenMetrics`, which Prometheus reads.
    ///
    /// ```
    /// let text = iter8_kube::Metrics::new().encode();
    /// assert!(text.contains("# TYPE iter8_queue_depth gauge"));
    /// assert!(text.ends_with("# EOF\n"), "the end of a scrape");
    /// ```
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn reconciled(&self, took: Duration, failed: bool) {
        self.reconciles.inc();
        if failed {
            self.reconcile_errors.inc();
        }
        self.reconcile_duration.observe(took.as_secs_f64());
    }

    pub(crate) fn published(&self, kind: &'static str, reason: &str) {
        self.events.get_or_create(&EventLabels { r#type: kind, reason: reason.to_owned() }).inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    fn requested(&self, verb: &'static str, code: String) {
        self.api_requests.get_or_create(&RequestLabels { verb, code }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_follow_the_conventions_of_prometheus() {
        let metrics = Metrics::new();
        metrics.reconciled(Duration::from_millis(3), true);
        metrics.requested("apply", "200".to_owned());
        metrics.published("Normal", "VersionReady");
        metrics.leads(true);
        let text = metrics.encode();
        for line in [
            "# TYPE iter8_reconciles counter",
            "iter8_reconciles_total 1",
            "iter8_reconcile_errors_total 1",
            "iter8_reconcile_duration_seconds_count 1",
            "iter8_reconcile_duration_seconds_bucket{le=\"0.004\"} 1",
            "iter8_queue_depth 0",
            "iter8_queue_duration_seconds_count 0",
            "iter8_ready_to_routed_seconds_count 0",
            "iter8_api_requests_total{verb=\"apply\",code=\"200\"} 1",
            "iter8_events_published_total{type=\"Normal\",reason=\"VersionReady\"} 1",
            "iter8_leader 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
        }
    }
}
