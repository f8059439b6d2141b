//! What differs from run to run, replaced by names. Equal values get equal names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

/// What to look for in text, and what it is called.
static PATTERNS: LazyLock<[(Regex, &str); 7]> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uid"),
        // The range of cluster addresses.
        (r"\b10\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b", "address"),
        (r"\b127\.0\.0\.1:\d+\b", "server"),
        // Times of requests are of earlier years.
        (r"\b20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "micro time"),
        (r"\b20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ", "time"),
        (r"(?P<before>in record \(|resourceVersion\W{1,9})\d+", "version"),
        // Made up names end in five of the characters that make no words.
        (r"(?P<before>[A-Za-z0-9][-_])[bcdfghjklmnpqrstvwxz2456789]{5}\b", "suffix"),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
});

/// The names given in one namespace so far.
#[derive(Debug)]
pub(super) struct Mask {
    namespace: String,
    names: BTreeMap<String, String>,
}

impl Mask {
    pub(super) fn new(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), names: BTreeMap::new() }
    }

    pub(super) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => {
                let items = items.iter().filter(|item| !is_progress(item));
                Value::Array(items.map(|item| self.value(item)).collect())
            }
            Value::Object(fields) => Value::Object(self.object(fields)),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Map<String, Value> {
        // In the order of their names, so that both servers' values are met in the same order.
        let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
        let mut masked = Map::new();
        for (key, value) in sorted {
            let name = self.text(key);
            let value = match (key.as_str(), value) {
                ("metadata", Value::Object(metadata)) if is_moving(fields) => {
                    Value::Object(self.moving_metadata(metadata))
                }
                ("metadata", Value::Object(metadata)) => Value::Object(self.metadata(metadata)),
                ("nodePort", Value::Number(_)) => Value::from("<port>"),
                // By what the real server happens to be built.
                ("goVersion", Value::String(_)) => Value::from("<toolchain>"),
                _ => self.value(value),
            };
            masked.insert(name, value);
        }
        masked
    }

    fn metadata(&mut self, metadata: &Map<String, Value>) -> Map<String, Value> {
        let mut masked = self.object(metadata);
        if let Some(version) = metadata.get("resourceVersion").and_then(Value::as_str) {
            masked.insert("resourceVersion".to_owned(), self.name("version", version).into());
        }
        if let Some(Value::Array(entries)) = masked.get_mut("managedFields") {
            // Their order depends on whether two writes fall into the same second.
            entries.sort_by_cached_key(|entry| {
                ["operation", "manager", "apiVersion", "subresource"].map(|field| entry[field].to_string())
            });
        }
        masked
    }

    /// The version of a list or bookmark moves with writes that have nothing to do with the test.
    fn moving_metadata(&mut self, metadata: &Map<String, Value>) -> Map<String, Value> {
        let mut masked = self.object(metadata);
        for (field, name) in [("resourceVersion", "<version>"), ("continue", "<token>")] {
            if let Some(value) = masked.get_mut(field) {
                *value = name.into();
            }
        }
        masked
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.namespace, "$ns");
        for (pattern, name) in PATTERNS.iter() {
            text = pattern
                .replace_all(&text, |found: &Captures<'_>| {
                    let before = found.name("before").map_or("", |before| before.as_str());
                    match *name {
                        "uid" | "address" => self.name(name, &found[0]),
                        _ => format!("{before}<{name}>"),
                    }
                })
                .into_owned();
        }
        text
    }

    fn name(&mut self, what: &str, value: &str) -> String {
        let key = format!("{what} {value}");
        let of_this_kind = self.names.keys().filter(|key| key.starts_with(&format!("{what} "))).count();
        self.names.entry(key).or_insert_with(|| format!("<{what} {}>", of_this_kind + 1)).clone()
    }
}

/// A bookmark, but not the one that marks the end of initial events, comes when the server likes.
fn is_progress(event: &Value) -> bool {
    event["type"] == "BOOKMARK" && !event["object"].as_object().is_some_and(is_moving)
}

fn is_moving(object: &Map<String, Value>) -> bool {
    let is_list = object.contains_key("items");
    let marks_the_end = object["metadata"].pointer("/annotations/k8s.io~1initial-events-end").is_some();
    is_list || marks_the_end
}

#[test]
fn equal_values_stay_equal_and_others_differ() {
    let object = |version: &str| serde_json::json!({"metadata": {"resourceVersion": version}});
    let mut mask = Mask::new("here");
    let masked = ["7", "9", "7"].map(|version| mask.value(&object(version)));
    assert_eq!(masked[0], masked[2]);
    assert_ne!(masked[0], masked[1]);
}
