//! The order of rules in which a mesh chooses as the specification does.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::{comparisons, covers, is_left_open, may_overlap};
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

/// For each claimant, in list order, the place of its rule; and what no order can mend.
///
/// The list order stays, except that a rule moves ahead of an earlier one where the mesh would otherwise not choose
/// the rule that the specification chooses in list order.
pub(crate) fn arrange(claimants: &[Claimant<'_>], precedence: Precedence) -> (Vec<usize>, Vec<Notice>) {
    let contests = contests(claimants, precedence);
    let order = order(claimants.len(), &contests);
    let places: Vec<_> = (0..claimants.len())
        .map(|index| order.iter().position(|placed| *placed == index).unwrap_or(index))
        .collect();
    let placed: Vec<_> = order.iter().filter_map(|index| claimants.get(*index)).copied().collect();
    let mut notices = conflicts(&contests, &places);
    notices.extend(left_open(claimants, precedence));
    notices.extend(idle_matches(&placed, precedence));
    (places, notices)
}

/// Two matches of different versions that a request may meet both.
struct Contest<'a> {
    /// By index; the earlier one in the list first.
    rules: [usize; 2],
    claims: [(&'a VersionName, &'a RouteMatch); 2],
    /// Which of the two the specification chooses in list order.
    specified: usize,
    /// What the mesh may choose: one of the two whatever the order, or, `None`, the one whose rule comes first.
    chosen: Vec<Option<usize>>,
}

fn contests<'a>(claimants: &[Claimant<'a>], precedence: Precedence) -> Vec<Contest<'a>> {
    let mut contests = Vec::new();
    for (later, second) in claimants.iter().enumerate() {
        for (earlier, first) in claimants.iter().enumerate().take(later) {
            for one in first.matches {
                for other in second.matches.iter().filter(|other| may_overlap(one, other)) {
                    let of_specification = comparisons(one, other, Precedence::Specification);
                    let is_second = |comparison: &Ordering| *comparison == Ordering::Less;
                    contests.push(Contest {
                        rules: [earlier, later],
                        claims: [(first.version, one), (second.version, other)],
                        specified: if of_specification.iter().any(is_second) { later } else { earlier },
                        chosen: comparisons(one, other, precedence)
                            .into_iter()
                            .map(|comparison| match comparison {
                                Ordering::Greater => Some(earlier),
                                Ordering::Less => Some(later),
                                Ordering::Equal => None,
                            })
                            .collect(),
                    });
                }
            }
        }
    }
    contests
}

/// The rules by index, in the order they are to have.
fn order(count: usize, contests: &[Contest<'_>]) -> Vec<usize> {
    let undecided = || contests.iter().filter(|contest| contest.chosen.contains(&None));
    let (kept, moved): (Vec<_>, Vec<_>) =
        undecided().partition(|contest| contest.rules.first() == Some(&contest.specified));
    // Pairs of which the first comes before the second. What is right by list order is not given up for a move.
    let mut pairs: BTreeSet<(usize, usize)> = kept.iter().map(|contest| contest.rules.into()).collect();
    let moves: BTreeSet<(usize, usize)> = moved.iter().map(|contest| contest.rules.into()).collect();
    for (earlier, later) in moves {
        if !leads_to(&pairs, earlier, later) {
            pairs.insert((later, earlier));
        }
    }
    let mut order = Vec::with_capacity(count);
    for index in 0..count {
        place(index, &pairs, &mut order);
    }
    order
}

/// Whether the pairs, one after the other, put `from` before `to`.
fn leads_to(pairs: &BTreeSet<(usize, usize)>, from: usize, to: usize) -> bool {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if reached.insert(at) {
            open.extend(pairs.iter().filter(|(before, _)| *before == at).map(|(_, after)| *after));
        }
    }
    false
}

/// Places a rule after those that have to come before it. The pairs have no circle.
fn place(index: usize, pairs: &BTreeSet<(usize, usize)>, order: &mut Vec<usize>) {
    if order.contains(&index) {
        return;
    }
    for (before, _) in pairs.iter().filter(|(_, after)| *after == index) {
        place(*before, pairs, order);
    }
    order.push(index);
}

/// Where the mesh chooses otherwise than the specification, once for each pair of versions.
fn conflicts(contests: &[Contest<'_>], places: &[usize]) -> Vec<Notice> {
    let mut named = BTreeSet::new();
    let mut notices = Vec::new();
    for contest in contests {
        let first = contest.rules.into_iter().min_by_key(|index| places.get(*index));
        let is_other = |chosen: &Option<usize>| chosen.or(first) != Some(contest.specified);
        if !contest.chosen.iter().any(is_other) || !named.insert((contest.rules, contest.specified)) {
            continue;
        }
        let [earlier, later] = contest.claims.map(|(version, entry)| VersionMatch::new(version, entry));
        let is_earlier = contest.rules.first() == Some(&contest.specified);
        let (specified, chosen) = if is_earlier { (earlier, later) } else { (later, earlier) };
        notices.push(Notice::OtherChoice { chosen, specified });
    }
    notices
}

/// What a mesh that follows the specification may choose as it likes, once for each pair of versions.
fn left_open(claimants: &[Claimant<'_>], precedence: Precedence) -> Vec<Notice> {
    if precedence == Precedence::PathLengthFirst {
        return Vec::new();
    }
    let mut notices = Vec::new();
    for (index, first) in claimants.iter().enumerate() {
        for second in claimants.iter().skip(index.saturating_add(1)) {
            let pairs =
                first.matches.iter().flat_map(|one| second.matches.iter().map(move |other| (one, other)));
            let mut open = pairs.filter(|(one, other)| is_left_open(one, other) && may_overlap(one, other));
            notices.extend(open.next().map(|(one, other)| Notice::LeftOpen {
                one: VersionMatch::new(first.version, one),
                other: VersionMatch::new(second.version, other),
            }));
        }
    }
    notices
}

/// Matches that are never chosen, and matches that are there twice. The claimants come in the order of their rules.
fn idle_matches(placed: &[Claimant<'_>], precedence: Precedence) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (place, claimant) in placed.iter().enumerate() {
        for (index, entry) in claimant.matches.iter().enumerate() {
            let mut before = claimant.matches.iter().take(index);
            if before.any(|other| covers(other, entry) && covers(entry, other)) {
                notices.push(Notice::Repeated(VersionMatch::new(claimant.version, entry)));
                continue;
            }
            let mut others = placed.iter().enumerate().filter(|(other, _)| *other != place);
            let by = others.find_map(|(other, taker)| {
                let takes = |one: &&RouteMatch| {
                    covers(one, entry)
                        && comparisons(one, entry, precedence)
                            .iter()
                            .all(|comparison| comparison.then(place.cmp(&other)) == Ordering::Greater)
                };
                taker.matches.iter().find(takes).map(|one| VersionMatch::new(taker.version, one))
            });
            let idle = VersionMatch::new(claimant.version, entry);
            notices.extend(by.map(|by| Notice::NeverChosen { idle, by }));
        }
    }
    notices
}
