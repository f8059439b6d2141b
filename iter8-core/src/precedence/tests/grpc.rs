//! What is said of two matches on calls of gRPC.

use std::prelude::v1::*;

use super::super::{covers, is_left_open, may_overlap};
use super::entry;
use crate::{GrpcMatch, GrpcMethodMatch, RouteMatch, ValueMatchType};

/// `SERVICE/METHOD`, either of which may be `*` for any; after a `~` both are regular expressions.
fn call(text: &str) -> RouteMatch {
    let (kind, names) = match text.strip_prefix('~') {
        Some(names) => (ValueMatchType::RegularExpression, names),
        None => (ValueMatchType::Exact, text),
    };
    let (service, method) = names.split_once('/').unwrap();
    let name = |text: &str| Some(text.to_owned()).filter(|text| text != "*");
    let method = GrpcMethodMatch { kind, service: name(service), method: name(method) };
    RouteMatch::Grpc(GrpcMatch { method: Some(method), headers: Vec::new() }).canonical()
}

#[test]
fn two_matches_overlap_where_one_call_can_meet_both() {
    for (one, other, expected) in [
        ("a/b", "a/b", true),
        ("a/b", "a/c", false),
        ("a/b", "c/b", false),
        ("a/b", "c/d", false),
        ("a/*", "a/b", true),
        ("a/*", "*/b", true),
        ("a/*", "b/*", false),
        ("a/*", "b/c", false),
        ("*/b", "*/c", false),
        ("*/b", "a/c", false),
        ("*/*", "a/b", true),
        ("~a/*", "b/c", true),
        ("~a/*", "~b/c", true),
    ] {
        assert_eq!(may_overlap(&call(one), &call(other)), expected, "{one} and {other}");
        assert_eq!(may_overlap(&call(other), &call(one)), expected, "{other} and {one}");
    }
}

#[test]
fn a_match_covers_what_asks_for_no_less_in_the_same_way() {
    for (one, other, [covers_other, is_covered]) in [
        ("a/b", "a/b", [true, true]),
        ("a/*", "a/b", [true, false]),
        ("*/b", "a/b", [true, false]),
        ("*/*", "a/b", [true, false]),
        ("*/*", "~a/b", [true, false]),
        ("a/*", "c/b", [false, false]),
        ("*/b", "a/c", [false, false]),
        ("a/*", "*/b", [false, false]),
        ("~a/*", "~a/*", [true, true]),
        ("~a/*", "~a/b", [true, false]),
        // Of regular expressions it is not known what they match.
        ("~a/*", "a/b", [false, false]),
        ("~a/b", "a/b", [false, false]),
        ("~a/*", "~b/*", [false, false]),
    ] {
        assert_eq!(covers(&call(one), &call(other)), covers_other, "{one} and {other}");
        assert_eq!(covers(&call(other), &call(one)), is_covered, "{other} and {one}");
    }
}

#[test]
fn the_order_is_left_open_where_only_one_is_a_regular_expression_or_they_are_two() {
    for (one, other, expected) in [
        (call("a/b"), call("a/*"), false),
        (call("a/b"), call("a/b"), false),
        (call("~a/b"), call("a/b"), true),
        (call("~a/b"), call("~a/c"), true),
        (call("~a/b"), call("~c/b"), true),
        (call("~a/b"), call("~a/b"), false),
        (entry("exact /a"), entry("prefix /a"), false),
        (entry("regex /a.*"), entry("exact /a"), true),
        (entry("regex /a.*"), entry("prefix /a"), true),
        (entry("regex /a.*"), entry("regex /a"), true),
        (entry("regex /a.*"), entry("regex /a.* x=y"), false),
        (entry("regex /a.*"), call("~a/*"), false),
    ] {
        assert_eq!(is_left_open(&one, &other), expected, "{one} and {other}");
        assert_eq!(is_left_open(&other, &one), expected, "{other} and {one}");
    }
}

#[test]
fn a_match_of_another_protocol_is_met_by_no_request_of_this_one() {
    let (http, grpc) = (RouteMatch::default(), call("*/*"));
    assert!(!may_overlap(&http, &grpc) && !covers(&http, &grpc) && !covers(&grpc, &http));
}
