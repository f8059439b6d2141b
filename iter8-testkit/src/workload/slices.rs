//! The `EndpointSlices` of a Service from the Pods it selects: pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Resource as _, ResourceExt};

use super::pod::{containers, is_finished, is_ready, is_terminating};

/// Label of a slice that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// The name of the controller that is played.
const MANAGER: &str = "endpointslice-controller.k8s.io";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The selector of a Service whose endpoints are followed; Services without one have endpoints of their own making.
pub(super) fn selector_of(service: &Service) -> Option<&BTreeMap<String, String>> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    spec.selector.as_ref().filter(|selector| !selector.is_empty())
}

/// Whether the selector selects these labels.
pub(super) fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether this is a slice that [`desired_slices`] speaks of.
pub(super) fn is_ours(slice: &EndpointSlice) -> bool {
    slice.labels().get(MANAGED_BY).is_some_and(|manager| manager == MANAGER)
}

/// The slices the Service should have for the `pods` it selects: one for every set of port numbers its target ports
/// resolve to, or one without endpoints and ports if there are no Pods. None if the Service is not stored.
pub(super) fn desired_slices(service: &Service, pods: &[Pod]) -> Option<Vec<EndpointSlice>> {
    let spec = service.spec.as_ref()?;
    let owner = OwnerReference { block_owner_deletion: Some(true), ..service.controller_owner_ref(&())? };
    let mut by_ports: BTreeMap<Vec<Option<i32>>, Vec<&Pod>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| endpoint(spec, pod).is_some()) {
        let numbers = endpoint_ports(spec, pod).iter().map(|port| port.port).collect();
        by_ports.entry(numbers).or_default().push(pod);
    }
    if by_ports.is_empty() {
        by_ports.insert(Vec::new(), Vec::new());
    }
    let slices = by_ports.into_values().map(|pods| {
        let ports = pods.first().map(|pod| endpoint_ports(spec, pod)).unwrap_or_default();
        let mut endpoints: Vec<_> = pods.into_iter().filter_map(|pod| endpoint(spec, pod)).collect();
        endpoints.sort_by(|a, b| a.addresses.cmp(&b.addresses));
        EndpointSlice {
            metadata: ObjectMeta {
                namespace: service.namespace(),
                labels: Some(slice_labels(service)),
                owner_references: Some(vec![owner.clone()]),
                ..Default::default()
            },
            address_type: "IPv4".to_owned(),
            endpoints: Some(endpoints),
            ports: Some(ports),
        }
    });
    Some(slices.collect())
}

/// How to get from the stored slices of a Service to the desired ones, in this order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// To create; they have no name yet.
    pub(super) create: Vec<EndpointSlice>,
    /// To replace, under the name and version of stored ones.
    pub(super) update: Vec<EndpointSlice>,
    /// Names to delete.
    pub(super) delete: Vec<String>,
}

/// A desired slice takes the place of the stored one with its ports, else that of one that is not needed any more.
pub(super) fn change(mut live: Vec<EndpointSlice>, desired: Vec<EndpointSlice>) -> Change {
    let mut change = Change::default();
    let mut unmatched = Vec::new();
    for slice in desired {
        match live.iter().position(|live| ports(live) == ports(&slice)) {
            Some(index) => change.replace(&live.swap_remove(index), slice),
            None => unmatched.push(slice),
        }
    }
    for slice in unmatched {
        match live.pop() {
            Some(spare) => change.replace(&spare, slice),
            None => change.create.push(slice),
        }
    }
    change.delete = live.iter().map(ResourceExt::name_any).collect();
    change
}

impl Change {
    fn replace(&mut self, live: &EndpointSlice, mut desired: EndpointSlice) {
        let endpoints = |slice: &EndpointSlice| slice.endpoints.clone().unwrap_or_default();
        let same = live.labels() == desired.labels()
            && live.owner_references() == desired.owner_references()
            && ports(live) == ports(&desired)
            && endpoints(live) == endpoints(&desired);
        if !same {
            desired.metadata.name.clone_from(&live.metadata.name);
            desired.metadata.resource_version.clone_from(&live.metadata.resource_version);
            desired.metadata.annotations.clone_from(&live.metadata.annotations);
            self.update.push(desired);
        }
    }
}

/// However an empty list is written.
fn ports(slice: &EndpointSlice) -> &[EndpointPort] {
    slice.ports.as_deref().unwrap_or_default()
}

/// Whether the slice still names the Pod with this uid.
pub(super) fn names_pod(slice: &EndpointSlice, uid: &str) -> bool {
    let targets = slice.endpoints.iter().flatten().filter_map(|endpoint| endpoint.target_ref.as_ref());
    targets.filter_map(|target| target.uid.as_deref()).any(|target| target == uid)
}

fn slice_labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.labels().clone();
    labels.remove(HEADLESS);
    if service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(SERVICE_NAME.to_owned(), service.name_any());
    labels.insert(MANAGED_BY.to_owned(), MANAGER.to_owned());
    labels
}

fn endpoint(spec: &ServiceSpec, pod: &Pod) -> Option<Endpoint> {
    let ip = pod.status.as_ref()?.pod_ip.clone()?;
    if is_finished(pod) {
        return None;
    }
    let (serving, terminating) = (is_ready(pod), is_terminating(pod));
    let ready = spec.publish_not_ready_addresses == Some(true) || (serving && !terminating);
    Some(Endpoint {
        addresses: vec![ip],
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.namespace(),
            name: pod.metadata.name.clone(),
            uid: pod.uid(),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// A port that the Pod does not have is left out.
fn endpoint_ports(spec: &ServiceSpec, pod: &Pod) -> Vec<EndpointPort> {
    let ports = spec.ports.iter().flatten().filter_map(|port| {
        Some(EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            protocol: Some(protocol(port).to_owned()),
            port: Some(target_port(port, pod)?),
            app_protocol: port.app_protocol.clone(),
        })
    });
    ports.collect()
}

fn target_port(port: &ServicePort, pod: &Pod) -> Option<i32> {
    let name = match &port.target_port {
        None | Some(IntOrString::Int(0)) => return Some(port.port),
        Some(IntOrString::Int(number)) => return Some(*number),
        Some(IntOrString::String(name)) => name,
    };
    let mut ports = containers(pod).iter().flat_map(|container| container.ports.iter().flatten());
    let named = ports.find(|declared| {
        declared.name.as_ref() == Some(name)
            && declared.protocol.as_deref().unwrap_or("TCP") == protocol(port)
    });
    named.map(|declared| declared.container_port)
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

#[cfg(test)]
mod tests;
