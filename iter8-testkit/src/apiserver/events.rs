//! Events are one resource with two forms, in the core group and in `events.k8s.io`.

use serde_json::{Value, json};

/// Field names: core, `events.k8s.io`.
const RENAMED: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];
/// In the core group the controller is called component.
const CONTROLLER: [(&str, &str); 1] = [("reportingComponent", "reportingController")];

pub(super) fn to_events_group(event: &mut Value) {
    rename(event, "events.k8s.io/v1", |(core, events)| (core, events));
}

pub(super) fn to_core(event: &mut Value) {
    rename(event, "v1", |(core, events)| (events, core));
}

fn rename(
    event: &mut Value,
    api_version: &str,
    from_to: fn((&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Some(fields) = event.as_object_mut() else { return };
    for pair in RENAMED.into_iter().chain(CONTROLLER) {
        let (from, to) = from_to(pair);
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
    // The core form always shows who reported and about what, the other form leaves out what is empty.
    if api_version == "v1" {
        for (field, empty) in [
            ("involvedObject", json!({})),
            ("source", json!({})),
            ("firstTimestamp", Value::Null),
            ("lastTimestamp", Value::Null),
            ("reportingComponent", json!("")),
            ("reportingInstance", json!("")),
        ] {
            fields.entry(field).or_insert(empty);
        }
    } else {
        fields.retain(|_, value| *value != json!("") && !value.is_null());
        for field in ["regarding", "deprecatedSource"] {
            fields.entry(field).or_insert_with(|| json!({}));
        }
        for field in ["deprecatedFirstTimestamp", "deprecatedLastTimestamp", "eventTime"] {
            fields.entry(field).or_insert(Value::Null);
        }
    }
    fields.insert("apiVersion".to_owned(), api_version.into());
}
