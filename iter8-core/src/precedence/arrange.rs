//! The order of rules in which a mesh chooses as the specification does.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::facts::{Conflict, Facts, Idle, Place, Why};
use crate::capabilities::Precedence;
use crate::name::VersionName;
use crate::notice::{Notice, VersionMatch};
use crate::route_match::RouteMatch;

/// A version that asks for a rule of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimant<'a> {
    pub(crate) version: &'a VersionName,
    pub(crate) matches: &'a [RouteMatch],
}

/// The order of the rules of some versions, and what no order can mend.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Order {
    /// The indexes of the claimants in the order of their rules.
    pub(crate) rules: Vec<usize>,
    pub(crate) notices: Vec<Notice>,
}

/// What is known of the order of a release's rules before it is known which of them there are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Arrangement {
    facts: Facts,
    /// The order of all of them.
    whole: Order,
    is_plain: bool,
}

impl Arrangement {
    pub(crate) fn new(claimants: &[Claimant<'_>], precedence: Precedence) -> Self {
        let facts = Facts::of(claimants, precedence);
        let all: Vec<_> = (0..claimants.len()).collect();
        let whole = order(&facts, claimants, &all);
        // Taking rules away makes no conflict and no move: each depends on two rules only.
        let is_plain = whole.rules == all && whole.notices.is_empty();
        Self { facts, whole, is_plain }
    }

    /// The order of all rules.
    pub(crate) fn into_whole(self) -> Order {
        self.whole
    }

    /// Whether the list order of any of the rules is right, and there is nothing to say.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The order of the rules of `present`, which are indexes of the same claimants in list order.
    pub(crate) fn of(&self, claimants: &[Claimant<'_>], present: &[usize]) -> Order {
        if present.len() == claimants.len() {
            self.whole.clone()
        } else {
            order(&self.facts, claimants, present)
        }
    }
}

/// The list order stays, except that a rule moves ahead of an earlier one where the mesh would otherwise not choose
/// the rule that the specification chooses in list order.
fn order(facts: &Facts, claimants: &[Claimant<'_>], present: &[usize]) -> Order {
    let rules = sorted(facts, present);
    // `None` for a claimant without a rule.
    let mut places = vec![None; claimants.len()];
    for (place, index) in rules.iter().enumerate() {
        if let Some(entry) = places.get_mut(*index) {
            *entry = Some(place);
        }
    }
    let words = Words { claimants, places };
    let mut notices = words.moves(facts);
    notices.extend(words.conflicts(facts));
    notices.extend(words.left_open(facts));
    for index in &rules {
        notices.extend(words.idle(facts, *index));
    }
    Order { rules, notices }
}

/// The present rules by index, in the order they are to have.
fn sorted(facts: &Facts, present: &[usize]) -> Vec<usize> {
    let is_present = |rules: &[usize; 2]| rules.iter().all(|rule| present.contains(rule));
    let pairs = || facts.pairs.iter().filter(|pair| is_present(&pair.rules));
    // Of each pair the first comes before the second. What is right by list order is not given up for a move.
    let mut ordered: BTreeSet<[usize; 2]> = pairs().filter(|pair| pair.kept).map(|pair| pair.rules).collect();
    let moves: BTreeSet<[usize; 2]> = pairs().filter(|pair| pair.moved).map(|pair| pair.rules).collect();
    for [earlier, later] in moves {
        if !leads_to(&ordered, earlier, later) {
            ordered.insert([later, earlier]);
        }
    }
    let mut order = Vec::with_capacity(present.len());
    for index in present {
        place(*index, &ordered, &mut order);
    }
    order
}

/// Whether the pairs, one after the other, put `from` before `to`.
fn leads_to(pairs: &BTreeSet<[usize; 2]>, from: usize, to: usize) -> bool {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if reached.insert(at) {
            open.extend(pairs.iter().filter(|[before, _]| *before == at).map(|[_, after]| *after));
        }
    }
    false
}

/// Places a rule after those that have to come before it. The pairs have no circle.
fn place(index: usize, pairs: &BTreeSet<[usize; 2]>, order: &mut Vec<usize>) {
    if order.contains(&index) {
        return;
    }
    for [before, _] in pairs.iter().filter(|[_, after]| *after == index) {
        place(*before, pairs, order);
    }
    order.push(index);
}

/// Puts facts into notices where the order of the rules makes them true.
struct Words<'a> {
    claimants: &'a [Claimant<'a>],
    /// The place of each claimant's rule, `None` for one without a rule.
    places: Vec<Option<usize>>,
}

impl Words<'_> {
    fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).copied().flatten()
    }

    fn version_match(&self, (index, entry): Place) -> Option<VersionMatch> {
        let claimant = self.claimants.get(index)?;
        Some(VersionMatch::new(claimant.version, claimant.matches.get(entry)?))
    }

    /// The rules that come ahead of earlier ones, and for which match of theirs.
    fn moves(&self, facts: &Facts) -> Vec<Notice> {
        let mut notices = Vec::new();
        for pair in facts.pairs.iter().filter(|pair| pair.moved) {
            let [earlier, later] = pair.rules;
            let (Some(before), Some(after)) = (self.place(later), self.place(earlier)) else { continue };
            let reason = pair.in_list_order.iter().find(|conflict| conflict.specified.0 == later);
            let said =
                reason.filter(|_| [before, after].is_sorted()).and_then(|Conflict { specified, chosen }| {
                    let (moved, ahead_of) = (self.version_match(*specified)?, self.version_match(*chosen)?);
                    Some(Notice::Moved { moved, ahead_of })
                });
            notices.extend(said);
        }
        notices
    }

    /// Where the mesh chooses otherwise than the specification, once for each pair of versions.
    fn conflicts(&self, facts: &Facts) -> Vec<Notice> {
        let mut notices = Vec::new();
        for pair in &facts.pairs {
            let [earlier, later] = pair.rules.map(|rule| self.place(rule));
            let (Some(earlier), Some(later)) = (earlier, later) else { continue };
            let found = if [earlier, later].is_sorted() { &pair.in_list_order } else { &pair.turned };
            notices.extend(found.iter().filter_map(|Conflict { specified, chosen }| {
                let (specified, chosen) = (self.version_match(*specified)?, self.version_match(*chosen)?);
                Some(Notice::OtherChoice { chosen, specified })
            }));
        }
        notices
    }

    /// What the specification leaves to the mesh, once for each pair of versions.
    fn left_open(&self, facts: &Facts) -> Vec<Notice> {
        let is_present =
            |[one, other]: &&[Place; 2]| self.place(one.0).is_some() && self.place(other.0).is_some();
        let pairs = facts.left_open.iter().filter(is_present).filter_map(|[one, other]| {
            Some(Notice::LeftOpen { one: self.version_match(*one)?, other: self.version_match(*other)? })
        });
        pairs.collect()
    }

    /// The matches of one version that are never chosen or are there twice.
    fn idle<'f>(&self, facts: &'f Facts, index: usize) -> impl Iterator<Item = Notice> + use<'_, 'f> {
        let own = facts.idle.iter().filter(move |idle| idle.entry.0 == index);
        own.filter_map(move |Idle { entry, why }| match why {
            Why::Repeated => self.version_match(*entry).map(Notice::Repeated),
            Why::Covered(others) => {
                let taking = others.iter().filter_map(|other| {
                    let (own, place) = (self.place(index)?, self.place(other.by)?);
                    let taker = if [place, own].is_sorted() { other.before } else { other.anywhere? };
                    Some((place, taker, other.by))
                });
                // The first that the request meets is named.
                let (_, taker, by) = taking.min()?;
                let (idle, by) = (self.version_match(*entry)?, self.version_match((by, taker))?);
                Some(Notice::NeverChosen { idle, by })
            }
        })
    }
}
