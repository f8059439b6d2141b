//! Rules of Services.

use serde_json::Value;

use super::super::failure::Cause;
use super::super::store::text;
use super::content::port_problem;
use super::metadata::{self, NO_LABEL, is_label};

const SERVICE_TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];

/// Problems of the spec.
pub(super) fn spec(object: &Value) -> Vec<Cause> {
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

/// Only a load balancer reports how it is reached.
pub(super) fn status(object: &Value) -> Vec<Cause> {
    let balanced = text(object, "/spec/type") == "LoadBalancer";
    let ingress = object.pointer("/status/loadBalancer/ingress").is_some();
    if ingress && !balanced {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        return vec![Cause::forbidden("status.loadBalancer.ingress", detail)];
    }
    Vec::new()
}
