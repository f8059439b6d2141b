//! Which of two matches on gRPC requests comes first.

use core::cmp::Ordering;

use crate::capabilities::Precedence;
use crate::route_match::{GrpcMatch, ValueMatchType};

/// Service and method of a match, where it asks for them.
struct Call<'a> {
    kind: ValueMatchType,
    service: Option<&'a str>,
    method: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn of(entry: &'a GrpcMatch) -> Self {
        let method = entry.method.as_ref();
        Self {
            kind: method.map_or(ValueMatchType::Exact, |method| method.kind),
            service: method.and_then(|method| method.service.as_deref()),
            method: method.and_then(|method| method.method.as_deref()),
        }
    }

    fn is_expression(&self) -> bool {
        self.kind == ValueMatchType::RegularExpression
    }
}

/// `Greater` if `one` comes first. A regular expression counts by its own length.
pub(super) fn compare(one: &GrpcMatch, other: &GrpcMatch, precedence: Precedence) -> Ordering {
    rank(one, precedence).cmp(&rank(other, precedence))
}

fn rank(entry: &GrpcMatch, precedence: Precedence) -> [usize; 4] {
    let call = Call::of(entry);
    let length = |name: Option<&str>| name.map_or(0, |name| name.chars().count());
    let (service, method) = (length(call.service), length(call.method));
    let class = match precedence {
        // Linkerd deviates for HTTP only.
        Precedence::Specification | Precedence::PathLengthFirst => 0,
        Precedence::MethodOfAnyServiceFirst => match (call.kind, call.service, call.method) {
            (ValueMatchType::Exact, Some(_), Some(_)) => 3,
            (ValueMatchType::RegularExpression, Some(_), _) | (_, None, Some(_)) => 2,
            (ValueMatchType::Exact, Some(_), None) => 1,
            (ValueMatchType::Exact | ValueMatchType::RegularExpression, None, None) => 0,
        },
    };
    [class, service, method, entry.headers.len()]
}

/// Whether a request can meet both, headers apart.
pub(super) fn may_overlap(one: &GrpcMatch, other: &GrpcMatch) -> bool {
    let (one, other) = (Call::of(one), Call::of(other));
    let same = |one: Option<&str>, other: Option<&str>| one.is_none() || other.is_none() || one == other;
    one.is_expression()
        || other.is_expression()
        || (same(one.service, other.service) && same(one.method, other.method))
}

/// Whether every request that meets `other` meets `one`, too, headers apart.
pub(super) fn covers(one: &GrpcMatch, other: &GrpcMatch) -> bool {
    let (one, other) = (Call::of(one), Call::of(other));
    let is_open = one.service.is_none() && one.method.is_none();
    let covers = |one: Option<&str>, other: Option<&str>| one.is_none() || one == other;
    is_open
        || (one.kind == other.kind && covers(one.service, other.service) && covers(one.method, other.method))
}

/// How many characters a regular expression counts for is left open.
pub(super) fn is_left_open(one: &GrpcMatch, other: &GrpcMatch) -> bool {
    let (a, b) = (Call::of(one), Call::of(other));
    let is_same = (a.kind, a.service, a.method) == (b.kind, b.service, b.method);
    !is_same && (a.is_expression() || b.is_expression())
}
