//! What the controller knew when it made a decision: what lists and watches had told its process when it planned.

use std::collections::BTreeSet;

use iter8_testkit::apiserver::RecordedChange;
use iter8_testkit::fault::{Exchange, Fault, Faults, Injected, Told};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::noting::Plans;
use super::world::number_of;

/// What the processes of the controller asked, and what they were told.
pub(crate) struct Knowledge {
    processes: Vec<Known>,
    /// The same moment on Tokio's clock and on the API server's.
    begin: (Instant, Timestamp),
    /// How much the clocks of two processes differ at most.
    pub(crate) skew: std::time::Duration,
}

struct Known {
    exchanges: Vec<Exchange>,
    told: Vec<Told>,
    plans: Vec<Instant>,
    /// The writes before which it was stopped, by index.
    stopped: BTreeSet<usize>,
}

/// What a process knew at some moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    told: &'a [Told],
}

impl Knowledge {
    pub(crate) fn new(
        processes: &[(Faults, Plans)],
        begin: (Instant, Timestamp),
        skew: std::time::Duration,
    ) -> Self {
        let known = |(faults, plans): &(Faults, Plans)| Known {
            exchanges: faults.exchanges(),
            told: faults.told(),
            plans: plans.lock().unwrap().clone(),
            stopped: faults.injected().iter().filter_map(stopped).collect(),
        };
        Self { processes: processes.iter().map(known).collect(), begin, skew }
    }

    /// What was known when this change was planned; more than one view where its process was told something in the same
    /// moment. Empty if it was made by no process of the controller.
    pub(crate) fn behind(&self, change: &RecordedChange) -> Vec<View<'_>> {
        let found = self.exchange(change);
        found.map_or_else(Vec::new, |(known, at)| known.views(known.exchanges[at].sent))
    }

    /// Whether the process was stopped between its decision to make this change and the write.
    pub(crate) fn was_stopped_at(&self, change: &RecordedChange) -> bool {
        self.exchange(change).is_some_and(|(known, at)| known.stopped.contains(&at))
    }

    /// The exchange that has made this change, and its process.
    fn exchange(&self, change: &RecordedChange) -> Option<(&Known, usize)> {
        let known = self.processes.get(number_of(&change.user_agent)?)?;
        let is_behind = |exchange: &Exchange| {
            is_write(exchange)
                && exchange.request.contains(&format!("/{}", change.resource))
                && exchange.reached.is_some_and(|reached| self.time(reached) == change.time)
        };
        known.exchanges.iter().rposition(is_behind).map(|at| (known, at))
    }

    fn time(&self, at: Instant) -> Timestamp {
        let since = SignedDuration::try_from(at.duration_since(self.begin.0)).unwrap();
        self.begin.1.checked_add(since).unwrap()
    }
}

/// The index of the exchange before which a process was stopped.
fn stopped(injected: &Injected) -> Option<usize> {
    let index = usize::try_from(injected.number).ok()?.checked_sub(1)?;
    matches!(injected.fault, Fault::Paused(_)).then_some(index)
}

impl Known {
    /// What was known when the last plan until this time was made.
    fn views(&self, until: Instant) -> Vec<View<'_>> {
        let Some(planned) = self.plans.iter().rfind(|planned| **planned <= until) else { return Vec::new() };
        let before = self.told.iter().take_while(|told| told.at < *planned).count();
        let at_most = self.told.iter().take_while(|told| told.at <= *planned).count();
        (before..=at_most).map(|end| View { told: &self.told[..end] }).collect()
    }
}

fn is_write(exchange: &Exchange) -> bool {
    !exchange.request.starts_with("GET ") && !exchange.request.starts_with("WATCH ")
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
