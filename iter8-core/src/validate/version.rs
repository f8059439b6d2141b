//! One version: names, port, merged metadata.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::take;

use super::mesh::Mesh;
use super::{matches, metadata, own_namespace, specification};
use crate::digest::Digest;
use crate::field_path::Path;
use crate::name::{InvalidNameError, ObjectName, ServiceName, VersionName};
use crate::observation::TargetPort;
use crate::release::{Declared, ReleaseKey, Specification, Strategy, Version};
use crate::shared::{Labels, List, Text};
use crate::valid_release::ValidVersion;
use crate::violation::ENOUGH;
use crate::weight::{Percent, Port, Weight};
use crate::{FieldPath, RouteMatch, Violation};

/// What the versions of a release have in common.
pub(super) struct Context<'a> {
    pub(super) key: &'a ReleaseKey,
    pub(super) application: &'a ServiceName,
    pub(super) port: Declared<Port>,
    pub(super) labels: &'a Labels,
    pub(super) annotations: &'a Labels,
    pub(super) has_front: bool,
    pub(super) strategy: Strategy,
    pub(super) mesh: Mesh<'a>,
}

/// The path of version `index`.
pub(super) fn path(index: usize) -> Path<'static> {
    Path::version(index)
}

/// The field that gives a version's Service its name.
pub(super) fn service_name_path(path: &Path<'_>, specification: Option<&Specification>) -> FieldPath {
    let is_own = specification.is_some_and(|own| own.name.is_some());
    let object = if is_own { path.field("serviceSpecification") } else { *path };
    object.field("metadata").field("name").into()
}

/// The validated version; `None` where it has no legal name.
pub(super) fn version(
    context: &Context<'_>,
    index: usize,
    mut declared: Version,
    violations: &mut Vec<Violation>,
) -> Option<ValidVersion> {
    let path = path(index);
    let metadata_path = path.field("metadata");
    own_namespace(declared.namespace.as_ref(), context.key, &metadata_path, violations);
    metadata::check_labels(&declared.labels, &metadata_path, violations);
    metadata::check_annotations(&declared.annotations, &metadata_path, violations);
    specification::check(context.key, &declared, &path, violations);
    needs_image(&declared, &path, violations);
    if context.strategy == Strategy::Mirror {
        not_with_mirror(&declared, &path, violations);
    }
    for (index, entry) in declared.matches.iter().enumerate() {
        if violations.len() >= ENOUGH {
            break;
        }
        matches::check(entry, context.mesh.protocol, &path.field("matches").index(index), violations);
    }

    let name_path = metadata_path.field("name");
    let default_name = || format!("{}-{index}", context.application).into();
    let name = declared.name.clone().map_or_else(default_name, Arc::<str>::from);
    let name = legal(&name, VersionName::of, || name_path.into(), violations)?;
    let own = declared.service.as_ref();
    let service = own.and_then(|own| own.name.clone()).map_or_else(|| name.clone().into(), Arc::from);
    let service = legal(&service, ServiceName::of, || service_name_path(&path, own), violations)?;
    let own = declared.deployment.as_ref().and_then(|deployment| deployment.name.clone());
    let deployment = own.map_or_else(|| name.clone().into(), Arc::from);
    let deployment = legal(&deployment, ObjectName::of, || name_path.into(), violations)?;

    let container_port = container_port(context, &declared, &path, violations);
    let routed = specification::routed_port(&declared, &path, violations);
    let own_selector = specification::selector(&declared, &path, violations);
    if let (None, Some(own)) = (&own_selector, &mut declared.service) {
        specification::select(own, &name);
    }
    let selector =
        own_selector.map_or_else(|| [("app".to_owned(), name.as_str().to_owned())].into(), Labels::from);
    specification::check_pod_labels(&declared, name.as_str(), &selector, &path, violations);

    let labels = context.labels.with(take(&mut declared.labels));
    let annotations = context.annotations.with(take(&mut declared.annotations));
    let with = |labels: &Labels, own: Option<&BTreeMap<String, String>>| {
        own.map_or_else(|| labels.clone(), |own| labels.with(own.clone()))
    };
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
        replicas: declared.replicas,
        deployment_labels: with(&labels, own_deployment.map(|own| &own.labels)),
        deployment_annotations: with(&annotations, own_deployment.map(|own| &own.annotations)),
        service_labels: with(&labels, own_service.map(|own| &own.labels)),
        service_annotations: with(&annotations, own_service.map(|own| &own.annotations)),
        matches: candidate_matches(context, index, declared.matches),
        image: declared.image,
        readiness_probe: declared.readiness_probe,
        resources: declared.resources,
        env: declared.env,
        deployment_specification: declared.deployment,
        service_specification: declared.service,
        name,
        service,
        deployment,
        deployment_digest: Digest::from_annotation(""),
        service_digest: Digest::from_annotation(""),
    };
    Some(version.with_digests())
}

/// A name of this kind; one that is none is reported.
fn legal<T>(
    name: &Arc<str>,
    parse: impl FnOnce(Arc<str>) -> Result<T, InvalidNameError>,
    path: impl FnOnce() -> FieldPath,
    violations: &mut Vec<Violation>,
) -> Option<T> {
    let report = |error: InvalidNameError| {
        violations.push(Violation::new(path(), error.to_string()).value(name));
    };
    parse(name.clone()).map_err(report).ok()
}

/// Only a canary candidate has matches; without any it gets the default one.
fn candidate_matches(context: &Context<'_>, index: usize, declared: Vec<RouteMatch>) -> List<RouteMatch> {
    match context.strategy {
        Strategy::Canary if index > 0 && declared.is_empty() => {
            [RouteMatch::default_candidate(context.mesh.protocol)].into()
        }
        Strategy::Canary if index > 0 => declared.into_iter().map(RouteMatch::into_canonical).collect(),
        Strategy::Canary | Strategy::None | Strategy::BlueGreen | Strategy::Mirror => List::default(),
    }
}

fn needs_image(declared: &Version, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if declared.deployment.is_none() && declared.image.as_ref().is_none_or(String::is_empty) {
        let violation = Violation::new(path.field("image"), "is required");
        violations.push(violation.of_absence().hint("name an image, or give a `deploymentSpecification`"));
    }
}

fn not_with_mirror(declared: &Version, path: &Path<'_>, violations: &mut Vec<Violation>) {
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
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Port {
    let application = context.port;
    let (port, path) = match (declared.port, application) {
        (Declared::Value(port), _) | (Declared::Absent, Declared::Value(port)) => return port,
        (Declared::Absent, Declared::Absent) => return Port::HTTP,
        (Declared::Null, _) => (Port::HTTP, path.field("port")),
        (Declared::Absent, Declared::Null) => (Port::HTTP, Path::APPLICATION.field("port")),
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
