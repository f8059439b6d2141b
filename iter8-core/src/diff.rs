//! What is different between two plans, in words.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

mod rules;

#[cfg(test)]
mod tests;

use crate::name::{ServiceName, VersionName};
use crate::plan::{FrontService, PlannedBackend, PlannedRoute, PlannedVersion, Removal, Role, RoutePlan};
use crate::readiness::Readiness;
use crate::route_match::RouteMatch;
use crate::shared::List;
use crate::weight::{Percent, Weight};

/// One difference between two plans; displayed in words.
///
/// ```
/// use iter8_core::{Change, diff};
///
#[doc = include_str!("example_release.txt")]
/// let before = plan(&release, &Observation::default());
/// let after = plan(&release, &Observation::all_ready(&release));
/// let changes = diff(&before, &after);
/// assert!(changes.iter().any(|change| matches!(change, Change::RuleAdded { .. })), "{changes:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A version is new.
    VersionAdded(VersionName),
    /// Nothing is left of a version.
    VersionRemoved(VersionName),
    /// A version has become something else in the release.
    RoleChanged {
        /// The version.
        version: VersionName,
        /// What it is now.
        role: Role,
    },
    /// A version can take requests, or not any more, or another reason applies.
    ReadinessChanged {
        /// The version.
        version: VersionName,
        /// What it was.
        before: Readiness,
        /// What it is now.
        after: Readiness,
    },
    /// There is a rule for these requests now.
    RuleAdded {
        /// Any of these; none for the default rule.
        matches: List<RouteMatch>,
        /// Where they go.
        backends: Vec<PlannedBackend>,
    },
    /// There is no rule for these requests any more.
    RuleRemoved {
        /// Any of these; none for the default rule.
        matches: List<RouteMatch>,
    },
    /// A rule comes before others that came before it.
    RuleMoved {
        /// Its matches.
        matches: List<RouteMatch>,
        /// The matches of the others.
        ahead_of: Vec<List<RouteMatch>>,
    },
    /// A rule takes other requests.
    MatchesChanged {
        /// The Service that the rule leads to.
        service: ServiceName,
        /// What it took.
        before: List<RouteMatch>,
        /// What it takes now.
        after: List<RouteMatch>,
    },
    /// A rule leads to other Services or ports.
    BackendChanged {
        /// The matches of the rule.
        matches: List<RouteMatch>,
        /// Where it led to and does not any more.
        before: Vec<PlannedBackend>,
        /// Where it leads to now and did not.
        after: Vec<PlannedBackend>,
    },
    /// A backend has another weight in its rule.
    WeightChanged {
        /// The matches of the rule.
        matches: List<RouteMatch>,
        /// The Service.
        service: ServiceName,
        /// What it weighed.
        before: Weight,
        /// What it weighs now.
        after: Weight,
    },
    /// Another share of the requests is copied to a Service.
    MirrorChanged {
        /// The Service.
        service: ServiceName,
        /// What was copied.
        before: Option<Percent>,
        /// What is copied now.
        after: Option<Percent>,
    },
    /// Something else of the route, its rules apart.
    RouteChanged {
        /// What.
        field: &'static str,
    },
    /// The front Service leads somewhere else, or is there or gone.
    FrontMoved {
        /// What it was.
        before: Option<FrontService>,
        /// What it is now.
        after: Option<FrontService>,
    },
}

/// What is different in `after`: the versions, the rules, the rest of the route, the front Service.
///
/// Reasons and times are no difference: nothing is to be done about them.
///
/// ```
/// use iter8_core::{Capabilities, Document, Observation, ReleaseKey, declare, diff, plan};
///
/// let document = Document::from_yaml(
///     "environment: deployment-gtw
/// application: {strategy: canary, versions: [{image: web:1}, {image: web:2}]}",
/// )?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let release = declare(&key, &document, &Capabilities::specification())?;
/// let before = plan(&release, &Observation::ready_where(&release, |version| version.name.as_str() == "web-0"));
/// let after = plan(&release, &Observation::all_ready(&release));
///
/// let changes: Vec<_> = diff(&before, &after).iter().map(ToString::to_string).collect();
/// assert_eq!(
///     changes,
///     [
///         "web-1 is ready; it was not ready: its Service does not exist",
///         "new rule: header traffic=test → web-1:80",
///     ]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn diff(before: &RoutePlan, after: &RoutePlan) -> Vec<Change> {
    let mut changes = versions(&before.versions, &after.versions);
    changes.extend(rules::diff(before.rules(), after.rules()));
    if let (Some(before), Some(after)) = (&before.route, &after.route) {
        changes.extend(route(before, after));
    }
    if before.front != after.front {
        changes.push(Change::FrontMoved { before: before.front.clone(), after: after.front.clone() });
    }
    changes
}

fn versions(before: &[PlannedVersion], after: &[PlannedVersion]) -> Vec<Change> {
    let mut changes = Vec::new();
    for version in after {
        let name = || version.name.clone();
        let Some(known) = before.iter().find(|known| known.name == version.name) else {
            changes.push(Change::VersionAdded(name()));
            continue;
        };
        if known.role != version.role {
            changes.push(Change::RoleChanged { version: name(), role: version.role.clone() });
        }
        if known.readiness != version.readiness {
            let (before, after) = (known.readiness.clone(), version.readiness.clone());
            changes.push(Change::ReadinessChanged { version: name(), before, after });
        }
    }
    let is_gone = |known: &&PlannedVersion| after.iter().all(|version| version.name != known.name);
    changes.extend(before.iter().filter(is_gone).map(|known| Change::VersionRemoved(known.name.clone())));
    changes
}

fn route(before: &PlannedRoute, after: &PlannedRoute) -> Vec<Change> {
    let differing = [
        ("protocol", before.protocol != after.protocol),
        ("name", before.name != after.name),
        ("port", before.port != after.port),
        ("gateways", before.gateways != after.gateways),
        ("hostnames", before.hostnames != after.hostnames),
        ("what is leaving", before.leaving != after.leaving),
        ("labels", before.labels != after.labels),
        ("annotations", before.annotations != after.annotations),
        ("timeouts", before.timeouts != after.timeouts),
        ("filters", before.filters != after.filters),
    ];
    let fields = differing.into_iter().filter(|(_, differs)| *differs);
    fields.map(|(field, _)| Change::RouteChanged { field }).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionAdded(version) => write!(f, "{version} is new"),
            Self::VersionRemoved(version) => write!(f, "{version} is gone"),
            Self::RoleChanged { version, role } => write!(f, "{version} {}", words_of_role(role)),
            Self::ReadinessChanged { version, before, after } => {
                write!(f, "{version} is {after}; it was {before}")
            }
            Self::RuleAdded { matches, backends } => {
                write!(f, "new rule: {} → {}", requests(matches), leading_to(backends))
            }
            Self::RuleRemoved { matches } => write!(f, "no rule any more: {}", requests(matches)),
            Self::RuleMoved { matches, ahead_of } => {
                let others: Vec<_> = ahead_of.iter().map(|matches| requests(matches)).collect();
                write!(
                    f,
                    "the rule for {} comes before the one for {} now",
                    requests(matches),
                    others.join("; ")
                )
            }
            Self::MatchesChanged { service, before, after } => {
                write!(f, "{service} gets {} instead of {}", requests(after), requests(before))
            }
            Self::BackendChanged { matches, before, after } => match (before.as_slice(), after.as_slice()) {
                ([], _) => write!(f, "{} → {} besides", requests(matches), leading_to(after)),
                (_, []) => write!(f, "{} → {} no longer", requests(matches), leading_to(before)),
                _ => {
                    write!(
                        f,
                        "{} → {} instead of {}",
                        requests(matches),
                        leading_to(after),
                        leading_to(before)
                    )
                }
            },
            Self::WeightChanged { matches, service, before, after } => {
                write!(f, "{} → {service}: weight {after} instead of {before}", requests(matches))
            }
            Self::MirrorChanged { service, before, after } => {
                let percent = |share: &Option<Percent>| share.map_or(0, Percent::get);
                write!(f, "{service} gets copies of {} % instead of {} %", percent(after), percent(before))
            }
            Self::RouteChanged { field } => write!(f, "the route differs in its {field}"),
            Self::FrontMoved { before, after } => match (before, after) {
                (_, None) => f.write_str("there is no front Service any more"),
                (None, Some(after)) => write!(f, "new front Service: {}", words_of_front(after)),
                (Some(before), Some(after)) => {
                    let [before, after] = [before, after].map(words_of_front);
                    if before == after {
                        return f.write_str(
                            "the front Service differs in its labels, annotations or appProtocol",
                        );
                    }
                    write!(f, "the front Service: {after} instead of {before}")
                }
            },
        }
    }
}

const fn words_of_role(role: &Role) -> &'static str {
    match role {
        Role::Primary => "is the primary now",
        Role::Candidate => "is a candidate now",
        Role::Removed(Removal::Retained) => "has left the document and stays for now",
        Role::Removed(Removal::Leaving) => "leaves the route",
        Role::Removed(Removal::DrainBegins | Removal::Draining { .. }) => "has left the route and drains",
        Role::Removed(Removal::Due) => "is to be deleted",
    }
}

/// `header traffic=test or method GET`
fn requests(matches: &[RouteMatch]) -> String {
    if matches.is_empty() {
        return "all other requests".to_owned();
    }
    matches.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// `web-0:80`, `web-0:80 (weight 50), web-1:80 (weight 50)`
fn leading_to(backends: &[PlannedBackend]) -> String {
    let words = backends.iter().map(|backend| match backend.weight {
        Weight::ONE => format!("{}:{}", backend.service, backend.port),
        weight => format!("{}:{} (weight {weight})", backend.service, backend.port),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// `web:80 → app=web-0`, with the target port where it is another.
fn words_of_front(front: &FrontService) -> String {
    let selector: Vec<_> = front.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let target = front.target_port.as_ref().map(|port| format!(" on port {port}")).unwrap_or_default();
    format!("{}:{} → {}{target}", front.name, front.port, selector.join(","))
}
