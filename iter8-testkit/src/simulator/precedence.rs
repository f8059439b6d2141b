//! Which of several matches that hold wins.

use std::cmp::{Ordering, Reverse};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::hostname::Specificity;
use super::matching::Fit;
use super::objects::{Route, RouteKind};

/// Whose rules decide between matches that all hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Precedence {
    /// The specification: hostname, exact path, longest prefix, method, number of headers, number of query
    /// parameters. Hostnames mean nothing on routes of a Service. Where the specification leaves the place of
    /// regular expressions open, they come after exact paths and before prefixes.
    #[default]
    Spec,
    /// Linkerd's proxy: hostname, length of the matched path whatever its type, number of headers, number of
    /// query parameters, method. Hostnames on routes of a Service are honoured.
    Linkerd,
}

/// A match that holds, with all that decides between it and others.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) route: &'a Route,
    pub(super) rule: usize,
    pub(super) match_index: usize,
    pub(super) hostname: Specificity,
    pub(super) fit: Fit,
}

/// The outcome of comparing two candidates by one criterion: the order, and why the lesser one loses.
type Verdict = (Ordering, String);

impl Precedence {
    /// Compares two candidates: `Less` if `one` comes first. The sentence says why the other one loses.
    pub(super) fn compare(self, one: &Candidate<'_>, other: &Candidate<'_>) -> Verdict {
        let verdicts = self.by_fit(one, other).into_iter().chain(by_age(one, other));
        verdicts
            .into_iter()
            .find(|(order, _)| order.is_ne())
            .unwrap_or_else(|| (Ordering::Equal, "it is the same match".into()))
    }

    fn by_fit(self, one: &Candidate<'_>, other: &Candidate<'_>) -> Vec<Verdict> {
        let (a, b) = (&one.fit, &other.fit);
        let hostname = (other.hostname.cmp(&one.hostname), "its hostname is less specific".to_owned());
        let headers = more(a.headers, b.headers, "header conditions");
        // A Gateway may have routes of both kinds for one hostname.
        let kind = (one.route.kind.cmp(&other.route.kind), "a GRPCRoute comes first".to_owned());
        let mut verdicts = vec![hostname, kind];
        match (self, one.route.kind) {
            (_, RouteKind::Grpc) => verdicts.extend([
                more(a.grpc_service, b.grpc_service, "characters of the gRPC service"),
                more(a.grpc_method, b.grpc_method, "characters of the gRPC method"),
                headers,
            ]),
            (Self::Spec, RouteKind::Http) => verdicts.extend([
                first(a.exact_path, b.exact_path, "an exact path comes first"),
                first(a.regex_path, b.regex_path, "a regular expression comes before a prefix"),
                more(a.path_length, b.path_length, "characters of the path"),
                first(a.method, b.method, "it has no condition on the method"),
                headers,
                more(a.query_params, b.query_params, "query parameter conditions"),
            ]),
            (Self::Linkerd, RouteKind::Http) => verdicts.extend([
                more(a.matched_length, b.matched_length, "characters of the path"),
                headers,
                more(a.query_params, b.query_params, "query parameter conditions"),
                first(a.method, b.method, "it has no condition on the method"),
            ]),
        }
        verdicts
    }
}

/// What decides between matches that are equally specific.
fn by_age(one: &Candidate<'_>, other: &Candidate<'_>) -> [Verdict; 4] {
    let (route, other_route) = (one.route, other.route);
    [
        (age(route).cmp(&age(other_route)), "its route is younger".to_owned()),
        (route.key.cmp(&other_route.key), "its route comes later by name".to_owned()),
        (one.rule.cmp(&other.rule), "its rule comes later".to_owned()),
        (one.match_index.cmp(&other.match_index), "it comes later in its rule".to_owned()),
    ]
}

/// Routes without a creation time are not stored yet, so they are younger than any stored one.
fn age(route: &Route) -> (bool, Option<&Time>) {
    (route.created.is_none(), route.created.as_ref())
}

fn more(one: usize, other: usize, what: &str) -> Verdict {
    let (more, fewer) = (one.max(other), one.min(other));
    (Reverse(one).cmp(&Reverse(other)), format!("it has fewer {what} ({fewer} against {more})"))
}

fn first(one: bool, other: bool, why: &str) -> Verdict {
    (other.cmp(&one), why.to_owned())
}
