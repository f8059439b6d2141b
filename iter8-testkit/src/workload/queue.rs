//! What to look at, and when: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

const FIRST_RETRY: Duration = Duration::from_millis(20);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// One object to reconcile, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Pod(String),
    Deployment(String),
    Service(String),
}

/// Keys with the time they are due at. A key is in it once, at its earliest time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    due: BTreeMap<Key, Instant>,
    order: BTreeSet<(Instant, Key)>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// Look at `key` at `time`, or earlier if that was asked for.
    pub(super) fn add(&mut self, key: Key, time: Instant) {
        if let Some(earlier) = self.due.get(&key).copied() {
            if earlier <= time {
                return;
            }
            self.order.remove(&(earlier, key.clone()));
        }
        self.order.insert((time, key.clone()));
        self.due.insert(key, time);
    }

    /// When the next key is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.order.first().map(|(time, _)| *time)
    }

    /// The first key that is due at `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Key> {
        if self.next_due()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.due.remove(&key);
        Some(key)
    }

    /// The work on `key` was done.
    pub(super) fn succeeded(&mut self, key: &Key) {
        self.failures.remove(key);
    }

    /// The work on `key` failed at `now`: again, later each time.
    pub(super) fn failed(&mut self, key: Key, now: Instant) {
        let failures = self.failures.entry(key.clone()).or_default();
        let delay = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(*failures)).min(LAST_RETRY);
        *failures = failures.saturating_add(1);
        self.add(key, now + delay);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::Pod(name.to_owned())
    }

    #[test]
    fn a_key_is_due_once_at_its_earliest_time() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let second = Duration::from_secs(1);
        queue.add(key("a"), start + second * 5);
        queue.add(key("b"), start + second * 2);
        queue.add(key("a"), start + second);
        queue.add(key("a"), start + second * 3);

        assert_eq!(queue.pop(start), None);
        assert_eq!(queue.next_due(), Some(start + second));
        assert_eq!(queue.pop(start + second * 9), Some(key("a")));
        assert_eq!(queue.pop(start + second * 9), Some(key("b")));
        assert_eq!(queue.pop(start + second * 9), None);
    }

    #[test]
    fn failures_wait_longer_each_time_up_to_a_limit_until_a_success() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..20 {
            queue.failed(key("a"), start);
            waits.push(queue.next_due().unwrap() - start);
            queue.pop(start + LAST_RETRY);
        }
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!((waits[0], waits[19]), (FIRST_RETRY, LAST_RETRY));

        queue.succeeded(&key("a"));
        queue.failed(key("a"), start);
        assert_eq!(queue.next_due(), Some(start + FIRST_RETRY));
    }
}
