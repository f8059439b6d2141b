//! Patches: JSON patch, merge patch, strategic merge patch.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::schema::{Field, Object, Schema};

/// The media types that a patch may have.
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// Applies an RFC 6902 patch.
pub(super) fn json_patch(object: &Value, patch: &Value) -> Result<Value, Failure> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| Failure::bad_request(&format!("error decoding patch: {error}")))?;
    let mut out = object.clone();
    json_patch::patch(&mut out, &patch).map_err(|error| {
        Failure::unprocessable(&format!(
            "the server rejected our request due to an error in our request: {error}"
        ))
    })?;
    Ok(out)
}

/// Applies an RFC 7386 patch.
pub(super) fn merge_patch(object: &Value, patch: &Value) -> Value {
    let mut out = object.clone();
    json_patch::merge(&mut out, patch);
    out
}

/// Applies a strategic merge patch: lists with a merge key merge item by item.
pub(super) fn strategic_patch(schema: &Schema, object: &Value, patch: &Value) -> Value {
    match (object, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            Value::Object(patch_object(schema.as_object(), fields, patch))
        }
        (_, Value::Object(patch)) => Value::Object(patch_object(schema.as_object(), &Map::new(), patch)),
        _ => patch.clone(),
    }
}

fn patch_object(
    schema: Option<&Object>,
    object: &Map<String, Value>,
    patch: &Map<String, Value>,
) -> Map<String, Value> {
    let mut out = object.clone();
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let kept = patch.iter().filter(|(key, _)| *key != "$patch");
            return kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        Some("delete") => return Map::new(),
        _ => {}
    }
    if let Some(Value::Array(keys)) = patch.get("$retainKeys") {
        out.retain(|key, _| keys.iter().any(|kept| kept.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if let Some(name) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = out.get_mut(name) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            out.remove(key);
            continue;
        }
        let field = schema.and_then(|schema| schema.fields.get(key));
        let child = schema.and_then(|schema| schema.child(key)).unwrap_or(&Schema::Free);
        let before = out.get(key);
        let after = match (before, value) {
            (Some(Value::Array(items)), Value::Array(patch)) => patch_list(field, items, patch),
            (None, Value::Array(patch)) => patch_list(field, &[], patch),
            (before, Value::Object(_)) => strategic_patch(child, before.unwrap_or(&Value::Null), value),
            _ => value.clone(),
        };
        out.insert(key.clone(), after);
    }
    for (key, order) in patch {
        if let (Some(name), Value::Array(order)) = (key.strip_prefix("$setElementOrder/"), order) {
            let merge_key =
                schema.and_then(|schema| schema.fields.get(name)).and_then(|f| f.patch.key.as_deref());
            if let Some(Value::Array(items)) = out.get_mut(name) {
                sort(items, order, merge_key);
            }
        }
    }
    out
}

fn patch_list(field: Option<&Field>, items: &[Value], patch: &[Value]) -> Value {
    let Some(field) = field.filter(|field| field.patch.merge) else {
        return Value::Array(patch.to_vec());
    };
    let directive = |item: &Value, wanted: &str| item.get("$patch").and_then(Value::as_str) == Some(wanted);
    if patch.iter().any(|item| directive(item, "replace") && item.as_object().is_some_and(|o| o.len() == 1)) {
        return patch.iter().filter(|item| !directive(item, "replace")).cloned().collect();
    }
    let mut out = items.to_vec();
    let Some(key) = &field.patch.key else {
        for item in patch {
            if !out.contains(item) {
                out.push(item.clone());
            }
        }
        return Value::Array(out);
    };
    let items_schema = match field.schema.resolve() {
        Schema::List(list) => &list.items,
        _ => &Schema::Free,
    };
    for item in patch {
        let same = |other: &Value| other.get(key).is_some() && other.get(key) == item.get(key);
        if directive(item, "delete") {
            out.retain(|other| !same(other));
        } else if let Some(other) = out.iter_mut().find(|other| same(other)) {
            *other = strategic_patch(items_schema, other, item);
        } else {
            out.push(strategic_patch(items_schema, &Value::Null, item));
        }
    }
    Value::Array(out)
}

/// Items that `order` names stand in its order; the others stay behind their old neighbours, at the end.
fn sort(items: &mut [Value], order: &[Value], key: Option<&str>) {
    let identity = |item: &Value| key.map_or_else(|| Some(item.clone()), |key| item.get(key).cloned());
    items.sort_by_key(|item| {
        let own = identity(item);
        order.iter().position(|wanted| identity(wanted) == own).unwrap_or(order.len())
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_merge_by_their_key_and_directives_are_obeyed() {
        let pod = json!({"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}],
            "tolerations": [{"key": "k"}]});
        let patch = json!({"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}, {"name": "b", "$patch": "delete"},
            {"name": "c"}], "tolerations": []});
        let patched = strategic_patch(&Schema::Named("PodSpec".to_owned()), &pod, &patch);
        assert_eq!(
            patched,
            json!({"containers": [
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
                {"name": "c"}], "tolerations": []})
        );
    }

    #[test]
    fn primitive_lists_unite_and_can_be_deleted_from() {
        let meta = json!({"finalizers": ["a", "b"]});
        let schema = Schema::Named("ObjectMeta".to_owned());
        let patch = json!({"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]});
        let mut finalizers =
            strategic_patch(&schema, &meta, &patch)["finalizers"].as_array().unwrap().clone();
        finalizers.sort_by_key(ToString::to_string);
        assert_eq!(finalizers, [json!("b"), json!("c")]);
    }
}
