//! Which of two matches a mesh chooses where a request meets both.

mod arrange;
mod facts;
mod grpc;
mod http;

use core::cmp::Ordering;

pub(crate) use arrange::{Arrangement, Claimant, Order};

use crate::capabilities::Precedence;
use crate::route_match::{RouteMatch, ValueMatch, ValueMatchType};

/// How two matches compare on requests that meet both: `Greater` if `one` comes first.
pub(crate) fn compare(one: &RouteMatch, other: &RouteMatch, precedence: Precedence) -> Ordering {
    match (one, other) {
        (RouteMatch::Http(one), RouteMatch::Http(other)) => http::compare(one, other, precedence),
        (RouteMatch::Grpc(one), RouteMatch::Grpc(other)) => grpc::compare(one, other, precedence),
        // A GRPCRoute comes before an HTTPRoute (GEP-1426).
        (RouteMatch::Grpc(_), RouteMatch::Http(_)) => Ordering::Greater,
        (RouteMatch::Http(_), RouteMatch::Grpc(_)) => Ordering::Less,
    }
}

/// Whether a request can meet both matches. A header that is sent twice with different values is not thought of, and
/// a regular expression may match anything.
pub(crate) fn may_overlap(one: &RouteMatch, other: &RouteMatch) -> bool {
    let overlap = match (one, other) {
        (RouteMatch::Http(one), RouteMatch::Http(other)) => http::may_overlap(one, other),
        (RouteMatch::Grpc(one), RouteMatch::Grpc(other)) => grpc::may_overlap(one, other),
        (RouteMatch::Http(_), RouteMatch::Grpc(_)) | (RouteMatch::Grpc(_), RouteMatch::Http(_)) => false,
    };
    overlap && !excludes(one.headers(), other.headers(), is_same_header)
}

/// Whether every request that meets `other` meets `one`, too; `false` where it cannot be told.
pub(crate) fn covers(one: &RouteMatch, other: &RouteMatch) -> bool {
    let covers = match (one, other) {
        (RouteMatch::Http(one), RouteMatch::Http(other)) => http::covers(one, other),
        (RouteMatch::Grpc(one), RouteMatch::Grpc(other)) => grpc::covers(one, other),
        (RouteMatch::Http(_), RouteMatch::Grpc(_)) | (RouteMatch::Grpc(_), RouteMatch::Http(_)) => false,
    };
    covers && includes(other.headers(), one.headers(), is_same_header)
}

/// Whether the specification leaves open which of the two comes first.
pub(crate) fn is_left_open(one: &RouteMatch, other: &RouteMatch) -> bool {
    match (one, other) {
        (RouteMatch::Http(one), RouteMatch::Http(other)) => http::is_left_open(one, other),
        (RouteMatch::Grpc(one), RouteMatch::Grpc(other)) => grpc::is_left_open(one, other),
        (RouteMatch::Http(_), RouteMatch::Grpc(_)) | (RouteMatch::Grpc(_), RouteMatch::Http(_)) => false,
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
    let is_exact = |entry: &ValueMatch| entry.kind == ValueMatchType::Exact;
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
