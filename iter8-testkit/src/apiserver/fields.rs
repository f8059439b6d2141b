//! Sets of fields of an object, as `managedFields` records them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::schema::Schema;

/// One step from an object into it. The order of the variants is the order in which the server lists them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// The item of a list that has these values (as JSON text) in its key fields.
    Key(Vec<(String, String)>),
    /// The item of a set with this value (as JSON text).
    Value(String),
    /// The item of a list at this place.
    Index(u64),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<_> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(name, value)| format!("{}:{value}", Value::String(name.clone())))
                    .collect();
                format!("k:{{{}}}", keys.join(","))
            }
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (tag, rest) = text.split_once(':')?;
        match tag {
            "f" => Some(Self::Field(rest.to_owned())),
            "v" => Some(Self::Value(rest.to_owned())),
            "i" => rest.parse().ok().map(Self::Index),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<_> =
                    keys.into_iter().map(|(name, value)| (name, value.to_string())).collect();
                keys.sort();
                Some(Self::Key(keys))
            }
            _ => None,
        }
    }
}

/// A path from the root of an object.
pub(super) type Path = Vec<Step>;

/// The path as messages show it.
pub(super) fn show(path: &[Step]) -> String {
    path.iter().map(ToString::to_string).collect()
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    members: BTreeSet<Step>,
    children: BTreeMap<Step, Self>,
}

impl FieldSet {
    pub(super) fn of<const N: usize>(paths: [&[&str]; N]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Path = path.iter().map(|name| Step::Field((*name).to_owned())).collect();
            set.insert(&path);
        }
        set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.is_empty()
    }

    pub(super) fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    pub(super) fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        self.children.get(step)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (step, child) in &other.children {
            let merged = out.children.get(step).map_or_else(|| child.clone(), |mine| mine.union(child));
            out.children.insert(step.clone(), merged);
        }
        out
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, child)| {
            let both = child.intersection(other.children.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, child)| {
            let left =
                other.children.get(step).map_or_else(|| child.clone(), |theirs| child.difference(theirs));
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// What is left without the members of `other` and everything below them.
    pub(super) fn without(&self, other: &Self) -> Self {
        let children = self.children.iter().filter(|(step, _)| !other.members.contains(step));
        let children = children.filter_map(|(step, child)| {
            let left = other.children.get(step).map_or_else(|| child.clone(), |theirs| child.without(theirs));
            (!left.is_empty()).then(|| (step.clone(), left))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// The set with every field that an object type declares made a member where something below it is one.
    pub(super) fn with_named_fields(&self, schema: Option<&Schema>) -> Self {
        let object = schema.and_then(Schema::as_object);
        let mut out = Self { members: self.members.clone(), children: BTreeMap::new() };
        for (step, child) in &self.children {
            let below = match (step, schema.map(Schema::resolve)) {
                (Step::Field(name), _) => object.and_then(|object| object.child(name)),
                (_, Some(Schema::List(list))) => Some(&list.items),
                _ => None,
            };
            if let Step::Field(name) = step
                && object.is_some_and(|object| object.fields.contains_key(name))
            {
                out.members.insert(step.clone());
            }
            out.children.insert(step.clone(), child.with_named_fields(below));
        }
        out
    }

    /// Every path of the set, in order.
    pub(super) fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Path, out: &mut Vec<Path>) {
        let steps: BTreeSet<_> = self.members.iter().chain(self.children.keys()).collect();
        for step in steps {
            prefix.push(step.clone());
            if self.members.contains(step) {
                out.push(prefix.clone());
            }
            if let Some(child) = self.children.get(step) {
                child.collect(prefix, out);
            }
            prefix.pop();
        }
    }

    /// The set in the form `FieldsV1`.
    pub(super) fn encode(&self) -> Value {
        let mut out = Map::new();
        for step in &self.members {
            out.insert(step.encode(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            let mut below = child.encode();
            if self.members.contains(step)
                && let Value::Object(below) = &mut below
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            out.insert(step.encode(), below);
        }
        Value::Object(out)
    }

    /// Reads the form `FieldsV1`; what it does not understand it leaves out.
    pub(super) fn decode(value: &Value) -> Self {
        let mut out = Self::default();
        for (key, below) in value.as_object().into_iter().flatten() {
            let Some(step) = Step::decode(key) else { continue };
            let child = Self::decode(below);
            if child.is_empty() || below.get(".").is_some() {
                out.members.insert(step.clone());
            }
            if !child.is_empty() {
                out.children.insert(step, child);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_survives_its_encoding() {
        let encoded = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:finalizers": {"v:\"x\"": {}}}});
        assert_eq!(FieldSet::decode(&encoded).encode(), encoded);
    }

    #[test]
    fn a_path_reads_as_the_server_prints_it() {
        let set =
            FieldSet::decode(&json!({"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:port": {}}}}));
        assert_eq!(show(&set.paths()[0]), ".ports[port=80,protocol=\"TCP\"].port");
    }
}
