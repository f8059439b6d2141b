//! What the server knows about the shape of an object: how its parts merge, and how Go would store them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

/// A node of an object's type.
#[derive(Clone, Debug)]
pub(super) enum Schema {
    /// A single value.
    Scalar(Scalar),
    /// An object with known fields, or a map.
    Object(Object),
    /// A list.
    List(Box<List>),
    /// A built-in type, by its name in `types.txt`.
    Named(String),
    /// Anything; its maps merge key by key, its lists are replaced.
    Free,
    /// Anything, replaced as a whole.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    String,
    Bool,
    Int32,
    Int64,
    Number,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    Bytes,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) fields: BTreeMap<String, Field>,
    /// The type of keys that are not fields: a map has it, and an object that keeps unknown fields.
    pub(super) other: Option<Box<Schema>>,
    pub(super) atomic: bool,
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) items: Schema,
    pub(super) merge: ListMerge,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListMerge {
    Atomic,
    Set,
    Map(Vec<String>),
}

/// A field of an object, with what Go's struct tags say about it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) schema: Schema,
    pub(super) pointer: bool,
    pub(super) always: bool,
    pub(super) omit_zero: bool,
    pub(super) default: Option<Value>,
    pub(super) patch: Patch,
}

/// How a strategic merge patch treats a field.
#[derive(Clone, Debug, Default)]
pub(super) struct Patch {
    pub(super) merge: bool,
    pub(super) key: Option<String>,
}

impl Field {
    pub(super) fn plain(schema: Schema) -> Self {
        Self {
            schema,
            pointer: false,
            always: false,
            omit_zero: false,
            default: None,
            patch: Patch::default(),
        }
    }
}

static BUILT_IN: LazyLock<BTreeMap<String, Schema>> =
    LazyLock::new(|| parse_types(include_str!("types.txt")));
static NOTHING_KNOWN: Schema = Schema::Free;

impl Field {
    /// What stands in for the field where it is a key of a list and missing.
    pub(super) fn key_default(&self) -> Option<Value> {
        let zero = match &self.schema {
            _ if self.pointer || !self.always => None,
            Schema::Scalar(Scalar::String) => Some(Value::from("")),
            Schema::Scalar(Scalar::Int32 | Scalar::Int64) => Some(Value::from(0)),
            _ => None,
        };
        self.default.clone().or(zero)
    }
}

impl Schema {
    /// The schema behind a name.
    pub(super) fn resolve(&self) -> &Self {
        match self {
            Self::Named(name) => BUILT_IN.get(name).unwrap_or(&NOTHING_KNOWN),
            other => other,
        }
    }

    /// The object part, if this is an object or a map.
    pub(super) fn as_object(&self) -> Option<&Object> {
        match self.resolve() {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl Object {
    /// The schema of what `key` holds.
    pub(super) fn child(&self, key: &str) -> Option<&Schema> {
        self.fields.get(key).map(|field| &field.schema).or(self.other.as_deref())
    }
}

fn parse_types(text: &str) -> BTreeMap<String, Schema> {
    let mut types = BTreeMap::new();
    let mut current: Option<(String, Object)> = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        if line.starts_with(' ') {
            if let Some((_, object)) = &mut current
                && let Some(kind) = words.next()
            {
                object.fields.insert(name.to_owned(), parse_field(kind, words));
            }
        } else {
            if let Some((done, object)) = current.take() {
                types.insert(done, Schema::Object(object));
            }
            let atomic = words.next() == Some("atomic");
            current = Some((name.to_owned(), Object { atomic, ..Object::default() }));
        }
    }
    if let Some((done, object)) = current {
        types.insert(done, Schema::Object(object));
    }
    types
}

fn parse_field<'a>(kind: &str, facts: impl Iterator<Item = &'a str>) -> Field {
    let mut field = Field::plain(Schema::Free);
    let mut merge = ListMerge::Atomic;
    let mut atomic = false;
    for fact in facts {
        match fact.split_once('=') {
            None if fact == "pointer" => field.pointer = true,
            None if fact == "always" => field.always = true,
            None if fact == "omitzero" => field.omit_zero = true,
            None if fact == "set" => merge = ListMerge::Set,
            None if fact == "atomic" => atomic = true,
            Some(("map", keys)) => merge = ListMerge::Map(keys.split(',').map(str::to_owned).collect()),
            Some(("default", value)) => field.default = Some(Value::String(value.to_owned())),
            Some(("patch", how)) => {
                let (strategies, key) = how.split_once(':').map_or((how, None), |(s, k)| (s, Some(k)));
                field.patch =
                    Patch { merge: strategies.split(',').any(|s| s == "merge"), key: key.map(str::to_owned) };
            }
            _ => {}
        }
    }
    field.schema = parse_kind(kind, merge, atomic);
    field
}

fn parse_kind(kind: &str, merge: ListMerge, atomic: bool) -> Schema {
    if let Some(items) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Schema::List(Box::new(List { items: parse_kind(items, ListMerge::Atomic, false), merge }));
    }
    if let Some(items) = kind.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let other = Some(Box::new(parse_kind(items, ListMerge::Atomic, false)));
        return Schema::Object(Object { fields: BTreeMap::new(), other, atomic });
    }
    match kind {
        "string" => Schema::Scalar(Scalar::String),
        "bool" => Schema::Scalar(Scalar::Bool),
        "int32" => Schema::Scalar(Scalar::Int32),
        "int64" => Schema::Scalar(Scalar::Int64),
        "float64" => Schema::Scalar(Scalar::Number),
        "quantity" => Schema::Scalar(Scalar::Quantity),
        "intstr" => Schema::Scalar(Scalar::IntOrString),
        "time" => Schema::Scalar(Scalar::Time),
        "microtime" => Schema::Scalar(Scalar::MicroTime),
        "bytes" => Schema::Scalar(Scalar::Bytes),
        "any" => Schema::Free,
        name => Schema::Named(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_named_exists() {
        fn check(schema: &Schema) {
            match schema {
                Schema::Named(name) => assert!(BUILT_IN.contains_key(name), "{name}"),
                Schema::List(list) => check(&list.items),
                Schema::Object(object) => {
                    object.fields.values().for_each(|field| check(&field.schema));
                    object.other.iter().for_each(|other| check(other));
                }
                Schema::Scalar(_) | Schema::Free | Schema::Opaque => {}
            }
        }
        BUILT_IN.values().for_each(check);
        assert!(BUILT_IN.len() > 200);
    }
}
