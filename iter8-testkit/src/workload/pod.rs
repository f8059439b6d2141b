//! Pods as objects: made from a Deployment's template, and their status. Pure but for the random letters of names.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::Ipv4Addr;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateWaiting, ContainerStatus, Pod,
    PodCondition, PodIP, PodStatus, PodTemplateSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{Resource as _, ResourceExt as _};

/// Keeps a deleted Pod until its server has stopped. The API server would remove a Pod without a node at once.
pub(super) const FINALIZER: &str = "testkit.iter8.tools/kubelet";
/// Label that tells the Pods of one template from those of another.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// Letters of generated names: none that make words, as Kubernetes has it.
const NAME_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Hash of a Pod template: equal templates have equal hashes.
pub(super) fn template_hash(template: &PodTemplateSpec) -> String {
    // The maps in it are sorted, so the text is a function of the template. It cannot fail to serialize.
    letters(fnv(&serde_json::to_vec(template).unwrap_or_default()), 10)
}

/// Letters that make a name unique.
pub(super) fn random_letters(length: usize) -> String {
    // Every `RandomState` is another one: its hash of nothing is as good as a random number.
    letters(RandomState::new().hash_one(()), length)
}

/// `length` letters for a name, from `seed`.
fn letters(mut seed: u64, length: usize) -> String {
    let base = 27;
    let mut text = String::new();
    while text.len() < length {
        let index = usize::try_from(seed % base).unwrap_or(0);
        text.extend(NAME_LETTERS.get(index).map(|letter| char::from(*letter)));
        seed = (seed / base) ^ seed.rotate_left(29);
    }
    text
}

/// The 64-bit FNV-1a hash.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A Pod of the Deployment's present template whose name ends in `suffix`; none if the Deployment is not stored.
pub(super) fn new_pod(deployment: &Deployment, suffix: &str) -> Option<Pod> {
    let template = &deployment.spec.as_ref()?.template;
    let hash = template_hash(template);
    let of_template = template.metadata.clone().unwrap_or_default();
    let mut labels = of_template.labels.unwrap_or_default();
    labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
    // A Pod's name is at most 63 letters long where it is its host name, too.
    let prefix: String = deployment.name_any().chars().take(40).collect();
    let owner = OwnerReference { block_owner_deletion: Some(true), ..deployment.controller_owner_ref(&())? };
    let metadata = ObjectMeta {
        name: Some(format!("{prefix}-{hash}-{suffix}")),
        namespace: deployment.namespace(),
        labels: Some(labels),
        annotations: of_template.annotations,
        owner_references: Some(vec![owner]),
        finalizers: Some(vec![FINALIZER.to_owned()]),
        ..Default::default()
    };
    Some(Pod { metadata, spec: template.spec.clone(), status: None })
}

/// Whether the Pod has the Deployment's present template.
pub(super) fn is_updated(pod: &Pod, hash: &str) -> bool {
    pod.labels().get(TEMPLATE_HASH).is_some_and(|label| label == hash)
}

/// Name of the Deployment that controls the Pod.
pub(super) fn deployment_of(pod: &Pod) -> Option<&str> {
    let is_deployment =
        |owner: &&OwnerReference| owner.kind == "Deployment" && owner.controller == Some(true);
    pod.owner_references().iter().find(is_deployment).map(|owner| owner.name.as_str())
}

/// Whether somebody deleted the Pod, though it may still serve.
pub(super) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether the Pod has run and never will again.
pub(super) fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the Pod's condition `Ready` is true.
pub(super) fn is_ready(pod: &Pod) -> bool {
    ready_condition(pod).is_some_and(|condition| condition.status == "True")
}

/// When a ready Pod becomes available: `min_ready_seconds` after it became ready.
pub(super) fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<Timestamp> {
    let ready = ready_condition(pod).filter(|condition| condition.status == "True")?;
    if min_ready_seconds <= 0 {
        return Some(Timestamp::UNIX_EPOCH);
    }
    let since = ready.last_transition_time.as_ref()?.0;
    since.checked_add(SignedDuration::from_secs(min_ready_seconds.into())).ok()
}

fn ready_condition(pod: &Pod) -> Option<&PodCondition> {
    pod.status.iter().flat_map(|status| status.conditions.iter().flatten()).find(|c| c.type_ == "Ready")
}

/// Ports that the Pod's containers declare.
pub(super) fn container_ports(pod: &Pod) -> Vec<u16> {
    let ports = containers(pod).iter().flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| u16::try_from(port.container_port).ok()).collect()
}

/// The Pod's containers.
pub(super) fn containers(pod: &Pod) -> &[Container] {
    pod.spec.as_ref().map_or(&[], |spec| spec.containers.as_slice())
}

/// What the kubelet knows of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// The image cannot be pulled.
    NoImage,
    /// The container runs; its readiness probe has not succeeded yet, or fails.
    NotReady,
    /// The container runs and its readiness probe succeeds.
    Ready,
    /// The container was asked to end and did.
    Ended,
}

/// The status of a Pod in this health, at `now`. Times stay while what they date stays.
pub(super) fn pod_status(pod: &Pod, ip: Ipv4Addr, health: Health, now: Timestamp) -> PodStatus {
    let old = pod.status.clone().unwrap_or_default();
    let (phase, ready, reason) = match health {
        Health::NoImage => ("Pending", false, Some("ContainersNotReady")),
        Health::NotReady => ("Running", false, Some("ContainersNotReady")),
        Health::Ready => ("Running", true, None),
        Health::Ended => ("Succeeded", false, Some("PodCompleted")),
    };
    let condition = |type_, status, reason| {
        let before = old.conditions.iter().flatten().find(|condition| condition.type_ == type_);
        pod_condition(before, type_, status, reason, now)
    };
    let conditions = vec![
        condition("PodScheduled", true, None),
        condition("Initialized", true, None),
        condition("ContainersReady", ready, reason),
        condition("Ready", ready, reason),
    ];
    let start_time = old.start_time.clone().unwrap_or(Time(now));
    let container_statuses =
        containers(pod).iter().map(|container| container_status(container, health, &start_time)).collect();
    PodStatus {
        phase: Some(phase.to_owned()),
        pod_ip: Some(ip.to_string()),
        pod_ips: Some(vec![PodIP { ip: ip.to_string() }]),
        conditions: Some(conditions),
        container_statuses: Some(container_statuses),
        start_time: Some(start_time),
        ..old
    }
}

fn pod_condition(
    before: Option<&PodCondition>,
    type_: &str,
    status: bool,
    reason: Option<&str>,
    now: Timestamp,
) -> PodCondition {
    let status = if status { "True" } else { "False" };
    let unchanged = before.filter(|before| before.status == status);
    PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        last_transition_time: unchanged.map_or(Some(Time(now)), |before| before.last_transition_time.clone()),
        observed_generation: before.and_then(|before| before.observed_generation),
        ..Default::default()
    }
}

fn container_status(container: &Container, health: Health, start_time: &Time) -> ContainerStatus {
    let running = ContainerStateRunning { started_at: Some(start_time.clone()) };
    let waiting = ContainerStateWaiting {
        reason: Some("ImagePullBackOff".to_owned()),
        ..ContainerStateWaiting::default()
    };
    let state = match health {
        Health::NoImage => ContainerState { waiting: Some(waiting), ..ContainerState::default() },
        // A container that ended would need an exit code and times; that it has ended is said by the phase.
        Health::NotReady | Health::Ready | Health::Ended => {
            ContainerState { running: Some(running), ..ContainerState::default() }
        }
    };
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        ready: health == Health::Ready,
        started: Some(health != Health::NoImage),
        state: Some(state),
        // The API server always has one.
        last_state: Some(ContainerState::default()),
        ..ContainerStatus::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::apps::v1::DeploymentSpec;

    use super::*;

    fn deployment(image: &str) -> Deployment {
        let container =
            Container { name: "web".to_owned(), image: Some(image.to_owned()), ..Default::default() };
        let template = PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(BTreeMap::from([("app".to_owned(), "httpbin".to_owned())])),
                ..Default::default()
            }),
            spec: Some(k8s_openapi::api::core::v1::PodSpec {
                containers: vec![container],
                ..Default::default()
            }),
        };
        let mut deployment = Deployment::default();
        deployment.metadata.name = Some("httpbin".to_owned());
        deployment.metadata.uid = Some("uid-1".to_owned());
        deployment.spec = Some(DeploymentSpec { template, ..Default::default() });
        deployment
    }

    #[test]
    fn a_pod_belongs_to_its_deployment_and_template() {
        let deployment = deployment("httpbin:1");
        let pod = new_pod(&deployment, "x2z4b").unwrap();
        let hash = template_hash(&deployment.spec.unwrap().template);

        assert_eq!(pod.name_any(), format!("httpbin-{hash}-x2z4b"));
        assert_eq!(pod.labels()["app"], "httpbin");
        assert_eq!(deployment_of(&pod), Some("httpbin"));
        assert!(is_updated(&pod, &hash));
        assert!(pod.finalizers().iter().any(|finalizer| finalizer == FINALIZER));
    }

    #[test]
    fn only_the_template_decides_about_its_hash() {
        let hash = |deployment: Deployment| template_hash(&deployment.spec.unwrap().template);
        let mut labelled = deployment("httpbin:1");
        labelled.metadata.labels = Some(BTreeMap::from([("track".to_owned(), "canary".to_owned())]));

        assert_eq!(hash(labelled), hash(deployment("httpbin:1")));
        assert_ne!(hash(deployment("httpbin:2")), hash(deployment("httpbin:1")));
    }

    #[test]
    fn a_status_computed_again_is_the_same() {
        let mut pod = new_pod(&deployment("httpbin:1"), "x").unwrap();
        let ip = Ipv4Addr::new(10, 244, 0, 1);
        for health in [Health::NoImage, Health::NotReady, Health::Ready, Health::Ended] {
            pod.status = Some(pod_status(&pod, ip, health, Timestamp::from_second(1).unwrap()));
            let again = pod_status(&pod, ip, health, Timestamp::from_second(9).unwrap());
            assert_eq!(pod.status, Some(again));
            assert_eq!(is_ready(&pod), health == Health::Ready);
            assert_eq!(is_finished(&pod), health == Health::Ended);
        }
    }

    #[test]
    fn a_ready_pod_is_available_after_its_minimum() {
        let mut pod = new_pod(&deployment("httpbin:1"), "x").unwrap();
        let ip = Ipv4Addr::new(10, 244, 0, 1);
        assert_eq!(available_at(&pod, 0), None);
        pod.status = Some(pod_status(&pod, ip, Health::Ready, Timestamp::from_second(100).unwrap()));
        assert!(available_at(&pod, 0).unwrap() < Timestamp::from_second(100).unwrap());
        assert_eq!(available_at(&pod, 5), Some(Timestamp::from_second(105).unwrap()));
    }
}
