//! The pure core of iter8: declares, validates, plans and explains canary releases.
//!
//! ```text
//! declare → observe → plan → render → apply → report
//! ```
//!
//! A release document becomes a [`ValidRelease`] ([`declare`]); with what was seen in the cluster
//! (an [`Observation`]) it becomes a [`RoutePlan`] ([`plan()`]); a [`RoutingBackend`] renders the plan
//! as the routes of a mesh. [`conditions()`] says how a release is doing, [`diff()`] what changes between two plans.
//!
//! ```
//! use iter8_core::{Capabilities, Document, Observation, ReleaseKey, declare, plan};
//!
//! let document = Document::from_yaml(
//!     r"
//! environment: deployment-gtw
//! application:
//!   strategy: canary
//!   versions:
//!   - image: web:1
//!   - image: web:2
//!     matches: [{headers: [{name: traffic, value: test}]}]
//! ",
//! )?;
//! let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
//! let release = declare(&key, &document, &Capabilities::specification())?;
//! let plan = plan(&release, &Observation::all_ready(&release));
//! assert_eq!(plan.rules().len(), 2, "the candidate's rule, then the default rule");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A tour
//! | step | what it takes and gives |
//! |---|---|
//! | write | [`Document`]: YAML with positions, or a [`Value`] from a custom resource; or a [`Release`] built in code |
//! | declare | [`declare`], [`validate`]: a [`ValidRelease`], or [everything that is wrong](InvalidReleaseError) with it |
//! | observe | [`Observation`]: the [objects](VersionObservation) of each version, the [live rules](RouteObservation), the [time](Timestamp) |
//! | plan | [`plan()`]: a [`RoutePlan`] of [rules](PlannedRule) with [reasons](Reason), and what becomes of [each version](PlannedVersion) |
//! | render | [`RoutingBackend`]: the routes of a mesh, which says what it can do by its [`Capabilities`] |
//! | apply | [`Digest`] tells a declared object from the one before it, [`Claim`] whose an object is |
//! | report | [`conditions()`], [`diff()`], [`Notice`]: how the release is doing, in words for people |
//!
//! What goes in is a plain struct with a `Default` where it has one: write it with `..Default::default()`, since
//! it may get more fields. What comes out is `non_exhaustive`. So are the enums, but for those whose every variant
//! a backend or controller must know: with a new kind of match, for instance, they must not compile as they are.
//!
//! # What this crate does not do
//! No input or output, no clock, no randomness, no async, no logging, and no Kubernetes types: what it
//! must carry verbatim is a [`Value`]. It does not know what a route looks like (a backend does) and
//! does not decide when to plan (a controller does, told by [`RoutePlan::look_again`]).
//! It needs no `std`, only an allocator (with feature `yaml`, whose parser needs `std`, it does).
//!
//! # Features
//! | feature | by default | what it adds |
//! |---|---|---|
//! | `yaml` | no | `Document::from_yaml`, with line and column of every field |

#![no_std]
#![deny(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]
#![deny(clippy::wildcard_enum_match_arm, clippy::float_arithmetic, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
#[macro_use]
extern crate std;

mod backend;
mod belonging;
mod capabilities;
mod condition;
mod decode;
mod diff;
mod digest;
mod document;
mod duration;
mod field_path;
mod fields;
mod fight;
mod filter;
mod marks;
mod name;
mod notice;
mod object_role;
mod observation;
mod obstacle;
mod ownership;
mod parent_ref;
mod plan;
mod planner;
mod precedence;
mod readiness;
mod reason;
mod release;
mod route_match;
mod severity;
mod shared;
mod valid_release;
mod validate;
mod value;
mod violation;
mod weight;
#[cfg(feature = "yaml")]
mod yaml;

pub use backend::{ObjectKind, RoutingBackend};
pub use belonging::Belonging;
pub use capabilities::{
    Capabilities, Limits, MatchKind, Parents, Precedence, RouteCapabilities, TimeoutSupport,
};
pub use condition::{Condition, ConditionStatus, ConditionType, NOT_LOOKED_AT, conditions, failure, refusal};
pub use diff::{Change, diff};
pub use digest::Digest;
pub use document::Document;
pub use duration::{InvalidDurationError, RouteDuration};
pub use field_path::FieldPath;
pub use fields::Fields;
pub use fight::Repairs;
pub use filter::{CarriedFilter, FilterType, Header, HeaderModifier, RouteFilter, Timeouts, VERSION_HEADER};
pub use marks::Marks;
pub use name::{Hostname, InvalidNameError, Namespace, ObjectName, ServiceName, VersionName};
pub use notice::{Notice, VersionMatch};
pub use object_role::ObjectRole;
pub use observation::{
    DeploymentObservation, EndpointsObservation, GatewaysObservation, Observation, ObservedBackend,
    ObservedGateway, ObservedMirror, ObservedRule, ParentReport, Rollout, RouteObservation,
    ServiceObservation, TargetPort, Timestamp, Verdict, VersionDeclaration, VersionObservation,
};
pub use obstacle::Obstacle;
pub use ownership::{Claim, Owner, Writer, scaler};
pub use parent_ref::ParentRef;
pub use plan::{
    FrontService, LeavingGateways, PlannedBackend, PlannedMirror, PlannedRoute, PlannedRule, PlannedVersion,
    Removal, Role, RoutePlan,
};
pub use planner::plan;
pub use readiness::{Missing, Readiness, Unfinished};
pub use reason::{Pending, Reason, RuleReason};
pub use release::{
    Application, Declared, DeclaredFilter, Environment, Protocol, Release, ReleaseKey, RouteOptions,
    Specification, Strategy, Version,
};
pub use route_match::{
    GrpcMatch, GrpcMethodMatch, HttpMatch, Method, PathMatch, PathMatchType, RouteMatch, ValueMatch,
    ValueMatchType,
};
pub use severity::Severity;
pub use shared::{Labels, List, Text};
pub use valid_release::{AppProtocols, ValidRelease, ValidVersion};
pub use validate::{declare, validate};
pub use value::Value;
pub use violation::{InvalidReleaseError, Position, Violation};
pub use weight::{OutOfRangeError, Percent, Port, Weight};
#[cfg(feature = "yaml")]
pub use yaml::InvalidYamlError;
