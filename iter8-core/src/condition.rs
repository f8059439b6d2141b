//! How a release is doing, as Kubernetes conditions.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;

use crate::object_role::ObjectRole;
use crate::observation::Observation;
use crate::obstacle::{Obstacle, brief};
use crate::plan::{PlannedRoute, RoutePlan};
use crate::planner::Acceptance;
use crate::violation::InvalidReleaseError;

/// The types of condition of a Release; true is good for all of them.
///
/// ```
/// use iter8_core::{ConditionStatus, ConditionType, conditions};
///
#[doc = include_str!("example_release.txt")]
/// let observation = Observation::default();
/// let conditions = conditions(&plan(&release, &observation), &observation, &[]);
/// let unmet = conditions.iter().filter(|condition| condition.status == ConditionStatus::False);
/// let unmet: Vec<_> = unmet.map(|condition| condition.kind).collect();
/// assert_eq!(unmet, [ConditionType::VersionsReady, ConditionType::RouteProgrammed, ConditionType::Ready]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ConditionType {
    /// The document is valid.
    Accepted,
    /// Every declared version is ready.
    VersionsReady,
    /// The route is written as planned and its parents have accepted it.
    RouteProgrammed,
    /// All of the above, and nothing is left to be removed.
    Ready,
}

impl ConditionType {
    /// The type as it is written in a status.
    ///
    /// ```
    /// assert_eq!(iter8_core::ConditionType::RouteProgrammed.as_str(), "RouteProgrammed");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::VersionsReady => "VersionsReady",
            Self::RouteProgrammed => "RouteProgrammed",
            Self::Ready => "Ready",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The status of a condition.
///
/// ```
/// use iter8_core::{ConditionStatus, conditions};
///
#[doc = include_str!("example_release.txt")]
/// let observation = Observation::all_ready(&release);
/// let conditions = conditions(&plan(&release, &observation), &observation, &[]);
/// assert!(conditions.iter().any(|condition| condition.status == ConditionStatus::True));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}

impl ConditionStatus {
    /// The status as it is written.
    ///
    /// ```
    /// assert_eq!(iter8_core::ConditionStatus::Unknown.as_str(), "Unknown");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A condition, without the times that the shell keeps.
///
/// ```
/// use iter8_core::conditions;
///
#[doc = include_str!("example_release.txt")]
/// let observation = Observation::default();
/// let conditions = conditions(&plan(&release, &observation), &observation, &[]);
/// let route = conditions.iter().find(|condition| condition.kind.as_str() == "RouteProgrammed").ok_or("none")?;
/// assert_eq!((route.status.as_str(), route.reason), ("False", "PrimaryNotReady"));
/// assert_eq!(route.message, "there is no route before the primary is ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Condition {
    /// Which one.
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one CamelCase word.
    pub reason: &'static str,
    /// Why, in words.
    pub message: String,
}

impl Condition {
    fn new(kind: ConditionType, holds: bool, reason: &'static str, message: impl Into<String>) -> Self {
        let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
        Self { kind, status, reason, message: message.into() }
    }

    fn holds(&self) -> bool {
        self.status == ConditionStatus::True
    }
}

/// What is said of versions and routes while the document is refused.
pub const NOT_LOOKED_AT: &str = "not looked at while the document is not valid";

/// The conditions of a release whose document is refused: what runs stays as it is, and how it does is not known.
///
/// ```
/// use iter8_core::{Capabilities, Document, ReleaseKey, declare, refusal};
///
/// let document = Document::from_yaml("environment: deployment-gtw\napplication: {versions: []}")?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
///
/// let conditions = refusal(&error);
/// assert_eq!((conditions[0].kind.as_str(), conditions[0].status.as_str()), ("Accepted", "False"));
/// assert_eq!(conditions[0].message, error.to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Of more violations than fit into a condition only the first are named.
#[must_use]
pub fn refusal(error: &InvalidReleaseError) -> Vec<Condition> {
    let reason = "Invalid";
    let unseen = |kind| Condition {
        status: ConditionStatus::Unknown,
        ..Condition::new(kind, false, reason, NOT_LOOKED_AT)
    };
    vec![
        Condition::new(ConditionType::Accepted, false, reason, refusal_message(error)),
        unseen(ConditionType::VersionsReady),
        unseen(ConditionType::RouteProgrammed),
        Condition::new(
            ConditionType::Ready,
            false,
            reason,
            "the document is not valid; until it is, what runs stays as it is and nobody looks after it",
        ),
    ]
}

/// The condition of a release at which the controller itself has failed, by a mistake of its own.
///
/// ```
/// let ready = iter8_core::failure("index out of bounds");
/// assert_eq!((ready.kind.as_str(), ready.status.as_str(), ready.reason), ("Ready", "False", "InternalError"));
/// ```
#[must_use]
pub fn failure(what: &str) -> Condition {
    let message =
        format!("the controller has failed, which is a mistake in it; please report it: {}", brief(what));
    Condition::new(ConditionType::Ready, false, "InternalError", message)
}

/// The most characters that the message of a Kubernetes condition may have.
const MESSAGE_LENGTH: usize = 32_768;

fn refusal_message(error: &InvalidReleaseError) -> String {
    // Room for the last line.
    let mut room = MESSAGE_LENGTH.saturating_sub(40);
    let mut lines = Vec::new();
    for violation in error.violations() {
        let line = violation.to_string();
        let Some(rest) = room.checked_sub(line.chars().count().saturating_add(1)) else {
            lines.push(format!("and {} more", error.violations().len().saturating_sub(lines.len())));
            break;
        };
        room = rest;
        lines.push(line);
    }
    lines.join("\n")
}

/// The conditions of a release with this plan, of which `obstacles` could not be written.
///
/// ```
/// use iter8_core::{ConditionStatus, conditions};
///
#[doc = include_str!("example_release.txt")]
/// let observation = Observation::all_ready(&release);
/// let conditions = conditions(&plan(&release, &observation), &observation, &[]);
/// let words: Vec<_> = conditions.iter().map(|it| format!("{}={}", it.kind, it.status)).collect();
/// assert_eq!(words, ["Accepted=True", "VersionsReady=True", "RouteProgrammed=False", "Ready=False"]);
/// assert_eq!(conditions[2].message, "the route is being written");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn conditions(
    plan: &RoutePlan,
    observation: &Observation,
    obstacles: &[(ObjectRole, Obstacle)],
) -> Vec<Condition> {
    let accepted = Condition::new(ConditionType::Accepted, true, "Valid", "the document is valid");
    let versions = versions_ready(plan);
    let route = route_programmed(plan, observation, obstacles);
    let ready = match obstacles.first() {
        Some((_, first)) => {
            let words =
                obstacles.iter().map(|(_, obstacle)| obstacle.to_string()).collect::<Vec<_>>().join("; ");
            Condition::new(ConditionType::Ready, false, first.reason(), words)
        }
        None => ready(plan, &versions, &route),
    };
    vec![accepted, versions, route, ready]
}

fn versions_ready(plan: &RoutePlan) -> Condition {
    let unready: Vec<_> = plan.declared().filter(|version| !version.readiness.is_ready()).collect();
    let kind = ConditionType::VersionsReady;
    let Some(first) = unready.first() else {
        return Condition::new(kind, true, "Ready", "every version is ready");
    };
    let words: Vec<_> =
        unready.iter().map(|version| format!("{}: {}", version.name, version.readiness)).collect();
    Condition::new(kind, false, first.readiness.reason(), words.join("; "))
}

fn route_programmed(
    plan: &RoutePlan,
    observation: &Observation,
    obstacles: &[(ObjectRole, Obstacle)],
) -> Condition {
    let condition =
        |holds, reason, message: &str| Condition::new(ConditionType::RouteProgrammed, holds, reason, message);
    // A route is not written where its front Service cannot be.
    let is_in_the_way = |role: ObjectRole, obstacle: &Obstacle| match role {
        ObjectRole::Route => true,
        ObjectRole::Front => obstacle.blocks(),
        ObjectRole::Version => false,
    };
    let being_written = || match obstacles.iter().find(|(role, obstacle)| is_in_the_way(*role, obstacle)) {
        Some((_, obstacle)) => condition(false, obstacle.reason(), &obstacle.to_string()),
        None => condition(false, "Pending", "the route is being written"),
    };
    if observation.routing_api_missing && plan.strategy != crate::Strategy::None {
        let message = "the API server does not know the kinds of route; install the CRDs of the Gateway API";
        return condition(false, "GatewayAPINotInstalled", message);
    }
    let live = observation.route.as_ref().map(|live| match &plan.route {
        Some(route) => live.of(route.protocol),
        None => (live, None),
    });
    match (&plan.route, live) {
        (None, None) if plan.strategy == crate::Strategy::None => {
            condition(true, "NoRoute", "strategy none has no route")
        }
        (None, None) => condition(false, "PrimaryNotReady", "there is no route before the primary is ready"),
        (None, Some(_)) => condition(false, "Pending", "the route is being deleted"),
        (Some(_), None) => being_written(),
        (Some(route), Some((live, _))) if live.protocol != route.protocol || !route.is_live(live) => {
            being_written()
        }
        (Some(route), Some((live, Some(other)))) => {
            let change = format!(
                "the {} takes the place of the {}",
                route.protocol.route_kind(),
                other.protocol.route_kind()
            );
            match Acceptance::of(live, observation.now) {
                Acceptance::Refused(report) => {
                    condition(false, "Pending", &format!("{change}; until then {report}"))
                }
                Acceptance::Accepted | Acceptance::Pending(_) => condition(false, "Pending", &change),
            }
        }
        (Some(_), Some((live, None))) => match Acceptance::of(live, observation.now) {
            Acceptance::Accepted => condition(true, "Accepted", "the parents have accepted the route"),
            Acceptance::Pending(_) => {
                condition(false, "Pending", "the parents have not yet accepted the route")
            }
            Acceptance::Refused(report) => condition(false, "NotAccepted", &report.to_string()),
        },
    }
}

fn ready(plan: &RoutePlan, versions: &Condition, route: &Condition) -> Condition {
    let kind = ConditionType::Ready;
    if let Some(unmet) = [versions, route].into_iter().find(|condition| !condition.holds()) {
        return Condition::new(kind, false, unmet.reason, unmet.message.clone());
    }
    let versions = plan.removed().map(|(version, _)| format!("{}: {}", version.name, version.reason));
    let of_route =
        |route: &PlannedRoute| route.leaving.as_ref().map(|leaving| leaving.in_words(&route.namespace));
    let leaving: Vec<_> = versions.chain(plan.route.as_ref().and_then(of_route)).collect();
    if leaving.is_empty() {
        return Condition::new(kind, true, "Ready", "every version is ready and routed as declared");
    }
    Condition::new(kind, false, "Removing", leaving.join("; "))
}
