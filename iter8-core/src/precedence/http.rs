//! Which of two matches on HTTP requests comes first.

use core::cmp::Ordering;

use super::{excludes, includes, is_same_param};
use crate::capabilities::Precedence;
use crate::route_match::{HttpMatch, PathMatch, PathMatchType};

/// How specific a match is. Of the matches that a request meets the most specific wins, of equal ones the first.
///
/// The place of regular expressions is left open. Here they come after exact paths and before prefixes, so that no
/// prefix passes for one that takes all requests of a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity {
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
    pub(super) fn of(entry: &HttpMatch, precedence: Precedence) -> Self {
        let path = Path::of(entry);
        let method = usize::from(entry.method.is_some());
        let (headers, query_params) = (entry.headers.len(), entry.query_params.len());
        match precedence {
            Precedence::Specification | Precedence::MethodOfAnyServiceFirst => Self {
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
                    // It matches the whole path.
                    Path::RegularExpression(_) => (PathRank::RegularExpression, 0),
                },
                conditions: [headers, query_params, method],
            },
        }
    }
}

/// `Greater` if `one` comes first.
pub(super) fn compare(one: &HttpMatch, other: &HttpMatch, precedence: Precedence) -> Ordering {
    Specificity::of(one, precedence).cmp(&Specificity::of(other, precedence))
}

/// Whether a request can meet both, headers apart.
pub(super) fn may_overlap(one: &HttpMatch, other: &HttpMatch) -> bool {
    let methods = one.method.is_none() || other.method.is_none() || one.method == other.method;
    methods
        && Path::of(one).overlaps(&Path::of(other))
        && !excludes(&one.query_params, &other.query_params, is_same_param)
}

/// Whether every request that meets `other` meets `one`, too, headers apart.
pub(super) fn covers(one: &HttpMatch, other: &HttpMatch) -> bool {
    (one.method.is_none() || one.method == other.method)
        && Path::of(one).covers(&Path::of(other))
        && includes(&other.query_params, &one.query_params, is_same_param)
}

/// Where regular expressions come is left open.
pub(super) fn is_left_open(one: &HttpMatch, other: &HttpMatch) -> bool {
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
    fn of(entry: &'a HttpMatch) -> Self {
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
