//! What a person should know of a release that is no error.

use alloc::sync::Arc;
use core::fmt;

use serde::{Serialize, Serializer};

use crate::FieldPath;
use crate::name::{ServiceName, VersionName};
use crate::route_match::RouteMatch;
use crate::shared::Text;
use crate::weight::Port;

/// Something that a person should know of a release or its plan.
///
/// Displayed as a sentence, and serialized as it is displayed.
///
/// ```
/// use iter8_core::{Capabilities, Document, Notice, Observation, ReleaseKey, declare, plan};
///
/// let document = Document::from_yaml(
///     "environment: deployment-gtw
/// application:
///   strategy: canary
///   versions:
///   - image: web:1
///   - image: web:2
///     matches: [{path: {type: PathPrefix, value: /}}]",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let release = declare(&key, &document, &Capabilities::specification())?;
/// let plan = plan(&release, &Observation::all_ready(&release));
/// assert!(matches!(plan.notices[0], Notice::NoReadinessProbe { .. }), "{}", plan.notices[0]);
/// assert!(matches!(plan.notices[2], Notice::TakesEverything { .. }), "{}", plan.notices[2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A field of the document that does nothing.
    NoEffect {
        /// The field.
        field: &'static str,
    },
    /// A rule comes ahead of one that is earlier in the document: in list order the mesh would not choose as the
    /// Gateway API says.
    Moved {
        /// The match whose rule has moved.
        moved: VersionMatch,
        /// The match that would take its requests.
        ahead_of: VersionMatch,
    },
    /// Requests that meet both matches go to another version than the Gateway API says, and no order of the rules is
    /// right for all of their matches.
    OtherChoice {
        /// What the mesh chooses.
        chosen: VersionMatch,
        /// What the Gateway API says.
        specified: VersionMatch,
    },
    /// The Gateway API leaves to the mesh where requests go that meet both matches.
    LeftOpen {
        /// The earlier match.
        one: VersionMatch,
        /// The later match.
        other: VersionMatch,
    },
    /// The Gateway API leaves to the implementation whether a candidate's regular expression comes before the prefix
    /// `/` of the default rule.
    LeftOpenToDefault(VersionMatch),
    /// A match that no request reaches.
    NeverChosen {
        /// The match that gets nothing.
        idle: VersionMatch,
        /// The match of another version that takes all of its requests.
        by: VersionMatch,
    },
    /// A match that its version has already.
    Repeated(VersionMatch),
    /// Nothing tells when the Pods of a version can take requests.
    NoReadinessProbe {
        /// The version.
        version: VersionName,
    },
    /// The mesh does not look at the timeouts of the routes.
    TimeoutsIgnored {
        /// The mesh.
        mesh: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// The mesh routes at a waypoint only, and nothing in the document says that there is one.
    NeedsWaypoint {
        /// The mesh.
        mesh: &'static str,
        /// The label that leads requests to it.
        label: &'static str,
    },
    /// The user's own Service does not have the `appProtocol` that the mesh needs.
    OtherAppProtocol {
        /// The mesh.
        mesh: &'static str,
        /// The ports.
        path: FieldPath,
        /// What the routed port should have.
        wanted: &'static str,
    },
    /// A candidate takes every request, so that the primary gets none.
    TakesEverything {
        /// The candidate.
        candidate: VersionName,
        /// The primary in force.
        primary: VersionName,
    },
    /// Somebody else has set the number of a version's Pods, so that the declared one has no effect.
    Scaled {
        /// The version.
        version: VersionName,
        /// Who, by the subresource `scale`.
        by: Text,
    },
    /// The application has another name than before: requests to the one before are not promised an answer any more.
    ApplicationRenamed {
        /// The name of before.
        before: ServiceName,
        /// The name that is declared.
        now: ServiceName,
    },
    /// The front Service has another port than before: requests to the one before are not promised an answer any more.
    FrontPortChanged {
        /// The name of the front Service.
        service: ServiceName,
        /// The port of before.
        before: Port,
        /// The port that is declared.
        now: Port,
    },
    /// A version has another port under its name: requests under way to the one before may fail.
    VersionPortChanged {
        /// The version.
        version: VersionName,
        /// The port of before.
        before: Port,
        /// The port that is declared.
        now: Port,
    },
}

impl Notice {
    /// Whether it is about a change that is being made, and is over with it. The others stay as long as the document.
    ///
    /// ```
    /// use iter8_core::{Notice, Port};
    ///
    /// let (service, before, now) = ("web".parse()?, Port::HTTP, 8080_i64.try_into()?);
    /// assert!(Notice::FrontPortChanged { service, before, now }.is_of_change());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn is_of_change(&self) -> bool {
        matches!(
            self,
            Self::ApplicationRenamed { .. } | Self::FrontPortChanged { .. } | Self::VersionPortChanged { .. }
        )
    }

    /// What it is about, in one word, as Events have it.
    ///
    /// ```
    /// use iter8_core::Notice;
    ///
    /// assert_eq!(Notice::NoReadinessProbe { version: "web-1".parse()? }.reason(), "NoReadinessProbe");
    /// # Ok::<(), iter8_core::InvalidNameError>(())
    /// ```
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoEffect { .. } => "NoEffect",
            Self::Moved { .. } => "RuleMoved",
            Self::OtherChoice { .. } => "OtherChoice",
            Self::LeftOpen { .. } | Self::LeftOpenToDefault(_) => "LeftOpen",
            Self::NeverChosen { .. } => "NeverChosen",
            Self::Repeated(_) => "RepeatedMatch",
            Self::NoReadinessProbe { .. } => "NoReadinessProbe",
            Self::TimeoutsIgnored { .. } => "TimeoutsIgnored",
            Self::NeedsWaypoint { .. } => "NeedsWaypoint",
            Self::OtherAppProtocol { .. } => "OtherAppProtocol",
            Self::TakesEverything { .. } => "TakesEverything",
            Self::Scaled { .. } => "Scaled",
            Self::ApplicationRenamed { .. } => "ApplicationRenamed",
            Self::FrontPortChanged { .. } => "FrontPortChanged",
            Self::VersionPortChanged { .. } => "VersionPortChanged",
        }
    }
}

/// A match of a version.
///
/// ```
/// use iter8_core::{Notice, RouteMatch, VersionMatch};
///
/// let by = VersionMatch { version: "web-1".parse()?, entry: RouteMatch::default().into() };
/// let idle = VersionMatch { version: "web-2".parse()?, entry: RouteMatch::header("traffic", "test").into() };
/// let notice = Notice::NeverChosen { idle, by };
/// assert_eq!(
///     notice.to_string(),
///     "no request reaches web-2 (header traffic=test): web-1 (every request) comes first and takes them all"
/// );
/// # Ok::<(), iter8_core::InvalidNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionMatch {
    /// The version.
    pub version: VersionName,
    /// One of its matches.
    pub entry: Arc<RouteMatch>,
}

impl VersionMatch {
    pub(crate) fn new(version: &VersionName, entry: &RouteMatch) -> Self {
        Self { version: version.clone(), entry: Arc::new(entry.clone()) }
    }
}

/// `web-1 (header traffic=test)`
impl fmt::Display for VersionMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.version, self.entry)
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEffect { field } => write!(f, "`{field}` has no effect; it can be left out"),
            Self::Moved { moved, ahead_of } => write!(
                f,
                "the rule of {} comes ahead of that of {}: in list order the mesh would choose {ahead_of} over {moved}, \
                 and the Gateway API says otherwise",
                moved.version, ahead_of.version
            ),
            Self::OtherChoice { chosen, specified } => write!(
                f,
                "a request that meets both {specified} and {chosen} may go to {}: the Gateway API says {}, but the \
                 mesh chooses otherwise, and no order of the rules is right for all of their matches",
                chosen.version, specified.version
            ),
            Self::LeftOpen { one, other } => write!(
                f,
                "a request that meets both {one} and {other} goes where the mesh likes: the Gateway API does not say \
                 where regular expressions come"
            ),
            Self::LeftOpenToDefault(entry) => write!(
                f,
                "a request that meets {entry} may go to the primary all the same: the Gateway API does not say whether \
                 a regular expression comes before the prefix `/` of the default rule"
            ),
            Self::NeverChosen { idle, by } => {
                write!(f, "no request reaches {idle}: {by} comes first and takes them all")
            }
            Self::Repeated(entry) => write!(f, "{entry} is there twice; one of them can be left out"),
            Self::NoReadinessProbe { version } => {
                write!(f, "{version} has no readinessProbe: ready means started")
            }
            Self::TimeoutsIgnored { mesh, instead } => {
                write!(f, "the mesh {mesh} does not look at the timeouts of a rule; {instead}")
            }
            Self::NeedsWaypoint { mesh, label } => write!(
                f,
                "the mesh {mesh} routes at a waypoint: label the namespace or `application.metadata` with `{label}`"
            ),
            Self::OtherAppProtocol { mesh, path, wanted } => write!(
                f,
                "the routed port in `{path}` should have `appProtocol: {wanted}`, by which the mesh {mesh} tells what \
                 it is; it is left as it is"
            ),
            Self::TakesEverything { candidate, primary } => write!(
                f,
                "no request reaches the primary {primary}: {candidate} takes every request that no other candidate takes"
            ),
            Self::Scaled { version, by } => write!(
                f,
                "`replicas` of {version} has no effect: {by} has scaled it to another number, and who scales keeps it"
            ),
            Self::ApplicationRenamed { before, now } => write!(
                f,
                "requests to {before} are not answered any more: the application is called {now} now, without a time in \
                 which both are"
            ),
            Self::FrontPortChanged { service, before, now } => write!(
                f,
                "requests to port {before} of {service} are not answered any more: its port is {now} now, without a \
                 time in which both are"
            ),
            Self::VersionPortChanged { version, before, now } => write!(
                f,
                "requests to {version} may fail until its Service and the route agree: its port was {before} and is \
                 {now} now; a version of another name would lose none"
            ),
        }
    }
}

impl Serialize for Notice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
