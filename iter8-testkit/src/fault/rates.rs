//! How often what goes wrong.

use std::time::Duration;

use super::Fault;
use super::chance::Draw;

/// How often what goes wrong: of 1000 requests, or of 1000 events of a watch. All are 0 by default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::{Faults, Rates};
/// use kube::api::DeleteParams;
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::seeded(1, Rates { answer_lost: 1000, ..Rates::default() });
/// let unlucky: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// assert!(unlucky.delete("settings", &DeleteParams::default()).await.is_err());
/// assert!(config_maps.get_opt("settings").await?.is_none(), "it had effect all the same");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Updates and patches that are answered `409 Conflict`.
    pub conflict: u16,
    /// Lists and watches that are answered `410 Gone`.
    pub gone: u16,
    /// Requests that are answered `429 Too Many Requests`.
    pub too_many_requests: u16,
    /// Requests that are answered `500 Internal Server Error`.
    pub internal_error: u16,
    /// Requests that get no answer and have no effect.
    pub timed_out: u16,
    /// How long a client waits for an answer before it gives up.
    pub timeout: Duration,
    /// Requests that have effect but get no answer.
    pub answer_lost: u16,
    /// Requests that have effect and are answered late.
    pub slow: u16,
    /// How late at most.
    pub slowest: Duration,
    /// Events of a watch in whose midst its connection breaks.
    pub watch_cut: u16,
    /// Events of a watch before which it ends.
    pub watch_ended: u16,
    /// Events of a watch in whose place it is told that its resourceVersion is too old.
    pub watch_gone: u16,
    /// How late any event of a watch is at most.
    pub lag: Duration,
    /// Events of a watch that are much later, with all that follow: the client's cache is stale.
    pub watch_stalled: u16,
    /// How late they are at most.
    pub longest_stall: Duration,
    /// How long every request is on its way: no loop of requests then takes no time.
    pub latency: Duration,
    /// While events are late, only the last state of an object is delivered.
    pub skip_states: bool,
}

impl Rates {
    /// What becomes of a request.
    pub(super) fn request(
        &self,
        draw: &mut Draw,
        method: &http::Method,
        is_collection: bool,
    ) -> Option<Fault> {
        let is_change = matches!(*method, http::Method::PUT | http::Method::PATCH);
        let only_if = |applies: bool, rate: u16| if applies { rate } else { 0 };
        let slow = Fault::Slow(draw.up_to(self.slowest));
        choose(
            draw,
            &[
                (only_if(is_change, self.conflict), Fault::Conflict),
                (only_if(is_collection && *method == http::Method::GET, self.gone), Fault::Gone),
                (self.too_many_requests, Fault::TooManyRequests),
                (self.internal_error, Fault::InternalError),
                (self.timed_out, Fault::TimedOut),
                (self.answer_lost, Fault::AnswerLost),
                (self.slow, slow),
            ],
        )
    }

    /// What becomes of a watch at an event.
    pub(super) fn event(&self, draw: &mut Draw) -> Option<Fault> {
        let stall = Fault::WatchStalled(draw.up_to(self.longest_stall));
        choose(
            draw,
            &[
                (self.watch_cut, Fault::WatchCut),
                (self.watch_ended, Fault::WatchEnded),
                (self.watch_gone, Fault::WatchGone),
                (self.watch_stalled, stall),
            ],
        )
    }
}

fn choose(draw: &mut Draw, faults: &[(u16, Fault)]) -> Option<Fault> {
    let mut number = draw.below(1000);
    for (rate, fault) in faults {
        match number.checked_sub(u64::from(*rate)) {
            Some(rest) => number = rest,
            None => return Some(*fault),
        }
    }
    None
}
