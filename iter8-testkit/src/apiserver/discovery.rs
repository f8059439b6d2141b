//! What the server says about itself: its kinds, its version, its health.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::failure::Failure;
use super::kinds::Kind;
use super::state::State;

pub(super) enum Document {
    Json(Value),
    Text(String),
    /// The server has no such path.
    Nothing,
}

/// Answers a request that is not for objects.
pub(super) fn answer(state: &State, path: &str) -> Result<Document, Failure> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match segments.as_slice() {
        ["healthz" | "readyz" | "livez", ..] => Ok(Document::Text("ok".to_owned())),
        ["version"] => Ok(Document::Json(json!({
            "major": "1", "minor": "36",
            "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
            "gitVersion": "v1.36.3", "gitCommit": "none", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "none", "compiler": "none", "platform": "linux/amd64",
        }))),
        ["api"] => Ok(Document::Json(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
        }))),
        ["apis"] => Ok(Document::Json(json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": groups(state).into_iter().map(|(name, versions)| group(&name, &versions)).collect::<Vec<_>>(),
        }))),
        ["apis", name] => match groups(state).get(*name) {
            Some(versions) => {
                let mut group = group(name, versions);
                if let Some(fields) = group.as_object_mut() {
                    fields.insert("kind".to_owned(), "APIGroup".into());
                    fields.insert("apiVersion".to_owned(), "v1".into());
                }
                Ok(Document::Json(group))
            }
            None => Err(Failure::no_such_resource()),
        },
        ["api", version] => resources(state, "", version),
        ["apis", group, version] => resources(state, group, version),
        ["apis", ..] => Err(Failure::no_such_resource()),
        _ => Ok(Document::Nothing),
    }
}

/// The versions of every group but the core one.
fn groups(state: &State) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kind in state.kinds.iter().filter(|kind| !kind.group.is_empty()) {
        let versions = out.entry(kind.group.clone()).or_default();
        if !versions.contains(&kind.version) {
            versions.push(kind.version.clone());
        }
    }
    for versions in out.values_mut() {
        versions.sort_by_key(|version| priority(version));
    }
    out
}

/// The order of versions: stable ones first, then beta, then alpha, newer before older.
fn priority(version: &str) -> (u8, std::cmp::Reverse<Vec<u32>>) {
    let stage = match version {
        _ if version.contains("alpha") => 2,
        _ if version.contains("beta") => 1,
        _ => 0,
    };
    let numbers = version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    (stage, std::cmp::Reverse(numbers.collect()))
}

fn group(name: &str, versions: &[String]) -> Value {
    let versions: Vec<_> = versions
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

fn resources(state: &State, group: &str, version: &str) -> Result<Document, Failure> {
    let kinds = state.kinds.iter().filter(|kind| kind.group == group && kind.version == version);
    let resources: Vec<Value> = kinds.flat_map(|kind| resource(kind)).collect();
    if resources.is_empty() {
        return Err(Failure::no_such_resource());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources});
    if let Some(fields) = list.as_object_mut().filter(|_| !group.is_empty()) {
        fields.insert("apiVersion".to_owned(), "v1".into());
    }
    Ok(Document::Json(list))
}

/// Tells clients when objects come to be stored in another version.
fn storage_version_hash(kind: &Kind) -> String {
    let version = match &kind.custom {
        Some(custom) => &custom.storage_version,
        // The real server stores definitions as it did at first.
        None if kind.name == "CustomResourceDefinition" => "v1beta1",
        None => &kind.version,
    };
    let stored = format!("{}/{version}/{}", kind.resource().group, kind.name);
    let digest = ring::digest::digest(&ring::digest::SHA256, stored.as_bytes());
    STANDARD.encode(digest.as_ref().iter().copied().take(8).collect::<Vec<u8>>())
}

fn resource(kind: &Kind) -> Vec<Value> {
    let mut verbs = match kind.custom {
        Some(_) => vec!["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        None => vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    };
    if kind.is("", "Namespace") {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    let mut main = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.name, "verbs": verbs,
        "storageVersionHash": storage_version_hash(kind),
    });
    if let Some(fields) = main.as_object_mut() {
        if !kind.short_names.is_empty() {
            fields.insert("shortNames".to_owned(), json!(kind.short_names));
        }
        if !kind.categories.is_empty() {
            fields.insert("categories".to_owned(), json!(kind.categories));
        }
    }
    let mut out = vec![main];
    let scale = kind.scales().then(|| {
        json!({
            "name": format!("{}/scale", kind.plural), "singularName": "", "namespaced": kind.namespaced,
            "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"],
        })
    });
    let status = kind.status.then(|| {
        json!({
            "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": kind.namespaced,
            "kind": kind.name, "verbs": ["get", "patch", "update"],
        })
    });
    // In the order in which the real server registers them.
    if kind.custom.is_some() {
        out.extend(status.into_iter().chain(scale));
    } else {
        out.extend(scale.into_iter().chain(status));
    }
    out
}
