//! The number of Pods by itself, as autoscalers and `kubectl scale` read and write it.

use serde_json::{Value, json};

use super::call::{Call, Verb};
use super::decode;
use super::failure::{Cause, Failure};
use super::patch;
use super::read;
use super::state::{self, State};
use super::store::{self, text};
use super::write::{self, Ownership, Written};

/// Reads it.
pub(super) fn get(state: &State, call: &Call) -> Result<Value, Failure> {
    read::get(state, call).map(|object| scale_of(&object))
}

/// Writes it; the object's own fields stay as they are.
pub(super) fn write(state: &mut State, call: &Call) -> Written {
    let live = state.store.get(&call.key()).ok_or_else(|| read::not_found(call))?;
    let live = state::present(&call.kind, &live);
    let scale = match call.verb {
        Verb::Update => given(call)?,
        Verb::Patch => patched(call, &scale_of(&live))?,
        _ => return Err(Failure::method_not_allowed()),
    };
    let replicas = replicas(call, &scale)?;
    let mut object = live.clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("replicas".to_owned(), replicas.into());
    }
    let version = text(&scale, "/metadata/resourceVersion").to_owned();
    store::set_meta(&mut object, "resourceVersion", version.into());
    let object = write::replace(state, call, &live, object, Ownership::ToRecord)?;
    Ok((200, scale_of(&object)))
}

fn given(call: &Call) -> Result<Value, Failure> {
    let scale = decode::parse_body(call)?;
    let (version, kind) = (text(&scale, "/apiVersion"), text(&scale, "/kind"));
    if (version, kind) != ("autoscaling/v1", "Scale") {
        let version = version.rsplit('/').next().unwrap_or_default();
        return Err(Failure::bad_request(&format!(
            "{kind} in version {version:?} cannot be handled as a Scale: converting ({version}.{kind}) to \
             (autoscaling.Scale): unknown conversion"
        )));
    }
    let name = text(&scale, "/metadata/name");
    if name != call.name {
        return Err(Failure::bad_request(&format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.name
        )));
    }
    Ok(scale)
}

fn patched(call: &Call, scale: &Value) -> Result<Value, Failure> {
    let change = decode::parse_body(call)?;
    match call.content_type.as_str() {
        patch::JSON_PATCH => patch::json_patch(scale, &change),
        // A scale has no lists, in which alone the two differ.
        patch::MERGE_PATCH | patch::STRATEGIC_PATCH => Ok(patch::merge_patch(scale, &change)),
        _ => Err(Failure::unsupported_media_type(false)),
    }
}

fn replicas(call: &Call, scale: &Value) -> Result<i64, Failure> {
    let found = scale.pointer("/spec/replicas").unwrap_or(&Value::Null);
    let replicas = if found.is_null() { Some(0) } else { found.as_i64() };
    let Some(replicas) = replicas else {
        return Err(Failure::bad_request(
            "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas is no integer",
        ));
    };
    if replicas < 0 {
        let cause = Cause::invalid("spec.replicas", found, "must be greater than or equal to 0");
        return Err(Failure::invalid("autoscaling", "Scale", &call.name, &[cause]));
    }
    Ok(replicas)
}

fn scale_of(object: &Value) -> Value {
    let metadata = ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"];
    let metadata: serde_json::Map<_, _> = metadata
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), object.pointer(&format!("/metadata/{field}"))?.clone())))
        .collect();
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let spec = match number("/spec/replicas") {
        0 => json!({}),
        replicas => json!({ "replicas": replicas }),
    };
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": metadata,
        "spec": spec,
        "status": { "replicas": number("/status/replicas"), "selector": selector_of(object) },
    })
}

/// The selector as text, by the names of labels.
fn selector_of(object: &Value) -> String {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let mut parts: Vec<_> = labels
        .map(|(name, value)| (name.as_str(), format!("{name}={}", value.as_str().unwrap_or_default())))
        .collect();
    let expressions = object.pointer("/spec/selector/matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let name = text(expression, "/key");
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let mut values: Vec<_> = values.filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        parts.push((
            name,
            match text(expression, "/operator") {
                "In" => format!("{name} in ({values})"),
                "NotIn" => format!("{name} notin ({values})"),
                "Exists" => name.to_owned(),
                _ => format!("!{name}"),
            },
        ));
    }
    parts.sort();
    parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(",")
}
