//! Requests, and whether one meets a match.

use iter8_core::{
    GrpcMethodMatch, PathMatch, PathMatchType, Protocol, RouteMatch, ValueMatch, ValueMatchType,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 8] = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/a/c", "/b"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
/// The calls of gRPC: method `b` of service `a`, for example.
const CALLS: [&str; 6] = ["/a/b", "/a/c", "/a/a", "/b/b", "/b/a", "/ab/b"];
const VALUES: [&str; 3] = ["test", "1", "2"];

/// A request, as far as a match looks at it.
///
/// ```
/// use iter8_core::RouteMatch;
/// use iter8_testkit::strategies::Request;
///
/// let request = Request { method: "GET", path: "/a", headers: vec![("beta", "1")], query_params: vec![("p", "2")] };
/// assert_eq!(request.target(), "/a?p=2");
/// assert!(request.meets(&RouteMatch::header("beta", "1")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// The path, without a query.
    pub path: &'static str,
    /// Headers by name in lower case, each at most once.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Query parameters by name, each at most once.
    pub query_params: Vec<(&'static str, &'static str)>,
}

impl Request {
    /// Whether the request meets every condition of a match, by the text of the Gateway API.
    ///
    /// Of regular expressions only those are known that [`route_matches`](super::route_matches) has; no request
    /// meets another one.
    ///
    /// ```
    /// use iter8_core::RouteMatch;
    /// use iter8_testkit::strategies::Request;
    ///
    /// let request = Request { method: "GET", path: "/", headers: vec![("traffic", "test")], query_params: vec![] };
    /// assert!(request.meets(&RouteMatch::header("Traffic", "test")));
    /// assert!(!request.meets(&RouteMatch::header("traffic", "Test")));
    /// ```
    #[must_use]
    pub fn meets(&self, entry: &RouteMatch) -> bool {
        let header = |wanted: &ValueMatch| {
            self.headers
                .iter()
                .any(|(name, value)| name.eq_ignore_ascii_case(&wanted.name) && is_value(wanted, value))
        };
        let param = |wanted: &ValueMatch| {
            self.query_params.iter().any(|(name, value)| *name == wanted.name && is_value(wanted, value))
        };
        let entry = match entry {
            RouteMatch::Http(entry) => entry,
            RouteMatch::Grpc(entry) => {
                return entry.method.as_ref().is_none_or(|call| self.calls(call))
                    && entry.headers.iter().all(header);
            }
        };
        entry.path.as_ref().is_none_or(|path| self.is_at(path))
            && entry.method.is_none_or(|method| method.as_str() == self.method)
            && entry.headers.iter().all(header)
            && entry.query_params.iter().all(param)
    }

    /// The path with its query, as it stands in a URL.
    ///
    /// ```
    /// # use iter8_testkit::strategies::Request;
    /// let request = Request { method: "GET", path: "/a", headers: vec![], query_params: vec![("p", "1"), ("q", "2")] };
    /// assert_eq!(request.target(), "/a?p=1&q=2");
    /// ```
    #[must_use]
    pub fn target(&self) -> String {
        let query: Vec<_> = self.query_params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if query.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    /// Whether it calls this method, taken for a gRPC request: `POST /SERVICE/METHOD`.
    fn calls(&self, wanted: &GrpcMethodMatch) -> bool {
        let mut elements = self.path.split('/').skip(1);
        let (Some(service), Some(method), None) = (elements.next(), elements.next(), elements.next()) else {
            return false;
        };
        let is = |name: &Option<String>, found: &str| {
            name.as_ref().is_none_or(|name| match wanted.kind {
                ValueMatchType::Exact => name == found,
                ValueMatchType::RegularExpression => fits(name, found),
            })
        };
        is(&wanted.service, service) && is(&wanted.method, method)
    }

    fn is_at(&self, wanted: &PathMatch) -> bool {
        match wanted.kind {
            PathMatchType::Exact => wanted.value == self.path,
            PathMatchType::RegularExpression => fits(&wanted.value, self.path),
            // Element by element; an empty last element, a trailing slash, is none.
            PathMatchType::PathPrefix => {
                let elements = |path: &str| {
                    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
                };
                elements(self.path).starts_with(&elements(&wanted.value))
            }
        }
    }
}

fn is_value(wanted: &ValueMatch, found: &str) -> bool {
    match wanted.kind {
        ValueMatchType::Exact => wanted.value == found,
        ValueMatchType::RegularExpression => fits(&wanted.value, found),
    }
}

/// The regular expressions of the vocabulary, each for the whole text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern {
        "/a.*" => text.starts_with("/a"),
        "/a(/b)?" => text == "/a" || text == "/a/b",
        "[12]" => text == "1" || text == "2",
        "a.*" => text.starts_with('a'),
        "[ab]" => text == "a" || text == "b",
        "b" => text == "b",
        _ => false,
    }
}

/// Requests to the paths, methods, headers and query parameters that [`route_matches`](super::route_matches) speaks of.
///
/// ```
/// use iter8_testkit::strategies::{config, every_request, requests};
/// use proptest::test_runner::TestRunner;
///
/// let every = every_request();
/// TestRunner::new(config()).run(&requests(), |request| {
///     proptest::prop_assert!(every.contains(&request));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_testkit::strategies::Request>>(())
/// ```
pub fn requests() -> impl Strategy<Value = Request> {
    let value = || option::of(select(&VALUES[..]));
    let values = [value(), value(), value(), value()];
    (select(&METHODS[..]), select(&PATHS[..]), values).prop_map(|(method, path, [traffic, beta, p, q])| {
        Request {
            method,
            path,
            headers: present([("traffic", traffic), ("beta", beta)]),
            query_params: present([("p", p), ("q", q)]),
        }
    })
}

/// Requests as a release of this protocol gets them: for gRPC, `POST /SERVICE/METHOD`.
///
/// ```
/// use iter8_core::Protocol;
/// use iter8_testkit::strategies::{config, requests_of};
/// use proptest::test_runner::TestRunner;
///
/// TestRunner::new(config()).run(&requests_of(Protocol::Grpc), |call| {
///     proptest::prop_assert_eq!((call.method, call.path.matches('/').count()), ("POST", 2));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_testkit::strategies::Request>>(())
/// ```
pub fn requests_of(protocol: Protocol) -> BoxedStrategy<Request> {
    match protocol {
        Protocol::Http => requests().boxed(),
        Protocol::Grpc => (requests(), select(&CALLS[..]))
            .prop_map(|(request, path)| Request { method: "POST", path, query_params: Vec::new(), ..request })
            .boxed(),
    }
}

/// Every request that [`requests`] makes: some thousands.
///
/// ```
/// use iter8_core::RouteMatch;
/// use iter8_testkit::strategies::every_request;
///
/// let requests = every_request();
/// let entry = RouteMatch::header("traffic", "test");
/// let met = requests.iter().filter(|request| request.meets(&entry)).count();
/// assert_eq!(met * 4, requests.len(), "there are three values, and none");
/// ```
#[must_use]
pub fn every_request() -> Vec<Request> {
    let values = || std::iter::once(None).chain(VALUES.map(Some));
    let pairs = |one: &'static str, other: &'static str| {
        values().flat_map(move |a| values().map(move |b| present([(one, a), (other, b)]))).collect::<Vec<_>>()
    };
    let places = PATHS.iter().flat_map(|path| METHODS.map(|method| (*path, method)));
    let (headers, params) = (pairs("traffic", "beta"), pairs("p", "q"));
    let conditions: Vec<_> = headers.iter().flat_map(|h| params.iter().map(move |p| (h, p))).collect();
    places
        .flat_map(|(path, method)| {
            conditions.iter().map(move |(headers, query_params)| Request {
                method,
                path,
                headers: (*headers).clone(),
                query_params: (*query_params).clone(),
            })
        })
        .collect()
}

fn present<const N: usize>(
    values: [(&'static str, Option<&'static str>); N],
) -> Vec<(&'static str, &'static str)> {
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
