//! What goes wrong between a client and an API server, seeded and reproducible.
//!
//! [`Faults`] is a [`tower::Layer`]. In front of the in-memory [`ApiServer`], or in the
//! stack of a client of a real one, it refuses requests, loses answers, cuts watches, delays their events, and
//! ends the client at a request of your choice, before or after that request has taken effect, or stops it for a while.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> kube::Result<()> {
//! use iter8_testkit::apiserver::ApiServer;
//! use iter8_testkit::fault::{Faults, Rates};
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kube::api::{Api, ListParams};
//!
//! let server = ApiServer::new();
//! let faults = Faults::seeded(7, Rates { internal_error: 500, ..Rates::default() });
//! let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "my-controller"));
//! let mut refused = 0;
//! for _ in 0..100 {
//!     refused += u32::from(config_maps.list(&ListParams::default()).await.is_err());
//! }
//! assert!(refused > 20 && refused < 80);
//! assert_eq!(faults.injected().len(), usize::try_from(refused).unwrap_or(0));
//! faults.stop();
//! assert!(config_maps.list(&ListParams::default()).await.is_ok());
//! # Ok(())
//! # }
//! ```
//!
//! # How it decides
//! By the seed, and by which request this is: its method, its path, and how many such requests there were before.
//! So the same client with the same seed meets the same faults, and a client that sends one request more or less to
//! some object still meets the same faults at all others. [`Faults::injected`] says what was done.
//!
//! [`Faults::exchanges`] and [`Faults::told`] say what the client asked and what it could know, and when: by them a test
//! can judge a decision by what was known when it was made.
//!
//! # What stays true
//! What a real API server promises is kept: events of one watch arrive in order, no list is stale, and nothing is lost
//! but by an end of the watch, or where a later state of the same object follows ([`Rates::skip_states`]). Watches of
//! different kinds are late by different times, so that their events arrive in any order.
//!
//! # What it does not do
//! It does not change the content of an answer, and it does not let a request take effect twice. A restart of the server and a
//! compaction are the server's: [`ApiServer::restart`](crate::apiserver::ApiServer::restart) and
//! [`ApiServer::compact`](crate::apiserver::ApiServer::compact). For clocks that are wrong see
//! [`Clock::skewed`](crate::clock::Clock::skewed).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::{Instant, sleep_until};

use crate::apiserver::ApiServer;

mod chance;
mod events;
mod injected;
mod log;
mod rates;
mod refusal;
mod service;

use chance::Chance;
pub use injected::{Fault, Injected, Moment};
pub use log::{Exchange, Told};
pub use rates::Rates;
pub use refusal::RETRY_AFTER;
use refusal::Refusal;
pub use service::Faulty;

/// What goes wrong for one client: a layer, and the knobs of it. Clones are the same.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::Faults;
///
#[doc = include_str!("example_config_map.txt")]
/// let faults = Faults::none();
/// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.clone().client(&server, "shop"));
/// config_maps.get("settings").await?;
/// assert_eq!(faults.requests(), 1, "it is the clone that the client meets");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    chance: Chance,
    rates: Rates,
    state: Mutex<State>,
    killed: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<String, u64>,
    stopped: bool,
    writes: u64,
    kill: Option<(u64, Moment)>,
    pause: Option<(u64, Duration)>,
    paused_until: Option<Instant>,
    unreachable_until: Option<Instant>,
    injected: Vec<Injected>,
    exchanges: Vec<Exchange>,
    told: Vec<Told>,
}

impl Faults {
    /// Faults at these rates.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Faults, Rates};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let mut runs = Vec::new();
    /// for _ in 0..2 {
    ///     let faults = Faults::seeded(7, Rates { internal_error: 300, ..Rates::default() });
    ///     let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    ///     for _ in 0..20 {
    ///         let _ = config_maps.get("settings").await;
    ///     }
    ///     runs.push(faults.injected());
    /// }
    /// assert!(!runs[0].is_empty());
    /// assert_eq!(runs[0], runs[1]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn seeded(seed: u64, rates: Rates) -> Self {
        let (killed, _) = tokio::sync::watch::channel(false);
        let shared = Shared { chance: Chance::seeded(seed), rates, state: Mutex::default(), killed };
        Self { shared: Arc::new(shared) }
    }

    /// No fault, until [`Faults::kill_at`] asks for one: counts requests.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::Faults;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none();
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// config_maps.get("settings").await?;
    /// assert_eq!((faults.requests(), faults.injected().len()), (1, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::seeded(0, Rates::default())
    }

    /// Ends the client at its request of this number, counted from 1 with all lists and watches: neither this request nor
    /// a later one is ever answered. [`Faults::killed`] resolves then, and it is for you to end the client's tasks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Faults, Moment};
    /// use kube::api::DeleteParams;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none().kill_at(2, Moment::Before);
    /// let doomed: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// let work = async {
    ///     doomed.get("settings").await?;
    ///     doomed.delete("settings", &DeleteParams::default()).await
    /// };
    /// tokio::select! {
    ///     answer = work => panic!("{answer:?}"),
    ///     () = faults.killed() => {}
    /// }
    /// assert!(config_maps.get_opt("settings").await?.is_some(), "the second request has not left");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kill_at(self, number: u64, moment: Moment) -> Self {
        self.shared.lock().kill = Some((number, moment));
        self
    }

    /// Stops the client for so long when its write of this number is about to leave: any request but a `GET`, counted from
    /// 1. Meanwhile nothing that it sends arrives, and nothing arrives at it. The write leaves when it goes on, even
    /// if the client has given it up by then: a process that is stopped between its decision and the write does not look
    /// at the clock again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> kube::Result<()> {
    /// # use std::time::Duration;
    /// use iter8_testkit::fault::Faults;
    /// use kube::api::DeleteParams;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none().pause_at_write(1, Duration::from_secs(60));
    /// let paused: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// let params = DeleteParams::default();
    /// let patience = Duration::from_secs(15);
    /// assert!(tokio::time::timeout(patience, paused.delete("settings", &params)).await.is_err());
    /// assert!(config_maps.get_opt("settings").await?.is_some());
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert!(config_maps.get_opt("settings").await?.is_none(), "it was given up, and has effect all the same");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pause_at_write(self, number: u64, duration: Duration) -> Self {
        self.shared.lock().pause = Some((number, duration));
        self
    }

    /// A client of the in-memory API server that meets these faults. Has to be called in a Tokio runtime.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Faults, Rates};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::seeded(1, Rates { too_many_requests: 1000, ..Rates::default() });
    /// let refused: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// assert!(refused.get("settings").await.is_err());
    /// assert!(config_maps.get("settings").await.is_ok(), "other clients do not meet these faults");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self, server: &ApiServer, user_agent: &str) -> Client {
        let layered = tower::Layer::layer(self, server.service(user_agent));
        Client::new(layered, "default")
    }

    /// The client reaches nobody for so long, or until [`Faults::stop`]: no connection is made, and no answer arrives. Its
    /// watches go on; [`ApiServer::restart`] ends them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use std::time::Duration;
    /// use iter8_testkit::fault::Faults;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none();
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// faults.disconnect(Duration::from_secs(60));
    /// assert!(config_maps.get("settings").await.is_err());
    /// faults.stop();
    /// assert!(config_maps.get("settings").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn disconnect(&self, duration: Duration) {
        self.shared.lock().unreachable_until = Some(Instant::now() + duration);
    }

    /// From now on nothing goes wrong any more; what is late already still comes late.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Faults, Rates};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// assert!(config_maps.get("settings").await.is_err());
    /// faults.stop();
    /// assert!(config_maps.get("settings").await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&self) {
        self.shared.lock().stopped = true;
    }

    /// Resolves when the client has been ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Faults, Moment};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none().kill_at(1, Moment::Before);
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// let client = tokio::spawn(async move { config_maps.get("settings").await });
    /// faults.killed().await;
    /// assert!(!client.is_finished(), "no request is answered any more");
    /// client.abort();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn killed(&self) {
        // The sender lives as long as `self`.
        let _ = self.shared.killed.subscribe().wait_for(|killed| *killed).await;
    }

    /// How many requests the client has sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::Faults;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none();
    /// let shop: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// shop.get("settings").await?;
    /// config_maps.get("settings").await?;
    /// assert_eq!(faults.requests(), 1, "the other one is another client's");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> u64 {
        u64::try_from(self.shared.lock().exchanges.len()).unwrap_or(u64::MAX)
    }

    /// The client's requests so far, in order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::Faults;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none();
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// for name in ["settings", "others"] {
    ///     config_maps.get_opt(name).await?;
    /// }
    /// let codes: Vec<_> = faults.exchanges().iter().filter_map(|exchange| exchange.status).collect();
    /// assert_eq!(codes, [200, 404]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.lock().exchanges.clone()
    }

    /// What lists and watches have told the client so far, in order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::Faults;
    /// use kube::api::ListParams;
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::none();
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// config_maps.get("settings").await?;
    /// assert!(faults.told().is_empty(), "a get tells of no collection");
    /// config_maps.list(&ListParams::default()).await?;
    /// assert_eq!(faults.told().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.shared.lock().told.clone()
    }

    /// What was done so far.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> kube::Result<()> {
    /// use iter8_testkit::fault::{Fault, Faults, Rates};
    ///
    #[doc = include_str!("example_config_map.txt")]
    /// let faults = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
    /// assert!(config_maps.get("settings").await.is_err());
    /// let injected = faults.injected();
    /// assert_eq!((injected.len(), injected[0].number, injected[0].fault), (1, 1, Fault::InternalError));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn injected(&self) -> Vec<Injected> {
        self.shared.lock().injected.clone()
    }
}

impl<S> tower::Layer<S> for Faults {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty::new(inner, self.shared.clone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, number: u64, request: &str, fault: Fault) {
        self.lock().injected.push(Injected { number, request: request.to_owned(), fault });
    }

    /// A number below 1000 that says what becomes of an event of the stream of this name; none if nothing shall.
    fn draw(&self, name: &str) -> Option<chance::Draw> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        let seen = state.seen.entry(name.to_owned()).or_default();
        *seen += 1;
        Some(self.chance.draw(name, *seen))
    }

    fn is_unreachable(&self) -> bool {
        let state = self.lock();
        !state.stopped && state.unreachable_until.is_some_and(|until| Instant::now() < until)
    }

    fn is_dead(&self) -> bool {
        *self.killed.borrow()
    }

    /// Until when the client is stopped, if it is.
    fn paused_until(&self) -> Option<Instant> {
        self.lock().paused_until.filter(|until| Instant::now() < *until)
    }

    /// Resolves while the client is not stopped.
    async fn awake(&self) {
        while let Some(until) = self.paused_until() {
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests;
