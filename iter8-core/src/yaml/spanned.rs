//! Reads YAML slowly, with the position of every field and a word on everything that is wrong.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::{DEPTH, InvalidYamlError};
use crate::document::Positions;
use crate::violation::Position;
use crate::{FieldPath, Fields, Value};

pub(super) fn read(text: &str) -> Result<(Value, Positions), InvalidYamlError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
        emit_comments: false,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPLAYED_EVENTS,
        },
    };
    let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| InvalidYamlError::new(error.location().map(position), &one_line(&error)))?;
    let mut positions = Positions::new();
    let path = FieldPath::root();
    positions.insert(path.clone(), position(tree.referenced));
    let root = flatten(tree.value, &path, &mut positions);
    Ok((root, positions))
}

fn position(location: serde_saphyr::Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

/// How much aliases may repeat: more than any release needs, and nothing that takes a second.
const REPLAYED_EVENTS: usize = 50_000;

/// What is wrong, without the position, which we give in a form of our own, and without the parser's
/// advice to programmers.
fn one_line(error: &serde_saphyr::Error) -> String {
    if matches!(error, serde_saphyr::Error::MultipleDocuments { .. }) {
        return "there is more than one document; give each a file of its own".to_owned();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.split(", set DuplicateKeyPolicy").next().unwrap_or(line).trim_start_matches("error: ");
    // Inside of an alias the parser gives these as text only.
    let is_too_large = ["budget breached", "recursion limit exceeded", "alias replay limit exceeded"]
        .iter()
        .any(|limit| line.starts_with(limit));
    if is_too_large { super::TOO_LARGE.to_owned() } else { line.to_owned() }
}

/// Splits the tree into values and positions. A field's position is that of its name.
fn flatten(tree: Tree, path: &FieldPath, positions: &mut Positions) -> Value {
    match tree {
        Tree::Scalar(value) => value,
        Tree::List(entries) => Value::List(
            entries
                .into_iter()
                .enumerate()
                .map(|(index, entry)| {
                    let path = path.index(index);
                    positions.insert(path.clone(), position(entry.referenced));
                    flatten(entry.value, &path, positions)
                })
                .collect(),
        ),
        Tree::Map(fields) => Value::Map(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let path = path.field(&name.value);
                    positions.insert(path.clone(), position(name.referenced));
                    (name.value, flatten(value.value, &path, positions))
                })
                .collect::<Fields>(),
        ),
    }
}

/// A [`Value`] with positions.
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(number.into())))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Float(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Tree::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Map(fields))
    }
}
