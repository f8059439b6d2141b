//! From the body of a request to an object as the server keeps it.

use serde_json::{Value, json};

use super::call::{Call, Verb};
use super::defaults;
use super::failure::{Cause, Failure};
use super::kinds::Kind;
use super::schema::Schema;
use super::state::State;
use super::store::{self, text};
use super::stored::{self, Reading, WrongType};
use super::structural;

/// The body of a request.
pub(super) fn parse_body(call: &Call) -> Result<Value, Failure> {
    serde_json::from_slice(&call.body).map_err(|error| match call.verb {
        Verb::Patch => Failure::bad_request(&format!("error decoding patch: {error}")),
        Verb::Apply => Failure::bad_request(&format!("error decoding YAML: {error}")),
        _ => {
            let error = if call.body.is_empty() {
                "unexpected end of JSON input".to_owned()
            } else {
                error.to_string()
            };
            let shown = summary(&call.body);
            let why = format!("couldn't get version/kind; json parse error: {error} ({shown})");
            Failure::bad_request(&unrecognized(&call.kind, &why))
        }
    })
}

fn unrecognized(kind: &Kind, why: &str) -> String {
    format!("the object provided is unrecognized (must be of type {}): {why}", kind.name)
}

/// The start of a body, as messages show it.
fn summary(body: &[u8]) -> String {
    let start = body.get(..30).unwrap_or(body);
    let more = if start.len() < body.len() { " ..." } else { "" };
    match start.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(start)),
        Some(_) => start.iter().fold(String::new(), |shown, byte| format!("{shown}{byte:02x}")) + more,
    }
}

/// The object's type has to be that of the address; a missing one is filled in.
fn check_type(state: &State, call: &Call, object: &mut Value) -> Result<(), Failure> {
    let kind = &call.kind;
    let api_version = kind.api_version();
    if kind.custom.is_some() && object.is_object() && text(object, "/kind").is_empty() {
        let (shown, start) = (String::from_utf8_lossy(&call.body), summary(&call.body));
        let why = format!("Object 'Kind' is missing in '{shown}' ({start})");
        return Err(Failure::bad_request(&unrecognized(kind, &why)));
    }
    let Value::Object(fields) = object else {
        let what = "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct \
                    { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
        let why = format!("{what} ({})", summary(&call.body));
        return Err(Failure::bad_request(&unrecognized(kind, &why)));
    };
    let entry = |fields: &mut serde_json::Map<String, Value>, name: &str, value: &str| {
        let entry = fields.entry(name).or_insert_with(|| value.into());
        if *entry == json!("") {
            *entry = value.into();
        }
        entry.as_str().unwrap_or_default().to_owned()
    };
    let given = entry(fields, "apiVersion", &api_version);
    let given_kind = entry(fields, "kind", &kind.name);
    if given == api_version && given_kind == kind.name {
        return Ok(());
    }
    let (version, wanted) = (given.rsplit('/').next().unwrap_or_default(), &kind.name);
    if kind.custom.is_some() && given == api_version {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let cause = Cause::invalid("kind", &given_kind.as_str().into(), &format!("must be {wanted}"));
        return Err(Failure::invalid(&kind.group, &given_kind, name, &[cause]));
    }
    let what = format!("{given_kind} in version {version:?} cannot be handled as a {wanted}");
    Err(Failure::bad_request(&match state.kinds.of(&given, &given_kind) {
        _ if kind.custom.is_some() && given_kind == *wanted => {
            format!(
                "the API version in the data ({given}) does not match the expected API version ({api_version})"
            )
        }
        Some(_) => {
            let group = kind.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
            format!("{what}: converting (v1.{given_kind}) to ({group}.{wanted}): unknown conversion")
        }
        None => format!(
            "{what}: no kind {given_kind:?} is registered for version {given:?} in scheme \"pkg/runtime/scheme.go:111\""
        ),
    }))
}

/// An object that a client sends, as the server keeps it.
pub(super) fn object(state: &State, mut object: Value, call: &Call) -> Result<Value, Failure> {
    let kind = &call.kind;
    check_type(state, call, &mut object)?;
    let mut reading = Reading::default();
    // An empty list asks to forget all managers; reading drops it.
    let forget = object.pointer("/metadata/managedFields") == Some(&json!([]));
    let mut object = normalize(kind, object, &mut reading)?;
    if forget {
        store::set_meta(&mut object, "managedFields", json!([]));
    }
    if call.param("fieldValidation") == "Strict" && !reading.unknown.is_empty() {
        let problems: Vec<_> = reading.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
        let (version, name) = (&kind.version, &kind.name);
        let what = format!("{name} in version {version:?} cannot be handled as a {name}");
        return Err(Failure::bad_request(&format!("{what}: strict decoding error: {}", problems.join(", "))));
    }
    Ok(object)
}

/// The object as the server keeps it: unknown fields dropped, defaults filled in.
pub(super) fn normalize(kind: &Kind, mut object: Value, reading: &mut Reading) -> Result<Value, Failure> {
    let wrong = |WrongType(why): WrongType| {
        let (version, name) = (&kind.version, &kind.name);
        Failure::bad_request(&format!("{name} in version {version:?} cannot be handled as a {name}: {why}"))
    };
    match &kind.custom {
        None => {
            let mut object = stored::read(&kind.schema, &object, reading).map_err(wrong)?;
            defaults::fill_in(kind, &mut object);
            Ok(object)
        }
        Some(custom) => {
            let metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
            let metadata =
                stored::read(&Schema::Named("ObjectMeta".to_owned()), &metadata, reading).map_err(wrong)?;
            if let Some(fields) = object.as_object_mut() {
                fields.insert("metadata".to_owned(), metadata);
            }
            reading.unknown.extend(structural::unknown(&custom.schema, &object));
            structural::prune(&custom.schema, &mut object);
            structural::fill_in(&custom.schema, &mut object);
            Ok(object)
        }
    }
}
