//! When to try again after an error. Pure, apart from the counters.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_mins(1);

/// Exponential backoff with jitter, by release.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    failures: Mutex<HashMap<(String, String), u32>>,
    /// The uid of a Release that is gone, until the watch tells so.
    gone: Mutex<HashMap<(String, String), String>>,
    jitter: RandomState,
}

impl Retries {
    fn failures(&self) -> MutexGuard<'_, HashMap<(String, String), u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failure; how long to wait now.
    pub(crate) fn failed(&self, namespace: &str, name: &str) -> Duration {
        let key = (namespace.to_owned(), name.to_owned());
        let jitter = self.jitter.hash_one(&key);
        let mut failures = self.failures();
        let count = failures.entry(key).or_default();
        *count = count.saturating_add(1);
        delay(*count, jitter)
    }

    /// Notes a success.
    pub(crate) fn succeeded(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.failures().remove(&key);
        self.all_gone().remove(&key);
    }

    /// Notes that this Release is gone: there is nothing to try again.
    pub(crate) fn gone(&self, namespace: &str, name: &str, uid: String) {
        let key = (namespace.to_owned(), name.to_owned());
        self.failures().remove(&key);
        self.all_gone().insert(key, uid);
    }

    /// Whether this Release is known to be gone; another one of its name is not.
    pub(crate) fn is_gone(&self, namespace: &str, name: &str, uid: &str) -> bool {
        let gone = self.all_gone();
        gone.get(&(namespace.to_owned(), name.to_owned())).is_some_and(|gone| gone == uid)
    }

    fn all_gone(&self) -> MutexGuard<'_, HashMap<(String, String), String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The delay after this many failures in a row: doubled each time, of which up to a fifth is cut off.
fn delay(failures: u32, jitter: u64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let whole = doubled.min(LONGEST);
    let percent = u32::try_from(jitter.rotate_left(failures) % 21).unwrap_or(0);
    whole.saturating_sub(whole / 100 * percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_minute() {
        assert_eq!(delay(1, 0), FIRST);
        assert_eq!(delay(4, 0), FIRST * 8);
        assert_eq!(delay(40, 0), LONGEST);
    }

    #[test]
    fn jitter_takes_at_most_a_fifth() {
        for jitter in 0..1000 {
            assert!(delay(3, jitter) >= FIRST * 4 * 4 / 5 && delay(3, jitter) <= FIRST * 4);
        }
    }

    #[test]
    fn a_release_that_is_gone_is_told_from_another_one_of_its_name() {
        let retries = Retries::default();
        retries.gone("test", "web", "old".to_owned());
        assert!(retries.is_gone("test", "web", "old") && !retries.is_gone("test", "web", "new"));
        assert!(!retries.is_gone("test", "api", "old"));
        retries.succeeded("test", "web");
        assert!(!retries.is_gone("test", "web", "old"), "forgotten with the next one");
    }

    #[test]
    fn a_success_starts_over() {
        let retries = Retries::default();
        let first = retries.failed("test", "web");
        assert!(retries.failed("test", "web") > first);
        retries.succeeded("test", "web");
        assert_eq!(retries.failed("test", "web"), first);
    }
}
