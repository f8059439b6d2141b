//! Which Releases wait to be reconciled, and since when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::runtime::reflector::{ObjectRef, Store};
use tokio::time::Instant;

use super::Metrics;
use crate::resource::Release;

/// A view of the controller's queue, which itself cannot be looked into.
#[derive(Debug)]
pub(crate) struct Queue {
    metrics: Metrics,
    releases: Store<Release>,
    waiting: Mutex<HashMap<(String, String), Instant>>,
}

impl Queue {
    /// The queue of these Releases.
    pub(crate) fn new(metrics: Metrics, releases: Store<Release>) -> Self {
        Self { metrics, releases, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<(String, String), Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event puts a Release into the queue; one that is there stays where it is, and one that is gone leaves it.
    pub(crate) fn added(&self, release: &ObjectRef<Release>) {
        let key = (release.namespace.clone().unwrap_or_default(), release.name.clone());
        let mut waiting = self.waiting();
        if self.releases.get(release).is_some() {
            waiting.entry(key).or_insert_with(Instant::now);
        } else {
            waiting.remove(&key);
        }
        self.count(waiting.len());
    }

    /// Every Release is put into the queue.
    pub(crate) fn added_all(&self) {
        for release in self.releases.state() {
            self.added(&ObjectRef::from_obj(&*release));
        }
    }

    /// A Release leaves the queue; since when it was there, if an event has put it there.
    pub(crate) fn taken(&self, namespace: &str, name: &str) -> Option<Instant> {
        let mut waiting = self.waiting();
        let since = waiting.remove(&(namespace.to_owned(), name.to_owned()));
        self.count(waiting.len());
        if let Some(since) = since {
            self.metrics.queue_duration.observe(since.elapsed().as_secs_f64());
        }
        since
    }

    fn count(&self, waiting: usize) {
        self.metrics.queue_depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;

    use super::*;
    use crate::resource::ReleaseSpec;

    #[tokio::test(start_paused = true)]
    async fn a_release_waits_from_its_first_event_on() {
        let (store, mut writer) = reflector::store();
        let queue = Queue::new(Metrics::new(), store);
        let mut web = Release::new("web", ReleaseSpec::default());
        web.metadata.namespace = Some("test".to_owned());
        let release = ObjectRef::from_obj(&web);
        queue.added(&release);
        assert_eq!(queue.taken("test", "web"), None, "there is no such Release");

        writer.apply_watcher_event(&Event::Apply(web.clone()));
        let first = Instant::now();
        queue.added(&release);
        tokio::time::advance(Duration::from_secs(1)).await;
        queue.added(&release);
        assert!(queue.metrics.encode().contains("iter8_queue_depth 1\n"));
        assert_eq!(queue.taken("test", "web"), Some(first));
        assert_eq!(queue.taken("test", "web"), None, "looked at again without an event");
        let text = queue.metrics.encode();
        assert!(text.contains("iter8_queue_depth 0\n"), "{text}");
        assert!(text.contains("iter8_queue_duration_seconds_sum 1.0\n"), "{text}");

        queue.added_all();
        assert!(queue.metrics.encode().contains("iter8_queue_depth 1\n"));
        writer.apply_watcher_event(&Event::Delete(web));
        queue.added(&release);
        assert!(
            queue.metrics.encode().contains("iter8_queue_depth 0\n"),
            "a Release that is gone waits for nothing"
        );
    }
}
