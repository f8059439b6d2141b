//! What has been applied of late: the same again is a repair.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use iter8_core::Timestamp;

/// As long as repairs of one field can add up to a fight.
const WINDOW_SECONDS: u32 = 600;

/// By hashes only: it holds an entry for each object of thousands of Releases, and a wrong guess costs a count.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    forms: HashMap<u64, (u64, Timestamp)>,
    /// With so many entries those that are too old are thrown away.
    most: usize,
}

fn hash(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

fn is_late(since: Timestamp, now: Timestamp) -> bool {
    since.plus_seconds(WINDOW_SECONDS) > now
}

impl Applied {
    /// Notes that an object has been applied in this form now.
    pub(crate) fn note(&mut self, object: &str, form: &str, now: Timestamp) {
        self.forms.insert(hash(object), (hash(form), now));
        if self.forms.len() > self.most {
            self.forms.retain(|_, (_, since)| is_late(*since, now));
            self.most = self.forms.len().saturating_mul(2).max(64);
        }
    }

    /// Forgets an object.
    pub(crate) fn forget(&mut self, object: &str) {
        self.forms.remove(&hash(object));
    }

    /// Whether an object was applied in this form last, and of late.
    pub(crate) fn is_last(&self, object: &str, form: &str, now: Timestamp) -> bool {
        let last = self.forms.get(&hash(object));
        last.is_some_and(|(known, since)| *known == hash(form) && is_late(*since, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u32) -> Timestamp {
        Timestamp::default().plus_seconds(second)
    }

    #[test]
    fn the_same_form_again_and_of_late_is_known() {
        let mut applied = Applied::default();
        assert!(!applied.is_last("a", "1", at(0)));
        applied.note("a", "1", at(0));
        assert!(applied.is_last("a", "1", at(599)));
        assert!(!applied.is_last("a", "1", at(600)), "long ago");
        assert!(!applied.is_last("b", "1", at(1)), "another object");
        applied.note("a", "2", at(1));
        assert!(applied.is_last("a", "2", at(1)) && !applied.is_last("a", "1", at(1)));
        applied.forget("a");
        assert!(!applied.is_last("a", "2", at(1)));
    }

    #[test]
    fn old_entries_do_not_add_up() {
        let mut applied = Applied::default();
        for second in 0..100_000 {
            applied.note(&second.to_string(), "1", at(second));
        }
        assert!(applied.forms.len() <= 1200, "{}", applied.forms.len());
    }
}
