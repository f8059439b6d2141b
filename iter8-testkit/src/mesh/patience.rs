//! Waits between attempts.

use std::time::Duration;

use kube::runtime::utils::Backoff;

/// Waits that grow from 25 to 800 milliseconds: short, because everything is on one machine.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = Duration::from_millis(25 << self.failures.min(5));
        self.failures += 1;
        Some(wait)
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {
        self.failures = 0;
    }
}
