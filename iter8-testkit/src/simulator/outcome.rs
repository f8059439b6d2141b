//! What becomes of a request.

use std::collections::BTreeMap;

use serde::Serialize;

use super::request::Request;

/// What becomes of one request, and why.
///
/// Serialized, it is the answer that a program can read. Header names are in lower case throughout.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// for sentence in &outcome.why {
///     println!("{sentence}");
/// }
/// assert!(!outcome.passthrough && outcome.redirect.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The status that the client gets, where 200 stands for whatever the backend answers.
    pub status: u16,
    /// The match that won; none if nothing matched or no route applies.
    pub route: Option<MatchedRule>,
    /// True if no route applies at all, and the request goes where it was addressed to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub passthrough: bool,
    /// The backends that can get this request, with their shares.
    pub backends: Vec<Backend>,
    /// The share of such requests that fail with status 500, because of backendRefs that cannot be used.
    #[serde(skip_serializing_if = "is_zero")]
    pub failing_share: f64,
    /// What a backend receives: after the filters of the rule, and after those of the backendRefs where all agree.
    pub request: DeliveredRequest,
    /// What is done to the response, by the same filters.
    pub response_headers: HeaderChanges,
    /// The redirect that is the answer, if it is one.
    pub redirect: Option<Redirect>,
    /// Who gets a copy of the request.
    pub mirrors: Vec<Mirror>,
    /// Sentences that say how this came about.
    pub why: Vec<String>,
}

/// Where the winning match stands.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// let matched = outcome.route.ok_or("no rule")?;
/// assert_eq!((matched.kind, matched.name.as_str(), matched.rule), ("HTTPRoute", "web", 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MatchedRule {
    /// `HTTPRoute` or `GRPCRoute`.
    #[serde(skip)]
    pub kind: &'static str,
    /// Namespace of the route.
    pub namespace: String,
    /// Name of the route.
    pub name: String,
    /// Number of the rule, from 0.
    pub rule: usize,
    /// Number of the match in its rule, from 0; a rule without matches counts as one with a single match.
    #[serde(rename = "match")]
    pub match_index: usize,
}

/// One Service that can get the request.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// let backend = &outcome.backends[1];
/// assert_eq!((backend.name.as_str(), backend.port, backend.share), ("web-1", Some(80), 0.25));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Backend {
    /// Namespace of the Service.
    pub namespace: String,
    /// Name of the Service.
    pub name: String,
    /// Port of the Service.
    pub port: Option<u16>,
    /// Its share of such requests: more than 0, at most 1.
    pub share: f64,
    /// What is particular to this backend, where the filters of the backendRefs differ.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub own: Option<Effect>,
}

/// What all filters together do for one backend.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// assert_eq!(outcome.effect_on(&outcome.backends[0]), outcome.effect_on_all(), "no backend has filters of its own");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Effect {
    /// What the backend receives.
    pub request: DeliveredRequest,
    /// What is done to its response.
    pub response_headers: HeaderChanges,
    /// The redirect that is sent instead of calling the backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
}

/// The request as a backend receives it.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// assert_eq!((outcome.request.host.as_str(), outcome.request.path.as_str()), ("web.test", "/"));
/// assert_eq!(outcome.request.headers["x-via"], "web");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeliveredRequest {
    /// The `Host` header.
    pub host: String,
    /// The path with its query.
    pub path: String,
    /// All other headers; several values of one header are joined with a comma.
    pub headers: BTreeMap<String, String>,
}

/// Changes to the headers of a message.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// let mut headers = [("server".to_owned(), "nginx".to_owned())].into();
/// outcome.response_headers.apply(&mut headers);
/// assert!(headers.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeaderChanges {
    /// Headers that get this value in place of any other.
    pub set: BTreeMap<String, String>,
    /// Headers that get this value beside those they have.
    pub add: BTreeMap<String, String>,
    /// Headers that are taken away.
    pub remove: Vec<String>,
}

/// A redirect, as the client sees it.
///
/// ```
/// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
/// use serde_json::json;
///
/// let redirect = json!({ "type": "RequestRedirect", "requestRedirect": { "scheme": "https", "statusCode": 301 } });
/// let mut routes = RouteSet::new(Precedence::Spec);
/// routes.insert(&json!({
///     "kind": "HTTPRoute",
///     "metadata": { "namespace": "test", "name": "web" },
///     "spec": { "parentRefs": [{ "name": "public" }], "rules": [{ "filters": [redirect] }] },
/// }))?;
/// let request = Request::new("GET", "http://shop.example.com/cart")?;
/// let outcome = routes.route(&Parent::gateway("test", "public"), &request);
/// let redirect = outcome.redirect.ok_or("none")?;
/// assert_eq!((redirect.status, redirect.location.as_str()), (301, "https://shop.example.com/cart"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Redirect {
    /// Status of the answer.
    pub status: u16,
    /// `http` or `https`.
    pub scheme: String,
    /// Name of the host to go to.
    pub hostname: String,
    /// Port to go to; none if it is the well-known one of the scheme.
    pub port: Option<u16>,
    /// Path to go to, without the query.
    pub path: String,
    /// The `Location` header.
    pub location: String,
}

/// A Service that gets copies of the request.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// assert_eq!((outcome.mirrors[0].name.as_str(), outcome.mirrors[0].percent), ("web-2", 10.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Mirror {
    /// Namespace of the Service.
    pub namespace: String,
    /// Name of the Service.
    pub name: String,
    /// Port of the Service.
    pub port: Option<u16>,
    /// How many of 100 requests are copied. A mirror of one backendRef copies what goes to that backend only.
    pub percent: f64,
}

impl Outcome {
    /// The outcome for a request that is sent to a Pod's own address: no route sees it.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Outcome, Request};
    ///
    /// assert!(Outcome::past_every_route(&Request::new("GET", "http://10.244.0.1/")?).passthrough);
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn past_every_route(request: &Request) -> Self {
        let why = vec!["the request is addressed to no Service and no Gateway, so no route sees it".into()];
        Self { passthrough: true, ..Self::answer(200, request, why) }
    }

    /// What the filters do whichever backend gets the request.
    ///
    /// ```
    #[doc = include_str!("../example_routes.txt")]
    /// let effect = outcome.effect_on_all();
    /// assert_eq!(effect.request.headers["x-via"], "web");
    /// assert_eq!(effect.response_headers.remove, ["server"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn effect_on_all(&self) -> Effect {
        Effect {
            request: self.request.clone(),
            response_headers: self.response_headers.clone(),
            redirect: self.redirect.clone(),
        }
    }

    /// What all filters together do if `backend` gets the request.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
    /// use serde_json::json;
    ///
    /// let set = json!({ "set": [{ "name": "x-canary", "value": "yes" }] });
    /// let filter = json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": set });
    /// let backends = json!([{ "name": "web-0", "port": 80 }, { "name": "web-1", "port": 80, "filters": [filter] }]);
    /// let mut routes = RouteSet::new(Precedence::Spec);
    /// routes.insert(&json!({
    ///     "kind": "HTTPRoute",
    ///     "metadata": { "namespace": "test", "name": "web" },
    ///     "spec": { "parentRefs": [{ "kind": "Service", "name": "web" }], "rules": [{ "backendRefs": backends }] },
    /// }))?;
    /// let outcome = routes.route(&Parent::service("test", "web"), &Request::new("GET", "http://web.test/")?);
    /// let canary = |at: usize| outcome.effect_on(&outcome.backends[at]).request.headers.get("x-canary").cloned();
    /// assert_eq!((canary(0), canary(1)), (None, Some("yes".to_owned())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn effect_on(&self, backend: &Backend) -> Effect {
        backend.own.clone().unwrap_or_else(|| self.effect_on_all())
    }
}

impl HeaderChanges {
    /// Applies the changes to headers with lower-case names, appending to a header with a comma.
    ///
    /// ```
    #[doc = include_str!("../example_routes.txt")]
    /// let headers = [("server", "nginx"), ("age", "0")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    /// let mut headers = headers.into();
    /// outcome.response_headers.apply(&mut headers);
    /// assert_eq!(headers.into_keys().collect::<Vec<_>>(), ["age"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply(&self, headers: &mut BTreeMap<String, String>) {
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            append(headers, name, value);
        }
        headers.retain(|name, _| !self.remove.contains(name));
    }

    /// What these changes and then `later` do together.
    pub(super) fn then(mut self, later: &Self) -> Self {
        for (name, value) in &later.set {
            self.forget(name);
            self.set.insert(name.clone(), value.clone());
        }
        for (name, value) in &later.add {
            if self.remove.contains(name) {
                // Nothing of the earlier values is left to add to.
                self.forget(name);
                self.set.insert(name.clone(), value.clone());
            } else if self.set.contains_key(name) {
                append(&mut self.set, name, value);
            } else {
                append(&mut self.add, name, value);
            }
        }
        for name in &later.remove {
            self.forget(name);
            self.remove.push(name.clone());
        }
        self
    }

    fn forget(&mut self, name: &str) {
        self.set.remove(name);
        self.add.remove(name);
        self.remove.retain(|removed| removed != name);
    }
}

/// Appends a value to a header, as HTTP joins several values of one header.
pub(super) fn append(headers: &mut BTreeMap<String, String>, name: &str, value: &str) {
    headers
        .entry(name.to_owned())
        .and_modify(|present| {
            present.push(',');
            present.push_str(value);
        })
        .or_insert_with(|| value.to_owned());
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}
