//! Why a rule is there and why a version gets the requests it gets: data, put into words when somebody reads it.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::name::VersionName;
use crate::observation::ParentReport;
use crate::readiness::Readiness;
use crate::weight::{Percent, Weight};

/// Why a version gets the requests it gets, or none; or how far its removal is.
///
/// Displayed as a sentence, and serialized as it is displayed.
///
/// ```
/// use iter8_core::{Readiness, Reason};
///
/// let reason = Reason::Weight { weight: 20_i64.try_into()?, readiness: Readiness::Ready };
/// assert_eq!(reason.to_string(), "weight 20: it is ready");
/// assert_eq!(serde_json::to_value(&reason)?, "weight 20: it is ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The strategy is none.
    NoStrategy,
    /// The version could be routed, but there is no route before the primary is ready.
    PrimaryNotReadyYet {
        /// The primary.
        primary: VersionName,
        /// What the primary lacks.
        readiness: Readiness,
    },
    /// There is no route yet, and the version could not be routed either.
    NotReadyYet(Readiness),
    /// The primary in force.
    Primary(Readiness),
    /// The primary in force cannot serve; nobody takes its place.
    PrimaryNotReady(Readiness),
    /// The primary of before, until the declared one is ready for the first time.
    PreviousPrimary {
        /// The declared primary.
        primary: VersionName,
        /// What that lacks.
        readiness: Readiness,
    },
    /// A primary to be, which has no rule of its own until then.
    BecomesPrimary(Readiness),
    /// A candidate that takes its requests as declared; it may still be updating.
    Candidate(Readiness),
    /// A candidate that keeps the rule it has until it is ready.
    KeepsRule(Readiness),
    /// A candidate that cannot serve.
    NoRequests(Readiness),
    /// A removed version that keeps its rule for now.
    RetainedRule(Pending),
    /// The route has as many rules as it can hold.
    TooManyRules {
        /// How many it holds.
        limit: usize,
    },
    /// The route has as many matches as it can hold.
    TooManyMatches {
        /// How many it holds.
        limit: usize,
    },
    /// The declared share.
    Weight {
        /// The share.
        weight: Weight,
        /// Ready, or what is still under way.
        readiness: Readiness,
    },
    /// The share of before, until the version is ready.
    KeepsWeight {
        /// The share.
        weight: Weight,
        /// What is still under way.
        readiness: Readiness,
    },
    /// No share: the version cannot serve.
    NoWeight(Readiness),
    /// No version has a share, so the primary gets everything.
    OnlyWeight(Readiness),
    /// A removed version that keeps its share for now.
    RetainedWeight {
        /// The share.
        weight: Weight,
        /// What it waits for.
        pending: Pending,
    },
    /// The default rule has as many backends as it can hold.
    TooManyBackends {
        /// How many it holds.
        limit: usize,
    },
    /// The default rule is a split.
    Split {
        /// Over how many versions.
        versions: usize,
    },
    /// The version gets copies.
    Mirrored {
        /// The share of requests that is copied.
        percent: Percent,
        /// Ready, or what is still under way.
        readiness: Readiness,
    },
    /// The version gets no copies: it cannot serve.
    NotMirrored(Readiness),
    /// The strategy has changed and the rules of the one before are kept for now.
    HeldStrategy(Pending),
    /// The protocol has changed and the routes of the one before are kept for now.
    HeldProtocol(Pending),
    /// Removed: kept, though nothing is known to be pending.
    Kept,
    /// Removed: kept with its requests.
    Retained(Pending),
    /// Removed: kept without requests.
    RetainedWithoutRequests(Pending),
    /// Removed: the route still has it.
    LeavesRoute,
    /// Removed: the front Service still leads to it.
    LeavesFront,
    /// Removed: the parents have yet to accept the route without it.
    NotYetAccepted,
    /// Removed: a parent refuses the route without it.
    RouteRefused(ParentReport),
    /// Removed: what is under way may finish.
    Draining {
        /// In how many seconds.
        seconds: u32,
    },
    /// Removed: nothing needs it any more.
    Unreachable,
    /// Removed: its Service has gone already.
    ServiceGone,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStrategy => f.write_str("strategy none has no route"),
            Self::PrimaryNotReadyYet { primary, readiness } => {
                write!(f, "no requests yet: the primary {primary} is {readiness}")
            }
            Self::NotReadyYet(readiness) => write!(f, "no requests yet: {readiness}"),
            Self::Primary(readiness) => write!(f, "the primary, {readiness}"),
            Self::PrimaryNotReady(readiness) => {
                write!(f, "the primary keeps its rule though it is {readiness}")
            }
            Self::PreviousPrimary { primary, readiness } => {
                write!(f, "serves until the new primary {primary} is ready: it is {readiness}")
            }
            Self::BecomesPrimary(readiness) => {
                write!(f, "becomes the primary once it is ready: {readiness}")
            }
            Self::Candidate(Readiness::Ready) => f.write_str("it is ready"),
            Self::Candidate(readiness) => readiness.fmt(f),
            Self::KeepsRule(readiness) => write!(f, "keeps its rule, {readiness}"),
            Self::NoRequests(readiness) => write!(f, "no requests: {readiness}"),
            Self::RetainedRule(pending) => write!(f, "removed, but keeps its rule until then: {pending}"),
            Self::TooManyRules { limit } => {
                write!(f, "waits: the route has {limit} rules already until others have left it")
            }
            Self::TooManyMatches { limit } => {
                write!(f, "waits: a route has at most {limit} matches, and others have to leave it first")
            }
            Self::Weight { weight, readiness: Readiness::Ready } => write!(f, "weight {weight}: it is ready"),
            Self::Weight { weight, readiness } => write!(f, "weight {weight}, {readiness}"),
            Self::KeepsWeight { weight, readiness } => write!(f, "keeps weight {weight}, {readiness}"),
            Self::NoWeight(readiness) => write!(f, "weight 0: {readiness}"),
            Self::OnlyWeight(readiness) => write!(f, "weight 1, since no version has any: {readiness}"),
            Self::RetainedWeight { weight, pending } => {
                write!(f, "removed, but keeps weight {weight} until then: {pending}")
            }
            Self::TooManyBackends { limit } => {
                write!(f, "waits: the route has {limit} backends already until others have left it")
            }
            Self::Split { versions } => write!(f, "split by weight over {versions} versions"),
            Self::Mirrored { percent, readiness } => {
                write!(f, "gets a copy of {percent} % of the requests: {readiness}")
            }
            Self::NotMirrored(readiness) => write!(f, "no copies: {readiness}"),
            Self::HeldStrategy(pending) => {
                write!(f, "the rules of the strategy before are kept until then: {pending}")
            }
            Self::HeldProtocol(pending) => {
                write!(f, "the rules of the protocol before are kept until then: {pending}")
            }
            Self::Kept => f.write_str("kept"),
            Self::Retained(pending) => write!(f, "kept until then: {pending}"),
            Self::RetainedWithoutRequests(pending) => {
                write!(f, "kept without requests until then: {pending}")
            }
            Self::LeavesRoute => f.write_str("the route without it is being written"),
            Self::LeavesFront => f.write_str("the front Service is being led away from it"),
            Self::NotYetAccepted => f.write_str("the parents have not yet accepted the route without it"),
            Self::RouteRefused(report) => report.fmt(f),
            Self::Draining { seconds } => write!(f, "requests under way may finish for {seconds} s"),
            Self::Unreachable => f.write_str("nothing leads to it any more"),
            Self::ServiceGone => f.write_str("its Service is gone"),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What promotion and removal wait for.
///
/// ```
/// use iter8_core::{Missing, Pending, Readiness, Reason};
///
/// let readiness = Readiness::NotReady(Missing::Endpoints);
/// let pending = Pending::Primary { version: "web-0".parse()?, readiness };
/// assert_eq!(
///     Reason::RetainedRule(pending).to_string(),
///     "removed, but keeps its rule until then: the primary web-0 is not ready: no Pod is ready"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pending {
    /// The primary is not ready.
    Primary {
        /// The primary.
        version: VersionName,
        /// What it lacks.
        readiness: Readiness,
    },
    /// A candidate is being updated.
    Candidate {
        /// The candidate.
        version: VersionName,
        /// What is still under way.
        readiness: Readiness,
    },
    /// A candidate that takes over the requests of a removed version is not ready.
    Replacement {
        /// The candidate.
        version: VersionName,
        /// What it lacks.
        readiness: Readiness,
    },
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary { version, readiness } => write!(f, "the primary {version} is {readiness}"),
            Self::Candidate { version, readiness } => write!(f, "{version} is {readiness}"),
            Self::Replacement { version, readiness } => {
                write!(f, "{version}, which replaces it, is {readiness}")
            }
        }
    }
}

/// Why a rule is there: that of its version, or, where it has several, of all of them.
///
/// Displayed as a sentence, and serialized as it is displayed.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::all_ready(&release));
/// let reason = &plan.rules()[0].reason;
/// assert_eq!(reason.version.as_deref(), Some("web-1"));
/// assert_eq!(reason.to_string(), "web-1: it is ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleReason {
    /// The version whose rule it is, where it is one version's.
    pub version: Option<VersionName>,
    /// Why.
    pub reason: Reason,
}

/// `web-1: it is ready`
impl fmt::Display for RuleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = &self.version {
            write!(f, "{version}: ")?;
        }
        self.reason.fmt(f)
    }
}

impl Serialize for RuleReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
