//! How a release is doing, as Kubernetes conditions.

use crate::observation::{Observation, ObservedRule};
use crate::plan::{PlannedRoute, RoutePlan};
use crate::planner::Acceptance;
use crate::violation::InvalidReleaseError;

/// The types of condition of a Release; true is good for all of them.
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

/// The status of a condition.
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
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition, without the times that the shell keeps.
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

/// The conditions of a release whose document is refused: what runs stays as it is.
#[must_use]
pub fn refusal(error: &InvalidReleaseError) -> Vec<Condition> {
    let reason = "Invalid";
    vec![
        Condition::new(ConditionType::Accepted, false, reason, error.to_string()),
        Condition::new(
            ConditionType::Ready,
            false,
            reason,
            "the document is not valid; what runs stays as it is",
        ),
    ]
}

/// What keeps the controller from writing an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// An object of this name is somebody else's.
    NameConflict {
        /// The object.
        object: String,
        /// Whose it is.
        owner: String,
    },
    /// The API server refuses an object for good.
    Refused {
        /// The object.
        object: String,
        /// Why, in the API server's words.
        message: String,
    },
    /// The object of an earlier Release of the same name is not yet gone.
    Collecting {
        /// The object.
        object: String,
    },
}

impl Obstacle {
    /// Seconds after which to look whether it is still there; nothing tells when it goes.
    #[must_use]
    pub const fn retry_seconds(&self) -> u32 {
        match self {
            Self::NameConflict { .. } => 15,
            Self::Refused { .. } => 60,
            Self::Collecting { .. } => 1,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::NameConflict { .. } => "NameConflict",
            Self::Refused { .. } => "Refused",
            Self::Collecting { .. } => "Collecting",
        }
    }
}

/// What is in the way, and what to do.
impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NameConflict { object, owner } => write!(
                f,
                "{object} exists and belongs to {owner}; rename the version or application, delete the object, or \
                 annotate it with iter8.tools/adopt: \"true\""
            ),
            Self::Refused { object, message } => write!(f, "the API server refuses {object}: {message}"),
            Self::Collecting { object } => {
                write!(f, "{object} of an earlier Release of this name is still being deleted")
            }
        }
    }
}

/// The conditions of a release with this plan, of which `obstacles` could not be written.
#[must_use]
pub fn conditions(plan: &RoutePlan, observation: &Observation, obstacles: &[Obstacle]) -> Vec<Condition> {
    let accepted = Condition::new(ConditionType::Accepted, true, "Valid", "the document is valid");
    let versions = versions_ready(plan);
    let route = route_programmed(plan, observation);
    let ready = match obstacles.first() {
        Some(first) => {
            let words = obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
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

fn route_programmed(plan: &RoutePlan, observation: &Observation) -> Condition {
    let condition =
        |holds, reason, message: &str| Condition::new(ConditionType::RouteProgrammed, holds, reason, message);
    if observation.routing_api_missing && plan.strategy != crate::Strategy::None {
        let message = "the API server does not know the kinds of route; install the CRDs of the Gateway API";
        return condition(false, "GatewayAPINotInstalled", message);
    }
    match (&plan.route, &observation.route) {
        (None, None) if plan.strategy == crate::Strategy::None => {
            condition(true, "NoRoute", "strategy none has no route")
        }
        (None, None) => condition(false, "PrimaryNotReady", "there is no route before the primary is ready"),
        (None, Some(_)) => condition(false, "Pending", "the route is being deleted"),
        (Some(_), None) => condition(false, "Pending", "the route is being written"),
        (Some(route), Some(live)) if !is_same(route, &live.rules) => {
            condition(false, "Pending", "the route is being written")
        }
        (Some(_), Some(live)) => match Acceptance::of(live, observation.now) {
            Acceptance::Accepted => condition(true, "Accepted", "the parents have accepted the route"),
            Acceptance::Pending(_) => {
                condition(false, "Pending", "the parents have not yet accepted the route")
            }
            Acceptance::Refused(report) => condition(false, "NotAccepted", &report.to_string()),
        },
    }
}

/// Whether the live rules are the planned ones.
fn is_same(route: &PlannedRoute, live: &[ObservedRule]) -> bool {
    route.rules.len() == live.len()
        && route.rules.iter().zip(live).all(|(planned, live)| {
            let backends =
                planned.backends.iter().map(|planned| (&planned.service, planned.port, planned.weight));
            let mirrors =
                planned.mirrors.iter().map(|planned| (&planned.service, planned.port, planned.percent));
            !live.altered
                && planned.matches == live.matches
                && route.timeouts == live.timeouts
                && route.filters == live.filters
                && backends.eq(live.backends.iter().map(|live| (&live.service, live.port, live.weight)))
                && mirrors.eq(live.mirrors.iter().map(|live| (&live.service, live.port, live.percent)))
        })
}

fn ready(plan: &RoutePlan, versions: &Condition, route: &Condition) -> Condition {
    let kind = ConditionType::Ready;
    if let Some(unmet) = [versions, route].into_iter().find(|condition| !condition.holds()) {
        return Condition::new(kind, false, unmet.reason, unmet.message.clone());
    }
    let leaving: Vec<_> =
        plan.removed().map(|(version, _)| format!("{}: {}", version.name, version.reason)).collect();
    if leaving.is_empty() {
        return Condition::new(kind, true, "Ready", "every version is ready and routed as declared");
    }
    Condition::new(kind, false, "Removing", leaving.join("; "))
}
