//! Fair and repeatable choice: by weight between backends, in turn between endpoints.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Remembers whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Balancer {
    shares: Mutex<BTreeMap<String, Vec<Entry>>>,
    turns: Mutex<BTreeMap<String, usize>>,
}

/// One of the alternatives of a split.
#[derive(Clone, Debug)]
struct Entry {
    share: f64,
    credit: f64,
}

impl Balancer {
    /// The number of the alternative that is next. Over many calls each gets its share, evenly spread: in any run
    /// of calls it is never ahead or behind by much. Other shares under the same key start afresh.
    pub(super) fn next_by_share(&self, key: &str, shares: &[f64]) -> usize {
        let mut splits = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = splits.entry(key.to_owned()).or_default();
        let unchanged =
            entries.iter().map(|entry| entry.share.to_bits()).eq(shares.iter().map(|share| share.to_bits()));
        if !unchanged {
            *entries = shares.iter().map(|share| Entry { share: *share, credit: 0.0 }).collect();
        }
        let mut chosen = 0;
        let mut most = f64::NEG_INFINITY;
        for (index, entry) in entries.iter_mut().enumerate() {
            entry.credit += entry.share;
            if entry.credit > most {
                most = entry.credit;
                chosen = index;
            }
        }
        if let Some(entry) = entries.get_mut(chosen) {
            entry.credit -= shares.iter().sum::<f64>();
        }
        chosen
    }

    /// The items, beginning with the one whose turn it is.
    pub(super) fn in_turn<T>(&self, key: &str, mut items: Vec<T>) -> Vec<T> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(key.to_owned()).or_default();
        if !items.is_empty() {
            let first = *turn % items.len();
            items.rotate_left(first);
        }
        *turn = turn.wrapping_add(1);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::Balancer;

    #[test]
    fn every_run_of_ten_has_the_shares() {
        let balancer = Balancer::default();
        let choices: Vec<usize> =
            (0..1000).map(|_| balancer.next_by_share("split", &[0.7, 0.2, 0.1])).collect();

        for run in choices.chunks(10) {
            let count = |wanted| run.iter().filter(|choice| **choice == wanted).count();
            assert_eq!([count(0), count(1), count(2)], [7, 2, 1], "{run:?}");
        }
    }

    #[test]
    fn changed_shares_count_at_once() {
        let balancer = Balancer::default();
        assert_eq!(balancer.next_by_share("split", &[1.0]), 0);
        let choices: Vec<usize> = (0..4).map(|_| balancer.next_by_share("split", &[0.5, 0.5])).collect();

        assert_eq!(choices, [0, 1, 0, 1]);
    }

    #[test]
    fn endpoints_take_turns_each_key_for_itself() {
        let balancer = Balancer::default();

        assert_eq!(balancer.in_turn("a", vec![1, 2, 3]), [1, 2, 3]);
        assert_eq!(balancer.in_turn("a", vec![1, 2, 3]), [2, 3, 1]);
        assert_eq!(balancer.in_turn("b", vec![1, 2, 3]), [1, 2, 3]);
        assert!(balancer.in_turn("a", Vec::<u8>::new()).is_empty());
    }
}
