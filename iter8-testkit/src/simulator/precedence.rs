//! Which of several matches that hold wins.

use std::cmp::{Ordering, Reverse};
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::hostname::Specificity;
use super::matching::{Comparison, Fit};
use super::objects::{Route, RouteKind};

/// Whose rules decide between matches that all hold: at a Service. At a Gateway the specification does, whatever mesh
/// is behind it.
///
/// ```
/// use iter8_testkit::simulator::Precedence;
///
/// assert_eq!("istio-ambient".parse::<Precedence>()?, Precedence::Istio);
/// assert_eq!("gateway".parse::<Precedence>()?, Precedence::default());
/// # Ok::<(), iter8_testkit::simulator::UnknownPrecedenceError>(())
/// ```
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
    /// Istio's pilot, which makes a path of every condition, the one on a gRPC call, too: exact path, prefix, regular
    /// expression, each by its length, then method, number of headers, number of query parameters.
    Istio,
    /// Cilium's operator, which makes a path of a gRPC call, too: exact path, regular expression, prefix, each by its
    /// length, then method, number of headers, number of query parameters.
    Cilium,
    /// Kuma's `MeshHTTPRoute`: as Istio, but a rule without matches has the prefix `/`, which comes before a match of a
    /// GRPCRoute that makes no path.
    Kuma,
}

/// The rules of each mesh by its name; `gateway` is whatever follows the specification.
const NAMES: [(&str, Precedence); 6] = [
    ("linkerd", Precedence::Linkerd),
    ("istio", Precedence::Istio),
    ("istio-ambient", Precedence::Istio),
    ("cilium", Precedence::Cilium),
    ("kuma", Precedence::Kuma),
    ("gateway", Precedence::Spec),
];

/// The simulator does not know whose rules are meant.
///
/// ```
/// use iter8_testkit::simulator::Precedence;
///
/// let error = "none-such".parse::<Precedence>().unwrap_err();
/// assert_eq!(error.to_string(), "the simulator does not know the mesh `none-such`");
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the simulator does not know the mesh `{name}`")]
pub struct UnknownPrecedenceError {
    name: String,
}

/// By the name of a mesh.
impl FromStr for Precedence {
    type Err = UnknownPrecedenceError;

    fn from_str(name: &str) -> Result<Self, UnknownPrecedenceError> {
        let known = NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, precedence)| precedence).ok_or_else(|| UnknownPrecedenceError { name: name.into() })
    }
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
        // Both candidates are of one kind: neither a Service nor a listener takes two for one hostname.
        let mut verdicts = vec![hostname];
        match (self, one.route.kind) {
            (Self::Istio | Self::Cilium | Self::Kuma, RouteKind::Grpc) => {
                let (one, other) = (self.call_as_path(one), self.call_as_path(other));
                let kind = (other.0.cmp(&one.0), "its path is of a lesser kind".to_owned());
                verdicts.extend([kind, more(one.1, other.1, "characters of the path"), headers]);
            }
            (Self::Spec | Self::Linkerd, RouteKind::Grpc) => verdicts.extend([
                more(a.grpc_service, b.grpc_service, "characters of the gRPC service"),
                more(a.grpc_method, b.grpc_method, "characters of the gRPC method"),
                headers,
            ]),
            (Self::Istio | Self::Kuma, RouteKind::Http) => verdicts.extend([
                first(a.exact_path, b.exact_path, "an exact path comes first"),
                first(!a.regex_path, !b.regex_path, "a prefix comes before a regular expression"),
                more(a.path_length, b.path_length, "characters of the path"),
                first(a.method, b.method, "it has no condition on the method"),
                headers,
                more(a.query_params, b.query_params, "query parameter conditions"),
            ]),
            (Self::Spec | Self::Cilium, RouteKind::Http) => verdicts.extend([
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

    /// The path that a mesh makes of a condition on a gRPC call: how its kind ranks, the highest first, and its length.
    fn call_as_path(self, candidate: &Candidate<'_>) -> (u8, usize) {
        let Fit { grpc_service: service, grpc_method: method, grpc_call, .. } = candidate.fit;
        let (expression, prefix) = if self == Self::Cilium { (2, 1) } else { (1, 2) };
        let rule = candidate.route.rules.get(candidate.rule);
        match (service, method) {
            (0, 0) if self == Self::Cilium => (prefix, 1),
            (0, 0) if self == Self::Kuma && rule.is_some_and(|rule| rule.matches.is_empty()) => (prefix, 1),
            (0, 0) => (0, 0),
            _ if grpc_call == Comparison::RegularExpression => (expression, service + method),
            (_, 0) => (prefix, service + 2),
            (0, _) => (expression, method),
            _ => (3, service + method),
        }
    }
}

/// What decides between matches that are equally specific.
fn by_age(one: &Candidate<'_>, other: &Candidate<'_>) -> [Verdict; 4] {
    let (route, other_route) = (one.route, other.route);
    [
        (age(route).cmp(&age(other_route)), "its route is younger".to_owned()),
        (by_name(route, other_route), "its route comes later by name".to_owned()),
        (one.rule.cmp(&other.rule), "its rule comes later".to_owned()),
        (one.match_index.cmp(&other.match_index), "it comes later in its rule".to_owned()),
    ]
}

/// Which of two routes has what both want: the older one, then the first by name.
pub(super) fn older(one: &Route, other: &Route) -> Ordering {
    age(one).cmp(&age(other)).then_with(|| by_name(one, other))
}

/// "alphabetical order by {namespace}/{name}": as one text, in which `d-x/a` comes before `d/a`.
fn by_name(one: &Route, other: &Route) -> Ordering {
    one.key.to_string().cmp(&other.key.to_string())
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
