//! When to try again after an error, or what is in the way. Pure, apart from the counters.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iter8_core::{ObjectRole, Obstacle, Timestamp};

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_mins(1);

/// Exponential backoff with jitter, by release.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    failures: Mutex<HashMap<(String, String), u32>>,
    /// The uid of a Release that is gone, until the watch tells so.
    gone: Mutex<HashMap<(String, String), String>>,
    obstructed: Mutex<HashMap<(String, String), Obstructed>>,
}

/// What is in the way of a Release.
#[derive(Debug, Default)]
struct Obstructed {
    /// The uid and the generation that it is in the way of: a new document starts over.
    document: (String, i64),
    /// How often it was looked for.
    seen: u32,
    /// When to look again.
    due: Timestamp,
}

/// The same for a Release in every process: what it has to keep apart is many Releases that fail together.
fn jitter(key: &(String, String)) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
}

impl Retries {
    fn failures(&self) -> MutexGuard<'_, HashMap<(String, String), u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a failure; how long to wait now.
    pub(crate) fn failed(&self, namespace: &str, name: &str) -> Duration {
        let key = (namespace.to_owned(), name.to_owned());
        let jitter = jitter(&key);
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

    /// Notes what is in the way of a document (of this uid and generation); how long to wait until the next look.
    ///
    /// What comes before then is an event, which is looked at at once and tells nothing of the obstacle.
    pub(crate) fn obstructed(
        &self,
        (namespace, name): (&str, &str),
        document: (String, i64),
        obstacles: &[(ObjectRole, Obstacle)],
        now: Timestamp,
    ) -> Option<Duration> {
        let obstacles = || obstacles.iter().map(|(_, obstacle)| obstacle);
        let key = (namespace.to_owned(), name.to_owned());
        let mut all = self.obstructed.lock().unwrap_or_else(PoisonError::into_inner);
        let retry_seconds = |seen| obstacles().map(move |obstacle| obstacle.retry_seconds(seen)).min();
        let Some(first) = retry_seconds(1) else {
            all.remove(&key);
            return None;
        };
        if obstacles().all(Obstacle::is_fight) {
            return Some(Duration::from_secs(first.into()));
        }
        let jitter = jitter(&key);
        let obstructed = all.entry(key).or_default();
        if obstructed.document != document {
            *obstructed = Obstructed { document, seen: 0, due: now };
        }
        let rest = Duration::from_millis(obstructed.due.as_millis().saturating_sub(now.as_millis()));
        // After a jump of the clock it may be far away.
        if !rest.is_zero() && rest <= LONGEST {
            return Some(rest);
        }
        obstructed.seen = obstructed.seen.saturating_add(1);
        let whole = Duration::from_secs(retry_seconds(obstructed.seen).unwrap_or(first).into());
        let delay = cut(whole, jitter, obstructed.seen);
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        obstructed.due = Timestamp::from_millis(now.as_millis().saturating_add(millis));
        Some(delay)
    }

    /// Notes that this Release is gone: there is nothing to try again.
    pub(crate) fn gone(&self, namespace: &str, name: &str, uid: String) {
        let key = (namespace.to_owned(), name.to_owned());
        self.failures().remove(&key);
        self.all_gone().insert(key, uid);
    }

    /// Forgets the Releases that a new list does not have.
    pub(crate) fn listed(&self, is_there: impl Fn(&str, &str) -> bool) {
        let is_there = |key: &(String, String)| is_there(&key.0, &key.1);
        self.failures().retain(|key, _| is_there(key));
        self.all_gone().retain(|key, _| is_there(key));
        let mut obstructed = self.obstructed.lock().unwrap_or_else(PoisonError::into_inner);
        obstructed.retain(|key, _| is_there(key));
    }

    /// Forgets a Release that the watch has told to be gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.succeeded(namespace, name);
        let mut obstructed = self.obstructed.lock().unwrap_or_else(PoisonError::into_inner);
        obstructed.remove(&(namespace.to_owned(), name.to_owned()));
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
    cut(doubled.min(LONGEST), jitter, failures)
}

/// Up to a fifth is cut off, another part each time.
fn cut(whole: Duration, jitter: u64, time: u32) -> Duration {
    let percent = u32::try_from(jitter.rotate_left(time) % 21).unwrap_or(0);
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

    fn conflict() -> [(ObjectRole, Obstacle); 1] {
        let conflict =
            Obstacle::NameConflict { object: "Service web".to_owned(), owner: "nobody".to_owned() };
        [(ObjectRole::Front, conflict)]
    }

    /// The delays of looks that are made when they are due.
    fn looks(retries: &Retries, name: &str, generation: i64, count: usize) -> Vec<u64> {
        let mut now = Timestamp::from_millis(1_000_000);
        let mut delays = Vec::new();
        for _ in 0..count {
            let document = ("uid".to_owned(), generation);
            let delay = retries.obstructed(("test", name), document, &conflict(), now).unwrap();
            let millis = u64::try_from(delay.as_millis()).unwrap();
            now = Timestamp::from_millis(now.as_millis() + millis);
            delays.push(millis);
        }
        delays
    }

    #[test]
    fn what_is_in_the_way_is_looked_for_less_and_less_often_and_again_with_a_new_document() {
        let retries = Retries::default();
        for generation in [1, 2] {
            let delays = looks(&retries, "web", generation, 12);
            let whole = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60].map(|seconds| seconds * 1000);
            for (delay, whole) in delays.iter().zip(whole) {
                assert!((whole * 4 / 5..=whole).contains(delay), "{delays:?}");
            }
        }
        assert_eq!(looks(&Retries::default(), "web", 1, 9), looks(&Retries::default(), "web", 1, 9));
        assert_ne!(looks(&retries, "api", 1, 9), looks(&retries, "web", 3, 9), "they do not come together");
    }

    #[test]
    fn an_event_before_the_next_look_does_not_put_it_off() {
        let (retries, at) = (Retries::default(), Timestamp::from_millis);
        let look = |millis: u64, obstacles: &[(ObjectRole, Obstacle)]| {
            retries.obstructed(("test", "web"), (String::new(), 1), obstacles, at(millis))
        };
        let first = look(1_000_000, &conflict()).unwrap();
        for event in [1, 2, 3, 500] {
            let rest = look(1_000_000 + event, &conflict()).unwrap();
            assert_eq!(rest + Duration::from_millis(event), first);
        }
        assert!(
            look(0, &conflict()).unwrap() > first,
            "a clock that goes back is no reason to wait for long"
        );
        assert_eq!(look(1_000_000, &[]), None);
        assert_eq!(look(1_000_000, &conflict()), Some(first), "from the beginning");
    }

    #[test]
    fn a_fight_keeps_its_rhythm() {
        let retries = Retries::default();
        let fight = Obstacle::FieldFight { object: String::new(), field: String::new(), manager: None };
        let fight = [(ObjectRole::Route, fight)];
        for _ in 0..5 {
            let now = Timestamp::from_millis(1);
            let delay = retries.obstructed(("test", "web"), (String::new(), 1), &fight, now);
            assert_eq!(delay, Some(Duration::from_mins(1)));
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
