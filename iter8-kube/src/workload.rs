//! The Deployments and Services of a release. Pure: declaration and plan in, objects out.

use std::collections::BTreeMap;

use iter8_core::{
    Digest, Fields, FrontService, ObjectKind, Port, Rollout, RoutePlan, RoutingBackend, Specification,
    TargetPort, Text, ValidRelease, ValidVersion, Value,
};
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Map, json};

use crate::applier::api_resource;
use crate::labels;

/// Deployments.
pub const DEPLOYMENT: ObjectKind =
    ObjectKind { group: "apps", version: "v1", kind: "Deployment", plural: "deployments" };

/// Services.
pub const SERVICE: ObjectKind = ObjectKind { group: "", version: "v1", kind: "Service", plural: "services" };

/// An object as it should be, without ownerReference.
///
/// ```
/// use iter8_kube::workload;
///
#[doc = include_str!("example_desired.txt")]
/// let names: Vec<_> = desired.iter().map(|desired| format!("{} {}", desired.kind.kind, desired.name())).collect();
/// assert_eq!(names, ["Deployment web-0", "Service web-0", "Service web", "HTTPRoute web"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Desired {
    /// Its kind.
    pub kind: ObjectKind,
    /// The whole object, labels and annotations of ours included.
    pub object: DynamicObject,
    /// The digest that it carries.
    pub digest: Digest,
}

impl Desired {
    /// Whether it belongs to a version; the front Service and the routes do not.
    ///
    /// ```
    /// use iter8_kube::workload;
    ///
    #[doc = include_str!("example_desired.txt")]
    /// assert_eq!(desired.iter().map(workload::Desired::is_of_version).collect::<Vec<_>>(), [true, true, false, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_of_version(&self) -> bool {
        self.object.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(labels::VERSION))
    }

    /// The object with the default spelt out that decides where a Service's requests go: what is not applied can be
    /// changed by others without being repaired.
    pub(crate) fn spelt_out(&self) -> DynamicObject {
        let mut object = self.object.clone();
        let ports = object.data.pointer_mut("/spec/ports").and_then(serde_json::Value::as_array_mut);
        for port in ports.into_iter().flatten().filter(|_| self.kind == SERVICE) {
            if let (Some(number), Some(port)) = (port.get("port").cloned(), port.as_object_mut()) {
                port.entry("targetPort").or_insert(number);
            }
        }
        object
    }

    /// The name of the object.
    ///
    /// ```
    /// use iter8_kube::workload;
    ///
    #[doc = include_str!("example_desired.txt")]
    /// assert_eq!(desired[2].name(), "web", "the front Service has the name of the release");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.object.metadata.name.as_deref().unwrap_or_default()
    }
}

/// Why an object could not be built: the backend's or the user's own object is no Kubernetes object.
///
/// ```
/// # use iter8_core::{Capabilities, ObjectKind, RouteObservation, RoutePlan};
/// use iter8_kube::workload;
///
#[doc = include_str!("example_desired.txt")]
/// # struct Text(Capabilities);
/// # impl RoutingBackend for Text {
/// #     type Object = String;
/// #     fn capabilities(&self) -> &Capabilities { &self.0 }
/// #     fn kinds(&self) -> &[ObjectKind] { &[] }
/// #     fn render(&self, _: &RoutePlan) -> Vec<String> { vec!["web".into()] }
/// #     fn observe(&self, _: &[String]) -> Option<RouteObservation> { None }
/// # }
/// // A backend whose routes are mere text.
/// let error = workload::desired(&release, &plan, &Text(Capabilities::specification())).unwrap_err();
/// assert_eq!(error.to_string(), "a route of release test/web is not a Kubernetes object");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{what} is not a Kubernetes object")]
pub struct BuildError {
    pub(crate) what: String,
    #[source]
    pub(crate) source: serde_json::Error,
}

/// Everything a release should own: Deployments, Services, the front Service, the routes.
///
/// The objects of versions that have left the document are not among them: they stay as they are
/// until the plan says that they are due.
///
/// # Errors
/// A specification or a rendered route is not a Kubernetes object.
///
/// ```
/// use iter8_kube::{labels, workload};
///
#[doc = include_str!("example_desired.txt")]
/// let deployment = &desired[0];
/// let annotations = deployment.object.metadata.annotations.as_ref().ok_or("none")?;
/// assert_eq!(annotations[labels::DIGEST], deployment.digest.as_str());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn desired<B: RoutingBackend>(
    release: &ValidRelease,
    plan: &RoutePlan,
    backend: &B,
) -> Result<Vec<Desired>, BuildError> {
    let mut objects = Vec::new();
    for version in release.versions() {
        objects.push(deployment(release, version)?);
        let planned = plan.versions.iter().find(|planned| planned.name == version.name);
        objects.push(service(release, version, planned.and_then(|planned| planned.rollout.as_ref()))?);
    }
    if let Some(front) = &plan.front {
        objects.push(front_service(release, front)?);
    }
    objects.extend(routes(release, plan, backend)?);
    Ok(objects)
}

fn deployment(release: &ValidRelease, version: &ValidVersion) -> Result<Desired, BuildError> {
    let spec = match version.deployment_specification.as_ref().and_then(|own| own.spec.as_ref()) {
        Some(spec) => json!(spec),
        None => generated_deployment(version),
    };
    let parts = Parts {
        name: version.deployment.as_str(),
        version: Some(version),
        labels: &version.deployment_labels,
        annotations: &version.deployment_annotations,
        own: version.deployment_specification.as_ref(),
        spec,
        digest: version.deployment_digest(),
    };
    build(release, DEPLOYMENT, &parts)
}

fn generated_deployment(version: &ValidVersion) -> serde_json::Value {
    let name = version.name.as_str();
    let mut container = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("image".to_owned(), json!(version.image)),
        ("ports".to_owned(), json!([{ "containerPort": version.container_port.get() }])),
    ]);
    let verbatim: [(&str, &Option<Value>); 3] = [
        ("readinessProbe", &version.readiness_probe),
        ("resources", &version.resources),
        ("env", &version.env),
    ];
    for (field, value) in verbatim {
        if let Some(value) = value {
            container.insert(field.to_owned(), json!(value));
        }
    }
    // A version's labels never reach its Pods: changing them must not replace Pods.
    let mut spec = json!({
        "selector": { "matchLabels": { "app": name } },
        "template": {
            "metadata": { "labels": { "app": name } },
            "spec": { "containers": [container] },
        },
    });
    if let (Some(replicas), Some(fields)) = (version.replicas, spec.as_object_mut()) {
        fields.insert("replicas".to_owned(), json!(replicas));
    }
    spec
}

fn service(
    release: &ValidRelease,
    version: &ValidVersion,
    rollout: Option<&Rollout>,
) -> Result<Desired, BuildError> {
    let own = version.service_specification.as_ref().and_then(|own| own.spec.as_ref());
    let generated = || {
        let port = port(version.port, None, version.app_protocol.as_ref());
        json!({ "selector": version.selector, "ports": [port] })
    };
    let spec = own.map_or_else(generated, |spec| json!(spec));
    let parts = Parts {
        name: version.service.as_str(),
        version: Some(version),
        labels: &version.service_labels,
        annotations: &version.service_annotations,
        own: version.service_specification.as_ref(),
        spec,
        digest: version.service_digest(),
    };
    let mut desired = build(release, SERVICE, &parts)?;
    let declaration = serde_json::to_string(&version.declaration()).map_err(|source| BuildError {
        what: format!("the declaration of version {}", version.name),
        source,
    })?;
    annotate(&mut desired.object, labels::DECLARATION, declaration);
    if let Some(rollout) = rollout {
        let labels = desired.object.metadata.labels.get_or_insert_default();
        labels.insert(labels::ROLLOUT.to_owned(), rollout.to_string());
    }
    Ok(desired)
}

fn front_service(release: &ValidRelease, front: &FrontService) -> Result<Desired, BuildError> {
    let port = port(front.port, front.target_port.as_ref(), front.app_protocol.as_ref());
    let digest = front.digest();
    let parts = Parts {
        name: front.name.as_str(),
        version: None,
        labels: &front.labels,
        annotations: &front.annotations,
        own: None,
        spec: json!({ "selector": front.selector, "ports": [port] }),
        digest: &digest,
    };
    build(release, SERVICE, &parts)
}

/// A port of a Service, as far as it is declared.
fn port(number: Port, target: Option<&TargetPort>, app_protocol: Option<&Text>) -> serde_json::Value {
    let mut port = Map::from_iter([("port".to_owned(), json!(number.get()))]);
    port.extend(target.map(|target| ("targetPort".to_owned(), json!(target))));
    port.extend(app_protocol.map(|protocol| ("appProtocol".to_owned(), json!(protocol))));
    port.into()
}

/// What differs between the objects.
struct Parts<'a> {
    name: &'a str,
    version: Option<&'a ValidVersion>,
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    own: Option<&'a Specification>,
    spec: serde_json::Value,
    digest: &'a Digest,
}

fn build(release: &ValidRelease, kind: ObjectKind, parts: &Parts<'_>) -> Result<Desired, BuildError> {
    let own = parts.own.into_iter().flat_map(|own| own.metadata.iter());
    let own = own.map(|(name, value)| (name, value.clone()));
    let metadata: Fields = own
        .chain([
            ("name", parts.name.into()),
            ("namespace", release.namespace().as_str().into()),
            ("labels", parts.labels.into()),
            ("annotations", parts.annotations.into()),
        ])
        .collect();
    let object = json!({ "metadata": metadata, "spec": parts.spec });
    let mut object: DynamicObject = serde_json::from_value(object)
        .map_err(|source| BuildError { what: format!("{} {}", kind.kind, parts.name), source })?;
    if let Some(version) = parts.version {
        let labels = object.metadata.labels.get_or_insert_default();
        labels.insert(labels::VERSION.to_owned(), version.name.as_str().to_owned());
    }
    Ok(finish(release, kind, object, parts.digest.clone()))
}

/// The routes of the plan, with our own labels.
fn routes<B: RoutingBackend>(
    release: &ValidRelease,
    plan: &RoutePlan,
    backend: &B,
) -> Result<Vec<Desired>, BuildError> {
    let what = || format!("a route of release {}", release.key);
    let mut routes = Vec::new();
    for route in backend.render(plan) {
        let json = serde_json::to_value(route).map_err(|source| BuildError { what: what(), source })?;
        let value: Value = Value::deserialize(&json).map_err(|source| BuildError { what: what(), source })?;
        let object: DynamicObject =
            serde_json::from_value(json).map_err(|source| BuildError { what: what(), source })?;
        let rendered = object.types.clone().unwrap_or_default();
        let kind = backend
            .kinds()
            .iter()
            .find(|kind| kind.kind == rendered.kind)
            .or_else(|| backend.kinds().first());
        let Some(kind) = kind.cloned() else { continue };
        routes.push(finish(release, kind, object, Digest::of(&value)));
    }
    Ok(routes)
}

/// Puts on what every object of ours carries.
fn finish(release: &ValidRelease, kind: ObjectKind, mut object: DynamicObject, digest: Digest) -> Desired {
    let labels = object.metadata.labels.get_or_insert_default();
    labels.insert(labels::RELEASE.to_owned(), labels::release_label(release.key.name.as_str()));
    labels.insert(labels::MANAGED_BY.to_owned(), labels::MANAGER.to_owned());
    annotate(&mut object, labels::DIGEST, digest.as_str().to_owned());
    let resource = api_resource(&kind);
    object.types = Some(kube::api::TypeMeta { api_version: resource.api_version, kind: resource.kind });
    Desired { kind, object, digest }
}

fn annotate(object: &mut DynamicObject, key: &str, value: String) {
    object.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value);
}
