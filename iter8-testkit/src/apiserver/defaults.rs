//! What built-in objects get where they say nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::kinds::Kind;

type Fields = Map<String, Value>;

/// Fills in the defaults of a built-in object.
pub(super) fn fill_in(kind: &Kind, object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    match (kind.group.as_str(), kind.name.as_str()) {
        ("apps", "Deployment") => deployment(fields),
        ("apps", "ReplicaSet") => replica_set(fields),
        ("", "Pod") => pod(fields),
        ("", "Service") => within(fields, "spec", service_spec),
        ("", "Namespace") => label_with_name(fields),
        ("", "Secret") => secret(fields),
        ("discovery.k8s.io", "EndpointSlice") => each(fields, "ports", |port| {
            default(port, "name", || json!(""));
            default(port, "protocol", || json!("TCP"));
        }),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            within(fields, "roleRef", |role| {
                default(role, "apiGroup", || json!("rbac.authorization.k8s.io"));
            });
            each(fields, "subjects", |subject| {
                if matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
                    default(subject, "apiGroup", || json!("rbac.authorization.k8s.io"));
                }
            });
        }
        ("apiextensions.k8s.io", _) => within(fields, "spec", definition_spec),
        _ => {}
    }
}

/// Sets a field that is missing or empty.
fn default(fields: &mut Fields, name: &str, value: impl FnOnce() -> Value) {
    let missing = fields.get(name).is_none_or(|value| value.is_null() || *value == json!(""));
    // A name of a port may be set to the empty text on purpose; everything else has a value then.
    if missing {
        fields.insert(name.to_owned(), value());
    }
}

fn within(fields: &mut Fields, name: &str, fill: impl FnOnce(&mut Fields)) {
    if let Some(Value::Object(inner)) = fields.get_mut(name) {
        fill(inner);
    }
}

fn each(fields: &mut Fields, name: &str, mut fill: impl FnMut(&mut Fields)) {
    if let Some(Value::Array(items)) = fields.get_mut(name) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(&mut fill);
    }
}

fn label_with_name(namespace: &mut Fields) {
    within(namespace, "metadata", |metadata| {
        if let Some(name) = metadata.get("name").cloned() {
            default(metadata, "labels", || json!({}));
            within(metadata, "labels", |labels| {
                labels.insert("kubernetes.io/metadata.name".to_owned(), name);
            });
        }
    });
}

fn deployment(fields: &mut Fields) {
    within(fields, "spec", |spec| {
        default(spec, "replicas", || json!(1));
        default(spec, "revisionHistoryLimit", || json!(10));
        default(spec, "progressDeadlineSeconds", || json!(600));
        default(spec, "strategy", || json!({}));
        within(spec, "strategy", |strategy| {
            default(strategy, "type", || json!("RollingUpdate"));
            if strategy.get("type") == Some(&json!("RollingUpdate")) {
                default(strategy, "rollingUpdate", || json!({}));
                within(strategy, "rollingUpdate", |rolling| {
                    default(rolling, "maxUnavailable", || json!("25%"));
                    default(rolling, "maxSurge", || json!("25%"));
                });
            }
        });
        within(spec, "template", |template| within(template, "spec", pod_spec));
    });
}

/// Text given in the clear is stored encoded.
fn secret(fields: &mut Fields) {
    default(fields, "type", || json!("Opaque"));
    if let Some(Value::Object(clear)) = fields.remove("stringData") {
        default(fields, "data", || json!({}));
        within(fields, "data", |data| {
            for (key, value) in clear {
                data.insert(key, STANDARD.encode(value.as_str().unwrap_or_default()).into());
            }
        });
    }
}

fn pod(fields: &mut Fields) {
    within(fields, "spec", |spec| {
        pod_spec(spec);
        default(spec, "enableServiceLinks", || json!(true));
        each(spec, "containers", requests_from_limits);
        each(spec, "initContainers", requests_from_limits);
    });
    within(fields, "status", |status| {
        for (one, many) in [("podIP", "podIPs"), ("hostIP", "hostIPs")] {
            if let Some(address) = status.get(one).cloned() {
                default(status, many, || json!([{"ip": address}]));
            }
        }
    });
}

fn replica_set(fields: &mut Fields) {
    within(fields, "spec", |spec| {
        default(spec, "replicas", || json!(1));
        within(spec, "template", |template| within(template, "spec", pod_spec));
    });
}

fn pod_spec(spec: &mut Fields) {
    default(spec, "dnsPolicy", || json!("ClusterFirst"));
    default(spec, "restartPolicy", || json!("Always"));
    default(spec, "terminationGracePeriodSeconds", || json!(30));
    default(spec, "securityContext", || json!({}));
    default(spec, "schedulerName", || json!("default-scheduler"));
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        default(spec, "serviceAccount", || account);
    } else if let Some(account) = spec.get("serviceAccount").cloned() {
        default(spec, "serviceAccountName", || account);
    }
    let on_host = spec.get("hostNetwork") == Some(&json!(true));
    for containers in ["initContainers", "containers"] {
        each(spec, containers, |container| fill_container(container, on_host));
    }
    each(spec, "volumes", volume);
}

fn fill_container(container: &mut Fields, on_host: bool) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let latest = !image.contains('@') && name.rsplit_once(':').is_none_or(|(_, tag)| tag == "latest");
    default(container, "imagePullPolicy", || if latest { json!("Always") } else { json!("IfNotPresent") });
    default(container, "terminationMessagePath", || json!("/dev/termination-log"));
    default(container, "terminationMessagePolicy", || json!("File"));
    each(container, "ports", |port| {
        default(port, "protocol", || json!("TCP"));
        if on_host && let Some(number) = port.get("containerPort").cloned() {
            default(port, "hostPort", || number);
        }
    });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        within(container, probe, fill_probe);
    }
    within(container, "lifecycle", |lifecycle| {
        for hook in ["postStart", "preStop"] {
            within(lifecycle, hook, |hook| within(hook, "httpGet", http_get));
        }
    });
    each(container, "env", |env| {
        within(env, "valueFrom", |source| {
            within(source, "fieldRef", |field| default(field, "apiVersion", || json!("v1")));
        });
    });
}

fn http_get(action: &mut Fields) {
    default(action, "path", || json!("/"));
    default(action, "scheme", || json!("HTTP"));
}

fn fill_probe(probe: &mut Fields) {
    for (name, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        default(probe, name, || json!(value));
    }
    within(probe, "httpGet", http_get);
    within(probe, "grpc", |grpc| default(grpc, "service", || json!("")));
}

fn volume(volume: &mut Fields) {
    if volume.keys().all(|key| key == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        within(volume, source, |source| default(source, "defaultMode", || json!(420)));
    }
    within(volume, "hostPath", |path| default(path, "type", || json!("")));
}

/// A limit without a request requests as much.
fn requests_from_limits(container: &mut Fields) {
    within(container, "resources", |resources| {
        if let Some(Value::Object(limits)) = resources.get("limits").cloned() {
            default(resources, "requests", || json!({}));
            within(resources, "requests", |requests| {
                for (name, amount) in limits {
                    requests.entry(name).or_insert(amount);
                }
            });
        }
    });
}

fn service_spec(spec: &mut Fields) {
    default(spec, "sessionAffinity", || json!("None"));
    default(spec, "type", || json!("ClusterIP"));
    if spec.get("sessionAffinity") == Some(&json!("ClientIP")) {
        default(spec, "sessionAffinityConfig", || json!({"clientIP": {"timeoutSeconds": 10800}}));
    }
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind != "ExternalName" {
        default(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        default(spec, "externalTrafficPolicy", || json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
    each(spec, "ports", |port| {
        default(port, "protocol", || json!("TCP"));
        let unset = port.get("targetPort").is_none_or(|target| *target == json!(0) || *target == json!(""));
        if unset && let Some(number) = port.get("port").cloned() {
            port.insert("targetPort".to_owned(), number);
        }
    });
}

fn definition_spec(spec: &mut Fields) {
    default(spec, "conversion", || json!({"strategy": "None"}));
    within(spec, "names", |names| {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        default(names, "singular", || kind.to_lowercase().into());
        default(names, "listKind", || format!("{kind}List").into());
    });
}
