//! What the server refuses about an object.

use serde_json::{Value, json};

use super::definition;
use super::failure::Cause;
use super::kinds::Kind;
use super::store::{self, text};
use super::structural;

mod content;
mod metadata;
mod service;

/// Problems of a new object.
pub(super) fn create(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = metadata::check(kind, object);
    causes.extend(own_rules(kind, object));
    if kind.is("", "Event") {
        causes.extend(content::event(object));
    }
    causes
}

/// Problems of an update.
pub(super) fn update(kind: &Kind, subresource: &str, live: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = metadata::check(kind, new);
    // The server checks this twice, and says so.
    causes.extend(metadata_transition(live, new));
    causes.extend(metadata_transition(live, new));
    causes.extend(own_rules(kind, new));
    match subresource {
        "" => causes.extend(transition(kind, live, new)),
        "status" if kind.is("", "Service") => causes.extend(service::status(new)),
        _ => {}
    }
    causes
}

/// What an update must not change about the metadata.
fn metadata_transition(live: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let fields =
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    for field in fields {
        let pointer = format!("/metadata/{field}");
        if live.pointer(&pointer) != new.pointer(&pointer) {
            let given = new.pointer(&pointer).unwrap_or(&Value::Null);
            causes.push(immutable(&format!("metadata.{field}"), given));
        }
    }
    if store::is_terminating(live) {
        let before = store::finalizers(live);
        let added = store::finalizers(new).into_iter().filter(|name| !before.contains(name));
        let added: Vec<_> = added.map(|name| format!("{name:?}")).collect();
        if !added.is_empty() {
            let detail =
                "no new finalizers can be added if the object is being deleted, found new finalizers";
            let detail = format!("{detail} []string{{{}}}", added.join(", "));
            causes.push(Cause::forbidden("metadata.finalizers", &detail));
        }
    }
    causes
}

fn immutable(field: &str, value: &Value) -> Cause {
    Cause::invalid(field, value, "field is immutable")
}

fn own_rules(kind: &Kind, object: &Value) -> Vec<Cause> {
    if let Some(custom) = &kind.custom {
        return structural::validate(&custom.schema, object);
    }
    match (kind.group.as_str(), kind.name.as_str()) {
        ("apps", "Deployment" | "ReplicaSet") => content::workload(object),
        ("", "Pod") => content::containers(object, "/spec", "spec"),
        ("", "Service") => service::spec(object),
        ("", "ConfigMap" | "Secret") => content::config_keys(object),
        ("apiextensions.k8s.io", _) => definition::validate(object),
        ("discovery.k8s.io", "EndpointSlice") => content::endpoint_slice(object),
        ("coordination.k8s.io", "Lease") => content::lease(object),
        _ => Vec::new(),
    }
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
    if kind.is("", "Pod") {
        causes.extend(content::pod_transition(live, new));
    }
    let addresses = ["/spec/clusterIPs/0", "/spec/clusterIP"];
    let keeps_address = |object: &Value| text(object, "/spec/type") != "ExternalName";
    if kind.is("", "Service") && keeps_address(live) && keeps_address(new) {
        for pointer in addresses {
            let (before, after) = (text(live, pointer), text(new, pointer));
            if !before.is_empty() && before != after {
                causes.push(Cause::invalid("spec.clusterIPs[0]", &json!([after]), "may not change once set"));
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
