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
        self.failures().remove(&(namespace.to_owned(), name.to_owned()));
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
    fn a_success_starts_over() {
        let retries = Retries::default();
        let first = retries.failed("test", "web");
        assert!(retries.failed("test", "web") > first);
        retries.succeeded("test", "web");
        assert_eq!(retries.failed("test", "web"), first);
    }
}
