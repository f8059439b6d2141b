//! Which rule a request goes by.

use iter8_core::{GrpcMatch, HttpMatch, PathMatchType, Precedence, RouteMatch, ValueMatchType};

use crate::strategies::Request;

/// The rule and the match of it, by their places, that a request goes by; `None` if it meets none.
///
/// A rule without matches takes every request. Of the matches that a request meets, the mesh's precedence chooses;
/// of equal ones the first.
///
/// ```
/// use iter8_core::{Precedence, RouteMatch};
/// use iter8_testkit::oracle::choose;
/// use iter8_testkit::strategies::Request;
///
/// let rules = [vec![RouteMatch::header("traffic", "test")], vec![]];
/// let request = Request { method: "GET", path: "/", headers: vec![], query_params: vec![] };
/// assert_eq!(choose(&rules, &request, Precedence::Specification), Some((1, 0)));
/// ```
#[must_use]
pub fn choose<M: AsRef<[RouteMatch]>>(
    rules: &[M],
    request: &Request,
    precedence: Precedence,
) -> Option<(usize, usize)> {
    let mut met = Vec::new();
    for (rule, matches) in rules.iter().enumerate() {
        let matches = matches.as_ref();
        if matches.is_empty() {
            met.push(((rule, 0), [0; 6]));
        }
        for (number, entry) in matches.iter().enumerate().filter(|(_, entry)| request.meets(entry)) {
            let rank = match entry {
                RouteMatch::Http(entry) => http(entry, request, precedence),
                RouteMatch::Grpc(entry) => grpc(entry, precedence),
            };
            met.push(((rule, number), rank));
        }
    }
    // A default rule in a route for HTTP has the prefix `/`.
    let most = met.iter().map(|(_, rank)| *rank).max()?;
    met.into_iter().find(|(_, rank)| *rank == most).map(|(place, _)| place)
}

/// Whether the specification leaves open which of two matches a request goes by that meets both.
///
/// "The precedence of `RegularExpression` path matches are implementation-specific", and how many characters of a service
/// or method an expression has is not said.
///
/// ```
/// use iter8_core::{HttpMatch, PathMatch, PathMatchType, RouteMatch};
/// use iter8_testkit::oracle::is_left_open;
///
/// let path = |kind, value: &str| {
///     let path = Some(PathMatch { kind, value: value.to_owned() });
///     RouteMatch::Http(HttpMatch { path, ..HttpMatch::default() })
/// };
/// let (pattern, exact) = (path(PathMatchType::RegularExpression, "/a.*"), path(PathMatchType::Exact, "/a"));
/// assert!(is_left_open(&pattern, &exact) && !is_left_open(&pattern, &pattern));
/// ```
#[must_use]
pub fn is_left_open(one: &RouteMatch, other: &RouteMatch) -> bool {
    let is_pattern = |entry: &RouteMatch| match entry {
        RouteMatch::Http(entry) => {
            entry.path.as_ref().is_some_and(|path| path.kind == PathMatchType::RegularExpression)
        }
        RouteMatch::Grpc(entry) => {
            entry.method.as_ref().is_some_and(|call| call.kind == ValueMatchType::RegularExpression)
        }
    };
    let differ = match (one, other) {
        (RouteMatch::Http(one), RouteMatch::Http(other)) => one.path != other.path,
        (RouteMatch::Grpc(one), RouteMatch::Grpc(other)) => one.method != other.method,
        (RouteMatch::Http(_), RouteMatch::Grpc(_)) | (RouteMatch::Grpc(_), RouteMatch::Http(_)) => false,
    };
    differ && (is_pattern(one) || is_pattern(other))
}

/// What counts, the most important first.
fn http(entry: &HttpMatch, request: &Request, precedence: Precedence) -> [usize; 6] {
    let kind = entry.path.as_ref().map(|path| path.kind);
    let is_exact = usize::from(kind == Some(PathMatchType::Exact));
    let is_pattern = usize::from(kind == Some(PathMatchType::RegularExpression));
    // Every path has the prefix `/`, which is as good as none; a trailing slash means nothing.
    let path = entry.path.as_ref().filter(|path| path.kind == PathMatchType::PathPrefix);
    let prefix = path.map_or(0, |path| path.value.trim_end_matches('/').len().max(1)).saturating_sub(1);
    let length = if is_exact + is_pattern > 0 { request.path.len().saturating_sub(1) } else { prefix };
    let has_method = usize::from(entry.method.is_some());
    let (headers, params) = (entry.headers.len(), entry.query_params.len());
    match precedence {
        Precedence::PathLengthFirst => [length, headers, params, has_method, 0, 0],
        // "exact path, longest prefix, method, headers, query parameters"; where regular expressions come is open.
        _ => [is_exact, is_pattern, prefix, has_method, headers, params],
    }
}

/// "characters of the service, characters of the method, number of headers"
fn grpc(entry: &GrpcMatch, precedence: Precedence) -> [usize; 6] {
    let call = entry.method.clone().unwrap_or_default();
    let length = |name: &Option<String>| name.as_ref().map_or(0, |name| name.chars().count());
    let (service, method) = (length(&call.service), length(&call.method));
    // "a method of any service is a regular expression and comes before a service with any method"
    let is_path = service > 0 && method > 0 && call.kind == ValueMatchType::Exact;
    let is_pattern = method > 0 && service == 0 || call.kind == ValueMatchType::RegularExpression;
    let kind = match precedence {
        Precedence::MethodOfAnyServiceFirst if is_path => 3,
        Precedence::MethodOfAnyServiceFirst if is_pattern => 2,
        Precedence::MethodOfAnyServiceFirst if service > 0 => 1,
        _ => 0,
    };
    [kind, service, method, entry.headers.len(), 0, 0]
}
