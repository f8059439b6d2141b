//! Which backend gets a request, from the route objects alone.
//!
//! The simulator is what a test holds its own idea of a route against: it reads the objects that a cluster would
//! get, and applies the rules of the Gateway API (or of a mesh that deviates from them, see [`Precedence`]) to one
//! request. It is synchronous, does no IO, and shares no code with anything that writes routes.
//!
//! ```
//! use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
//! use serde_json::json;
//!
//! let mut routes = RouteSet::new(Precedence::Spec);
//! routes.insert(&json!({
//!     "apiVersion": "gateway.networking.k8s.io/v1",
//!     "kind": "HTTPRoute",
//!     "metadata": { "namespace": "test", "name": "httpbin" },
//!     "spec": {
//!         "parentRefs": [{ "group": "", "kind": "Service", "name": "httpbin" }],
//!         "rules": [
//!             {
//!                 "matches": [{ "headers": [{ "name": "traffic", "value": "test" }] }],
//!                 "backendRefs": [{ "name": "httpbin-1", "port": 80 }],
//!             },
//!             { "backendRefs": [{ "name": "httpbin-0", "port": 80 }] },
//!         ],
//!     },
//! }))?;
//! let parent = Parent::service("test", "httpbin");
//! let request = Request::new("GET", "http://httpbin.test/get")?;
//!
//! assert_eq!(routes.route(&parent, &request).backends[0].name, "httpbin-0");
//! let outcome = routes.route(&parent, &request.header("traffic", "test"));
//! assert_eq!(outcome.backends[0].name, "httpbin-1");
//! assert!(outcome.why.iter().any(|sentence| sentence.contains("header")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It does not call backends, so timeouts and retries have no effect, and it checks no certificates. Paths are compared
//! as they are sent: the specification asks for no normalization, and Linkerd does none. Proxies built on Envoy may
//! resolve `.` and `..` or merge slashes before they look at the routes, as they are set up.

mod attach;
mod attachment;
mod conflict;
mod cors;
mod delivery;
mod environment;
mod filter;
mod hostname;
mod lookup;
mod matching;
mod model;
mod objects;
mod outcome;
mod parent;
mod precedence;
mod profile;
mod request;
mod selection;

use self::model::RouteMatch;
use self::objects::Route;
use self::parent::ParentKind;
use self::precedence::Candidate;
use self::selection::Selection;

pub use self::attachment::Attachment;
pub use self::lookup::AmbiguousHostError;
pub use self::objects::{InvalidObjectError, RouteSet};
pub use self::outcome::{
    Backend, DeliveredRequest, Effect, HeaderChanges, MatchedRule, Mirror, Outcome, Redirect,
};
pub use self::parent::{InvalidParentError, Parent};
pub use self::precedence::{Precedence, UnknownPrecedenceError};
pub use self::request::{InvalidUrlError, Request};

impl RouteSet {
    /// What becomes of a request that is sent to `parent`.
    ///
    /// ```
    #[doc = include_str!("example_routes.txt")]
    /// assert_eq!(outcome.status, 200);
    /// assert_eq!(outcome.backends.iter().map(|backend| backend.share).collect::<Vec<_>>(), [0.75, 0.25]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn route(&self, parent: &Parent, request: &Request) -> Outcome {
        let mut why = Vec::new();
        let routes = match self.select(parent, request, &mut why) {
            Selection::Routes(routes) => routes,
            Selection::Passthrough => {
                let mut outcome = Outcome::answer(200, request, why);
                outcome.passthrough = true;
                outcome.backends.push(Backend::whole(&parent.key, Some(request.port())));
                return outcome;
            }
            Selection::Answer(status) => return Outcome::answer(status, request, why),
        };
        let precedence = self.precedence_at(parent);
        let mut missed = Vec::new();
        let mut candidates = Vec::new();
        for (route, hostname) in routes {
            for (rule, match_index, wanted) in matches(route) {
                match matching::fit(route.kind, wanted, request, precedence.profile().matching) {
                    Ok(fit) => candidates.push(Candidate { route, rule, match_index, hostname, fit }),
                    Err(reason) => {
                        missed.push(format!("{} does not match: {reason}", place(route, rule, match_index)));
                    }
                }
            }
        }
        candidates.sort_by(|one, other| precedence.compare(one, other).0);
        let Some((winner, losers)) = candidates.split_first() else {
            why.append(&mut missed);
            why.push("no rule matches the request".into());
            return Outcome::answer(404, request, why);
        };
        let place_of =
            |candidate: &Candidate<'_>| place(candidate.route, candidate.rule, candidate.match_index);
        why.push(format!("{} wins", place_of(winner)));
        for loser in losers {
            let (_, reason) = precedence.compare(winner, loser);
            why.push(format!("{} matches too, but {reason}", place_of(loser)));
        }
        why.append(&mut missed);
        self.deliver(parent, request, winner, why)
    }

    /// Whose rules decide at a parent. A mesh has its say about its Services; a Gateway is of whatever implementation
    /// there is, so it goes by the specification.
    fn precedence_at(&self, parent: &Parent) -> Precedence {
        match parent.kind {
            ParentKind::Service => self.precedence,
            ParentKind::Gateway | ParentKind::ListenerSet | ParentKind::Other => Precedence::Spec,
        }
    }
}

/// All matches of a route with the numbers of rule and match; a rule without matches has one without conditions.
fn matches(route: &Route) -> impl Iterator<Item = (usize, usize, Option<&RouteMatch>)> {
    route.rules.iter().enumerate().flat_map(|(index, rule)| {
        let always = rule.matches.is_empty().then_some((index, 0, None));
        let listed =
            rule.matches.iter().enumerate().map(move |(number, wanted)| (index, number, Some(wanted)));
        listed.chain(always)
    })
}

fn place(route: &Route, rule: usize, match_index: usize) -> String {
    let wanted = route.rules.get(rule).and_then(|rule| rule.matches.get(match_index));
    let described = matching::describe(route.kind, wanted);
    format!("match {match_index} of rule {rule} of {route} ({described})")
}
