//! `deploymentSpecification` and `serviceSpecification`: what the release needs to know of them.

use std::collections::BTreeMap;

use super::{metadata, own_namespace};
use crate::field_path::Path;
use crate::observation::TargetPort;
use crate::release::{ReleaseKey, Specification, Version};
use crate::shared::Text;
use crate::weight::Port;
use crate::{FieldPath, Value, Violation};

/// The port of a Service that the route names.
pub(super) struct RoutedPort {
    pub(super) port: Port,
    pub(super) target: TargetPort,
    pub(super) app_protocol: Option<Text>,
}

/// Names, metadata and presence of the specifications' parts.
pub(super) fn check(key: &ReleaseKey, declared: &Version, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let specifications =
        [("deploymentSpecification", &declared.deployment), ("serviceSpecification", &declared.service)];
    for (name, specification) in specifications {
        let Some(specification) = specification else { continue };
        let path = path.field(name);
        let metadata_path = path.field("metadata");
        own_namespace(specification.namespace.as_ref(), key, &metadata_path, violations);
        metadata::check_labels(&specification.labels, &metadata_path, violations);
        metadata::check_annotations(&specification.annotations, &metadata_path, violations);
        if specification.spec.is_none() {
            let violation = Violation::new(path.field("spec"), "is required");
            violations.push(violation.hint(format!("write the whole spec, or leave `{name}` out")));
        }
        for reserved in ["ownerReferences", "managedFields", "generateName", "uid", "resourceVersion"] {
            if specification.metadata.contains_key(reserved) {
                let violation = Violation::new(
                    metadata_path.field(reserved),
                    "is set by the controller or the API server",
                );
                violations.push(violation.hint("leave it out"));
            }
        }
    }
    if declared.deployment.is_some() {
        belongs_into_own_deployment(declared, path, violations);
    }
}

/// What would go into the generated container has no place beside a Deployment of the user's own.
fn belongs_into_own_deployment(declared: &Version, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let fields = [
        ("readinessProbe", declared.readiness_probe.is_some()),
        ("resources", declared.resources.is_some()),
        ("env", declared.env.is_some()),
        ("replicas", declared.replicas.is_some()),
    ];
    for (name, _) in fields.into_iter().filter(|(_, is_declared)| *is_declared) {
        let violation = Violation::new(path.field(name), "has no effect beside a `deploymentSpecification`");
        violations.push(violation.hint("write it into `deploymentSpecification.spec`"));
    }
}

/// The routed port of a Service of the user's own: the one named `http`, else the first.
pub(super) fn routed_port(
    declared: &Version,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Option<RoutedPort> {
    let spec = declared.service.as_ref()?.spec.as_ref()?;
    let service = path.field("serviceSpecification");
    let path = service.field("spec");
    let path = &path.field("ports");
    let ports = spec.get("ports").and_then(Value::as_list).unwrap_or_default();
    let is_http = |port: &Value| port.get("name").and_then(Value::as_str) == Some("http");
    let index = ports.iter().position(is_http).unwrap_or(0);
    let Some(entry) = ports.get(index) else {
        violations.push(Violation::new(*path, "must have the port that the route leads to"));
        return None;
    };
    let port = entry.get("port").and_then(Value::as_integer).and_then(|port| Port::try_from(port).ok());
    let Some(port) = port else {
        violations
            .push(Violation::new(path.index(index).field("port"), "must be an integer from 1 to 65535"));
        return None;
    };
    let target = match entry.get("targetPort") {
        None | Some(Value::Null) => Some(TargetPort::Number(port)),
        Some(Value::String(name)) => Some(TargetPort::Name(name.as_str().into())),
        Some(value) => value.as_integer().and_then(|port| Port::try_from(port).ok()).map(TargetPort::Number),
    };
    if target.is_none() {
        let path = path.index(index);
        violations.push(Violation::new(
            path.field("targetPort"),
            "must be an integer from 1 to 65535 or the name of a container port",
        ));
    }
    let app_protocol = entry.get("appProtocol").and_then(Value::as_str).map(Text::from);
    Some(RoutedPort { port, target: target.unwrap_or(TargetPort::Number(port)), app_protocol })
}

/// The labels by which a Service of the user's own selects Pods.
pub(super) fn selector(declared: &Version) -> Option<BTreeMap<String, String>> {
    texts(declared.service.as_ref()?.spec.as_ref()?.get("selector")?)
}

/// The labels of the Pods of a Deployment of the user's own.
fn pod_labels(specification: &Specification) -> Option<BTreeMap<String, String>> {
    let template = specification.spec.as_ref()?.get("template")?;
    texts(template.get("metadata")?.get("labels")?)
}

fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_map()?.iter();
    Some(entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// The Service must select the Pods, or the version can never become ready.
pub(super) fn check_pod_labels(
    declared: &Version,
    name: &str,
    selector: &BTreeMap<String, String>,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    let (labels, names) = match (&declared.deployment, &declared.service) {
        (None, None) => return,
        (Some(specification), _) if specification.spec.is_none() => return,
        (Some(specification), _) => {
            let names: &[_] = &["deploymentSpecification", "spec", "template", "metadata", "labels"];
            (pod_labels(specification).unwrap_or_default(), names)
        }
        (None, Some(_)) => {
            let generated = BTreeMap::from([("app".to_owned(), name.to_owned())]);
            (generated, &["serviceSpecification", "spec", "selector"][..])
        }
    };
    let missing: Vec<_> = selector.iter().filter(|(key, value)| labels.get(*key) != Some(*value)).collect();
    if !missing.is_empty() {
        let wanted =
            missing.iter().map(|(key, value)| format!("`{key}: {value}`")).collect::<Vec<_>>().join(", ");
        let path = names.iter().fold(FieldPath::from(path), |path, name| path.field(name));
        violations.push(
            Violation::new(path, "the version's Service does not select the Pods of its Deployment")
                .hint(format!("Pods need the label {wanted}, or the Service another selector")),
        );
    }
}
