//! The time that a test world goes by.
//!
//! Whatever in this crate writes a time reads it from a [`Clock`]. With [`Clock::of_tokio`] it follows Tokio's time,
//! so that in a runtime whose time is paused hours pass in no time, and nothing depends on how busy the machine is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock. Clones are the same clock.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::time::Duration;
/// use iter8_testkit::clock::Clock;
/// use k8s_openapi::jiff::Timestamp;
///
/// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
/// let same = clock.clone();
/// tokio::time::sleep(Duration::from_secs(60)).await;
/// assert_eq!(clock.now(), same.now());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The clock of the machine.
    ///
    /// ```
    /// use iter8_testkit::clock::Clock;
    /// use k8s_openapi::jiff::Timestamp;
    ///
    /// let before = Timestamp::now();
    /// assert!(Clock::system().now() >= before);
    /// ```
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// Shows `start` now and goes on as Tokio's time does, which a test may pause.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use iter8_testkit::clock::Clock;
    /// use k8s_openapi::jiff::{Timestamp, ToSpan};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    /// runtime.block_on(async {
    ///     let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    ///     tokio::time::sleep(Duration::from_secs(3600)).await;
    ///     assert_eq!(clock.now(), Timestamp::UNIX_EPOCH + 1.hour());
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn of_tokio(start: Timestamp) -> Self {
        let begin = Instant::now();
        Self(Arc::new(move || later(start, signed(begin.elapsed()))))
    }

    /// The same clock, set wrong by so much: ahead, or behind if negative.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::clock::Clock;
    /// use k8s_openapi::jiff::{SignedDuration, Timestamp};
    ///
    /// let right = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// let slow = right.skewed(SignedDuration::from_secs(-7));
    /// assert_eq!(right.now().duration_since(slow.now()), SignedDuration::from_secs(7));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn skewed(&self, by: SignedDuration) -> Self {
        let right = self.clone();
        Self(Arc::new(move || later(right.now(), by)))
    }

    /// What it shows.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::time::Duration;
    /// use iter8_testkit::clock::Clock;
    /// use k8s_openapi::jiff::Timestamp;
    ///
    /// let clock = Clock::of_tokio(Timestamp::UNIX_EPOCH);
    /// tokio::time::sleep(Duration::from_secs(90)).await;
    /// assert_eq!(clock.now().as_second(), 90);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_skewed_clock_is_wrong_by_the_same_time_always() {
        let right = Clock::of_tokio(Timestamp::UNIX_EPOCH);
        let (ahead, behind) =
            (right.skewed(SignedDuration::from_secs(7)), right.skewed(SignedDuration::from_secs(-7)));
        for _ in 0..3 {
            assert_eq!(ahead.now().duration_since(right.now()), SignedDuration::from_secs(7));
            assert_eq!(right.now().duration_since(behind.now()), SignedDuration::from_secs(7));
            tokio::time::sleep(Duration::from_secs(90)).await;
        }
        assert_eq!(right.now().as_second(), 270);
    }
}
