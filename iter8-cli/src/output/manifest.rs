//! Objects for the API server, as kubectl reads and prints them.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use super::{structured, yaml};
use crate::error::Error;

/// How objects are printed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Yaml,
    Json,
}

impl Format {
    /// The objects as a stream of YAML documents, or as one List.
    pub(crate) fn render(self, objects: &[Value]) -> Result<String, Error> {
        match self {
            Self::Yaml => Ok(stream(objects)),
            Self::Json => structured::json(&list(objects)),
        }
    }
}

/// An object without what is null, which the API server has no use for.
pub(crate) fn object(object: &impl Serialize) -> Result<Value, Error> {
    let mut object = serde_json::to_value(object)
        .map_err(|error| Error::Failed(format!("cannot write an object: {error}")))?;
    remove_nulls(&mut object);
    Ok(object)
}

/// A stream of documents, each with its marker.
pub(crate) fn stream(objects: &[Value]) -> String {
    objects.iter().flat_map(|object| ["---\n".to_owned(), yaml::document(object)]).collect()
}

/// The objects in one.
pub(crate) fn list(objects: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects })
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(remove_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
