//! How fast the API server wants to be asked.
//!
//! A server that is too busy answers 429 and says when to come again (priority and fairness). Then nothing is begun
//! before that: watches wait, and what was to be written is planned anew, for it may be out of date by then. kube's own
//! repetition of requests would hold on to what was planned, for minutes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode, header};
use tokio::time::Instant;

/// The longest wait that one answer can ask for. Priority and fairness asks for a second; what asks for more may be a
/// webhook, and mean one object.
const LONGEST: Duration = Duration::from_secs(2);

/// Until when the API server wants to be left alone. What clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    until: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// Notes what an answer asks for, if it does.
    pub(crate) fn note<B>(&self, answer: &Response<B>) {
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return;
        }
        let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        // Kubernetes has seconds there, never a date.
        let Some(seconds) = seconds.and_then(|seconds| seconds.parse().ok()) else { return };
        let until = Instant::now() + Duration::from_secs(seconds).min(LONGEST);
        let mut known = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(known.map_or(until, |known| known.max(until)));
    }

    /// How long to leave the API server alone from now on.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = until.map(|until| until.saturating_duration_since(Instant::now()))?;
        if rest.is_zero() {
            *until = None;
            return None;
        }
        Some(rest)
    }

    /// Waits until the API server may be asked again.
    pub(crate) async fn passed(&self) {
        while let Some(rest) = self.rest() {
            tokio::time::sleep(rest).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, retry_after: Option<&'static str>) -> Response<()> {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(code).unwrap();
        answer
            .headers_mut()
            .extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds.parse().unwrap())));
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wait_that_was_asked_for_counts() {
        let pace = Pace::default();
        for unasked in
            [answer(200, Some("9")), answer(429, None), answer(429, Some("soon")), answer(503, Some("9"))]
        {
            pace.note(&unasked);
            assert_eq!(pace.rest(), None);
        }
        pace.note(&answer(429, Some("2")));
        pace.note(&answer(429, Some("1")));
        assert_eq!(pace.clone().rest(), Some(Duration::from_secs(2)));
        let begin = Instant::now();
        pace.passed().await;
        // Tokio's clock has milliseconds.
        assert!((2000..=2001).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
        assert_eq!(pace.rest(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_stops_everything_for_long() {
        let pace = Pace::default();
        pace.note(&answer(429, Some("86400")));
        assert_eq!(pace.rest(), Some(LONGEST));
    }
}
