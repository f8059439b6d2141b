//! What the server itself does about a `CustomResourceDefinition`.

use serde_json::{Map, Value, json};

use super::failure::Cause;
use super::fields::FieldSet;
use super::managed::{self, Writer};
use super::state::State;
use super::store::{Key, text};

/// The versions in which objects are stored.
pub(super) fn stored_versions(definition: &Map<String, Value>) -> Vec<String> {
    let versions = definition.get("spec").and_then(|spec| spec.get("versions")).and_then(Value::as_array);
    let storage =
        versions.into_iter().flatten().filter(|version| version.get("storage") == Some(&json!(true)));
    storage.map(|version| text(version, "/name").to_owned()).collect()
}

/// Puts a new definition in force, which needs a second write.
pub(super) fn establish(state: &mut State, key: &Key) {
    let (Some(live), Some(kind)) = (state.store.get(key), state.kind_of(key)) else { return };
    let now = state.now();
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let mut definition = (*live).clone();
    if let Some(Value::Object(status)) = definition.get_mut("status") {
        status.insert("acceptedNames".to_owned(), live.pointer("/spec/names").cloned().unwrap_or_default());
        status.insert(
            "conditions".to_owned(),
            json!([
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ]),
        );
    }
    let writer = Writer {
        schema: &kind.schema,
        api_version: &kind.api_version(),
        subresource: "status",
        ignored: &FieldSet::default(),
        manager: "kube-apiserver",
        now: &now,
    };
    managed::update(&writer, &live, &mut definition);
    state.put(key, definition);
}

/// Problems of a definition.
pub(super) fn validate(definition: &Value) -> Vec<Cause> {
    let name = text(definition, "/metadata/name");
    let wanted = format!("{}.{}", text(definition, "/spec/names/plural"), text(definition, "/spec/group"));
    if name == wanted {
        return Vec::new();
    }
    vec![Cause::invalid("metadata.name", &name.into(), "must be spec.names.plural+\".\"+spec.group")]
}
