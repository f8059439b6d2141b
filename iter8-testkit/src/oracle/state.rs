//! Whether a version can take requests, by the text.

use iter8_core::{
    DeploymentObservation, Observation, RoutePlan, ServiceName, ServiceObservation, ValidVersion,
    VersionObservation, Weight,
};

use super::DisagreementError;
use super::promotion::Case;

/// The readiness of a version, without its reason.
///
/// ```
/// use iter8_core::VersionObservation;
/// use iter8_testkit::oracle::{State, state};
///
#[doc = include_str!("../example_canary.txt")]
/// let (declared, observation) = (release.primary(), Observation::default());
/// let mut seen = VersionObservation::ready(declared);
/// assert_eq!(state(Some(declared), &seen, &observation), State::Ready);
/// seen.endpoints.terminating = 1;
/// assert_eq!(state(Some(declared), &seen, &observation), State::Updating, "an old Pod is still there");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the text has these three")]
pub enum State {
    /// Nothing can be sent to it.
    NotReady,
    /// It serves, but is not yet, or not wholly, what is declared.
    Updating,
    /// It is what is declared.
    Ready,
}

impl State {
    /// Whether requests may be sent to a version in this state.
    ///
    /// ```
    /// use iter8_testkit::oracle::State;
    ///
    /// let all = [State::NotReady, State::Updating, State::Ready];
    /// assert_eq!(all.map(State::can_serve), [false, true, true]);
    /// ```
    #[must_use]
    pub const fn can_serve(self) -> bool {
        matches!(self, Self::Ready | Self::Updating)
    }
}

/// The state of a version: a declared one, or, with `None`, one that has left the document.
///
/// ```
/// use iter8_core::VersionObservation;
/// use iter8_testkit::oracle::{State, state};
///
/// assert_eq!(state(None, &VersionObservation::default(), &iter8_core::Observation::default()), State::NotReady);
/// ```
#[must_use]
pub fn state(declared: Option<&ValidVersion>, seen: &VersionObservation, observation: &Observation) -> State {
    // "Service or Deployment missing or being deleted"
    let (Some(service), Some(deployment)) = (&seen.service, &seen.deployment) else { return State::NotReady };
    if service.deleting || deployment.deleting {
        return State::NotReady;
    }
    // "no ready endpoint"
    if seen.endpoints.ready == 0 {
        return State::NotReady;
    }
    // "or a first rollout not yet Available". Reading 1.
    let named = declared.map_or(&service.name, |declared| &declared.service);
    if !deployment.available && !gets_requests(named, observation) {
        return State::NotReady;
    }
    // "Deployment and Service are the declared ones"
    let is_declared = declared.is_none_or(|declared| {
        service.digest.as_ref() == Some(declared.service_digest())
            && deployment.digest.as_ref() == Some(declared.deployment_digest())
    });
    // "Available at their generation, updatedReplicas = replicas = spec.replicas, no endpoint terminating". Reading 2.
    let is_finished = deployment.status_is_current
        && deployment.available
        && deployment.updated == deployment.replicas
        && deployment.replicas == deployment.wanted
        && deployment.stalled.is_none()
        && seen.endpoints.ready <= deployment.wanted
        && seen.endpoints.terminating == 0
        && endpoints_follow(seen, service, deployment);
    if is_declared && is_finished { State::Ready } else { State::Updating }
}

/// Reading 8.
fn endpoints_follow(
    seen: &VersionObservation,
    service: &ServiceObservation,
    deployment: &DeploymentObservation,
) -> bool {
    match &deployment.rollout {
        None => true,
        Some(rollout) if rollout.revision <= 1 && service.rollout.is_none() => true,
        Some(rollout) => seen.endpoints_rollout.as_ref() == Some(rollout),
    }
}

/// Whether a live rule sends or copies requests to the Service.
fn gets_requests(service: &ServiceName, observation: &Observation) -> bool {
    let routes =
        observation.route.iter().flat_map(|route| std::iter::once(route).chain(route.other.as_deref()));
    routes.flat_map(|route| &route.rules).any(|rule| {
        rule.backends.iter().any(|backend| backend.service == *service && backend.weight > Weight::ZERO)
            || rule.mirrors.iter().any(|mirror| mirror.service == *service)
    })
}

/// Reading 8: a Service names the rollout of its version once that is complete, and until then whatever it names.
pub(super) fn check(case: &Case<'_>, plan: &RoutePlan) -> Result<(), DisagreementError> {
    for (version, planned) in case.release.versions().zip(&plan.versions) {
        let seen = case.observation.versions.get(&version.name);
        let named = seen.and_then(|seen| seen.service.as_ref()?.rollout.clone());
        let complete = seen.and_then(|seen| seen.deployment.as_ref()).filter(|deployment| {
            deployment.digest.as_ref() == Some(version.deployment_digest())
                && deployment.status_is_current
                && deployment.available
                && deployment.stalled.is_none()
                && deployment.updated == deployment.wanted
                && deployment.replicas == deployment.wanted
        });
        let present = complete.and_then(|deployment| deployment.rollout.clone());
        let expected = match (present, named) {
            // There is nothing to tell the first rollout from.
            (Some(first), None) if first.revision <= 1 => None,
            (present, named) => present.or(named),
        };
        if planned.rollout != expected {
            return Err(DisagreementError::new(
                "the rollout that a Service names",
                &expected,
                &planned.rollout,
            ));
        }
    }
    Ok(())
}
