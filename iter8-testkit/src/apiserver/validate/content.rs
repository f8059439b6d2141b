//! Rules of the built-in kinds.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::failure::Cause;
use super::super::store::text;
use super::metadata::{NO_LABEL, is_label};

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

pub(super) fn port_problem(field: &str, port: &Value) -> Option<Cause> {
    let valid = port.as_i64().is_some_and(|number| (1..=65535).contains(&number));
    (!valid).then(|| Cause::invalid(field, port, "must be between 1 and 65535, inclusive"))
}

static CONFIG_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("^[-._a-zA-Z0-9]+$").ok());

/// The keys of a `ConfigMap` or Secret.
pub(super) fn config_keys(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for field in ["data", "binaryData"] {
        let keys = object.get(field).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key);
        for key in keys.filter(|key| CONFIG_KEY.as_ref().is_some_and(|regex| !regex.is_match(key))) {
            let detail = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                          'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            causes.push(Cause::invalid(&format!("{field}[{key}]"), &key.as_str().into(), detail));
        }
    }
    causes
}

/// A Pod keeps its spec, except for images and a few limits.
pub(super) fn pod_transition(live: &Value, new: &Value) -> Vec<Cause> {
    let fixed = |pod: &Value| {
        let mut spec = pod.get("spec").cloned().unwrap_or_default();
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
                container.remove("image");
            }
        }
        if let Some(spec) = spec.as_object_mut() {
            for free in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
                spec.remove(free);
            }
        }
        spec
    };
    if fixed(live) == fixed(new) {
        return Vec::new();
    }
    let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
                  `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
                  `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    vec![Cause::forbidden("spec", detail)]
}

pub(super) fn lease(object: &Value) -> Vec<Cause> {
    let bounds = [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ];
    let problem = |(field, least, detail): (&str, i64, &str)| {
        let value = object.pointer(&format!("/spec/{field}"))?;
        (value.as_i64()? < least).then(|| Cause::invalid(&format!("spec.{field}"), value, detail))
    };
    bounds.into_iter().filter_map(problem).collect()
}

/// A new event is in the namespace of what it is about; events of what has none are in `default`.
pub(super) fn event(object: &Value) -> Vec<Cause> {
    let about = text(object, "/involvedObject/namespace");
    let wanted = if about.is_empty() { "default" } else { about };
    if text(object, "/metadata/namespace") == wanted {
        return Vec::new();
    }
    vec![Cause::invalid("involvedObject.namespace", &about.into(), "does not match event.namespace")]
}

pub(super) fn endpoint_slice(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let types = ["FQDN", "IPv4", "IPv6"];
    let kind = text(object, "/addressType");
    if kind.is_empty() {
        causes.push(Cause::required("addressType", ""));
    } else if !types.contains(&kind) {
        causes.push(Cause::unsupported("addressType", &kind.into(), &types.map(str::to_owned)));
    }
    let endpoints = object.get("endpoints").and_then(Value::as_array);
    for (at, endpoint) in endpoints.into_iter().flatten().enumerate() {
        let addresses =
            endpoint.get("addresses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let field = format!("endpoints[{at}].addresses");
        if addresses.is_empty() {
            causes.push(Cause::required(&field, "must contain at least 1 address"));
        }
        for (at, address) in addresses.iter().enumerate() {
            let problem = address_problem(kind, address.as_str().unwrap_or_default());
            causes.extend(problem.map(|detail| Cause::invalid(&format!("{field}[{at}]"), address, detail)));
        }
    }
    causes
}

fn address_problem(kind: &str, address: &str) -> Option<&'static str> {
    match (kind, address.parse::<IpAddr>()) {
        ("IPv4", Ok(IpAddr::V4(_))) | ("IPv6", Ok(IpAddr::V6(_))) => {}
        ("IPv4", _) => return Some("must be a valid IPv4 address, (e.g. 10.9.8.7)"),
        ("IPv6", _) => return Some("must be a valid IPv6 address, (e.g. 2001:db8::ffff)"),
        _ => return None,
    }
    let address: IpAddr = address.parse().ok()?;
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        Some("may not be unspecified (0.0.0.0 or ::)")
    } else if address.is_loopback() {
        Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    } else if link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    } else {
        None
    }
}
