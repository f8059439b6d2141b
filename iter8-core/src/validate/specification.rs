//! `deploymentSpecification` and `serviceSpecification`: what the release needs to know of them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{metadata, own_namespace};
use crate::field_path::Path;
use crate::observation::TargetPort;
use crate::release::{ReleaseKey, Specification, Version};
use crate::shared::Text;
use crate::violation::{Brief, ENOUGH};
use crate::weight::Port;
use crate::{FieldPath, Fields, Value, Violation};

/// The port of a Service that the route names.
pub(super) struct RoutedPort {
    pub(super) port: Port,
    pub(super) target: TargetPort,
    pub(super) app_protocol: Option<Text>,
}

/// Fields of `metadata` that are not for the user to write (Kubernetes, `ObjectMeta`).
const SET_ELSEWHERE: [&str; 10] = [
    "ownerReferences",
    "managedFields",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
];

/// How many of the missing labels are named.
const SHOWN: usize = 10;

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
        let fields = specification.metadata.iter().filter(|(_, value)| **value != Value::Null);
        for (name, value) in fields.take(ENOUGH) {
            check_metadata(name, value, &metadata_path.field(name), violations);
        }
    }
    if declared.deployment.is_some() {
        belongs_into_own_deployment(declared, path, violations);
    }
}

/// A field of `metadata` besides names, labels and annotations. What is no field of it the API server would drop.
fn check_metadata(name: &str, value: &Value, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let is_text = |entry: &Value| entry.as_str().is_some();
    if name == "finalizers" {
        if !value.as_list().is_some_and(|entries| entries.iter().all(is_text)) {
            let violation = Violation::new(path, "must be a list of strings");
            violations.push(violation.hint("write `finalizers: [example.com/name]`"));
        }
    } else if SET_ELSEWHERE.contains(&name) {
        let violation = Violation::new(path, "is set by the controller or the API server");
        violations.push(violation.hint("leave it out"));
    } else {
        let violation = Violation::new(path, format!("unknown field `{}`", Brief(name)));
        violations.push(violation.hint("known fields are name, namespace, labels, annotations, finalizers"));
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
        let violation = Violation::new(*path, "must have the port that the route leads to");
        violations.push(violation.hint("write `ports: [{port: 80}]` with the port of the version"));
        return None;
    };
    let port = entry.get("port").and_then(Value::as_integer).and_then(|port| Port::try_from(port).ok());
    let Some(port) = port else {
        let path = path.index(index);
        let violation = Violation::new(path.field("port"), "must be an integer from 1 to 65535");
        let found = entry.get("port").filter(|port| **port != Value::Null);
        violations.push(match found {
            Some(found @ Value::String(text)) if text.parse::<u16>().is_ok() => {
                violation.value(found).hint(format!("write it without quotes: {text}"))
            }
            Some(found) => violation.value(found).hint("write the port of the version"),
            None => violation.hint("write the port of the version"),
        });
        return None;
    };
    let target = match entry.get("targetPort") {
        None | Some(Value::Null) => Some(TargetPort::Number(port)),
        Some(Value::String(name)) => Some(TargetPort::Name(name.as_str().into())),
        Some(value) => value.as_integer().and_then(|port| Port::try_from(port).ok()).map(TargetPort::Number),
    };
    if target.is_none() {
        let path = path.index(index);
        let message = "must be an integer from 1 to 65535 or the name of a container port";
        let violation = Violation::new(path.field("targetPort"), message).hint("write the container's port");
        violations.push(match entry.get("targetPort") {
            Some(found) => violation.value(found),
            None => violation,
        });
    }
    let app_protocol = entry.get("appProtocol").and_then(Value::as_str).map(Text::from);
    Some(RoutedPort { port, target: target.unwrap_or(TargetPort::Number(port)), app_protocol })
}

/// The labels by which a Service of the user's own selects Pods; `None` where it does not say.
pub(super) fn selector(
    declared: &Version,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Option<BTreeMap<String, String>> {
    const HINT: &str = "write labels of the version's Pods, or leave it out";
    let selector = declared.service.as_ref()?.spec.as_ref()?.get("selector")?;
    let service = path.field("serviceSpecification");
    let spec = service.field("spec");
    let path = spec.field("selector");
    match selector {
        Value::Null => None,
        Value::Map(labels) if labels.is_empty() => {
            violations.push(Violation::new(path, "selects no Pods").hint(HINT));
            None
        }
        Value::Map(_) => Some(texts(selector, &path, violations)),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) | Value::List(_) => {
            let message = format!("must be a map, not {}", selector.kind());
            violations.push(Violation::new(path, message).hint(HINT));
            None
        }
    }
}

/// Lets a Service that does not say which Pods it selects select those of its version, as the generated one does.
pub(super) fn select(service: &mut Specification, name: &str) {
    let Some(spec) = &mut service.spec else { return };
    let own = Value::from([("app", name.into())]);
    let others = spec.iter().filter(|(field, _)| *field != "selector");
    let fields: Vec<(String, Value)> = others
        .map(|(field, value)| (String::from(field), value.clone()))
        .chain([("selector".to_owned(), own)])
        .collect();
    *spec = fields.into_iter().collect();
}

/// The labels of the Pods of a Deployment of the user's own, which stand at `path`.
fn pod_labels(
    specification: &Specification,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Option<BTreeMap<String, String>> {
    let template = specification.spec.as_ref()?.get("template")?;
    Some(texts(template.get("metadata")?.get("labels")?, path, violations))
}

/// A map of texts, which stands at `path`; null counts as absent, and what is neither is reported.
fn texts(value: &Value, path: &Path<'_>, violations: &mut Vec<Violation>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (key, value) in value.as_map().into_iter().flat_map(Fields::iter) {
        match value {
            _ if violations.len() >= ENOUGH => break,
            Value::Null => {}
            Value::String(text) => drop(texts.insert(String::from(key), text.clone())),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                let message = format!("must be a string, not {}", value.kind());
                violations.push(Violation::new(path.field(key), message).unquoted(value));
            }
        }
    }
    texts
}

/// The Deployment must select its Pods, or the API server refuses it.
fn check_own_selector(
    specification: &Specification,
    labels: &BTreeMap<String, String>,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    let selector = specification.spec.as_ref().and_then(|spec| spec.get("selector"));
    let Some(selector) = selector.and_then(|selector| selector.get("matchLabels")) else { return };
    let deployment = path.field("deploymentSpecification");
    let spec = deployment.field("spec");
    let path = spec.field("selector");
    let path = path.field("matchLabels");
    let before = violations.len();
    let selector = texts(selector, &path, violations);
    if violations.len() == before && selector.iter().any(|(key, value)| labels.get(key) != Some(value)) {
        let violation = Violation::new(path, "does not select the Pods of the Deployment's own template");
        violations.push(
            violation.hint("write the same labels in `selector.matchLabels` and `template.metadata.labels`"),
        );
    }
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
            let deployment = path.field("deploymentSpecification");
            let spec = deployment.field("spec");
            let template = spec.field("template");
            let metadata = template.field("metadata");
            let before = violations.len();
            let labels = pod_labels(specification, &metadata.field("labels"), violations).unwrap_or_default();
            if violations.len() > before {
                return;
            }
            check_own_selector(specification, &labels, path, violations);
            (labels, names)
        }
        (None, Some(_)) => {
            let generated = BTreeMap::from([("app".to_owned(), name.to_owned())]);
            (generated, &["serviceSpecification", "spec", "selector"][..])
        }
    };
    let missing: Vec<_> = selector.iter().filter(|(key, value)| labels.get(*key) != Some(*value)).collect();
    if !missing.is_empty() {
        let mut wanted: Vec<_> =
            missing.iter().take(SHOWN).map(|(key, value)| format!("`{key}: {value}`")).collect();
        if missing.len() > SHOWN {
            wanted.push("…".to_owned());
        }
        let wanted = wanted.join(", ");
        let path = names.iter().fold(FieldPath::from(path), |path, name| path.field(name));
        violations.push(
            Violation::new(path, "the version's Service does not select the Pods of its Deployment")
                .hint(format!("Pods need the label {wanted}, or the Service another selector")),
        );
    }
}
