//! Output for programs.

use serde::Serialize;

use super::yaml;
use crate::error::Error;

/// Indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))?;
    text.push('\n');
    Ok(text)
}

/// One YAML document.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Error> {
    Ok(yaml::document(&serde_json::to_value(value).map_err(|error| unwritable(&error))?))
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::Failed(format!("cannot write the result: {error}"))
}
