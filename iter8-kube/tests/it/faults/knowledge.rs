//! What the controller knew when it made a decision.
//!
//! A plan is made between two requests of a process, in no time: just before the first of the requests that carry it
//! out. What lists and watches had told the process until then is all that it could know.

use iter8_testkit::fault::{Exchange, Faults, Told};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What the processes of the controller asked, and what they were told.
pub(crate) struct Knowledge {
    processes: Vec<(Vec<Exchange>, Vec<Told>)>,
    /// The same moment on Tokio's clock and on the API server's.
    begin: (Instant, Timestamp),
    /// How much the clocks of two processes differ at most.
    pub(crate) skew: std::time::Duration,
}

/// What a process knew at some moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    told: &'a [Told],
}

impl Knowledge {
    pub(crate) fn new(faults: &[Faults], begin: (Instant, Timestamp), skew: std::time::Duration) -> Self {
        let processes = faults.iter().map(|faults| (faults.exchanges(), faults.told())).collect();
        Self { processes, begin, skew }
    }

    /// What was known when the write to an object of this resource was planned that took effect at this time; more
    /// than one view where it was told something in the same moment. Empty if no process of the controller wrote then.
    pub(crate) fn behind(&self, resource: &str, effect: Timestamp) -> Vec<View<'_>> {
        let writes = |process: &'_ (Vec<Exchange>, Vec<Told>)| {
            let of_resource = |(_, exchange): &(usize, &Exchange)| {
                is_write(exchange) && exchange.request.contains(resource)
            };
            let sent_before = |(_, exchange): &(usize, &Exchange)| {
                let way = effect.duration_since(self.time(exchange.sent));
                // The latency is rounded up to the next tick of the clock.
                way >= SignedDuration::from_millis(1) && way <= SignedDuration::from_millis(3)
            };
            process.0.iter().enumerate().filter(of_resource).filter(sent_before).map(|(at, _)| at).next_back()
        };
        let found = self.processes.iter().find_map(|process| writes(process).map(|at| (process, at)));
        found.map_or_else(Vec::new, |((exchanges, told), at)| views(told, planned(exchanges, at)))
    }

    fn time(&self, at: Instant) -> Timestamp {
        let since = SignedDuration::try_from(at.duration_since(self.begin.0)).unwrap();
        self.begin.1.checked_add(since).unwrap()
    }
}

fn views(told: &[Told], planned: Instant) -> Vec<View<'_>> {
    let before = told.iter().take_while(|told| told.at < planned).count();
    let at_most = told.iter().take_while(|told| told.at <= planned).count();
    (before..=at_most).map(|end| View { told: &told[..end] }).collect()
}

/// When it was planned to send this request: before the first of those that follow each other without a pause and
/// belong to one reconciliation.
fn planned(exchanges: &[Exchange], at: usize) -> Instant {
    let mut first = &exchanges[at];
    for earlier in exchanges[..at].iter().rev().filter(|exchange| !is_of_a_watch(exchange)) {
        if earlier.answered != Some(first.sent) || ends_a_reconciliation(earlier) {
            break;
        }
        first = earlier;
    }
    first.sent
}

fn is_write(exchange: &Exchange) -> bool {
    !exchange.request.starts_with("GET ") && !exchange.request.starts_with("WATCH ")
}

/// Watches and their lists go on beside the reconciliations.
fn is_of_a_watch(exchange: &Exchange) -> bool {
    let collections = ["deployments", "services", "httproutes", "grpcroutes", "endpointslices", "releases"];
    exchange.request.starts_with("WATCH ")
        || exchange.request.starts_with("GET ")
            && collections.iter().any(|name| exchange.request.ends_with(name))
}

fn ends_a_reconciliation(exchange: &Exchange) -> bool {
    exchange.request.ends_with("/status")
        || exchange.request.contains("/events")
        || exchange
            .status
            .is_none_or(|status| status.is_server_error() || matches!(status.as_u16(), 410 | 429))
}

impl View<'_> {
    /// The resourceVersion at which an object was known; none if nothing was.
    pub(crate) fn of(&self, resource: &str, name: &str) -> Option<u64> {
        let is_about = |told: &&Told| {
            told.path.ends_with(resource) && told.object.as_ref().is_none_or(|(_, object)| object == name)
        };
        self.told.iter().rev().find(is_about).map(|told| told.version)
    }
}
