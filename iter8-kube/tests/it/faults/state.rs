//! What is stored, without what two runs cannot have in common.

use std::collections::BTreeMap;

use iter8_testkit::apiserver::RecordedChange;
use serde_json::Value;

use super::world::NAMESPACE;

/// The objects of interest by kind and name.
pub(crate) type State = BTreeMap<String, Value>;

/// The state after all these changes; an error if an object in it has no owner that is there.
pub(crate) fn present(changes: &[RecordedChange]) -> Result<State, String> {
    let mut objects = BTreeMap::new();
    for change in changes.iter().filter(|change| change.namespace == NAMESPACE) {
        let key = (change.resource.as_str(), change.name.as_str());
        match &change.object {
            Some(object) => objects.insert(key, &**object),
            None => objects.remove(&key),
        };
    }
    let mut state = State::new();
    for ((resource, name), object) in &objects {
        let is_owned = |owner: &Value| objects.values().any(|other| other["metadata"]["uid"] == owner["uid"]);
        let owners = object["metadata"]["ownerReferences"].as_array();
        let must_be_owned = !matches!(*resource, "releases" | "events" | "leases");
        if must_be_owned && !owners.is_some_and(|owners| !owners.is_empty() && owners.iter().all(is_owned)) {
            return Err(format!("orphaned: {resource} {name}: {object:#}"));
        }
        if matches!(*resource, "deployments" | "services" | "httproutes" | "grpcroutes" | "releases") {
            let mut object = comparable(object);
            if *resource == "services" {
                check_rollout(&mut object, objects.get(&("deployments", name)).copied());
            }
            state.insert(format!("{resource} {name}"), object);
        }
    }
    Ok(state)
}

/// Takes away the label by which a Service tells a rollout of its Deployment that is complete, if it is right.
///
/// It names the Deployment's uid and revision, and is there only if there was a rollout besides the first. How many there
/// were depends on how many of the documents between the controller has seen, not only on the last one: with faults it
/// may miss some, or see some that it misses without, where they follow each other fast.
fn check_rollout(service: &mut Value, deployment: Option<&Value>) {
    let Some(deployment) = deployment else { return };
    let metadata = &deployment["metadata"];
    let revision = metadata["annotations"]["deployment.kubernetes.io/revision"].as_str().unwrap_or("none");
    let present = format!("{}.{revision}", metadata["uid"].as_str().unwrap_or_default());
    let Some(labels) = service.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) else { return };
    match labels.remove("iter8.tools/rollout") {
        Some(label) if label == present.as_str() => {}
        None if revision == "1" => {}
        other => {
            let wrong = format!("{other:?} where the rollout is {present}");
            labels.insert("wrong label of the rollout".to_owned(), wrong.into());
        }
    }
}

/// Without identities, times, and counts of the steps that led there.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    remove(
        &mut object,
        "/metadata",
        &["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"],
    );
    remove(&mut object, "/metadata/annotations", &["deployment.kubernetes.io/revision"]);
    remove(&mut object, "/spec", &["clusterIP", "clusterIPs"]);
    remove(&mut object, "/status", &["observedGeneration"]);
    for owner in list(&mut object, "/metadata/ownerReferences") {
        remove(owner, "", &["uid"]);
    }
    for condition in list(&mut object, "/status/conditions") {
        remove(condition, "", &["lastTransitionTime", "lastUpdateTime", "observedGeneration"]);
    }
    // Kubernetes appends a condition when it first holds: their order is that of events.
    list(&mut object, "/status/conditions").sort_by_key(|condition| condition["type"].to_string());
    object
}

fn list<'a>(object: &'a mut Value, pointer: &str) -> &'a mut [Value] {
    object.pointer_mut(pointer).and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
}

fn remove(object: &mut Value, pointer: &str, fields: &[&str]) {
    if let Some(object) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
}

/// Says where the first difference is.
pub(crate) fn compare(wanted: &[State], seen: &[State]) -> Result<(), String> {
    for (step, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
        let keys = wanted.keys().chain(seen.keys());
        for key in keys {
            if wanted.get(key) != seen.get(key) {
                return Err(format!(
                    "after step {step} {key} is {:#?}, and without faults {:#?}",
                    seen.get(key),
                    wanted.get(key)
                ));
            }
        }
    }
    if wanted.len() == seen.len() { Ok(()) } else { Err("another number of steps".to_owned()) }
}
