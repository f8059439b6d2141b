//! When the repair of an object is a fight with another manager.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::observation::Timestamp;

/// As many repairs of one field within [`WINDOW_MILLIS`] are a fight.
const LIMIT: usize = 5;

/// A person who tries something by hand does not do it as often in this time.
const WINDOW_MILLIS: u64 = 600_000;

/// In a fight, one repair in this time.
const PAUSE_MILLIS: u64 = 60_000;

/// The repairs of one object, by field.
///
/// The first repairs are made at once. A field that somebody else has changed back each time is left alone then, but for
/// a repair a minute, until it has been in peace for ten minutes.
///
/// ```
/// use iter8_core::{Repairs, Timestamp};
///
/// let mut repairs = Repairs::default();
/// for second in 0..5 {
///     assert!(repairs.may_repair("spec.ports", Timestamp::from_millis(second * 1000)));
/// }
/// let now = Timestamp::from_millis(5000);
/// assert!(!repairs.may_repair("spec.ports", now));
/// assert_eq!(repairs.fought_over(now).collect::<Vec<_>>(), ["spec.ports"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// The last repairs of each field, at most [`LIMIT`] of them.
    repaired: BTreeMap<String, Vec<Timestamp>>,
}

impl Repairs {
    /// Whether to repair this field now; if so, it counts as repaired.
    ///
    /// ```
    /// use iter8_core::{Repairs, Timestamp};
    ///
    /// let mut repairs = Repairs::default();
    /// for _ in 0..5 {
    ///     assert!(repairs.may_repair("spec.ports", Timestamp::default()));
    /// }
    /// assert!(!repairs.may_repair("spec.ports", Timestamp::from_millis(59_999)));
    /// assert!(repairs.may_repair("spec.ports", Timestamp::from_millis(60_000)));
    /// ```
    pub fn may_repair(&mut self, field: &str, now: Timestamp) -> bool {
        self.forget(now);
        let times = self.repaired.entry(field.to_owned()).or_default();
        let is_fight = is_fight(times, now);
        if is_fight && times.last().is_some_and(|last| millis_between(*last, now) < PAUSE_MILLIS) {
            return false;
        }
        let surplus = times.len().saturating_add(1).saturating_sub(LIMIT);
        times.drain(..surplus);
        times.push(now);
        true
    }

    /// The fields that are fought over.
    ///
    /// ```
    /// use iter8_core::{Repairs, Timestamp};
    ///
    /// let mut repairs = Repairs::default();
    /// repairs.may_repair("spec.ports", Timestamp::default());
    /// assert!(repairs.fought_over(Timestamp::default()).next().is_none(), "once is no fight");
    /// ```
    pub fn fought_over(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.repaired.iter().filter(move |(_, times)| is_fight(times, now)).map(|(field, _)| field.as_str())
    }

    /// Whether nothing has been repaired of late.
    ///
    /// ```
    /// use iter8_core::{Repairs, Timestamp};
    ///
    /// let mut repairs = Repairs::default();
    /// repairs.may_repair("spec.ports", Timestamp::default());
    /// assert!(!repairs.is_over(Timestamp::default()));
    /// assert!(repairs.is_over(Timestamp::from_millis(600_000)));
    /// ```
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        let is_old = |time: &Timestamp| millis_between(*time, now) >= WINDOW_MILLIS;
        self.repaired.values().flatten().all(is_old)
    }

    fn forget(&mut self, now: Timestamp) {
        for times in self.repaired.values_mut() {
            times.retain(|time| millis_between(*time, now) < WINDOW_MILLIS);
        }
        self.repaired.retain(|_, times| !times.is_empty());
    }
}

/// Whether these repairs of a field are a fight. One a minute, as they then are, keeps it one.
fn is_fight(times: &[Timestamp], now: Timestamp) -> bool {
    times.iter().filter(|time| millis_between(**time, now) < WINDOW_MILLIS).count() >= LIMIT
}

fn millis_between(earlier: Timestamp, later: Timestamp) -> u64 {
    later.as_millis().saturating_sub(earlier.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_millis(u64::from(seconds).saturating_mul(1000))
    }

    fn fight() -> Repairs {
        let mut repairs = Repairs::default();
        assert!((0..5).all(|second| repairs.may_repair("a", at(second))));
        repairs
    }

    #[test]
    fn a_field_that_is_changed_again_and_again_is_repaired_once_a_minute() {
        let mut repairs = fight();
        assert!(!repairs.may_repair("a", at(5)) && !repairs.may_repair("a", at(63)));
        assert!(repairs.may_repair("a", at(64)));
        assert!(!repairs.may_repair("a", at(65)));
        assert!(repairs.may_repair("a", at(124)), "the fight goes on");
    }

    #[test]
    fn another_field_has_a_count_of_its_own() {
        let mut repairs = fight();
        assert!(repairs.may_repair("b", at(5)));
        assert_eq!(repairs.fought_over(at(5)).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_fight_is_over_after_ten_minutes_of_peace() {
        let mut repairs = fight();
        assert!(repairs.fought_over(at(604)).next().is_none());
        assert!((604..609).all(|second| repairs.may_repair("a", at(second))));
    }

    #[test]
    fn a_repair_now_and_then_is_no_fight() {
        let mut repairs = Repairs::default();
        for second in (0..15_000).step_by(150) {
            assert!(repairs.may_repair("a", at(second)));
            assert_eq!(repairs.fought_over(at(second)).next(), None, "{second}");
        }
    }
}
