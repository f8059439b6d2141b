//! One version: names, port, merged metadata.

use std::collections::BTreeMap;

use super::mesh::Mesh;
use super::{matches, metadata, own_namespace, specification};
use crate::digest::Digest;
use crate::name::ServiceName;
use crate::observation::TargetPort;
use crate::release::{Declared, Environment, Release, ReleaseKey, Strategy, Version};
use crate::shared::{Labels, List, Text};
use crate::valid_release::ValidVersion;
use crate::weight::{Percent, Port, Weight};
use crate::{FieldPath, RouteMatch, Value, Violation};

/// What the versions of a release have in common.
pub(super) struct Context<'a> {
    pub(super) key: &'a ReleaseKey,
    pub(super) application: &'a ServiceName,
    pub(super) release: &'a Release,
    pub(super) strategy: Strategy,
    pub(super) mesh: Mesh<'a>,
}

impl Context<'_> {
    /// The declaration of version `index`, if it has one.
    pub(super) fn declared(&self, index: usize) -> Option<&Version> {
        self.release.application.versions.get(index)
    }

    pub(super) fn has_front(&self) -> bool {
        self.release.environment != Some(Environment::Deployment)
    }
}

/// The path of version `index`.
pub(super) fn path(index: usize) -> FieldPath {
    FieldPath::root().field("application").field("versions").index(index)
}

/// The field that gives a version's Service its name.
pub(super) fn service_name_path(path: &FieldPath, declared: Option<&Version>) -> FieldPath {
    let is_own =
        declared.and_then(|version| version.service.as_ref()).is_some_and(|service| service.name.is_some());
    let object = if is_own { path.field("serviceSpecification") } else { path.clone() };
    object.field("metadata").field("name")
}

/// The validated version; `None` where it has no legal name.
pub(super) fn version(
    context: &Context<'_>,
    index: usize,
    declared: &Version,
    violations: &mut Vec<Violation>,
) -> Option<ValidVersion> {
    let path = path(index);
    let metadata_path = path.field("metadata");
    own_namespace(declared.namespace.as_ref(), context.key, &metadata_path, violations);
    metadata::check_labels(&declared.labels, &metadata_path, violations);
    metadata::check_annotations(&declared.annotations, &metadata_path, violations);
    specification::check(context.key, declared, &path, violations);
    needs_image(declared, &path, violations);
    if context.strategy == Strategy::Mirror && index > 0 {
        not_with_mirror(declared, &path, violations);
    }
    for (index, entry) in declared.matches.iter().enumerate() {
        matches::check(entry, context.mesh.protocol, &path.field("matches").index(index), violations);
    }

    let name_path = metadata_path.field("name");
    let default_name = || format!("{}-{index}", context.application).try_into();
    let name = ok(declared.name.clone().map_or_else(default_name, Ok), &name_path, violations)?;
    let own = declared.service.as_ref().and_then(|service| service.name.as_ref());
    let service_name = own.map_or(name.as_str(), |name| name.as_str());
    let service = ok(service_name.parse(), &service_name_path(&path, Some(declared)), violations)?;
    let own = declared.deployment.as_ref().and_then(|deployment| deployment.name.clone());
    let deployment = ok(own.map_or_else(|| name.as_str().parse(), Ok), &name_path, violations)?;

    let container_port = container_port(context, declared, &path, violations);
    let routed = specification::routed_port(declared, &path, violations);
    let selector = specification::selector(declared)
        .map_or_else(|| [("app".to_owned(), name.as_str().to_owned())].into(), Labels::from);
    specification::check_pod_labels(declared, name.as_str(), &selector, &path, violations);

    let merged = |own: fn(&Version) -> &BTreeMap<String, String>,
                  of_application: &BTreeMap<String, String>,
                  of_object: Option<&BTreeMap<String, String>>| {
        let layers = [Some(of_application), Some(own(declared)), of_object];
        let layers = layers.into_iter().flatten().flatten();
        layers.map(|(key, value)| (key.clone(), value.clone())).collect::<Labels>()
    };
    let application = &context.release.application;
    let (own_deployment, own_service) = (declared.deployment.as_ref(), declared.service.as_ref());
    let version = ValidVersion {
        port: routed.as_ref().map_or(container_port, |routed| routed.port),
        app_protocol: match &routed {
            None => context.mesh.routes.app_protocol.map(Text::from),
            Some(routed) => routed.app_protocol.clone(),
        },
        target_port: routed.map_or(TargetPort::Number(container_port), |routed| routed.target),
        container_port,
        selector,
        weight: declared.weight.unwrap_or(Weight::DEFAULT),
        mirror_percent: declared.mirror_percent.unwrap_or(Percent::ALL),
        matches: candidate_matches(context, index, &declared.matches),
        image: declared.image.clone(),
        replicas: declared.replicas,
        readiness_probe: declared.readiness_probe.clone(),
        resources: declared.resources.clone(),
        env: declared.env.clone(),
        deployment_labels: merged(|v| &v.labels, &application.labels, own_deployment.map(|own| &own.labels)),
        deployment_annotations: merged(
            |v| &v.annotations,
            &application.annotations,
            own_deployment.map(|own| &own.annotations),
        ),
        service_labels: merged(|v| &v.labels, &application.labels, own_service.map(|own| &own.labels)),
        service_annotations: merged(
            |v| &v.annotations,
            &application.annotations,
            own_service.map(|own| &own.annotations),
        ),
        deployment_specification: declared.deployment.clone(),
        service_specification: declared.service.clone(),
        name,
        service,
        deployment,
        deployment_digest: Digest::of(&Value::Null),
        service_digest: Digest::of(&Value::Null),
    };
    Some(version.with_digests())
}

/// Keeps a result, or reports its error.
fn ok<T, E: std::fmt::Display>(
    result: Result<T, E>,
    path: &FieldPath,
    violations: &mut Vec<Violation>,
) -> Option<T> {
    result.map_err(|error| violations.push(Violation::new(path.clone(), error.to_string()))).ok()
}

/// Only a canary candidate has matches; without any it gets the default one.
fn candidate_matches(context: &Context<'_>, index: usize, declared: &[RouteMatch]) -> List<RouteMatch> {
    match context.strategy {
        Strategy::Canary if index > 0 && declared.is_empty() => {
            [RouteMatch::default_candidate(context.mesh.protocol)].into()
        }
        Strategy::Canary if index > 0 => declared.iter().map(RouteMatch::canonical).collect(),
        Strategy::Canary | Strategy::None | Strategy::BlueGreen | Strategy::Mirror => List::default(),
    }
}

fn needs_image(declared: &Version, path: &FieldPath, violations: &mut Vec<Violation>) {
    if declared.deployment.is_none() && declared.image.as_ref().is_none_or(String::is_empty) {
        let violation = Violation::new(path.field("image"), "is required");
        violations.push(violation.hint("name an image, or give a `deploymentSpecification`"));
    }
}

fn not_with_mirror(declared: &Version, path: &FieldPath, violations: &mut Vec<Violation>) {
    if declared.weight.is_some() {
        let violation = Violation::new(path.field("weight"), "has no meaning under strategy `mirror`");
        violations.push(violation.hint("write `mirrorPercent`, the share of requests that is copied"));
    }
    if !declared.matches.is_empty() {
        let violation = Violation::new(path.field("matches"), "has no meaning under strategy `mirror`");
        violations.push(violation.hint("leave it out: the copies are of all requests"));
    }
}

/// The port of the generated objects: the version's, else the application's, else 80.
///
/// An explicit null takes the port away, which only a version with both specifications can do without.
fn container_port(
    context: &Context<'_>,
    declared: &Version,
    path: &FieldPath,
    violations: &mut Vec<Violation>,
) -> Port {
    let application = context.release.application.port;
    let (port, path) = match (declared.port, application) {
        (Declared::Value(port), _) | (Declared::Absent, Declared::Value(port)) => return port,
        (Declared::Absent, Declared::Absent) => return Port::HTTP,
        (Declared::Null, _) => (Port::HTTP, path.field("port")),
        (Declared::Absent, Declared::Null) => {
            (Port::HTTP, FieldPath::root().field("application").field("port"))
        }
    };
    let lacking = match (&declared.deployment, &declared.service) {
        (Some(_), Some(_)) => return port,
        (None, _) => "deploymentSpecification",
        (Some(_), None) => "serviceSpecification",
    };
    let violation = Violation::new(path, format!("is required where there is no `{lacking}`"));
    violations.push(violation.value("null").hint("write a port, or leave the field out for the default"));
    port
}
