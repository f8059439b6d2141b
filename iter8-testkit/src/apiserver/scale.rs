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
    let object = read::get(state, call)?;
    scale_of(call, &object)
}

/// Writes it; the object's own fields stay as they are.
pub(super) fn write(state: &mut State, call: &Call) -> Written {
    let live = state.store.get(&call.key()).ok_or_else(|| read::not_found(call))?;
    let live = state::present(&call.kind, &live);
    let paths = call.kind.scale().ok_or_else(Failure::no_such_resource)?;
    let scale = match call.verb {
        Verb::Update => given(call)?,
        Verb::Patch => patched(call, &scale_of(call, &live)?)?,
        _ => return Err(Failure::method_not_allowed()),
    };
    let replicas = replicas(call, &scale)?;
    let mut object = live.clone();
    let (parent, field) = paths.wanted.rsplit_once('/').unwrap_or_default();
    if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.insert(field.to_owned(), replicas.into());
    }
    let version = text(&scale, "/metadata/resourceVersion").to_owned();
    store::set_meta(&mut object, "resourceVersion", version.into());
    let object = write::replace(state, call, &live, object, Ownership::ToRecord)?;
    Ok((200, scale_of(call, &object)?))
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
        let paths = call.kind.scale().filter(|_| call.kind.custom.is_some());
        if let Some(paths) = paths {
            let path = paths.wanted.replace('/', ".");
            let cause = Cause::invalid(&path, found, "should be a non-negative integer");
            return Err(Failure::invalid(&call.kind.group, &call.kind.name, &call.name, &[cause]));
        }
        let cause = Cause::invalid("spec.replicas", found, "must be greater than or equal to 0");
        return Err(Failure::invalid("autoscaling", "Scale", &call.name, &[cause]));
    }
    Ok(replicas)
}

fn scale_of(call: &Call, object: &Value) -> Result<Value, Failure> {
    let paths = call.kind.scale().ok_or_else(Failure::no_such_resource)?;
    if call.kind.custom.is_some() && object.pointer(&paths.wanted).is_none() {
        return Err(Failure::no_number(&paths.wanted.replace('/', ".")));
    }
    let metadata = ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"];
    let metadata: serde_json::Map<_, _> = metadata
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), object.pointer(&format!("/metadata/{field}"))?.clone())))
        .collect();
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let spec = match number(&paths.wanted) {
        0 => json!({}),
        replicas => json!({ "replicas": replicas }),
    };
    let mut status = json!({ "replicas": number(&paths.found) });
    let selector = paths.selector.map_or_else(|| selector_of(object), |path| text(object, &path).to_owned());
    if !selector.is_empty()
        && let Some(status) = status.as_object_mut()
    {
        status.insert("selector".to_owned(), selector.into());
    }
    Ok(json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": spec, "status": status,
    }))
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
