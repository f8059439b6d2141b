//! Two answers, field by field.

use std::fmt;

use serde_json::Value;

use super::interaction::Answer;

/// A field that two servers answer differently.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) subject: String,
    pub(super) interaction: String,
    pub(super) field: String,
    pub(super) values: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.yaml, `{}`: {}\n  {}", self.subject, self.interaction, self.field, self.values)
    }
}

/// A field and its two values.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) one: String,
    pub(super) other: String,
}

/// The fields in which two answers differ; only the status if that differs.
pub(super) fn fields(one: &Answer, other: &Answer) -> Vec<Field> {
    let mut fields = Vec::new();
    if one.status == other.status {
        collect("body", Some(&one.body), Some(&other.body), &mut fields);
    } else {
        let shown = |answer: &Answer| match answer.body.get("message") {
            Some(message) => format!("{} {message}", answer.status),
            None => answer.status.to_string(),
        };
        fields.push(Field { path: "status".to_owned(), one: shown(one), other: shown(other) });
    }
    fields
}

fn collect(path: &str, one: Option<&Value>, other: Option<&Value>, fields: &mut Vec<Field>) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            for (key, value) in one {
                collect(&format!("{path}.{key}"), Some(value), other.get(key), fields);
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                collect(&format!("{path}.{key}"), None, Some(value), fields);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                collect(&format!("{path}[{index}]"), one.get(index), other.get(index), fields);
            }
        }
        _ if one != other => {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            fields.push(Field { path: path.to_owned(), one: shown(one), other: shown(other) });
        }
        _ => {}
    }
}

/// Whether an answer has at least what is wanted. Wanted lists are the beginning of what is there.
pub(super) fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| value.get(key).is_some_and(|value| contains(value, wanted)))
        }
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() >= wanted.len()
                && value.iter().zip(wanted).all(|(value, wanted)| contains(value, wanted))
        }
        _ => value == wanted,
    }
}

#[test]
fn difference_names_its_field_and_both_values() {
    let answer = |spec| Answer { status: 200, body: serde_json::json!({"spec": spec}) };
    let one = answer(serde_json::json!({"ports": [{"port": 80}], "type": "ClusterIP"}));
    let other = answer(serde_json::json!({"ports": [{"port": 81}, {"port": 80}]}));
    let fields: Vec<[String; 3]> =
        fields(&one, &other).into_iter().map(|Field { path, one, other }| [path, one, other]).collect();
    let expected = [
        ["body.spec.ports[0].port", "80", "81"],
        ["body.spec.ports[1]", "nothing", "{\"port\":80}"],
        ["body.spec.type", "\"ClusterIP\"", "nothing"],
    ];
    assert_eq!(fields, expected);
}
