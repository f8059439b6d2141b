//! Which of two matches a mesh chooses where a request meets both.

mod arrange;
mod facts;

use std::cmp::Ordering;

pub(crate) use arrange::{Arrangement, Claimant, Order};

use crate::capabilities::Precedence;
use crate::route_match::{PathMatch, PathMatchType, RouteMatch, ValueMatch};

/// How specific a match is. Of the matches that a request meets the most specific wins, of equal ones the first.
///
/// Where the specification leaves the place of regular expressions open, they come after exact paths and before
/// prefixes, as in the meshes built on Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Specificity {
    path: (PathRank, usize),
    conditions: [usize; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    /// By the length of the value.
    Length,
    RegularExpression,
    Exact,
}

impl Specificity {
    pub(crate) fn of(entry: &RouteMatch, precedence: Precedence) -> Self {
        let path = Path::of(entry);
        let method = usize::from(entry.method.is_some());
        let (headers, query_params) = (entry.headers.len(), entry.query_params.len());
        match precedence {
            Precedence::Specification => Self {
                path: match path {
                    Path::Exact(value) => (PathRank::Exact, value.len()),
                    Path::Prefix(prefix) => (PathRank::Length, prefix.len()),
                    Path::RegularExpression(_) => (PathRank::RegularExpression, 0),
                },
                conditions: [method, headers, query_params],
            },
            Precedence::PathLengthFirst => Self {
                path: match path {
                    Path::Exact(value) => (PathRank::Length, value.len()),
                    // The prefix `/` has one character.
                    Path::Prefix(prefix) => (PathRank::Length, prefix.len().max(1)),
                    // It matches the whole path, which is at least as long as any prefix of it.
                    Path::RegularExpression(_) => (PathRank::RegularExpression, 0),
                },
                conditions: [headers, query_params, method],
            },
        }
    }
}

/// How two matches can compare on requests that meet both: mostly in one way, which is then said twice.
///
/// Where the length of what has matched decides, the request has a say in it: a regular expression matches the whole
/// path, which is just as long as an exact path and may be as long as a prefix.
pub(crate) fn comparisons(one: &RouteMatch, other: &RouteMatch, precedence: Precedence) -> [Ordering; 2] {
    let (a, b) = (Specificity::of(one, precedence), Specificity::of(other, precedence));
    let (decided, tied) = (a.cmp(&b), a.conditions.cmp(&b.conditions));
    match (precedence, Path::of(one), Path::of(other)) {
        (Precedence::PathLengthFirst, Path::RegularExpression(_), Path::Exact(_))
        | (Precedence::PathLengthFirst, Path::Exact(_), Path::RegularExpression(_)) => [tied; 2],
        (Precedence::PathLengthFirst, Path::RegularExpression(_), Path::Prefix(_))
        | (Precedence::PathLengthFirst, Path::Prefix(_), Path::RegularExpression(_))
            if tied != decided =>
        {
            [decided, tied]
        }
        (Precedence::Specification | Precedence::PathLengthFirst, ..) => [decided; 2],
    }
}

/// Whether a request can meet both matches. A header that is sent twice with different values is not thought of, and
/// a regular expression may match anything.
pub(crate) fn may_overlap(one: &RouteMatch, other: &RouteMatch) -> bool {
    let methods = one.method.is_none() || other.method.is_none() || one.method == other.method;
    methods
        && Path::of(one).overlaps(&Path::of(other))
        && !excludes(&one.headers, &other.headers, is_same_header)
        && !excludes(&one.query_params, &other.query_params, is_same_param)
}

/// Whether every request that meets `other` meets `one`, too; `false` where it cannot be told.
pub(crate) fn covers(one: &RouteMatch, other: &RouteMatch) -> bool {
    (one.method.is_none() || one.method == other.method)
        && Path::of(one).covers(&Path::of(other))
        && includes(&other.headers, &one.headers, is_same_header)
        && includes(&other.query_params, &one.query_params, is_same_param)
}

/// Whether the specification leaves open which of the two comes first.
pub(crate) fn is_left_open(one: &RouteMatch, other: &RouteMatch) -> bool {
    match (Path::of(one), Path::of(other)) {
        (Path::RegularExpression(a), Path::RegularExpression(b)) => a != b,
        (Path::RegularExpression(_), Path::Exact(_) | Path::Prefix(_))
        | (Path::Exact(_) | Path::Prefix(_), Path::RegularExpression(_)) => true,
        (Path::Exact(_) | Path::Prefix(_), Path::Exact(_) | Path::Prefix(_)) => false,
    }
}

/// A condition on the path; without one, the prefix of every path.
enum Path<'a> {
    Exact(&'a str),
    /// Without its trailing slashes, which mean nothing.
    Prefix(&'a str),
    RegularExpression(&'a str),
}

impl<'a> Path<'a> {
    fn of(entry: &'a RouteMatch) -> Self {
        let Some(PathMatch { kind, value }) = &entry.path else { return Self::Prefix("") };
        match kind {
            PathMatchType::Exact => Self::Exact(value),
            PathMatchType::PathPrefix => Self::Prefix(value.trim_end_matches('/')),
            PathMatchType::RegularExpression => Self::RegularExpression(value),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::RegularExpression(_), _) | (_, Self::RegularExpression(_)) => true,
            (Self::Exact(_) | Self::Prefix(_), Self::Exact(_) | Self::Prefix(_)) => {
                self.covers(other) || other.covers(self)
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(""), _) => true,
            (Self::Prefix(prefix), Self::Prefix(path) | Self::Exact(path)) => {
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Self::Exact(one), Self::Exact(other))
            | (Self::RegularExpression(one), Self::RegularExpression(other)) => one == other,
            (Self::Exact(_), Self::Prefix(_) | Self::RegularExpression(_))
            | (Self::RegularExpression(_), Self::Prefix(_) | Self::Exact(_))
            | (Self::Prefix(_), Self::RegularExpression(_)) => false,
        }
    }
}

type SameName = fn(&ValueMatch, &ValueMatch) -> bool;

fn is_same_header(one: &ValueMatch, other: &ValueMatch) -> bool {
    one.name.eq_ignore_ascii_case(&other.name)
}

fn is_same_param(one: &ValueMatch, other: &ValueMatch) -> bool {
    one.name == other.name
}

/// Whether two lists ask for different values of one name.
fn excludes(ones: &[ValueMatch], others: &[ValueMatch], same: SameName) -> bool {
    let is_exact = |entry: &ValueMatch| entry.kind == crate::ValueMatchType::Exact;
    ones.iter().filter(|one| is_exact(one)).any(|one| {
        let mut others = others.iter().filter(|other| is_exact(other) && same(one, other));
        others.any(|other| one.value != other.value)
    })
}

/// Whether every condition of `part` is one of `all`.
fn includes(all: &[ValueMatch], part: &[ValueMatch], same: SameName) -> bool {
    let is_in = |one: &ValueMatch| {
        all.iter().any(|other| same(one, other) && (one.kind, &one.value) == (other.kind, &other.value))
    };
    part.iter().all(is_in)
}

#[cfg(test)]
mod tests;
