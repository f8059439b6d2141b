//! A naive planner: what a plan must be by the text of the design, quadratic and obvious.
//!
//! It shares no code with `iter8_core::plan`, so that it cannot agree with its mistakes. [`check`] holds a plan against
//! it: the rules and their protocol, the front Service, the removals and the moment to look again.
//!
//! What the text leaves free is not compared: reasons and notices; the place of removed versions' rules among those
//! of the candidates; which of several new versions waits where not all fit; whether a version without a share is
//! listed with weight 0 while the rules of the strategy before are held; the order of rules where the mesh is not one
//! that chooses as the specification does (hold [`choose`] against that).
//!
//! Where the text is silent, these are the readings, marked in the code:
//!
//! 1. A version is through its first rollout once the live route gives it requests.
//! 2. A rollout that the Deployment controller calls stuck is not finished, nor is one beside which more Pods serve
//!    than are wanted.
//! 3. A primary before the declared one that cannot serve any more gives way to a declared one that can.
//! 4. A candidate that is not ready holds a removal up only where it has the matches of the removed version; one
//!    that is updating does so unless it has no share.
//! 5. A removed version without a live rule or weight keeps the declared one.
//! 6. A drain that began more than a second before the route was written was another one.
//! 7. While a change of strategy waits, the front Service waits with the default rule, though the declared primary is
//!    ready.
//! 8. A rollout is finished once its endpoints are known to have been computed after it; the first one has no older
//!    endpoints.
//! 9. Where there is no route, the front Service tells the primary before, and a version to which it leads does not
//!    begin to drain.
//! 10. A change of protocol waits as a change of strategy does, and holds a single default rule and mirrors, too. Matches
//!     of another protocol are not kept. The routes of the protocol before stay until those of the new one are in force.
//! 11. A weight means nothing without others: a version that is left alone keeps none but the one that it has alone.
//! 12. A Gateway or hostname that has left the document keeps the route until every declared Gateway has accepted it as it
//!     is now, and for `drainSeconds` more; without any Gateway in the document that is at once. A Gateway that says nothing
//!     has not accepted it. One that is leaving and refuses the route goes at once, and so does one all of whose listeners
//!     are those of a declared one. Declared ones for which there is no place beside the leaving ones wait.
//! 13. The user's own copies are those of the document, but for a held route of another protocol and for one that the document
//!     does not ask for any more: those keep the live ones. A copy to what is no version is no sign of a strategy.
//!
//! ```
//! use iter8_core::{Capabilities, plan};
//! use iter8_testkit::{oracle, strategies};
//! use proptest::test_runner::{TestError, TestRunner};
//!
//! let situations = strategies::situations(&Capabilities::specification());
//! TestRunner::new(strategies::config()).run(&situations, |strategies::Situation { release, observation }| {
//!     oracle::check(&release, &observation, &plan(&release, &observation))?;
//!     Ok(())
//! })?;
//! # Ok::<(), TestError<strategies::Situation>>(())
//! ```

mod choose;
mod gateways;
mod promotion;
mod protocol;
mod removal;
mod rules;
mod state;

use iter8_core::{
    Environment, FrontService, Observation, RoutePlan, TargetPort, ValidRelease, VersionDeclaration,
};

pub use choose::{choose, is_left_open};
pub use state::{State, state};

/// What a plan has otherwise than the oracle.
///
/// ```
/// use iter8_testkit::oracle;
///
#[doc = include_str!("example_canary.txt")]
/// let planned_too_early = plan(&release, &Observation::all_ready(&release));
/// let error = oracle::check(&release, &Observation::default(), &planned_too_early).unwrap_err();
/// assert!(error.to_string().contains(": expected "), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, planned {planned}")]
pub struct DisagreementError {
    what: &'static str,
    expected: String,
    planned: String,
}

impl DisagreementError {
    fn new(what: &'static str, expected: &impl std::fmt::Debug, planned: &impl std::fmt::Debug) -> Self {
        Self { what, expected: format!("{expected:#?}"), planned: format!("{planned:#?}") }
    }
}

/// Holds a plan against what the text says.
///
/// # Errors
/// The first thing that the plan has otherwise.
///
/// ```
/// use iter8_core::{Application, Capabilities, Environment, Observation, Release, Strategy, Version, plan, validate};
/// use iter8_testkit::{oracle, strategies};
///
/// let versions = vec![Version { image: Some("web:1".into()), ..Version::default() }];
/// let release = Release {
///     environment: Some(Environment::DeploymentGtw),
///     application: Application { strategy: Some(Strategy::Canary), versions, ..Application::default() },
///     ..Release::default()
/// };
/// let release = validate(&strategies::key(), &release, &Capabilities::specification())?;
/// let ready = Observation::all_ready(&release);
/// oracle::check(&release, &ready, &plan(&release, &ready))?;
/// assert!(oracle::check(&release, &ready, &plan(&release, &Observation::default())).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(
    release: &ValidRelease,
    observation: &Observation,
    plan: &RoutePlan,
) -> Result<(), DisagreementError> {
    let case = promotion::Case::new(release, observation);
    let in_force = rules::check(&case, plan)?;
    front(release, &in_force.declaration, plan.front.as_ref())?;
    state::check(&case, plan)?;
    protocol::check(&case, plan)?;
    let due = gateways::check(&case, plan)?;
    removal::check(&case, plan, due)
}

/// The front Service leads to the primary in force, and its targetPort is said where it is another port.
fn front(
    release: &ValidRelease,
    declaration: &VersionDeclaration,
    planned: Option<&FrontService>,
) -> Result<(), DisagreementError> {
    let planned = planned.map(|front| (&front.selector, front.target_port.clone(), front.port));
    let port = release.service_port;
    let target = Some(declaration.target_port.clone()).filter(|target| *target != TargetPort::Number(port));
    let expected =
        (release.environment == Environment::DeploymentGtw).then_some((&declaration.selector, target, port));
    if planned == expected { Ok(()) } else { Err(DisagreementError::new("front", &expected, &planned)) }
}
