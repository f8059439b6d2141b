//! Kubernetes objects → [`Observation`]. Pure.

use std::collections::BTreeMap;

use iter8_core::{
    Belonging, DeploymentObservation, Digest, EndpointsObservation, Labels, Marks, ObjectKind, Observation,
    Port, Rollout, RoutingBackend, ServiceName, ServiceObservation, Timestamp, ValidRelease, VersionName,
    Writer, scaler,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::cache::Owned;
use crate::labels;
use crate::workload::{DEPLOYMENT, SERVICE};

/// The objects of a release, as one observation.
///
/// `endpoints` gives the endpoints of a Service by its name, and the rollout that its slices name.
pub(crate) fn observe<B: RoutingBackend>(
    release: &ValidRelease,
    backend: &B,
    objects: &[Owned],
    endpoints: impl Fn(&str) -> Endpoints,
    now: Timestamp,
) -> Observation {
    let of_kind = |kind: ObjectKind| {
        let of_kind = objects.iter().filter(move |owned| owned.kind == kind);
        of_kind.filter_map(|owned| Some((marked(release, owned)?, &owned.object)))
    };
    let services = of_kind(SERVICE).filter_map(|(label, object)| {
        let endpoints = endpoints(&object.name_any());
        Some((label, service(object)?, endpoints.counts, endpoints.rollout))
    });
    let deployments = of_kind(DEPLOYMENT).filter_map(|(label, object)| Some((label, deployment(object)?)));
    let belonging = belonging(release, objects);
    let versions = belonging.versions(services, deployments);
    let left_of = belonging.left_of();
    let front = front(release, objects);
    Observation {
        now,
        versions,
        left_of,
        route: route(backend, objects),
        front_selector: front.and_then(front_selector),
        front_ports: front.map(front_ports).unwrap_or_default(),
        former_fronts: former_fronts(release, objects),
        ..Observation::default()
    }
}

/// The version that an object carries the marks of, if it is of a version.
pub(crate) fn marked(release: &ValidRelease, Owned { kind, object }: &Owned) -> Option<VersionName> {
    if ![SERVICE, DEPLOYMENT].contains(kind) {
        return None;
    }
    let marks = Marks {
        is_deployment: *kind == DEPLOYMENT,
        name: &object.name_any(),
        label: object.labels().get(labels::VERSION).map(String::as_str),
        digest: object.annotations().get(labels::DIGEST).map(String::as_str),
        declares: object.annotations().contains_key(labels::DECLARATION),
    };
    marks.version(release)
}

/// Which versions the objects of a release belong to.
pub(crate) fn belonging(release: &ValidRelease, objects: &[Owned]) -> Belonging {
    let of_kind = |kind: ObjectKind| objects.iter().filter(move |owned| owned.kind == kind);
    let services: Vec<_> = of_kind(SERVICE)
        .filter_map(|owned| Some((marked(release, owned)?, service(&owned.object)?)))
        .collect();
    let deployments: Vec<_> = of_kind(DEPLOYMENT)
        .filter_map(|owned| Some((marked(release, owned)?, owned.object.name_any())))
        .collect();
    Belonging::new(
        release,
        services.iter().map(|(label, service)| (label, service)),
        deployments.iter().map(|(label, name)| (label, name.as_str())),
    )
}

/// The version that an object belongs to, if it belongs to one.
pub(crate) fn version_of(
    release: &ValidRelease,
    belonging: &Belonging,
    owned: &Owned,
) -> Option<VersionName> {
    let (label, name) = (marked(release, owned)?, owned.object.name_any());
    let version = if owned.kind == DEPLOYMENT {
        belonging.of_deployment(&label, &name)
    } else {
        belonging.of_service(&label, &name)
    };
    Some(version.clone())
}

/// The front Service, unless it is being deleted.
fn front<'a>(release: &ValidRelease, objects: &'a [Owned]) -> Option<&'a DynamicObject> {
    let is_front = |owned: &&Owned| {
        owned.kind == SERVICE
            && owned.object.name_any() == release.application.as_str()
            && owned.object.metadata.deletion_timestamp.is_none()
    };
    objects.iter().find(is_front).map(|owned| &owned.object)
}

fn front_selector(front: &DynamicObject) -> Option<Labels> {
    let selector: BTreeMap<String, String> =
        serde_json::from_value(front.data.pointer("/spec/selector")?.clone()).ok()?;
    Some(selector.into())
}

fn front_ports(front: &DynamicObject) -> Vec<Port> {
    let ports = front.data.pointer("/spec/ports").and_then(Value::as_array);
    let numbers = ports.into_iter().flatten().filter_map(|port| port.get("port")?.as_i64());
    numbers.filter_map(|number| Port::try_from(number).ok()).collect()
}

/// The front Services of this Release by other names than the application has.
fn former_fronts(release: &ValidRelease, objects: &[Owned]) -> Vec<ServiceName> {
    let fronts = objects.iter().filter(|owned| owned.kind == SERVICE && marked(release, owned).is_none());
    let fronts = fronts.filter(|owned| owned.object.metadata.deletion_timestamp.is_none());
    let names = fronts.filter_map(|owned| owned.object.name_any().try_into().ok());
    names.filter(|name: &ServiceName| *name != release.application).collect()
}

/// Objects that are being deleted are no live routes any more.
pub(crate) fn route<B: RoutingBackend>(
    backend: &B,
    objects: &[Owned],
) -> Option<iter8_core::RouteObservation> {
    let is_route = |owned: &&Owned| backend.kinds().contains(&owned.kind);
    let live =
        objects.iter().filter(is_route).filter(|owned| owned.object.metadata.deletion_timestamp.is_none());
    // The items of a list carry no kind of their own, and a backend may have more than one.
    let typed = live.filter_map(|Owned { kind, object }| {
        let mut value = serde_json::to_value(object).ok()?;
        value.as_object_mut()?.insert("kind".to_owned(), kind.kind.into());
        serde_json::from_value(value).ok()
    });
    let typed: Vec<_> = typed.collect();
    backend.observe(&typed)
}

fn digest(object: &DynamicObject) -> Option<Digest> {
    object.annotations().get(labels::DIGEST).map(|digest| Digest::from_annotation(digest))
}

fn service(object: &DynamicObject) -> Option<ServiceObservation> {
    let annotation = |key: &str| object.annotations().get(key);
    Some(ServiceObservation {
        name: object.name_any().try_into().ok()?,
        deleting: object.metadata.deletion_timestamp.is_some(),
        digest: digest(object),
        declaration: annotation(labels::DECLARATION).and_then(|text| serde_json::from_str(text).ok()),
        draining_since: annotation(labels::DRAINING_SINCE)
            .and_then(|millis| millis.parse().ok())
            .map(Timestamp::from_millis),
        rollout: object.labels().get(labels::ROLLOUT).and_then(|label| Rollout::from_label(label)),
    })
}

/// The annotation in which the Deployment controller counts the Pod templates.
const REVISION: &str = "deployment.kubernetes.io/revision";

fn rollout(object: &DynamicObject) -> Option<Rollout> {
    let revision = object.annotations().get(REVISION)?.parse().ok()?;
    Some(Rollout { uid: object.uid()?.into(), revision })
}

fn deployment(object: &DynamicObject) -> Option<DeploymentObservation> {
    let at = |pointer: &str| object.data.pointer(pointer);
    let count =
        |pointer: &str| at(pointer).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
    let condition = |kind: &str| {
        let conditions = at("/status/conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().find(|condition| text(condition, "type") == Some(kind))
    };
    let mut observation = DeploymentObservation::new(object.name_any().try_into().ok()?, digest(object));
    observation.deleting = object.metadata.deletion_timestamp.is_some();
    observation.status_is_current =
        at("/status/observedGeneration").and_then(Value::as_i64) >= object.metadata.generation;
    observation.available =
        condition("Available").is_some_and(|condition| text(condition, "status") == Some("True"));
    observation.wanted = count("/spec/replicas").unwrap_or(1);
    observation.scaled_by = scaler(writers(object)).map(Into::into);
    observation.replicas = count("/status/replicas").unwrap_or(0);
    observation.updated = count("/status/updatedReplicas").unwrap_or(0);
    observation.stalled = condition("Progressing")
        .filter(|condition| text(condition, "status") == Some("False"))
        .map(|condition| {
            text(condition, "message").or_else(|| text(condition, "reason")).unwrap_or_default().into()
        });
    observation.rollout = rollout(object);
    Some(observation)
}

/// Who has written an object.
pub(crate) fn writers(object: &DynamicObject) -> impl Iterator<Item = Writer<'_>> {
    object.managed_fields().iter().map(|entry| Writer {
        manager: entry.manager.as_deref().unwrap_or_default(),
        subresource: entry.subresource.as_deref().unwrap_or_default(),
    })
}

fn text<'a>(condition: &'a Value, field: &str) -> Option<&'a str> {
    condition.get(field).and_then(Value::as_str)
}

/// The endpoints of a slice, or of all slices of a Service.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Endpoints {
    pub(crate) counts: EndpointsObservation,
    /// The rollout that the slice names, or all of those that have endpoints do.
    pub(crate) rollout: Option<Rollout>,
}

/// The endpoints of one slice. An endpoint is ready unless it says otherwise (`discovery.k8s.io/v1`).
pub(crate) fn endpoints(slice: &EndpointSlice) -> Endpoints {
    let mut counts = EndpointsObservation::default();
    for endpoint in slice.endpoints.iter().flatten() {
        let conditions = endpoint.conditions.as_ref();
        if conditions.and_then(|conditions| conditions.terminating).unwrap_or(false) {
            counts.terminating = counts.terminating.saturating_add(1);
        } else if conditions.and_then(|conditions| conditions.ready).unwrap_or(true) {
            counts.ready = counts.ready.saturating_add(1);
        }
    }
    let rollout = slice.labels().get(labels::ROLLOUT).and_then(|label| Rollout::from_label(label));
    Endpoints { counts, rollout }
}
