//! Reads YAML slowly, with the position of every field and a word on everything that is wrong.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use super::scalar::{Number, number};
use super::{DEPTH, InvalidYamlError};
use crate::document::{Place, Places};
use crate::violation::Position;
use crate::{FieldPath, Fields, Value};

pub(super) fn read(text: &str) -> Result<(Value, Places), InvalidYamlError> {
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
    let tree: Spanned<Tree> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| InvalidYamlError {
            is_separated: matches!(error, serde_saphyr::Error::MultipleDocuments { .. }),
            ..InvalidYamlError::new(error.location().map(position), &one_line(&error))
        })?;
    let mut reader = Reader { text, places: Places::new() };
    let root = reader.flatten(tree.value, FieldPath::root(), tree.referenced, tree.defined);
    Ok((root, reader.places))
}

fn position(location: Location) -> Position {
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

/// Splits the tree into values and places.
struct Reader<'a> {
    text: &'a str,
    places: Places,
}

impl<'a> Reader<'a> {
    /// The value of a part of the tree, which stands at `place` and is written at `defined`, elsewhere if it is an alias.
    /// A field stands where its name does.
    fn flatten(&mut self, tree: Tree, path: FieldPath, place: Location, defined: Location) -> Value {
        match tree {
            Tree::Scalar(value) => {
                let written = self.written(defined);
                let value = written.map_or_else(|| value.clone(), |written| resolved(&value, written));
                let is_text = matches!(value, Value::Null | Value::String(_));
                self.insert(path, place, written.filter(|_| !is_text).map(Into::into));
                value
            }
            Tree::List(entries) => {
                let entries = entries.into_iter().enumerate().map(|(index, entry)| {
                    self.flatten(entry.value, path.index(index), entry.referenced, entry.defined)
                });
                let entries = entries.collect();
                self.insert(path, place, None);
                Value::List(entries)
            }
            Tree::Map(fields) => {
                let fields = fields.into_iter().map(|(name, value)| {
                    let value =
                        self.flatten(value.value, path.field(&name.value), name.referenced, value.defined);
                    (name.value, value)
                });
                let fields = fields.collect::<Fields>();
                self.insert(path, place, None);
                Value::Map(fields)
            }
        }
    }

    fn insert(&mut self, path: FieldPath, place: Location, written: Option<Box<str>>) {
        self.places.insert(path, Place { position: position(place), written });
    }

    /// A part of the text.
    fn written(&self, location: Location) -> Option<&'a str> {
        let span = location.span();
        let begin = usize::try_from(span.byte_offset()?).ok()?;
        let length = usize::try_from(span.byte_len()?).ok()?;
        self.text.get(begin..begin.checked_add(length)?)
    }
}

/// The scalar that is written so. The parser takes more texts for numbers than YAML 1.2 does, and fewer for integers.
fn resolved(value: &Value, written: &str) -> Value {
    let is_number = matches!(value, Value::Integer(_) | Value::Float(_));
    let is_plain = !written.is_empty() && !written.starts_with(['"', '\'', '|', '>']);
    if !is_number || !is_plain {
        return value.clone();
    }
    match number(written) {
        Number::Finite(number) => number,
        Number::Endless => value.clone(),
        Number::None => Value::from(written),
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
