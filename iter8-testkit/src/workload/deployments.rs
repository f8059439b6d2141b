//! The Deployment controller.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Selector;
use serde_json::json;
use tokio::time::Instant;

use super::driver::Driver;
use super::pod::{
    available_at, is_finished, is_ready, is_terminating, is_updated, new_pod, random_letters, template_hash,
};
use super::rollout::{Replica, Strategy, next_step};
use super::status::{deployment_status, progress_deadline};

const REVISION: &str = "deployment.kubernetes.io/revision";
/// Which template was numbered last. The real controller keeps the numbers on its `ReplicaSets`.
const TEMPLATE: &str = "testkit.iter8.tools/template";

impl Driver {
    /// Take the Deployment's next step and write its status if that changed. Returns when time alone will change it.
    pub(super) async fn reconcile_deployment(&mut self, name: &str) -> kube::Result<Option<Instant>> {
        let Some(deployment) = self.deployments.get_opt(name).await? else { return Ok(None) };
        let Some(spec) = &deployment.spec else { return Ok(None) };
        if deployment.metadata.deletion_timestamp.is_some() {
            return Ok(None);
        }
        let pods = self.pods_of(&deployment, spec).await?;
        let now = self.clock.now();
        let hash = template_hash(&spec.template);
        let min_ready_seconds = spec.min_ready_seconds.unwrap_or(0);
        let old_pods_terminating = pods.iter().any(|pod| is_terminating(pod) && !is_updated(pod, &hash));
        let living: Vec<_> = pods.iter().filter(|pod| !is_terminating(pod) && !is_finished(pod)).collect();
        let mut replicas: Vec<_> =
            living.iter().map(|pod| replica(pod, &hash, min_ready_seconds, now)).collect();

        let strategy = Strategy::of(spec);
        let step = next_step(&strategy, &replicas, old_pods_terminating);
        let started = step.create > 0 && !replicas.iter().any(|replica| replica.updated);
        for _ in 0..step.create {
            replicas.extend(self.create_pod(&deployment).await?);
        }
        for name in &step.delete {
            self.delete_pod(name).await?;
        }
        replicas.retain(|replica| !step.delete.contains(&replica.name));

        let status = deployment_status(&deployment, &strategy, &replicas, started, now);
        let becoming_available = living
            .iter()
            .filter_map(|pod| available_at(pod, min_ready_seconds))
            .filter(|time| *time > now)
            .chain(progress_deadline(&deployment, &status))
            .min();
        let next = becoming_available.map(|time| instant_of(time, now));
        let is_counted =
            strategy.paused || deployment.annotations().get(TEMPLATE).is_some_and(|counted| *counted == hash);
        let deployment =
            if is_counted { deployment } else { self.count_revision(&deployment, &hash).await? };
        if deployment.status.as_ref() != Some(&status) {
            let written = Deployment { status: Some(status), ..deployment };
            self.deployments.replace_status(name, &PostParams::default(), &written).await?;
        }
        Ok(next)
    }

    /// The Pods that the Deployment controls, oldest first.
    async fn pods_of(&self, deployment: &Deployment, spec: &DeploymentSpec) -> kube::Result<Vec<Pod>> {
        // The API server refuses a Deployment whose selector is invalid.
        let selector = Selector::try_from(spec.selector.clone()).unwrap_or_default();
        let mut pods = self.pods.list(&ListParams::default().labels_from(&selector)).await?.items;
        let uid = deployment.uid().unwrap_or_default();
        pods.retain(|pod| {
            pod.owner_references().iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
        });
        pods.sort_by_cached_key(|pod| (pod.creation_timestamp(), pod.name_any()));
        Ok(pods)
    }

    /// Write the number of the template on the Deployment before any status that speaks of it, as the real controller does:
    /// whoever owns the rest of the object must live with that. A template that comes back gets a new number, too.
    async fn count_revision(&self, deployment: &Deployment, hash: &str) -> kube::Result<Deployment> {
        let last = deployment.annotations().get(REVISION).and_then(|number| number.parse::<u64>().ok());
        let revision = last.unwrap_or(0).saturating_add(1).to_string();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {REVISION: revision, TEMPLATE: hash}}}));
        self.deployments.patch(&deployment.name_any(), &PatchParams::default(), &patch).await
    }

    async fn create_pod(&self, deployment: &Deployment) -> kube::Result<Option<Replica>> {
        let Some(pod) = new_pod(deployment, &random_letters(5)) else { return Ok(None) };
        let pod = self.pods.create(&PostParams::default(), &pod).await?;
        Ok(Some(Replica { name: pod.name_any(), updated: true, ready: false, available: false }))
    }

    async fn delete_pod(&self, name: &str) -> kube::Result<()> {
        match self.pods.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

fn replica(pod: &Pod, hash: &str, min_ready_seconds: i32, now: Timestamp) -> Replica {
    Replica {
        name: pod.name_any(),
        updated: is_updated(pod, hash),
        ready: is_ready(pod),
        available: available_at(pod, min_ready_seconds).is_some_and(|time| time <= now),
    }
}

/// The same moment on the clock of timers, a little late rather than early.
fn instant_of(time: Timestamp, now: Timestamp) -> Instant {
    let wait = std::time::Duration::try_from(time.duration_since(now)).unwrap_or_default();
    Instant::now() + wait + std::time::Duration::from_millis(1)
}
