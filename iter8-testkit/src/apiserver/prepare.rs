//! What the server decides itself about an object that is about to be stored.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::definition;
use super::kinds::{Kind, Resource};
use super::state::State;
use super::store::{self, text};

/// Fields that only the server sets; an update keeps them.
const SYSTEM: [&str; 4] = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
/// The first address of `10.96.0.0/12`, and how many there are.
const FIRST_CLUSTER_IP: u32 = 0x0a60_0000;
const CLUSTER_IPS: u32 = 1 << 20;
/// The numbers that ports on nodes may have.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30000..=32767;

/// Prepares a new object.
pub(super) fn create(state: &State, kind: &Kind, object: &mut Value) {
    if kind.generation {
        store::set_meta(object, "generation", json!(1));
    } else {
        store::remove_meta(object, "generation");
    }
    let Some(fields) = object.as_object_mut() else { return };
    match (kind.custom.is_some(), kind.name.as_str()) {
        (true, _) if kind.status => {
            fields.remove("status");
        }
        (false, "Deployment") => {
            fields.insert("status".to_owned(), json!({}));
        }
        (false, "CustomResourceDefinition") => {
            let stored = definition::stored_versions(fields);
            let names = json!({"plural": "", "kind": ""});
            let status = json!({"conditions": null, "acceptedNames": names, "storedVersions": stored});
            fields.insert("status".to_owned(), status);
        }
        (false, "ReplicaSet") => {
            fields.insert("status".to_owned(), json!({"replicas": 0}));
        }
        (false, "Service") => {
            fields.insert("status".to_owned(), json!({"loadBalancer": {}}));
            allocate_cluster_ip(state, fields);
            allocate_node_ports(state, fields);
        }
        (false, "Pod") => {
            fields.insert("status".to_owned(), json!({"phase": "Pending", "qosClass": "BestEffort"}));
            set_quality(fields);
        }
        (false, "Namespace") => {
            fields.insert("status".to_owned(), json!({"phase": "Active"}));
            fields.insert("spec".to_owned(), json!({"finalizers": ["kubernetes"]}));
        }
        _ => {}
    }
}

/// Gives a Service an address that no other Service has.
fn allocate_cluster_ip(state: &State, service: &mut Map<String, Value>) {
    let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("type") == Some(&json!("ExternalName")) {
        return;
    }
    spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
    spec.entry("ipFamilyPolicy").or_insert_with(|| json!("SingleStack"));
    let given = spec.get("clusterIP").and_then(Value::as_str).unwrap_or_default().to_owned();
    let address = if given.is_empty() { free_address(state) } else { given };
    spec.insert("clusterIPs".to_owned(), json!([address]));
    spec.insert("clusterIP".to_owned(), address.into());
}

/// Gives the ports of a Service that nodes serve numbers that no other port has.
fn allocate_node_ports(state: &State, service: &mut Map<String, Value>) {
    let Some(spec) = service.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if !has_node_ports(spec) {
        return;
    }
    let services = Resource { group: String::new(), plural: "services".to_owned() };
    let mut taken = node_ports(spec.get("ports"));
    for (_, service) in state.store.list(&services, None) {
        taken.extend(node_ports(service.pointer("/spec/ports")));
    }
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        let given = port.get("nodePort").and_then(Value::as_u64).is_some_and(|number| number > 0);
        if let Some(free) = NODE_PORTS.into_iter().find(|number| !given && !taken.contains(number)) {
            taken.insert(free);
            port.insert("nodePort".to_owned(), free.into());
        }
    }
}

fn node_ports(ports: Option<&Value>) -> BTreeSet<u64> {
    let ports = ports.and_then(Value::as_array).into_iter().flatten();
    ports.filter_map(|port| port.get("nodePort")?.as_u64()).collect()
}

fn has_node_ports(spec: &Map<String, Value>) -> bool {
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default();
    let wanted = spec.get("allocateLoadBalancerNodePorts") != Some(&json!(false));
    kind == "NodePort" || (kind == "LoadBalancer" && wanted)
}

fn free_address(state: &State) -> String {
    let services = Resource { group: String::new(), plural: "services".to_owned() };
    let taken: BTreeSet<String> = state
        .store
        .list(&services, None)
        .into_iter()
        .map(|(_, service)| text(service, "/spec/clusterIP").to_owned())
        .collect();
    // The first is the API server's own.
    let candidates = (2..CLUSTER_IPS).map(|offset| Ipv4Addr::from(FIRST_CLUSTER_IP + offset).to_string());
    candidates.into_iter().find(|address| !taken.contains(address)).unwrap_or_default()
}

/// Sets the quality of service of a Pod from its containers' requests and limits.
fn set_quality(pod: &mut Map<String, Value>) {
    let containers = pod.get("spec").and_then(|spec| spec.get("containers")).and_then(Value::as_array);
    let containers: Vec<&Value> = containers.into_iter().flatten().collect();
    let amount = |container: &Value, of: &str, what: &str| {
        container.pointer(&format!("/resources/{of}/{what}")).cloned()
    };
    let guaranteed = !containers.is_empty()
        && containers.iter().all(|container| {
            ["cpu", "memory"].into_iter().all(|what| {
                let limit = amount(container, "limits", what);
                limit.is_some()
                    && amount(container, "requests", what).is_none_or(|request| Some(request) == limit)
            })
        });
    let any = containers.iter().any(|container| {
        container.pointer("/resources/limits").is_some() || container.pointer("/resources/requests").is_some()
    });
    let class = if guaranteed {
        "Guaranteed"
    } else if any {
        "Burstable"
    } else {
        "BestEffort"
    };
    if let Some(status) = pod.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("qosClass".to_owned(), class.into());
    }
}

/// Prepares the next state of an object.
pub(super) fn update(kind: &Kind, subresource: &str, live: &Value, new: &mut Value) {
    match subresource {
        "status" if kind.custom.is_some() || kind.name == "CustomResourceDefinition" => {
            let (status, managed) =
                (new.get("status").cloned(), new.pointer("/metadata/managedFields").cloned());
            let version = new.pointer("/metadata/resourceVersion").cloned();
            *new = live.clone();
            set_or_remove(new, "status", status);
            for (field, value) in [("managedFields", managed), ("resourceVersion", version)] {
                match value {
                    Some(value) => store::set_meta(new, field, value),
                    None => store::remove_meta(new, field),
                }
            }
        }
        "status" => {
            set_or_remove(new, "spec", live.get("spec").cloned());
            if kind.name == "Deployment" {
                keep(live, new, "labels");
            }
            if kind.name == "Pod" {
                keep(live, new, "ownerReferences");
            }
        }
        "finalize" => set_or_remove(new, "status", live.get("status").cloned()),
        _ => {
            if kind.status {
                set_or_remove(new, "status", live.get("status").cloned());
            }
            if kind.name == "Namespace" && kind.custom.is_none() {
                let finalizers = live.pointer("/spec/finalizers").cloned();
                set_or_remove(new, "spec", finalizers.map(|finalizers| json!({"finalizers": finalizers})));
            }
            if kind.name == "Service" && kind.custom.is_none() {
                keep_cluster_ip(live, new);
                keep_node_ports(live, new);
            }
        }
    }
    keep(live, new, "generation");
    for field in SYSTEM {
        let given = new.pointer(&format!("/metadata/{field}")).is_some();
        let stored = live.pointer(&format!("/metadata/{field}")).is_some();
        // The server does not accept another uid, and no deletion but by a delete; validation says so.
        if stored && (field != "uid" || !given) {
            keep(live, new, field);
        }
    }
    if kind.generation && has_new_spec(kind, live, new) {
        let generation = live.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        store::set_meta(new, "generation", json!(generation + 1));
    }
}

/// Ports keep their numbers on nodes if an update does not mention them.
fn keep_node_ports(live: &Value, new: &mut Value) {
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if !has_node_ports(spec) {
        return;
    }
    let before = live.pointer("/spec/ports").and_then(Value::as_array);
    let identity = |port: &Value| (port.get("port").cloned(), port.get("protocol").cloned());
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let same = before.into_iter().flatten().find(|other| identity(other) == identity(port));
        if let (Some(number), Some(port)) = (same.and_then(|same| same.get("nodePort")), port.as_object_mut())
        {
            port.entry("nodePort").or_insert_with(|| number.clone());
        }
    }
}

/// An update that does not mention the address of a Service keeps it.
fn keep_cluster_ip(live: &Value, new: &mut Value) {
    if text(new, "/spec/type") == "ExternalName" {
        return;
    }
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let given =
            spec.get(field).is_some_and(|value| !super::typed::is_empty(Some(value)) && *value != json!(""));
        if let Some(value) = live.pointer(&format!("/spec/{field}")).filter(|_| !given) {
            spec.insert(field.to_owned(), value.clone());
        }
    }
}

/// Whether an update changes what the generation counts.
fn has_new_spec(kind: &Kind, live: &Value, new: &Value) -> bool {
    let counted = |object: &Value| {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            if kind.status {
                fields.remove("status");
            }
            let labels = fields.get("metadata").and_then(|metadata| metadata.get("labels")).cloned();
            fields.remove("metadata");
            if kind.is("discovery.k8s.io", "EndpointSlice") {
                fields.extend(labels.map(|labels| ("labels".to_owned(), labels)));
            }
        }
        object
    };
    counted(live) != counted(new)
}

fn keep(live: &Value, new: &mut Value, field: &str) {
    match live.pointer(&format!("/metadata/{field}")) {
        Some(value) => store::set_meta(new, field, value.clone()),
        None => store::remove_meta(new, field),
    }
}

fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    if let Some(fields) = object.as_object_mut() {
        match value {
            Some(value) => {
                fields.insert(field.to_owned(), value);
            }
            None => {
                fields.remove(field);
            }
        }
    }
}
