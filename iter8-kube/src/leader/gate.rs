//! Nothing is written unless this replica leads.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use kube::api::DynamicObject;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::applier::{Applier, Created, Target};
use crate::error::Error;
use crate::resource::ReleaseStatus;

/// What every write passes through.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Until when it is open; without an election always.
    open_until: Option<watch::Receiver<Option<Instant>>>,
    closed: Arc<AtomicBool>,
}

impl Gate {
    /// A gate for a controller without an election.
    pub(crate) fn open() -> Self {
        Self { open_until: None, closed: Arc::default() }
    }

    /// A gate that is open as long as the replica leads.
    pub(super) fn open_until(until: watch::Receiver<Option<Instant>>) -> Self {
        Self { open_until: Some(until), closed: Arc::default() }
    }

    /// Closes it for good: what is under way ends, and nothing is begun any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_open(&self) -> bool {
        let is_open = match &self.open_until {
            None => true,
            Some(until) => until.borrow().is_some_and(|until| Instant::now() < until),
        };
        is_open && !self.closed.load(Ordering::Relaxed)
    }

    /// Does a write if the gate is open, and gives it up when the replica's term ends before it does.
    ///
    /// # Errors
    /// The write's own, or [`Error::NotLeading`].
    pub(crate) async fn pass<T>(&self, write: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        if !self.is_open() {
            return Err(Error::NotLeading);
        }
        let Some(open_until) = &self.open_until else { return write.await };
        let mut write = pin!(write);
        loop {
            // The term may have been renewed meanwhile.
            let until = *open_until.borrow();
            let Some(until) = until.filter(|until| Instant::now() < *until) else {
                return Err(Error::NotLeading);
            };
            if let Ok(written) = timeout_at(until, &mut write).await {
                return written;
            }
        }
    }
}

/// An applier behind the gate.
pub(crate) struct GatedApplier {
    pub(crate) applier: Arc<dyn Applier>,
    pub(crate) gate: Gate,
}

impl fmt::Debug for GatedApplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedApplier").field("gate", &self.gate).finish_non_exhaustive()
    }
}

#[async_trait]
impl Applier for GatedApplier {
    async fn create(&self, target: &Target, object: &DynamicObject) -> Result<Created, Error> {
        self.gate.pass(self.applier.create(target, object)).await
    }

    async fn apply(
        &self,
        target: &Target,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> Result<DynamicObject, Error> {
        self.gate.pass(self.applier.apply(target, object, live)).await
    }

    async fn annotate(
        &self,
        target: &Target,
        live: &DynamicObject,
        key: &str,
        value: Option<&str>,
    ) -> Result<DynamicObject, Error> {
        self.gate.pass(self.applier.annotate(target, live, key, value)).await
    }

    async fn delete(&self, target: &Target, live: &DynamicObject) -> Result<(), Error> {
        self.gate.pass(self.applier.delete(target, live)).await
    }

    async fn is_current(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        generation: Option<i64>,
    ) -> Result<bool, Error> {
        self.applier.is_current(namespace, name, uid, generation).await
    }

    async fn report(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        status: &ReleaseStatus,
    ) -> Result<Option<String>, Error> {
        self.gate.pass(self.applier.report(namespace, name, uid, status)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A write that takes this long.
    async fn write(duration: Duration) -> Result<(), Error> {
        tokio::time::sleep(duration).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_cut_off_when_the_term_ends_and_not_when_it_is_renewed() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let (term, until) = watch::channel(Some(begin + second * 10));
        let gate = Gate::open_until(until);
        let renewal = async {
            tokio::time::sleep(second * 5).await;
            term.send_replace(Some(begin + second * 15));
        };
        let (written, ()) = tokio::join!(gate.pass(write(second * 12)), renewal);
        written.unwrap();
        assert!(matches!(gate.pass(write(second * 12)).await, Err(Error::NotLeading)));
        assert_eq!(Instant::now(), begin + second * 15);
        assert!(!gate.is_open(), "the term is over");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_at_a_closed_gate() {
        let gate = Gate::open();
        gate.pass(write(Duration::ZERO)).await.unwrap();
        gate.close();
        let begun = AtomicBool::new(false);
        let write = async {
            begun.store(true, Ordering::Relaxed);
            Ok(())
        };
        assert!(matches!(gate.pass(write).await, Err(Error::NotLeading)));
        assert!(!begun.into_inner());
    }
}
