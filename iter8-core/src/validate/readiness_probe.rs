//! Whether something tells when a version's Pods can take requests.

use crate::Value;
use crate::valid_release::ValidVersion;

/// Whether a container of the version has a readiness probe. A Pod is ready when all of its containers are.
pub(super) fn is_declared(version: &ValidVersion) -> bool {
    let Some(own) = &version.deployment_specification else { return version.readiness_probe.is_some() };
    let template = own.spec.as_ref().and_then(|spec| spec.get("template"));
    let pod = template.and_then(|template| template.get("spec"));
    let containers = pod.and_then(|pod| pod.get("containers")).and_then(Value::as_list).unwrap_or_default();
    containers
        .iter()
        .any(|container| container.get("readinessProbe").is_some_and(|probe| *probe != Value::Null))
}
