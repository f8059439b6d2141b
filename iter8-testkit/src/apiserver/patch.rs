//! Patches: JSON patch, merge patch, strategic merge patch.

use serde_json::{Map, Value};

use super::failure::{Cause, Failure};
use super::schema::{Field, Object, Schema};

/// The media types that a patch may have.
pub(super) const JSON_PATCH: &str = "application/json-patch+json";
pub(super) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(super) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";

/// Applies an RFC 6902 patch.
pub(super) fn json_patch(object: &Value, patch: &Value) -> Result<Value, Failure> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|_| Failure::unprocessable())?;
    let mut out = object.clone();
    json_patch::patch(&mut out, &patch).map_err(|_| Failure::unprocessable())?;
    Ok(out)
}

/// A patch whose result is no object of its kind.
pub(super) fn refused(result: &str, failure: Failure) -> Failure {
    match failure.message().split_once(": json: ") {
        Some((_, why)) => {
            let cause = Cause::invalid("patch", &result.into(), &format!("json: {why}"));
            Failure::invalid("", "", "", &[cause])
        }
        None => failure,
    }
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
        if let (Some(name), Value::Array(gone)) = (key.strip_prefix("$deleteFromPrimitiveList/"), value)
            && let Some(Value::Array(items)) = out.get_mut(name)
        {
            items.retain(|item| !gone.contains(item));
        }
    }
    for (key, value) in patch {
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
            (before, Value::Array(items)) => {
                let order = patch.get(&format!("$setElementOrder/{key}")).and_then(Value::as_array);
                let before = before.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                patch_list(field, before, items, order.map_or(items, Vec::as_slice))
            }
            (before, Value::Object(_)) => strategic_patch(child, before.unwrap_or(&Value::Null), value),
            _ => value.clone(),
        };
        out.insert(key.clone(), after);
    }
    out
}

fn patch_list(field: Option<&Field>, items: &[Value], patch: &[Value], order: &[Value]) -> Value {
    let Some(field) = field.filter(|field| field.patch.merge) else {
        return Value::Array(patch.to_vec());
    };
    let directive = |item: &Value, wanted: &str| item.get("$patch").and_then(Value::as_str) == Some(wanted);
    if patch.iter().any(|item| directive(item, "replace") && item.as_object().is_some_and(|o| o.len() == 1)) {
        return patch.iter().filter(|item| !directive(item, "replace")).cloned().collect();
    }
    let mut out = items.to_vec();
    let items_schema = match field.schema.resolve() {
        Schema::List(list) => &list.items,
        _ => &Schema::Free,
    };
    let key = field.patch.key.as_deref();
    for item in patch {
        let same = |other: &Value| identity(key, other) == identity(key, item);
        if directive(item, "delete") {
            out.retain(|other| !same(other));
        } else if let Some(other) = out.iter_mut().find(|other| same(other)) {
            *other = strategic_patch(items_schema, other, item);
        } else {
            out.push(strategic_patch(items_schema, &Value::Null, item));
        }
    }
    Value::Array(in_order(key, out, items, order))
}

/// What makes an item of a list the same as another: its merge key, or its value.
fn identity<'a>(key: Option<&str>, item: &'a Value) -> Option<&'a Value> {
    key.map_or(Some(item), |key| item.get(key))
}

/// Items that `order` names stand in its order, the others in that of the list before, and new ones come as early as they can.
fn in_order(key: Option<&str>, merged: Vec<Value>, before: &[Value], order: &[Value]) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| {
        list.iter().position(|other| identity(key, other) == identity(key, item))
    };
    let (mut named, others): (Vec<_>, Vec<_>) =
        merged.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut out = Vec::new();
    while let (Some(one), Some(other)) = (named.peek(), others.peek()) {
        // `None` is less than any place.
        let next = if place(before, one) < place(before, other) { named.next() } else { others.next() };
        out.extend(next);
    }
    out.extend(named);
    out.extend(others);
    out
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
                {"name": "a", "image": "1", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]},
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
