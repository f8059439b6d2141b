//! Built-in objects as the server stores them: read into Go's types and written again, so that unknown fields are
//! dropped, empty ones omitted and those that Go always writes are there.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::quantity;
use super::schema::{Field, Object, Scalar, Schema};

/// What reading found besides the object.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Paths of fields that the type does not have.
    pub(super) unknown: Vec<String>,
    path: Vec<String>,
    owner: String,
}

/// A value of the wrong type, in Go's words.
#[derive(Debug)]
pub(super) struct WrongType(pub(super) String);

/// Reads `value` as `schema` and writes it as Go would.
pub(super) fn read(schema: &Schema, value: &Value, reading: &mut Reading) -> Result<Value, WrongType> {
    Ok(convert(schema, Some(value), reading)?.unwrap_or(Value::Null))
}

/// What Go writes for an object that was never filled in.
pub(super) fn zero(schema: &Schema) -> Value {
    match convert(schema, None, &mut Reading::default()) {
        Ok(Some(value)) => value,
        Ok(None) | Err(WrongType(_)) => json!({}),
    }
}

/// The converted value, or `None` where it is the type's zero value. Objects are never `None`.
fn convert(
    schema: &Schema,
    value: Option<&Value>,
    reading: &mut Reading,
) -> Result<Option<Value>, WrongType> {
    let value = value.filter(|value| !value.is_null());
    match schema.resolve() {
        Schema::Object(object) if object.other.is_none() => {
            let owner = match schema {
                Schema::Named(name) => name.rsplit('.').next().unwrap_or(name).to_owned(),
                _ => String::new(),
            };
            let previous = std::mem::replace(&mut reading.owner, owner);
            let fields = match value {
                None => None,
                Some(Value::Object(fields)) => Some(fields),
                Some(other) => return Err(reading.wrong(other, &format!("v1.{}", reading.owner))),
            };
            let out = convert_fields(object, fields, reading)?;
            reading.owner = previous;
            Ok(Some(Value::Object(out)))
        }
        Schema::Object(map) => {
            let fields = match value {
                None => return Ok(None),
                Some(Value::Object(fields)) => fields,
                Some(other) => return Err(reading.wrong(other, "map[string]string")),
            };
            let mut out = Map::new();
            for (key, item) in fields {
                let schema = map.child(key).unwrap_or(&Schema::Free);
                reading.path.push(format!("[{key}]"));
                out.insert(
                    key.clone(),
                    convert(schema, Some(item), reading)?.unwrap_or_else(|| scalar_zero(schema)),
                );
                reading.path.pop();
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
        Schema::List(list) => {
            let items = match value {
                None => return Ok(None),
                Some(Value::Array(items)) => items,
                Some(other) => return Err(reading.wrong(other, &format!("[]{}", go_name(&list.items)))),
            };
            let mut out = Vec::new();
            for (at, item) in items.iter().enumerate() {
                reading.path.push(format!("[{at}]"));
                out.push(
                    convert(&list.items, Some(item), reading)?.unwrap_or_else(|| scalar_zero(&list.items)),
                );
                reading.path.pop();
            }
            Ok(Some(Value::Array(out)))
        }
        Schema::Scalar(scalar) => value.map(|value| convert_scalar(*scalar, value, reading)).transpose(),
        Schema::Free | Schema::Opaque | Schema::Named(_) => Ok(value.cloned()),
    }
}

fn convert_fields(
    object: &Object,
    fields: Option<&Map<String, Value>>,
    reading: &mut Reading,
) -> Result<Map<String, Value>, WrongType> {
    let mut out = Map::new();
    for (name, field) in &object.fields {
        let value = fields.and_then(|fields| fields.get(name)).filter(|value| !value.is_null());
        if field.pointer && value.is_none() {
            if field.always {
                out.insert(name.clone(), Value::Null);
            }
            continue;
        }
        reading.path.push(name.clone());
        let converted = convert(&field.schema, value, reading)?;
        reading.path.pop();
        if let Some(value) = kept(field, converted) {
            out.insert(name.clone(), value);
        }
    }
    let unknown = fields.into_iter().flat_map(Map::keys).filter(|key| !object.fields.contains_key(*key));
    for key in unknown {
        reading.path.push(key.clone());
        let path = reading.path_with_places();
        reading.unknown.push(path);
        reading.path.pop();
    }
    Ok(out)
}

/// What is written for a field, by its `omitempty` and `omitzero`.
fn kept(field: &Field, value: Option<Value>) -> Option<Value> {
    let is_zero = match &value {
        None | Some(Value::Null) => true,
        Some(Value::Bool(flag)) => !flag,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
    };
    let is_struct = field.schema.as_object().is_some_and(|object| object.other.is_none());
    let is_time = matches!(field.schema, Schema::Scalar(Scalar::Time | Scalar::MicroTime));
    if field.pointer || !is_zero {
        return value;
    }
    if field.always {
        // Storing makes no difference between an empty list and none.
        let value = value.filter(|value| !value.is_array() && (is_struct || !value.is_object()));
        return Some(value.unwrap_or_else(|| scalar_zero(&field.schema)));
    }
    if is_time && !field.omit_zero {
        return Some(Value::Null);
    }
    if is_struct && !field.omit_zero {
        return value;
    }
    // A target port of 0 cannot be told from none: an unset one is written, as 0.
    let int_or_string = matches!(field.schema, Schema::Scalar(Scalar::IntOrString));
    int_or_string.then(|| value.unwrap_or_else(|| json!(0)))
}

fn scalar_zero(schema: &Schema) -> Value {
    match schema.resolve() {
        Schema::Scalar(Scalar::String) => json!(""),
        Schema::Scalar(Scalar::Bool) => json!(false),
        Schema::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Number | Scalar::IntOrString) => json!(0),
        Schema::Scalar(Scalar::Quantity) => json!("0"),
        _ => Value::Null,
    }
}

fn convert_scalar(scalar: Scalar, value: &Value, reading: &Reading) -> Result<Value, WrongType> {
    let same = || Ok(value.clone());
    match (scalar, value) {
        (Scalar::Bytes, Value::String(text)) => match STANDARD.decode(text) {
            Ok(_) => same(),
            Err(DecodeError::InvalidByte(at, _)) => {
                Err(WrongType(format!("illegal base64 data at input byte {at}")))
            }
            Err(_) => {
                Err(WrongType(format!("illegal base64 data at input byte {}", text.len().saturating_sub(1))))
            }
        },
        (Scalar::String | Scalar::IntOrString, Value::String(_))
        | (Scalar::Bool, Value::Bool(_))
        | (Scalar::Number, Value::Number(_)) => same(),
        (Scalar::Int64, Value::Number(number)) if number.is_i64() => same(),
        (Scalar::Int32 | Scalar::IntOrString, Value::Number(number))
            if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) =>
        {
            same()
        }
        (Scalar::Quantity, Value::Number(number)) => canonical(&number.to_string(), reading),
        (Scalar::Quantity, Value::String(text)) => canonical(text, reading),
        (Scalar::Time | Scalar::MicroTime, Value::String(text)) => {
            let time: Timestamp = text.parse().map_err(|_| {
                let wanted = "2006-01-02T15:04:05Z07:00";
                WrongType(format!("parsing time {text:?} as {wanted:?}: cannot parse {text:?} as \"2006\""))
            })?;
            let format = if scalar == Scalar::Time { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%6fZ" };
            Ok(time.strftime(format).to_string().into())
        }
        _ => Err(reading.wrong(value, &go_name(&Schema::Scalar(scalar)))),
    }
}

fn canonical(text: &str, reading: &Reading) -> Result<Value, WrongType> {
    quantity::canonical(text).map(Value::String).ok_or_else(|| {
        let regex = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";
        let _ = reading;
        WrongType(format!("quantities must match the regular expression '{regex}'"))
    })
}

fn go_name(schema: &Schema) -> String {
    match schema {
        Schema::Scalar(Scalar::String) => "string".to_owned(),
        Schema::Scalar(Scalar::Bool) => "bool".to_owned(),
        Schema::Scalar(Scalar::Int32) => "int32".to_owned(),
        Schema::Scalar(Scalar::Int64) => "int64".to_owned(),
        Schema::Scalar(Scalar::Number) => "float64".to_owned(),
        Schema::Scalar(Scalar::Quantity) => "resource.Quantity".to_owned(),
        Schema::Scalar(Scalar::IntOrString) => "intstr.IntOrString".to_owned(),
        Schema::Scalar(Scalar::Time | Scalar::MicroTime) => "time.Time".to_owned(),
        Schema::Scalar(Scalar::Bytes) => "[]uint8".to_owned(),
        Schema::Named(name) => format!("v1.{}", name.rsplit('.').next().unwrap_or(name)),
        Schema::Object(_) => "map[string]string".to_owned(),
        Schema::List(list) => format!("[]{}", go_name(&list.items)),
        Schema::Free | Schema::Opaque => "interface {}".to_owned(),
    }
}

impl Reading {
    fn wrong(&self, value: &Value, wanted: &str) -> WrongType {
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if wanted.starts_with("int") => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let path: Vec<_> =
            self.path.iter().filter(|step| !step.starts_with('[')).map(String::as_str).collect();
        let owner = &self.owner;
        WrongType(format!(
            "json: cannot unmarshal {found} into Go struct field {owner}.{} of type {wanted}",
            path.join(".")
        ))
    }

    fn path_with_places(&self) -> String {
        self.path.join(".").replace(".[", "[")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(kind: &str, value: &Value) -> Value {
        read(&Schema::Named(kind.to_owned()), value, &mut Reading::default()).unwrap()
    }

    #[test]
    fn empty_fields_vanish_and_structs_stay() {
        let pod = json!({"name": "a", "args": [], "stdin": false, "env": [{"name": "E", "value": ""}], "surplus": 1});
        assert_eq!(read_as("Container", &pod), json!({"name": "a", "env": [{"name": "E"}], "resources": {}}));
        assert_eq!(read_as("DeploymentSpec", &json!({"replicas": 0}))["replicas"], json!(0));
    }

    #[test]
    fn a_wrong_type_is_reported_as_go_does() {
        let error = read(
            &Schema::Named("Deployment".to_owned()),
            &json!({"spec": {"replicas": "1"}}),
            &mut Reading::default(),
        );
        assert_eq!(
            error.unwrap_err().0,
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
    }

    #[test]
    fn unknown_fields_are_named_with_their_path() {
        let mut reading = Reading::default();
        let spec = json!({"containers": [{"name": "a", "imagee": "x"}]});
        read(&Schema::Named("PodSpec".to_owned()), &spec, &mut reading).unwrap();
        assert_eq!(reading.unknown, ["containers[0].imagee"]);
    }
}
