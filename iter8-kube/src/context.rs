//! What a reconciliation has at hand.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iter8_core::{Digest, Obstacle, Repairs, Timestamp};
use kube::Client;

use crate::applied::Applied;
use crate::applier::{Applier, ServerSideApplier, Target};
use crate::cache::Cache;
use crate::leader::{Gate, GatedApplier};
use crate::metrics::{Metrics, Queue, Routing};
use crate::options::Options;
use crate::pace::Pace;
use crate::recorder::Recorder;
use crate::reported::Reported;
use crate::retry::Retries;
use crate::task::Computer;

/// The time, as the controller sees it.
///
/// ```
/// use std::sync::Arc;
///
/// use iter8_core::Timestamp;
/// use iter8_kube::{Clock, Options, Scope};
///
/// let stopped: Clock = Arc::new(|| Timestamp::from_millis(0));
/// let options = Options::new(Scope::Cluster).clock(stopped);
/// assert_eq!((options.clock)(), Timestamp::default());
/// ```
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
///
/// ```
/// let clock = iter8_kube::system_clock();
/// assert!(clock() > iter8_core::Timestamp::default());
/// ```
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    })
}

/// No field of an object, but the object: it was deleted, and is made again.
const ITSELF: &str = "";

/// The repairs of an object, and who has made them necessary last.
#[derive(Debug, Default)]
struct Repaired {
    repairs: Repairs,
    manager: Option<String>,
}

/// What a reconciliation has at hand besides the Release.
pub(crate) struct Context<B> {
    pub(crate) backend: Arc<B>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) applier: Arc<dyn Applier>,
    pub(crate) recorder: Recorder,
    pub(crate) reported: Reported,
    pub(crate) gate: Gate,
    pub(crate) pace: Pace,
    pub(crate) metrics: Metrics,
    pub(crate) queue: Arc<Queue>,
    pub(crate) routing: Routing,
    pub(crate) clock: Clock,
    pub(crate) retries: Retries,
    /// Reads large documents, one after the other.
    pub(crate) reader: Computer,
    /// What the API server made of what we applied, where it wrote it in a form of its own.
    normalised: Mutex<HashMap<String, Digest>>,
    /// What has been applied of late.
    applied: Mutex<Applied>,
    /// What has been repaired of late.
    repairs: Mutex<HashMap<String, Repaired>>,
}

impl<B> fmt::Debug for Context<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

impl<B> Context<B> {
    pub(crate) fn new(
        client: Client,
        backend: Arc<B>,
        cache: Arc<Cache>,
        queue: Arc<Queue>,
        gate: Gate,
        pace: Pace,
        options: Options,
    ) -> Self {
        let default = || -> Arc<dyn Applier> { Arc::new(ServerSideApplier::new(client.clone())) };
        Self {
            backend,
            cache,
            applier: Arc::new(GatedApplier {
                applier: options.applier.unwrap_or_else(default),
                gate: gate.clone(),
            }),
            gate,
            pace,
            routing: Routing::new(options.metrics.clone()),
            metrics: options.metrics,
            queue,
            recorder: Recorder::new(client, options.identity),
            reported: Reported::default(),
            clock: options.clock,
            retries: Retries::default(),
            reader: Computer::default(),
            normalised: Mutex::default(),
            applied: Mutex::default(),
            repairs: Mutex::default(),
        }
    }

    fn normalised(&self) -> MutexGuard<'_, HashMap<String, Digest>> {
        self.normalised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the form that the API server gave to an object.
    pub(crate) fn remember(&self, target: &Target, form: Digest) {
        self.normalised().insert(target.to_string(), form);
    }

    /// Whether the object still has the form that the API server gave it.
    pub(crate) fn is_remembered(&self, target: &Target, form: &Digest) -> bool {
        self.normalised().get(&target.to_string()) == Some(form)
    }

    pub(crate) fn forget(&self, target: &Target) {
        self.normalised().remove(&target.to_string());
        self.repairs().remove(&target.to_string());
    }

    /// Forgets what is known of Releases that a new list does not have.
    pub(crate) fn listed(&self, is_there: impl Fn(&str, &str) -> bool) {
        self.reported.listed(&is_there);
        self.retries.listed(&is_there);
    }

    /// Forgets what is known of a Release that is gone, and of its objects.
    pub(crate) fn forget_release(&self, namespace: &str, name: &str) {
        self.retries.forget(namespace, name);
        self.reported.forget(namespace, name);
        self.routing.settled(namespace, name);
        for owned in self.cache.objects_of(namespace, name) {
            let (kind, name) = (owned.kind, owned.object.metadata.name.unwrap_or_default());
            self.forget(&Target { kind, namespace: namespace.to_owned(), name });
        }
    }

    fn repairs(&self) -> MutexGuard<'_, HashMap<String, Repaired>> {
        self.repairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an object has been created or applied in this form.
    pub(crate) fn applied(&self, target: &Target, form: &str, now: Timestamp) {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        applied.note(&target.to_string(), form, now);
    }

    /// Whether an object was applied in this form last, and of late.
    pub(crate) fn has_applied(&self, target: &Target, form: &str, now: Timestamp) -> bool {
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        applied.is_last(&target.to_string(), form, now)
    }

    /// Notes that an object is deleted because it is not wanted: made again it is no repair.
    pub(crate) fn unwanted(&self, target: &Target) {
        self.forget(target);
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        applied.forget(&target.to_string());
    }

    /// Whether an object that was there, and that somebody else has deleted, is to be made again now.
    pub(crate) fn may_make_again(&self, target: &Target, now: Timestamp) -> bool {
        let known = self.repairs().get(&target.to_string()).map(|repaired| repaired.repairs.clone());
        known.is_none_or(|mut repairs| repairs.may_repair(ITSELF, now))
    }

    /// Notes that an object which somebody else had deleted has been made again.
    pub(crate) fn made_again(&self, target: &Target, now: Timestamp) {
        self.may_repair(target, ITSELF, None, now);
    }

    /// Whether this field of an object, which this manager has changed, is to be repaired now.
    pub(crate) fn may_repair(
        &self,
        target: &Target,
        field: &str,
        manager: Option<String>,
        now: Timestamp,
    ) -> bool {
        let mut repairs = self.repairs();
        // Objects that are gone are repaired no more: now and then what is over is thrown away.
        if repairs.len().is_power_of_two() {
            repairs.retain(|_, repaired| !repaired.repairs.is_over(now));
        }
        let repaired = repairs.entry(target.to_string()).or_default();
        repaired.manager = manager.or_else(|| repaired.manager.take());
        repaired.repairs.may_repair(field, now)
    }

    /// The fight over an object that is there, or is away.
    pub(crate) fn fight(&self, target: &Target, is_away: bool, now: Timestamp) -> Option<Obstacle> {
        let mut repairs = self.repairs();
        let object = target.to_string();
        if repairs.get(&object)?.repairs.is_over(now) {
            repairs.remove(&object);
            return None;
        }
        let repaired = repairs.get(&object)?;
        let field = repaired.repairs.fought_over(now).next()?.to_owned();
        if field == ITSELF {
            return Some(Obstacle::DeletionFight { object, is_away });
        }
        Some(Obstacle::FieldFight { object, field, manager: repaired.manager.clone() })
    }
}
