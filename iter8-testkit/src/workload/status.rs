//! The status of a Deployment from its Pods: pure.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::rollout::{Replica, Strategy};

/// The API server's default for `progressDeadlineSeconds`.
const DEFAULT_PROGRESS_DEADLINE: i32 = 600;

const AVAILABLE: &str = "Available";
const PROGRESSING: &str = "Progressing";
const COMPLETE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// The status that follows from the Pods at `now`. `started` says that the first Pod of a template was just created.
pub(super) fn deployment_status(
    deployment: &Deployment,
    strategy: &Strategy,
    replicas: &[Replica],
    started: bool,
    now: Timestamp,
) -> DeploymentStatus {
    let old = deployment.status.clone().unwrap_or_default();
    // A count of zero is left out, as the API server does when it stores it.
    let count = |matches: fn(&Replica) -> bool| {
        i32::try_from(replicas.iter().filter(|replica| matches(replica)).count()).ok().filter(|n| *n != 0)
    };
    let mut status = DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: count(|_| true),
        updated_replicas: count(|replica| replica.updated),
        ready_replicas: count(|replica| replica.ready),
        available_replicas: count(|replica| replica.available),
        unavailable_replicas: count(|replica| !replica.available),
        collision_count: old.collision_count,
        conditions: old.conditions.clone(),
        ..Default::default()
    };
    let available = if status.available_replicas.unwrap_or(0) >= strategy.min_available() {
        Verdict::new(AVAILABLE, true, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        let message = "Deployment does not have minimum availability.";
        Verdict::new(AVAILABLE, false, "MinimumReplicasUnavailable", message)
    };
    available.set(&mut status, now);
    if let Some(progressing) = progress(deployment, strategy, &old, &status, started, now) {
        progressing.set(&mut status, now);
    }
    status
}

/// When the rollout will have taken too long, unless it is complete or known to have.
pub(super) fn progress_deadline(deployment: &Deployment, status: &DeploymentStatus) -> Option<Timestamp> {
    let current = condition(status, PROGRESSING)?;
    if matches!(current.reason.as_deref(), Some(COMPLETE | TIMED_OUT)) {
        return None;
    }
    let seconds = deployment.spec.as_ref().and_then(|spec| spec.progress_deadline_seconds);
    let deadline = SignedDuration::from_secs(seconds.unwrap_or(DEFAULT_PROGRESS_DEADLINE).into());
    current.last_update_time.as_ref()?.0.checked_add(deadline).ok()
}

fn progress(
    deployment: &Deployment,
    strategy: &Strategy,
    old: &DeploymentStatus,
    new: &DeploymentStatus,
    started: bool,
    now: Timestamp,
) -> Option<Verdict> {
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    let verdict = |status, reason, what: &str| {
        Some(Verdict::new(PROGRESSING, status, reason, &format!("Deployment \"{name}\" {what}.")))
    };
    let reason = condition(old, PROGRESSING).and_then(|condition| condition.reason.as_deref());
    let wanted = Some(strategy.replicas).filter(|replicas| *replicas != 0);
    if [new.replicas, new.updated_replicas, new.available_replicas].iter().all(|count| *count == wanted) {
        return verdict(true, COMPLETE, "has successfully progressed");
    }
    let all_updated = new.replicas == new.updated_replicas;
    if started || reason.is_none() || (reason == Some(COMPLETE) && !all_updated) {
        return verdict(true, "NewReplicaSetCreated", "started a rollout");
    }
    // A Pod that fails after its rollout is not a rollout.
    if reason == Some(COMPLETE) {
        return None;
    }
    if has_progressed(old, new) {
        return verdict(true, "ReplicaSetUpdated", "is progressing").map(Verdict::renewed);
    }
    if progress_deadline(deployment, new).is_some_and(|deadline| deadline < now) {
        return verdict(false, TIMED_OUT, "has timed out progressing");
    }
    None
}

fn has_progressed(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let old_pods =
        |status: &DeploymentStatus| status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    new.updated_replicas > old.updated_replicas
        || old_pods(new) < old_pods(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

fn condition<'a>(status: &'a DeploymentStatus, type_: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

/// A condition to be, without its times.
struct Verdict {
    type_: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
    /// Count as an update even if nothing but the time differs.
    renewed: bool,
}

impl Verdict {
    fn new(type_: &'static str, status: bool, reason: &'static str, message: &str) -> Self {
        let status = if status { "True" } else { "False" };
        Self { type_, status, reason, message: message.to_owned(), renewed: false }
    }

    fn renewed(self) -> Self {
        Self { renewed: true, ..self }
    }

    fn set(self, status: &mut DeploymentStatus, now: Timestamp) {
        let current = condition(status, self.type_);
        let same_status = current.filter(|current| current.status == self.status);
        let is_same = same_status.is_some_and(|current| current.reason.as_deref() == Some(self.reason));
        if is_same && !self.renewed {
            return;
        }
        let last_transition_time =
            same_status.map_or_else(|| Some(Time(now)), |current| current.last_transition_time.clone());
        let condition = DeploymentCondition {
            type_: self.type_.to_owned(),
            status: self.status.to_owned(),
            reason: Some(self.reason.to_owned()),
            message: Some(self.message),
            last_update_time: Some(Time(now)),
            last_transition_time,
        };
        let conditions = status.conditions.get_or_insert_default();
        conditions.retain(|other| other.type_ != self.type_);
        conditions.push(condition);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::DeploymentSpec;

    use super::*;

    const STRATEGY: Strategy =
        Strategy { replicas: 2, max_surge: 1, max_unavailable: 0, recreate: false, paused: false };

    fn deployment(status: Option<DeploymentStatus>) -> Deployment {
        let mut deployment = Deployment { status, ..Default::default() };
        deployment.metadata.name = Some("httpbin".to_owned());
        deployment.metadata.generation = Some(3);
        deployment.spec = Some(DeploymentSpec::default());
        deployment
    }

    fn pods(updated: usize, available: usize, old: usize) -> Vec<Replica> {
        let replica = |index: usize| {
            let ready = index < available || index >= updated;
            Replica { name: index.to_string(), updated: index < updated, ready, available: ready }
        };
        (0..updated + old).map(replica).collect()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn after(
        old: Option<DeploymentStatus>,
        replicas: &[Replica],
        started: bool,
        second: i64,
    ) -> DeploymentStatus {
        deployment_status(&deployment(old), &STRATEGY, replicas, started, at(second))
    }

    fn reasons(status: &DeploymentStatus) -> Vec<(&str, &str)> {
        let mut reasons: Vec<_> = status
            .conditions
            .iter()
            .flatten()
            .map(|condition| (condition.status.as_str(), condition.reason.as_deref().unwrap()))
            .collect();
        reasons.sort_unstable_by_key(|(_, reason)| *reason);
        reasons
    }

    fn complete() -> DeploymentStatus {
        after(Some(after(None, &pods(2, 0, 0), true, 1)), &pods(2, 2, 0), false, 2)
    }

    #[test]
    fn a_first_rollout_goes_from_created_to_available() {
        let first = after(None, &pods(2, 0, 0), true, 1);
        assert_eq!(
            reasons(&first),
            [("False", "MinimumReplicasUnavailable"), ("True", "NewReplicaSetCreated")]
        );
        assert_eq!((first.observed_generation, first.unavailable_replicas), (Some(3), Some(2)));

        let half = after(Some(first), &pods(2, 1, 0), false, 2);
        assert_eq!(reasons(&half), [("False", "MinimumReplicasUnavailable"), ("True", "ReplicaSetUpdated")]);

        let done = after(Some(half), &pods(2, 2, 0), false, 3);
        assert_eq!(
            reasons(&done),
            [("True", "MinimumReplicasAvailable"), ("True", "NewReplicaSetAvailable")]
        );
        assert_eq!((done.ready_replicas, done.unavailable_replicas), (Some(2), None));
    }

    #[test]
    fn nothing_new_gives_the_same_status_at_any_time() {
        let done = complete();
        assert_eq!(after(Some(done.clone()), &pods(2, 2, 0), false, 1_000_000), done);
        let waiting = after(Some(done), &pods(1, 0, 2), true, 10);
        assert_eq!(after(Some(waiting.clone()), &pods(1, 0, 2), false, 20), waiting);
    }

    #[test]
    fn a_rollout_keeps_the_deployment_available() {
        let rolling = after(Some(complete()), &pods(1, 0, 2), true, 10);
        assert_eq!(
            reasons(&rolling),
            [("True", "MinimumReplicasAvailable"), ("True", "NewReplicaSetCreated")]
        );
        assert_eq!((rolling.replicas, rolling.updated_replicas), (Some(3), Some(1)));
    }

    #[test]
    fn a_pod_that_fails_later_is_no_rollout() {
        let failed = after(Some(complete()), &pods(2, 1, 0), false, 10);
        assert_eq!(
            reasons(&failed),
            [("False", "MinimumReplicasUnavailable"), ("True", "NewReplicaSetAvailable")]
        );
        assert_eq!(progress_deadline(&deployment(None), &failed), None);
    }

    #[test]
    fn a_rollout_without_progress_times_out_and_recovers() {
        let stuck = after(Some(complete()), &pods(1, 0, 2), true, 10);
        assert_eq!(progress_deadline(&deployment(None), &stuck), Some(at(610)));
        let late = after(Some(stuck), &pods(1, 0, 2), false, 611);
        assert_eq!(
            reasons(&late),
            [("True", "MinimumReplicasAvailable"), ("False", "ProgressDeadlineExceeded")]
        );
        let moving = after(Some(late), &pods(1, 1, 2), false, 700);
        assert_eq!(reasons(&moving), [("True", "MinimumReplicasAvailable"), ("True", "ReplicaSetUpdated")]);
    }

    #[test]
    fn times_of_transition_move_only_with_the_status() {
        let status = complete();
        let progressing = condition(&status, PROGRESSING).unwrap();
        assert_eq!(progressing.last_transition_time, Some(Time(at(1))));
        assert_eq!(progressing.last_update_time, Some(Time(at(2))));
    }
}
