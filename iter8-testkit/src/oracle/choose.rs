//! Which rule a request goes by.

use iter8_core::{HttpMatch, PathMatchType, Precedence, RouteMatch};

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
            met.push(((rule, 0), HttpMatch::default()));
        }
        for (number, entry) in matches.iter().enumerate() {
            if let RouteMatch::Http(http) = entry
                && request.meets(entry)
            {
                met.push(((rule, number), http.clone()));
            }
        }
    }
    let kind = |entry: &HttpMatch| entry.path.as_ref().map(|path| path.kind);
    let is_exact = |entry: &HttpMatch| usize::from(kind(entry) == Some(PathMatchType::Exact));
    let is_pattern = |entry: &HttpMatch| usize::from(kind(entry) == Some(PathMatchType::RegularExpression));
    // Every path has the prefix `/`; a trailing slash means nothing.
    let prefix = |entry: &HttpMatch| {
        let path = entry.path.as_ref().filter(|path| path.kind == PathMatchType::PathPrefix);
        path.map_or(1, |path| path.value.trim_end_matches('/').len().max(1))
    };
    let length = |entry: &HttpMatch| {
        if is_exact(entry) + is_pattern(entry) > 0 { request.path.len() } else { prefix(entry) }
    };
    let has_method = |entry: &HttpMatch| usize::from(entry.method.is_some());
    let (headers, params) =
        (|entry: &HttpMatch| entry.headers.len(), |entry: &HttpMatch| entry.query_params.len());
    let criteria: [&dyn Fn(&HttpMatch) -> usize; 6] = match precedence {
        Precedence::PathLengthFirst => [&length, &headers, &params, &has_method, &|_| 0, &|_| 0],
        // "exact path, longest prefix, method, headers, query parameters"; where regular expressions come is open.
        _ => [&is_exact, &is_pattern, &prefix, &has_method, &headers, &params],
    };
    for criterion in criteria {
        let most = met.iter().map(|(_, entry)| criterion(entry)).max()?;
        met.retain(|(_, entry)| criterion(entry) == most);
    }
    met.first().map(|(place, _)| *place)
}
