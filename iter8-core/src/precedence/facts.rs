//! What can be said of every two matches of different versions, whatever the order of the rules.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Claimant, compare, covers, is_left_open, may_overlap};
use crate::capabilities::Precedence;
use crate::route_match::RouteMatch;

/// A match, by the index of its claimant and its own.
pub(super) type Place = (usize, usize);

/// All that there is to say. Only what may matter is kept: of releases whose matches do not meet, nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Facts {
    /// By the later version, then the earlier.
    pub(super) pairs: Vec<Pair>,
    /// The first two matches of two versions of which the specification does not say which comes first.
    pub(super) left_open: Vec<[Place; 2]>,
    /// In the order of the matches.
    pub(super) idle: Vec<Idle>,
}

/// Two versions of which a request may meet matches of both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    /// The one that is earlier in the list first.
    pub(super) rules: [usize; 2],
    /// The order of the rules decides somewhere, and there list order is right.
    pub(super) kept: bool,
    /// The order of the rules decides somewhere, and there list order is wrong.
    pub(super) moved: bool,
    /// Where the mesh chooses otherwise than the specification if the earlier rule comes first.
    pub(super) in_list_order: Vec<Conflict>,
    /// The same if the later rule comes first.
    pub(super) turned: Vec<Conflict>,
}

/// What the specification chooses, and what the mesh.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conflict {
    pub(super) specified: Place,
    pub(super) chosen: Place,
}

/// A match that may get nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Idle {
    pub(super) entry: Place,
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Why {
    /// Its version has it already.
    Repeated,
    /// Other versions take all of its requests, by the index of each.
    Covered(Vec<Cover>),
}

/// A version that takes all requests of a match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cover {
    pub(super) by: usize,
    /// The first of its matches that does so wherever its rule is.
    pub(super) anywhere: Option<usize>,
    /// The first that does so if its rule comes first.
    pub(super) before: usize,
}

impl Facts {
    pub(super) fn of(claimants: &[Claimant<'_>], precedence: Precedence) -> Self {
        let mut facts = Self::default();
        for later in 0..claimants.len() {
            facts
                .pairs
                .extend((0..later).filter_map(|earlier| pair(claimants, [earlier, later], precedence)));
        }
        for earlier in 0..claimants.len() {
            let later = earlier.saturating_add(1)..claimants.len();
            facts.left_open.extend(later.filter_map(|later| left_open(claimants, [earlier, later])));
        }
        for (index, claimant) in claimants.iter().enumerate() {
            for (entry, route_match) in claimant.matches.iter().enumerate() {
                facts.idle(claimants, (index, entry), route_match, precedence);
            }
        }
        facts
    }

    fn idle(&mut self, claimants: &[Claimant<'_>], place: Place, entry: &RouteMatch, precedence: Precedence) {
        let own = claimants.get(place.0).map_or(&[][..], |claimant| claimant.matches);
        if own.iter().take(place.1).any(|other| covers(other, entry) && covers(entry, other)) {
            self.idle.push(Idle { entry: place, why: Why::Repeated });
            return;
        }
        let others = claimants.iter().enumerate().filter(|(index, _)| *index != place.0);
        let found: Vec<_> = others
            .filter_map(|(by, taker)| {
                let at_least = |one: &RouteMatch, least: Ordering| {
                    covers(one, entry) && compare(one, entry, precedence) >= least
                };
                let first = |least| taker.matches.iter().position(|one| at_least(one, least));
                first(Ordering::Equal).map(|before| Cover { by, anywhere: first(Ordering::Greater), before })
            })
            .collect();
        if !found.is_empty() {
            self.idle.push(Idle { entry: place, why: Why::Covered(found) });
        }
    }
}

/// `None` where nothing depends on the two.
fn pair(claimants: &[Claimant<'_>], rules: [usize; 2], precedence: Precedence) -> Option<Pair> {
    let [earlier, later] = rules;
    let (first, second) = (claimants.get(earlier)?, claimants.get(later)?);
    let mut pair = Pair { rules, kept: false, moved: false, in_list_order: Vec::new(), turned: Vec::new() };
    for (one_index, one) in first.matches.iter().enumerate() {
        for (other_index, other) in second.matches.iter().enumerate() {
            if may_overlap(one, other) && !is_left_open(one, other) {
                let specified = compare(one, other, Precedence::Specification);
                let chosen = compare(one, other, precedence);
                pair.note([(earlier, one_index), (later, other_index)], specified, chosen);
            }
        }
    }
    // Where the order decides, it is wrong one way or the other.
    let matters = !(pair.in_list_order.is_empty() && pair.turned.is_empty());
    matters.then_some(pair)
}

impl Pair {
    /// Takes note of two matches that a request may meet both, and of how they compare.
    fn note(&mut self, matches: [Place; 2], specified: Ordering, chosen: Ordering) {
        let [earlier, later] = matches;
        let is_later = specified == Ordering::Less;
        if chosen == Ordering::Equal {
            (self.kept, self.moved) = (self.kept || !is_later, self.moved || is_later);
        }
        let conflict = if is_later {
            Conflict { specified: later, chosen: earlier }
        } else {
            Conflict { specified: earlier, chosen: later }
        };
        // A tie goes to the rule that comes first.
        for (found, tie) in [(&mut self.in_list_order, Ordering::Greater), (&mut self.turned, Ordering::Less)]
        {
            let is_other = (chosen.then(tie) == Ordering::Less) != is_later;
            let is_known = found.iter().any(|known| known.specified.0 == conflict.specified.0);
            if is_other && !is_known {
                found.push(conflict.clone());
            }
        }
    }
}

fn left_open(claimants: &[Claimant<'_>], rules: [usize; 2]) -> Option<[Place; 2]> {
    let [earlier, later] = rules;
    let (first, second) = (claimants.get(earlier)?, claimants.get(later)?);
    first.matches.iter().enumerate().find_map(|(index, one)| {
        let is_open = |other: &RouteMatch| is_left_open(one, other) && may_overlap(one, other);
        Some([(earlier, index), (later, second.matches.iter().position(is_open)?)])
    })
}
