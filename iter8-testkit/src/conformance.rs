//! A suite that every [`RoutingBackend`] must pass.
//!
//! The suite plans releases made up at random, of the kinds that the backend's capabilities allow, and holds what the
//! backend makes of the plans against the contract of the trait. It knows the objects as JSON only.
//!
//! ```
//! # use iter8_core::{Capabilities, ObjectKind, RouteObservation, RoutePlan, RoutingBackend};
//! # struct Forgetful(Capabilities);
//! # impl RoutingBackend for Forgetful {
//! #     type Object = serde_json::Value;
//! #     fn capabilities(&self) -> &Capabilities { &self.0 }
//! #     fn kinds(&self) -> &[ObjectKind] { &[] }
//! #     fn render(&self, _: &RoutePlan) -> Vec<serde_json::Value> { Vec::new() }
//! #     fn observe(&self, _: &[serde_json::Value]) -> Option<RouteObservation> { None }
//! # }
//! use iter8_testkit::conformance::Conformance;
//!
//! // A backend that renders nothing.
//! let error = Conformance::new(&Forgetful(Capabilities::specification())).check().unwrap_err();
//! assert!(error.to_string().contains("what is rendered reads back as it was planned"), "{error}");
//! ```

mod claims;

use std::fmt;

use iter8_core::{RoutePlan, RoutingBackend, plan};
use proptest::test_runner::{Config, TestError, TestRunner};

use self::claims::Claims;
use crate::strategies::{Situation, config, situations};

/// The conformance suite for one backend.
///
/// ```
/// use iter8_testkit::conformance::{Conformance, NonConformanceError};
///
#[doc = include_str!("example_backend.txt")]
/// Conformance::new(&backend).check()?;
/// # Ok::<(), NonConformanceError>(())
/// ```
pub struct Conformance<'a, B: RoutingBackend> {
    backend: &'a B,
    stored: Box<dyn Fn(B::Object) -> B::Object + 'a>,
    config: Config,
}

impl<B: RoutingBackend> fmt::Debug for Conformance<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("capabilities", self.backend.capabilities())
            .finish_non_exhaustive()
    }
}

/// What a backend does against the contract.
///
/// ```
/// use iter8_testkit::conformance::{Conformance, NonConformanceError};
///
#[doc = include_str!("example_backend.txt")]
/// // An API server that stores no `spec`.
/// let suite = Conformance::new(&backend).stored_as(|object| json!({ "metadata": object["metadata"] }));
/// let error: NonConformanceError = suite.check().unwrap_err();
/// let text = error.to_string();
/// let mut lines = text.lines();
/// assert_eq!(lines.next(), Some(&*format!("the backend for mesh {} does not conform:", backend.capabilities.mesh)));
/// assert!(lines.next().is_some_and(|line| line.starts_with("a stored object reads like the rendered one")), "{text}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the backend for mesh {mesh} does not conform:\n{}", .failures.join("\n"))]
pub struct NonConformanceError {
    mesh: String,
    failures: Vec<String>,
}

/// What a claim is about: a situation and what is planned in it.
struct Planned<'a> {
    situation: &'a Situation,
    plan: RoutePlan,
}

/// A sentence that must hold for every plan, and what is found otherwise.
struct Claim<B: RoutingBackend> {
    sentence: &'static str,
    check: fn(&Conformance<'_, B>, &Planned<'_>) -> Result<(), String>,
}

impl<'a, B: RoutingBackend> Conformance<'a, B> {
    /// The suite for this backend, with 256 plans for each claim, or as many as the environment variable
    /// `ITER8_PROPTEST_CASES` says.
    ///
    /// ```
    /// use iter8_testkit::conformance::Conformance;
    ///
    #[doc = include_str!("example_backend.txt")]
    /// let suite = Conformance::new(&backend);
    /// assert!(format!("{suite:?}").contains(backend.capabilities.mesh), "what is tried goes by the capabilities");
    /// ```
    #[must_use]
    pub fn new(backend: &'a B) -> Self {
        let config = Config { failure_persistence: None, ..config() };
        Self { backend, stored: Box::new(|object| object), config }
    }

    /// What the API server makes of an object when it stores it: fills in the defaults of its schema.
    ///
    /// ```
    /// use iter8_testkit::conformance::{Conformance, NonConformanceError};
    ///
    #[doc = include_str!("example_backend.txt")]
    /// let suite = Conformance::new(&backend).stored_as(|mut object| {
    ///     object["status"] = json!({}); // what the schema has by default
    ///     object
    /// });
    /// suite.check()?; // the backend looks at the `spec` alone
    /// # Ok::<(), NonConformanceError>(())
    /// ```
    #[must_use]
    pub fn stored_as(self, stored: impl Fn(B::Object) -> B::Object + 'a) -> Self {
        Self { stored: Box::new(stored), ..self }
    }

    /// Checks every claim.
    ///
    /// # Errors
    /// Every claim that does not hold, each with the smallest situation that was found for it.
    ///
    /// ```
    /// use iter8_testkit::conformance::Conformance;
    ///
    #[doc = include_str!("example_backend.txt")]
    /// // In a test of yours `.unwrap_or_else(|error| panic!("{error}"))` shows the situations.
    /// assert_eq!(Conformance::new(&backend).check(), Ok(()));
    /// ```
    pub fn check(&self) -> Result<(), NonConformanceError> {
        let failures: Vec<_> = Claims::<B>::ALL.iter().filter_map(|claim| self.failure_of(claim)).collect();
        if failures.is_empty() {
            return Ok(());
        }
        Err(NonConformanceError { mesh: self.backend.capabilities().mesh.to_owned(), failures })
    }

    fn failure_of(&self, claim: &Claim<B>) -> Option<String> {
        let situations = situations(self.backend.capabilities());
        let outcome = TestRunner::new(self.config.clone()).run(&situations, |situation| {
            let plan = plan(&situation.release, &situation.observation);
            let planned = Planned { situation: &situation, plan };
            (claim.check)(self, &planned).map_err(proptest::test_runner::TestCaseError::fail)
        });
        match outcome.err()? {
            TestError::Abort(reason) => {
                Some(format!("{}: nothing could be planned: {reason}", claim.sentence))
            }
            TestError::Fail(reason, situation) => {
                Some(format!("{}: {reason}\n{situation:?}", claim.sentence))
            }
        }
    }

    fn render(&self, plan: &RoutePlan) -> Vec<B::Object> {
        self.backend.render(plan)
    }
}
