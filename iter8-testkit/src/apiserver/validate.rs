//! What the server refuses about an object.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::failure::Cause;
use super::kinds::Kind;
use super::store::{self, text};
use super::structural;

static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok());
static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$").ok());
static LABEL_1035: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z]([-a-z0-9]*[a-z0-9])?$").ok());
static LABEL_VALUE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$").ok());
static QUALIFIED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$").ok());

fn is(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Problems of a new object.
pub(super) fn create(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = metadata(kind, object);
    causes.extend(content(kind, object));
    causes
}

/// Problems of an update.
pub(super) fn update(kind: &Kind, subresource: &str, live: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = metadata(kind, new);
    for field in ["name", "namespace", "uid", "creationTimestamp"] {
        let pointer = format!("/metadata/{field}");
        if live.pointer(&pointer) != new.pointer(&pointer) {
            causes
                .push(immutable(&format!("metadata.{field}"), new.pointer(&pointer).unwrap_or(&Value::Null)));
        }
    }
    if store::is_terminating(live) {
        let before = store::finalizers(live);
        let added: Vec<_> =
            store::finalizers(new).into_iter().filter(|name| !before.contains(name)).collect();
        if !added.is_empty() {
            let added: Vec<_> = added.iter().map(|name| format!("{name:?}")).collect();
            causes.push(Cause::forbidden(
                "metadata.finalizers",
                &format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added.join(", ")
                ),
            ));
        }
    }
    if subresource.is_empty() {
        causes.extend(transition(kind, live, new));
    }
    causes.extend(content(kind, new));
    causes
}

fn immutable(field: &str, value: &Value) -> Cause {
    Cause::invalid(field, value, "field is immutable")
}

fn metadata(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(object, "/metadata/name");
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if let Some(detail) = name_problem(kind, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), &detail));
    }
    causes.extend(labels(object, "/metadata/labels", "metadata.labels"));
    if let Some(Value::Object(annotations)) = object.pointer("/metadata/annotations") {
        for key in annotations.keys() {
            causes.extend(
                key_problem(key)
                    .map(|detail| Cause::invalid("metadata.annotations", &key.as_str().into(), &detail)),
            );
        }
    }
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    for (at, owner) in owners.into_iter().flatten().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                let what = if field == "apiVersion" { "version" } else { field };
                let cause = Cause::invalid(
                    &format!("metadata.ownerReferences[{at}].{field}"),
                    &json!(""),
                    &format!("{what} must not be empty"),
                );
                causes.push(cause);
            }
        }
    }
    let controllers =
        owners.into_iter().flatten().filter(|owner| owner.get("controller") == Some(&json!(true)));
    if controllers.count() > 1 {
        let cause = Cause::invalid(
            "metadata.ownerReferences",
            &owners.cloned().unwrap_or_default().into(),
            "Only one reference can have Controller set to true. Found \"true\" in references",
        );
        causes.push(cause);
    }
    causes
}

fn name_problem(kind: &Kind, name: &str) -> Option<String> {
    let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
                 with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    let label_1035 = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                      character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
                      validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                     start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let (fits, most, detail) = match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Namespace") => (is(&LABEL, name), 63, label),
        ("", "Service") => (is(&LABEL_1035, name), 63, label_1035),
        ("rbac.authorization.k8s.io", _) => {
            let fits = !matches!(name, "." | "..") && !name.contains(['/', '%']);
            (fits, usize::MAX, "may not be '.' or '..' or contain '/' or '%'")
        }
        _ => (is(&SUBDOMAIN, name), 253, subdomain),
    };
    if !fits {
        return Some(detail.to_owned());
    }
    (name.len() > most).then(|| format!("must be no more than {most} characters"))
}

fn key_problem(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let detail = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                  alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                  '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    if name.is_empty() {
        return Some(format!("name part must be non-empty; {detail}"));
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    if !is(&QUALIFIED, name) {
        return Some(detail.to_owned());
    }
    prefix.filter(|prefix| !is(&SUBDOMAIN, prefix)).map(|_| {
        "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned()
    })
}

fn labels(object: &Value, pointer: &str, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in object.pointer(pointer).and_then(Value::as_object).into_iter().flatten() {
        causes.extend(key_problem(key).map(|detail| Cause::invalid(field, &key.as_str().into(), &detail)));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(field, value, "must be no more than 63 characters"));
        } else if !is(&LABEL_VALUE, text) {
            let detail = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                          must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                          regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            causes.push(Cause::invalid(field, value, detail));
        }
    }
    causes
}

fn content(kind: &Kind, object: &Value) -> Vec<Cause> {
    if let Some(custom) = &kind.custom {
        return structural::validate(&custom.schema, object);
    }
    match (kind.group.as_str(), kind.name.as_str()) {
        ("apps", "Deployment" | "ReplicaSet") => workload(object),
        ("", "Pod") => containers(object, "/spec", "spec"),
        ("", "Service") => service(object),
        _ => Vec::new(),
    }
}

fn workload(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(replicas) = object.pointer("/spec/replicas").filter(|replicas| replicas.as_i64() < Some(0)) {
        causes.push(Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
    }
    let selector = object.pointer("/spec/selector").unwrap_or(&Value::Null);
    let empty = super::typed::is_empty(Some(selector));
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if empty {
        causes.push(Cause::invalid("spec.selector", selector, "empty selector is invalid for deployment"));
    }
    let labels = object.pointer("/spec/template/metadata/labels").cloned().unwrap_or_else(|| json!({}));
    if !empty && !selects(selector, &labels) {
        let detail = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, detail));
    }
    causes.extend(containers(object, "/spec/template/spec", "spec.template.spec"));
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

fn containers(object: &Value, pointer: &str, field: &str) -> Vec<Cause> {
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
        } else if !is(&LABEL, name) || name.len() > 63 {
            let detail = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                          and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                          '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
            causes.push(Cause::invalid(&format!("{field}.name"), &name.into(), detail));
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

fn service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ports = object.pointer("/spec/ports").and_then(Value::as_array);
    let external = text(object, "/spec/type") == "ExternalName";
    let headless = text(object, "/spec/clusterIP") == "None";
    if ports.is_none_or(Vec::is_empty) && !external && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    let many = ports.is_some_and(|ports| ports.len() > 1);
    let mut names: Vec<&str> = Vec::new();
    for (at, port) in ports.into_iter().flatten().enumerate() {
        let (field, name) = (format!("spec.ports[{at}]"), text(port, "/name"));
        if many && name.is_empty() {
            causes.push(Cause::required(&format!("{field}.name"), ""));
        } else if !name.is_empty() && names.contains(&name) {
            let message = format!("Duplicate value: {name:?}");
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{field}.name"), message });
        }
        names.push(name);
        causes.extend(port_problem(&format!("{field}.port"), port.get("port").unwrap_or(&Value::Null)));
    }
    causes.extend(labels(object, "/spec/selector", "spec.selector"));
    causes
}

/// What an update must not change.
fn transition(kind: &Kind, live: &Value, new: &Value) -> Vec<Cause> {
    let fields: &[(&str, &str)] = match (kind.group.as_str(), kind.name.as_str()) {
        ("apps", "Deployment" | "ReplicaSet") => &[("/spec/selector", "spec.selector")],
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &[("/roleRef", "roleRef")],
        ("discovery.k8s.io", "EndpointSlice") => &[("/addressType", "addressType")],
        ("", "Secret") => &[("/type", "type")],
        _ => &[],
    };
    let mut causes = Vec::new();
    for (pointer, field) in fields {
        let (before, after) = (live.pointer(pointer), new.pointer(pointer).unwrap_or(&Value::Null));
        if before != Some(after) && !(before.is_none() && after.is_null()) {
            causes.push(match *field {
                "roleRef" => Cause::invalid(field, after, "cannot change roleRef"),
                _ => immutable(field, after),
            });
        }
    }
    let addresses = ["/spec/clusterIPs/0", "/spec/clusterIP"];
    let keeps_address = |object: &Value| text(object, "/spec/type") != "ExternalName";
    if kind.is("", "Service") && keeps_address(live) && keeps_address(new) {
        for pointer in addresses {
            let (before, after) = (text(live, pointer), text(new, pointer));
            if !before.is_empty() && before != after {
                let field = if pointer.ends_with('0') { "spec.clusterIPs[0]" } else { "spec.clusterIP" };
                let detail = "may not change once set";
                causes.push(Cause::invalid(field, &json!([after]), detail));
                break;
            }
        }
    }
    let locked =
        live.get("immutable") == Some(&json!(true)) && matches!(kind.name.as_str(), "ConfigMap" | "Secret");
    if locked && (live.get("data") != new.get("data") || new.get("immutable") != live.get("immutable")) {
        let field = if live.get("data") == new.get("data") { "immutable" } else { "data" };
        causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
    }
    causes
}
