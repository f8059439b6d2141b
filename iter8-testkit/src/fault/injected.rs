//! What was done to a client.

use std::fmt;
use std::time::Duration;

/// One thing that was done to a client.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::{Faults, Rates};
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
/// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// assert!(config_maps.get("settings").await.is_err());
/// let injected = &faults.injected()[0];
/// assert_eq!(injected.to_string(), "#1 GET /api/v1/namespaces/default/configmaps/settings: InternalError");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injected {
    /// The number of the client's request, from 1.
    pub number: u64,
    /// Method and path.
    pub request: String,
    /// What was done.
    pub fault: Fault,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}: {:?}", self.number, self.request, self.fault)
    }
}

/// Something that goes wrong.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::{Fault, Faults, Rates};
/// use kube::api::ListParams;
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::seeded(1, Rates { gone: 1000, ..Rates::default() });
/// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// assert!(config_maps.list(&ListParams::default()).await.is_err());
/// assert_eq!(faults.injected()[0].fault, Fault::Gone);
/// assert!(config_maps.get("settings").await.is_ok(), "only lists and watches are told so");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `409 Conflict`, to an update or a patch.
    Conflict,
    /// `410 Gone`, to a list or a watch.
    Gone,
    /// `429 Too Many Requests`, with `Retry-After: 1`.
    TooManyRequests,
    /// `500 Internal Server Error`.
    InternalError,
    /// No answer, and nothing done.
    TimedOut,
    /// Done, but the connection broke before the answer.
    AnswerLost,
    /// Done, and answered late.
    Slow(Duration),
    /// A watch whose connection broke, in the middle of an event.
    WatchCut,
    /// A watch that ended.
    WatchEnded,
    /// A watch that was told that its resourceVersion is too old.
    WatchGone,
    /// All events of a watch come late, from this one on.
    WatchStalled(Duration),
    /// The server could not be reached, or its answer could not reach the client.
    Unreachable,
    /// The client was ended.
    Killed(Moment),
    /// The client was stopped for so long.
    Paused(Duration),
}

/// When a client ends, see [`Faults::kill_at`](super::Faults::kill_at).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::{Faults, Moment};
/// use kube::api::DeleteParams;
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::none().kill_at(1, Moment::After);
/// let doomed: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// let params = DeleteParams::default();
/// tokio::select! {
///     answer = doomed.delete("settings", &params) => panic!("{answer:?}"),
///     () = faults.killed() => {}
/// }
/// assert!(config_maps.get_opt("settings").await?.is_none(), "it was deleted, and the client never learned of it");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the request has left.
    Before,
    /// After the request has taken effect, before its answer.
    After,
}
