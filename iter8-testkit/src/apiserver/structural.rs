//! Structural schemas: what is dropped from an object, what is filled in, what is refused.

use regex::Regex;
use serde_json::{Map, Value};

use super::custom::flag;
use super::failure::Cause;

const TYPE_AND_METADATA: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops the fields of an object that its schema does not know.
pub(super) fn prune(schema: &Value, object: &mut Value) {
    prune_at(schema, object, true);
}

fn prune_at(schema: &Value, value: &mut Value, is_resource: bool) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties");
            let keeps = flag(schema, "x-kubernetes-preserve-unknown-fields")
                || matches!(additional, Some(Value::Bool(true)));
            let is_resource = is_resource || flag(schema, "x-kubernetes-embedded-resource");
            fields.retain(|key, _| {
                let known = properties.is_some_and(|properties| properties.contains_key(key));
                let own = is_resource && TYPE_AND_METADATA.contains(&key.as_str());
                known || own || keeps || additional.is_some_and(Value::is_object)
            });
            for (key, item) in fields {
                if is_resource && TYPE_AND_METADATA.contains(&key.as_str()) {
                    continue;
                }
                let below = properties.and_then(|properties| properties.get(key));
                if let Some(below) = below.or_else(|| additional.filter(|items| items.is_object())) {
                    prune_at(below, item, false);
                }
            }
        }
        Value::Array(items) => {
            if let Some(below) = schema.get("items") {
                for item in items {
                    prune_at(below, item, false);
                }
            }
        }
        _ => {}
    }
}

/// The paths that pruning drops.
pub(super) fn unknown(schema: &Value, object: &Value) -> Vec<String> {
    let mut pruned = object.clone();
    prune(schema, &mut pruned);
    let mut out = Vec::new();
    missing(object, &pruned, "", &mut out);
    out
}

/// The paths of `before` that `after` does not have.
fn missing(before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, item) in before {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match after.get(key) {
                    Some(kept) => missing(item, kept, &path, out),
                    None => out.push(path),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (at, (item, kept)) in before.iter().zip(after).enumerate() {
                missing(item, kept, &format!("{path}[{at}]"), out);
            }
        }
        _ => {}
    }
}

/// Fills in defaults, and drops nulls where null is not allowed.
pub(super) fn fill_in(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, property) in properties.into_iter().flatten() {
                let missing = match fields.get(name) {
                    None => true,
                    Some(Value::Null) => !flag(property, "nullable"),
                    Some(_) => false,
                };
                if missing {
                    fields.remove(name);
                    if let Some(default) = property.get("default") {
                        fields.insert(name.clone(), default.clone());
                    }
                }
            }
            let additional = schema.get("additionalProperties").filter(|items| items.is_object());
            for (name, item) in fields {
                if let Some(below) = properties.and_then(|properties| properties.get(name)).or(additional) {
                    fill_in(below, item);
                }
            }
        }
        Value::Array(items) => {
            if let Some(below) = schema.get("items") {
                for item in items {
                    fill_in(below, item);
                }
            }
        }
        _ => {}
    }
}

/// Everything that a schema refuses about an object.
pub(super) fn validate(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let root = object.as_object().cloned().unwrap_or_default();
    // The metadata has rules of its own.
    let root: Map<String, Value> = root.into_iter().filter(|(key, _)| key != "metadata").collect();
    check(schema, &Value::Object(root), "", &mut causes);
    causes
}

fn check(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    if wanted == "integer" && value.is_f64() && !has_type(schema, wanted, value) && format.starts_with("int")
    {
        causes.push(Cause {
            reason: "FieldValueTypeInvalid",
            field: shown(path),
            message: format!(
                "Invalid value: \"float64\": {path} in body must be of type {format}: \"float64\""
            ),
        });
        let detail = format!("Checked value must be of type integer with format {format} in {path}");
        causes.push(Cause::invalid("<nil>", &"".into(), &detail));
        return;
    }
    if !has_type(schema, wanted, value) {
        let found = type_name(value);
        let wanted = if flag(schema, "x-kubernetes-int-or-string") { "integer,string" } else { wanted };
        causes.push(Cause {
            reason: "FieldValueTypeInvalid",
            field: shown(path),
            message: format!("Invalid value: {found:?}: {path} in body must be of type {wanted}: {found:?}"),
        });
        return;
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().map(plain).collect();
        causes.push(Cause::unsupported(&shown(path), value, &allowed));
    }
    match value {
        Value::Object(fields) => check_object(schema, fields, value, path, causes),
        Value::Array(items) => check_array(schema, items, path, causes),
        Value::String(text) => check_text(schema, text, path, causes),
        Value::Number(_) => check_number(schema, value, path, causes),
        Value::Null | Value::Bool(_) => {}
    }
    check_combined(schema, value, path, causes);
}

fn has_type(schema: &Value, wanted: &str, value: &Value) -> bool {
    if flag(schema, "x-kubernetes-int-or-string") {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        _ => true,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn shown(path: &str) -> String {
    if path.is_empty() { "<nil>".to_owned() } else { path.to_owned() }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn bound(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn too_many(path: &str, count: u64, most: u64) -> Cause {
    let message = format!("Too many: {count}: must have at most {most} items");
    Cause { reason: "FieldValueTooMany", field: shown(path), message }
}

fn check_object(
    schema: &Value,
    fields: &Map<String, Value>,
    value: &Value,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    if let Some(most) = bound(schema, "maxProperties").filter(|most| count(fields.len()) > *most) {
        causes.push(too_many(path, count(fields.len()), most));
    }
    if let Some(least) = bound(schema, "minProperties").filter(|least| count(fields.len()) < *least) {
        let detail = format!("{path} in body should have at least {least} properties");
        causes.push(Cause::invalid(&shown(path), value, &detail));
    }
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            causes.push(Cause::required(&below(name), ""));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties").filter(|items| items.is_object());
    for (key, item) in fields {
        if let Some(property) = properties.and_then(|properties| properties.get(key)) {
            check(property, item, &below(key), causes);
        } else if let Some(additional) = additional {
            check(additional, item, &below(key), causes);
        }
    }
}

fn check_array(schema: &Value, items: &[Value], path: &str, causes: &mut Vec<Cause>) {
    if let Some(most) = bound(schema, "maxItems").filter(|most| count(items.len()) > *most) {
        causes.push(too_many(path, count(items.len()), most));
    }
    if let Some(least) = bound(schema, "minItems").filter(|least| count(items.len()) < *least) {
        let detail = format!("{path} in body should have at least {least} items");
        causes.push(Cause::invalid(&shown(path), &items.len().into(), &detail));
    }
    if let Some(below) = schema.get("items") {
        for (at, item) in items.iter().enumerate() {
            check(below, item, &format!("{path}[{at}]"), causes);
        }
    }
    let keys = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => None,
        Some("map") => schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array),
        _ => return,
    };
    let identity = |item: &Value| match keys {
        None => item.clone(),
        Some(keys) => {
            let names = keys.iter().filter_map(Value::as_str);
            names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
        }
    };
    let identities: Vec<_> = items.iter().map(identity).collect();
    for (at, own) in identities.iter().enumerate() {
        if identities.iter().take(at).any(|earlier| earlier == own) {
            let message = format!("Duplicate value: {own}");
            causes.push(Cause { reason: "FieldValueDuplicate", field: format!("{path}[{at}]"), message });
        }
    }
}

fn check_text(schema: &Value, text: &str, path: &str, causes: &mut Vec<Cause>) {
    let length = count(text.chars().count());
    let pattern = schema.get("pattern").and_then(Value::as_str);
    // A pattern that the regex crate does not understand (none is known) constrains nothing.
    let unmatched = pattern.filter(|pattern| Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)));
    if let Some(most) = bound(schema, "maxLength").filter(|most| length > *most) {
        let message = format!("Too long: may not be more than {most} bytes");
        causes.push(Cause { reason: "FieldValueTooLong", field: shown(path), message });
    } else if let Some(least) = bound(schema, "minLength").filter(|least| length < *least) {
        let detail = format!("{path} in body should be at least {least} chars long");
        causes.push(Cause::invalid(&shown(path), &text.into(), &detail));
    } else if let Some(pattern) = unmatched {
        let detail = format!("{path} in body should match '{pattern}'");
        causes.push(Cause::invalid(&shown(path), &text.into(), &detail));
    }
    if schema.get("format").and_then(Value::as_str) == Some("date-time")
        && text.parse::<k8s_openapi::jiff::Timestamp>().is_err()
    {
        let message = format!("Invalid value: {text:?}: {path} in body must be of type date-time: {text:?}");
        causes.push(Cause { reason: "FieldValueTypeInvalid", field: shown(path), message });
    }
}

fn check_number(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Some(number) = value.as_f64() else { return };
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64).zip(schema.get(name));
    let mut refuse = |detail: String| causes.push(Cause::invalid(&shown(path), value, &detail));
    if let Some((least, shown)) = limit("minimum") {
        let exclusive = flag(schema, "exclusiveMinimum");
        if number < least || (exclusive && number <= least) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            refuse(format!("{path} in body should be greater than{or_equal} {shown}"));
        }
    }
    if let Some((most, shown)) = limit("maximum") {
        let exclusive = flag(schema, "exclusiveMaximum");
        if number > most || (exclusive && number >= most) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            refuse(format!("{path} in body should be less than{or_equal} {shown}"));
        }
    }
    if let Some((factor, shown)) = limit("multipleOf")
        && (number / factor).fract() != 0.0
    {
        refuse(format!("{path} in body should be a multiple of {shown}"));
    }
}

fn check_combined(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let problems = |schema: &Value| {
        let mut found = Vec::new();
        check(schema, value, path, &mut found);
        found
    };
    let passes = |schema: &Value| problems(schema).is_empty();
    let options = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let refuse = |what: &str| Cause::invalid("<nil>", &"".into(), &format!("{path:?} must {what}"));
    if options("allOf").is_some_and(|all| !all.iter().all(passes)) {
        causes.push(refuse("validate all the schemas (allOf)"));
        causes.extend(options("allOf").into_iter().flatten().flat_map(problems));
    }
    // An integer or string says so by an `anyOf` that would add nothing.
    if let Some(any) =
        options("anyOf").filter(|any| !flag(schema, "x-kubernetes-int-or-string") && !any.iter().any(passes))
    {
        causes.push(refuse("validate at least one schema (anyOf)"));
        causes.extend(any.iter().take(1).flat_map(problems));
    }
    if let Some(one) = options("oneOf") {
        match one.iter().filter(|option| passes(option)).count() {
            1 => {}
            0 => {
                causes.push(refuse("validate one and only one schema (oneOf). Found none valid"));
                causes.extend(one.iter().take(1).flat_map(problems));
            }
            many => {
                let what =
                    format!("validate one and only one schema (oneOf). Found {many} valid alternatives");
                causes.push(refuse(&what));
            }
        }
    }
    if schema.get("not").is_some_and(passes) {
        causes.push(refuse("not validate the schema (not)"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 5},
            "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        }}}})
    }

    #[test]
    fn unknown_fields_go_except_where_they_are_kept() {
        let mut object =
            json!({"kind": "X", "metadata": {"a": 1}, "spec": {"size": 1, "x": 1, "free": {"y": 1}}, "z": 1});
        prune(&schema(), &mut object);
        assert_eq!(object, json!({"kind": "X", "metadata": {"a": 1}, "spec": {"size": 1, "free": {"y": 1}}}));
    }

    #[test]
    fn defaults_replace_what_is_missing_or_null() {
        let mut object = json!({"spec": {"size": 1, "color": null, "tags": null}});
        fill_in(&schema(), &mut object);
        assert_eq!(object, json!({"spec": {"size": 1, "color": "red"}}));
    }

    #[test]
    fn every_problem_is_reported_in_the_servers_words() {
        let causes = validate(&schema(), &json!({"spec": {"color": "green", "tags": ["a", "b"]}}));
        let texts: Vec<_> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        assert_eq!(
            texts,
            [
                "spec.size: Required value",
                "spec.color: Unsupported value: \"green\": supported values: \"red\", \"blue\"",
                "spec.tags: Too many: 2: must have at most 1 items",
            ]
        );
        let causes = validate(&schema(), &json!({"spec": {"size": "1"}}));
        assert_eq!(
            causes[0].message,
            "Invalid value: \"string\": spec.size in body must be of type integer: \"string\""
        );
    }
}
