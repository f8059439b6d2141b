//! Whether a version can take requests, and why.

use core::fmt;

use serde::Serialize;

use crate::Digest;
use crate::observation::{
    DeploymentObservation, EndpointsObservation, Rollout, ServiceObservation, VersionObservation,
};
use crate::shared::Text;

/// Whether a version can take requests.
///
/// Ready and updating versions are routed; promotion and removal wait for ready.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let plan = plan(&release, &Observation::ready_where(&release, |version| version.name.as_str() == "web-0"));
/// assert_eq!(plan.versions[0].readiness.to_string(), "ready");
/// assert_eq!(plan.versions[1].readiness.to_string(), "not ready: its Service does not exist");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason")]
pub enum Readiness {
    /// It is what was declared, whole, and has endpoints.
    Ready,
    /// It has a ready endpoint, but something of the declaration is still under way.
    Updating(Unfinished),
    /// It cannot take a request.
    NotReady(Missing),
}

/// What is still under way in a version that is updating.
///
/// ```
/// use iter8_core::{Readiness, Unfinished};
///
/// let readiness = Readiness::Updating(Unfinished::RollingOut { updated: 1, wanted: 3, replicas: 4 });
/// assert_eq!(readiness.to_string(), "updating: 1 of 3 Pods are new, 3 old ones remain");
/// assert!(readiness.is_routable(), "but nothing is promoted yet");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Unfinished {
    /// The Service is not yet seen as declared.
    ServiceOutdated,
    /// The Deployment is not yet seen as declared.
    DeploymentOutdated,
    /// The Deployment controller has not yet taken note of the change.
    StatusOutdated,
    /// Too few Pods are available.
    Unavailable,
    /// Pods are being replaced.
    RollingOut {
        /// Pods of the present revision.
        updated: u32,
        /// Pods wanted.
        wanted: u32,
        /// Pods of every revision.
        replicas: u32,
    },
    /// The rollout does not go on.
    Stalled(Text),
    /// Pods are going away.
    Terminating(u32),
    /// More Pods serve than are wanted: those of the revision before are still among the endpoints, though the
    /// Deployment does not count them any more.
    Surplus {
        /// Endpoints that are ready.
        ready: u32,
        /// Pods wanted.
        wanted: u32,
    },
    /// The rollout is complete, but the endpoints may have been computed before it was.
    EndpointsOutdated,
}

/// What a version that is not ready lacks.
///
/// ```
/// use iter8_core::{Missing, Readiness};
///
/// let readiness = Readiness::NotReady(Missing::Endpoints);
/// assert_eq!((readiness.reason(), readiness.to_string().as_str()), ("NoReadyEndpoint", "not ready: no Pod is ready"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Missing {
    /// There is no Service.
    Service,
    /// The Service is being deleted.
    ServiceDeleting,
    /// There is no Deployment.
    Deployment,
    /// The Deployment is being deleted.
    DeploymentDeleting,
    /// No Pod is ready.
    Endpoints,
    /// No Pod is ready and the rollout does not go on.
    Stalled(Text),
    /// The first rollout has not become available.
    FirstRollout,
}

impl Readiness {
    /// The readiness of a version.
    ///
    /// `declared` are the digests (Service, Deployment) of its declaration, `None` once it has left the
    /// document; `was_routed` tells whether a live route gives it requests, which it does not before a version
    /// has been ready.
    ///
    /// ```
    /// use iter8_core::{Readiness, VersionObservation};
    ///
    #[doc = include_str!("example_release.txt")]
    /// let primary = release.primary();
    /// let declared = Some((primary.service_digest(), primary.deployment_digest()));
    /// let mut seen = VersionObservation::ready(primary);
    /// assert!(Readiness::of(declared, Some(&seen), false).is_ready());
    ///
    /// // The Deployment is still the one of an earlier declaration.
    /// seen.deployment.as_mut().ok_or("none")?.digest = None;
    /// let readiness = Readiness::of(declared, Some(&seen), false);
    /// assert_eq!(readiness.to_string(), "updating: its Deployment is not yet as declared");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(
        declared: Option<(&Digest, &Digest)>,
        observation: Option<&VersionObservation>,
        was_routed: bool,
    ) -> Self {
        let missing = |what| Self::NotReady(what);
        let Some(observation) = observation else { return missing(Missing::Service) };
        let Some(service) = &observation.service else { return missing(Missing::Service) };
        let Some(deployment) = &observation.deployment else { return missing(Missing::Deployment) };
        if service.deleting {
            return missing(Missing::ServiceDeleting);
        }
        if deployment.deleting {
            return missing(Missing::DeploymentDeleting);
        }
        if observation.endpoints.ready == 0 {
            return missing(deployment.stalled.clone().map_or(Missing::Endpoints, Missing::Stalled));
        }
        if !deployment.available && !was_routed {
            return missing(Missing::FirstRollout);
        }
        if let Some((service_digest, deployment_digest)) = declared {
            if service.digest.as_ref() != Some(service_digest) {
                return Self::Updating(Unfinished::ServiceOutdated);
            }
            if deployment.digest.as_ref() != Some(deployment_digest) {
                return Self::Updating(Unfinished::DeploymentOutdated);
            }
        }
        let unfinished = rollout(deployment)
            .or_else(|| leaving(deployment, observation.endpoints))
            .or_else(|| (!follow(observation, service, deployment)).then_some(Unfinished::EndpointsOutdated));
        unfinished.map_or(Self::Ready, Self::Updating)
    }

    /// Whether this is [`Readiness::Ready`].
    ///
    /// ```
    /// use iter8_core::{Readiness, Unfinished};
    ///
    /// assert!(!Readiness::Updating(Unfinished::Unavailable).is_ready());
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// Whether the version may be given requests.
    ///
    /// ```
    /// use iter8_core::{Missing, Readiness, Unfinished};
    ///
    /// assert!(Readiness::Updating(Unfinished::Unavailable).is_routable(), "a Pod is ready");
    /// assert!(!Readiness::NotReady(Missing::Endpoints).is_routable());
    /// ```
    #[must_use]
    pub fn is_routable(&self) -> bool {
        matches!(self, Self::Ready | Self::Updating(_))
    }

    /// The state in one word.
    ///
    /// ```
    /// use iter8_core::{Missing, Readiness};
    ///
    /// assert_eq!(Readiness::NotReady(Missing::Service).state(), "NotReady");
    /// ```
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Updating(_) => "Updating",
            Self::NotReady(_) => "NotReady",
        }
    }

    /// The reason in one CamelCase word, as conditions have it.
    ///
    /// ```
    /// use iter8_core::{Missing, Readiness};
    ///
    /// assert_eq!(Readiness::NotReady(Missing::Service).reason(), "ServiceMissing");
    /// ```
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Updating(unfinished) => match unfinished {
                Unfinished::ServiceOutdated => "ServiceOutdated",
                Unfinished::DeploymentOutdated => "DeploymentOutdated",
                Unfinished::StatusOutdated => "StatusOutdated",
                Unfinished::Unavailable => "Unavailable",
                Unfinished::RollingOut { .. } => "RollingOut",
                Unfinished::Stalled(_) => "RolloutStalled",
                Unfinished::Terminating(_) => "PodsTerminating",
                Unfinished::Surplus { .. } => "OldPodsServing",
                Unfinished::EndpointsOutdated => "EndpointsOutdated",
            },
            Self::NotReady(missing) => match missing {
                Missing::Service => "ServiceMissing",
                Missing::ServiceDeleting => "ServiceDeleting",
                Missing::Deployment => "DeploymentMissing",
                Missing::DeploymentDeleting => "DeploymentDeleting",
                Missing::Endpoints => "NoReadyEndpoint",
                Missing::Stalled(_) => "RolloutStalled",
                Missing::FirstRollout => "FirstRolloutNotAvailable",
            },
        }
    }
}

/// What is unfinished in a rollout by the Deployment's status, if anything is.
fn rollout(deployment: &DeploymentObservation) -> Option<Unfinished> {
    let &DeploymentObservation { wanted, replicas, updated, .. } = deployment;
    if !deployment.status_is_current {
        return Some(Unfinished::StatusOutdated);
    }
    if let Some(reason) = &deployment.stalled {
        return Some(Unfinished::Stalled(reason.clone()));
    }
    if !deployment.available {
        return Some(Unfinished::Unavailable);
    }
    (updated != wanted || replicas != wanted).then_some(Unfinished::RollingOut { updated, wanted, replicas })
}

/// Pods that still have to leave the endpoints.
///
/// Deployment and endpoints are seen at different times: a Deployment may be done while its old Pods still serve.
fn leaving(deployment: &DeploymentObservation, endpoints: EndpointsObservation) -> Option<Unfinished> {
    let (EndpointsObservation { ready, terminating }, wanted) = (endpoints, deployment.wanted);
    if ready > wanted {
        return Some(Unfinished::Surplus { ready, wanted });
    }
    (terminating > 0).then_some(Unfinished::Terminating(terminating))
}

/// Whether the endpoints are known to have been computed after the rollout was complete.
///
/// Until then they may be those of the old Pods alone, in which case no count tells. The first rollout has no old Pods.
fn follow(
    observation: &VersionObservation,
    service: &ServiceObservation,
    deployment: &DeploymentObservation,
) -> bool {
    deployment.rollout.as_ref().is_none_or(|rollout| {
        (service.rollout.is_none() && rollout.is_first())
            || observation.endpoints_rollout.as_ref() == Some(rollout)
    })
}

/// The rollout that the Service of a declared version is to name in its label: the present one once it is complete, until
/// then whatever it names already.
///
/// The `EndpointSlice` controller copies the label when it computes endpoints, which then are later than the label.
pub(crate) fn rollout_to_name(
    deployment_digest: &Digest,
    observation: Option<&VersionObservation>,
) -> Option<Rollout> {
    let observation = observation?;
    let named = observation.service.as_ref().and_then(|service| service.rollout.as_ref());
    let complete = observation.deployment.as_ref().filter(|deployment| {
        deployment.digest.as_ref() == Some(deployment_digest) && rollout(deployment).is_none()
    });
    let present = complete.and_then(|deployment| deployment.rollout.as_ref());
    present.filter(|rollout| named.is_some() || !rollout.is_first()).or(named).cloned()
}

/// The reason in words.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Updating(unfinished) => match unfinished {
                Unfinished::ServiceOutdated => f.write_str("updating: its Service is not yet as declared"),
                Unfinished::DeploymentOutdated => {
                    f.write_str("updating: its Deployment is not yet as declared")
                }
                Unfinished::StatusOutdated => f.write_str("updating: its rollout has not begun"),
                Unfinished::Unavailable => f.write_str("updating: too few Pods are available"),
                Unfinished::RollingOut { updated, wanted, replicas } => {
                    let old = replicas.saturating_sub(*updated);
                    write!(f, "updating: {updated} of {wanted} Pods are new, {old} old ones remain")
                }
                Unfinished::Stalled(reason) => write!(f, "updating: its rollout is stuck: {reason}"),
                Unfinished::Surplus { ready, wanted } => {
                    write!(
                        f,
                        "updating: {ready} Pods serve where {wanted} are wanted, old ones have yet to leave"
                    )
                }
                Unfinished::Terminating(count) => write!(f, "updating: {count} old Pods are terminating"),
                Unfinished::EndpointsOutdated => {
                    f.write_str("updating: its endpoints may still be those of before the rollout")
                }
            },
            Self::NotReady(missing) => match missing {
                Missing::Service => f.write_str("not ready: its Service does not exist"),
                Missing::ServiceDeleting => f.write_str("not ready: its Service is being deleted"),
                Missing::Deployment => f.write_str("not ready: its Deployment does not exist"),
                Missing::DeploymentDeleting => f.write_str("not ready: its Deployment is being deleted"),
                Missing::Endpoints => f.write_str("not ready: no Pod is ready"),
                Missing::Stalled(reason) => {
                    write!(f, "not ready: no Pod is ready, its rollout is stuck: {reason}")
                }
                Missing::FirstRollout => f.write_str("not ready: its first rollout has not finished"),
            },
        }
    }
}
