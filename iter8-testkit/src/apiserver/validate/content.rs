//! Rules of the built-in kinds.

use serde_json::Value;

use super::super::failure::Cause;
use super::super::store::text;
use super::metadata::{self, NO_LABEL, is_label};

pub(super) fn workload(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(replicas) = object.pointer("/spec/replicas").filter(|replicas| replicas.as_i64() < Some(0)) {
        causes.push(Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
    }
    let selector = object.pointer("/spec/selector").unwrap_or(&Value::Null);
    let empty = super::super::typed::is_empty(Some(selector));
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if empty {
        causes.push(Cause::invalid("spec.selector", selector, "empty selector is invalid for deployment"));
    }
    let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_default();
    if selector.is_null() || !selects(selector, &labels) {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, detail));
    }
    causes.extend(containers(object, "/spec/template/spec", "spec.template.spec"));
    if text(object, "/spec/strategy/type") == "Recreate"
        && object.pointer("/spec/strategy/rollingUpdate").is_some()
    {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        causes.push(Cause::forbidden("spec.strategy.rollingUpdate", detail));
    }
    causes
}

/// Whether a `LabelSelector` matches labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    let exact = selector.get("matchLabels").and_then(Value::as_object);
    let exact = exact.into_iter().flatten().all(|(key, value)| label(key) == value.as_str());
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    exact
        && expressions.into_iter().flatten().all(|expression| {
            let own = label(text(expression, "/key"));
            let values = expression.get("values").and_then(Value::as_array);
            let listed =
                own.is_some_and(|own| values.into_iter().flatten().any(|value| value.as_str() == Some(own)));
            match text(expression, "/operator") {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => own.is_some(),
                "DoesNotExist" => own.is_none(),
                _ => false,
            }
        })
}

pub(super) fn containers(object: &Value, pointer: &str, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = object.pointer(&format!("{pointer}/containers")).and_then(Value::as_array);
    if list.is_none_or(Vec::is_empty) {
        causes.push(Cause::required(&format!("{field}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for (at, container) in list.into_iter().flatten().enumerate() {
        let (field, name) = (format!("{field}.containers[{at}]"), text(container, "/name"));
        if name.is_empty() {
            causes.push(Cause::required(&format!("{field}.name"), ""));
        } else if names.contains(&name) {
            let message = format!("Duplicate value: {name:?}");
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{field}.name"), message });
        } else if !is_label(name) {
            causes.push(Cause::invalid(&format!("{field}.name"), &name.into(), NO_LABEL));
        }
        names.push(name);
        if text(container, "/image").is_empty() {
            causes.push(Cause::required(&format!("{field}.image"), ""));
        }
        let ports = container.get("ports").and_then(Value::as_array);
        for (at, port) in ports.into_iter().flatten().enumerate() {
            let number = port.get("containerPort").unwrap_or(&Value::Null);
            causes.extend(port_problem(&format!("{field}.ports[{at}].containerPort"), number));
        }
    }
    causes
}

fn port_problem(field: &str, port: &Value) -> Option<Cause> {
    let valid = port.as_i64().is_some_and(|number| (1..=65535).contains(&number));
    (!valid).then(|| Cause::invalid(field, port, "must be between 1 and 65535, inclusive"))
}

const SERVICE_TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];

pub(super) fn service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ports = object.pointer("/spec/ports").and_then(Value::as_array);
    let kind = text(object, "/spec/type");
    let headless = text(object, "/spec/clusterIP") == "None";
    if ports.is_none_or(Vec::is_empty) && kind != "ExternalName" && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    let ports = ports.map(Vec::as_slice).unwrap_or_default();
    for (at, port) in ports.iter().enumerate() {
        let earlier = ports.get(..at).unwrap_or_default();
        causes.extend(service_port(&format!("spec.ports[{at}]"), port, earlier, ports.len() > 1));
    }
    causes.extend(metadata::labels(object, "/spec/selector", "spec.selector"));
    for (field, allowed) in [("sessionAffinity", AFFINITIES.as_slice()), ("type", &SERVICE_TYPES)] {
        let value = text(object, &format!("/spec/{field}"));
        if !allowed.contains(&value) {
            let allowed: Vec<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
            causes.push(Cause::unsupported(&format!("spec.{field}"), &value.into(), &allowed));
        }
    }
    for (at, port) in ports.iter().enumerate() {
        let identity = |port: &Value| (port.get("port").cloned(), port.get("protocol").cloned());
        if ports.iter().take(at).any(|other| identity(other) == identity(port)) {
            let (protocol, number) = (text(port, "/protocol"), port.get("port").cloned().unwrap_or_default());
            let message = format!(
                "Duplicate value: {{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{number},\
                 \"TargetPort\":0,\"NodePort\":0}}"
            );
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("spec.ports[{at}]"), message });
        }
    }
    causes
}

fn service_port(field: &str, port: &Value, earlier: &[Value], named: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(port, "/name");
    let field_name = format!("{field}.name");
    if named && name.is_empty() {
        causes.push(Cause::required(&field_name, ""));
    } else if !name.is_empty() && !is_label(name) {
        causes.push(Cause::invalid(&field_name, &name.into(), NO_LABEL));
    } else if !name.is_empty() && earlier.iter().any(|other| text(other, "/name") == name) {
        let message = format!("Duplicate value: {name:?}");
        causes.push(Cause { reason: "FieldValueDuplicate", field: field_name, message });
    }
    causes.extend(port_problem(&format!("{field}.port"), port.get("port").unwrap_or(&Value::Null)));
    let protocols = ["SCTP", "TCP", "UDP"];
    let protocol = text(port, "/protocol");
    if !protocols.contains(&protocol) {
        let cause =
            Cause::unsupported(&format!("{field}.protocol"), &protocol.into(), &protocols.map(str::to_owned));
        causes.push(cause);
    }
    if let Some(target) = port.get("targetPort").filter(|target| target.is_number()) {
        causes.extend(port_problem(&format!("{field}.targetPort"), target));
    }
    causes
}

pub(super) fn service_status(object: &Value) -> Vec<Cause> {
    let balanced = text(object, "/spec/type") == "LoadBalancer";
    let ingress = object.pointer("/status/loadBalancer/ingress").is_some();
    if ingress && !balanced {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        return vec![Cause::forbidden("status.loadBalancer.ingress", detail)];
    }
    Vec::new()
}
