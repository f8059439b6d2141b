//! Reads YAML 1.2 with the position of every field (feature `yaml`).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::document::Document;
use crate::violation::Position;
use crate::{FieldPath, Fields, Value, Violation};

/// How deep a document may be: more than any Deployment needs, and little enough for the stack of a thread.
const DEPTH: usize = 48;

/// A text that is not one YAML document: where, and why.
///
/// ```
/// use iter8_core::Document;
///
/// let error = Document::from_yaml("application:\n  strategy: canary\n  strategy: none\n").unwrap_err();
/// assert_eq!(error.position.map(|position| position.line), Some(3), "a repeated key");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", position.map_or_else(String::new, |position| format!("{position}: ")))]
pub struct InvalidYamlError {
    /// Where the text stops being YAML.
    pub position: Option<Position>,
    message: String,
}

impl From<InvalidYamlError> for Violation {
    fn from(error: InvalidYamlError) -> Self {
        let mut violation = Self::new(FieldPath::root(), error.message);
        violation.position = error.position;
        violation
    }
}

impl Document {
    /// Reads one YAML document (JSON is YAML, too).
    ///
    /// Plain `yes`, `no`, `on`, `off`, `y` and `n` are text, as YAML 1.2 has it;
    /// anchors, aliases and merge keys work.
    ///
    /// # Errors
    /// The text is not YAML, holds more than one document, repeats a key,
    /// or is far larger or deeper than a release can be.
    ///
    /// ```
    /// let document = iter8_core::Document::from_yaml("application:\n  strategy: canary\n")?;
    /// let strategy = iter8_core::FieldPath::root().field("application").field("strategy");
    /// assert_eq!(document.position(&strategy).map(|position| position.line), Some(2));
    /// # Ok::<(), iter8_core::InvalidYamlError>(())
    /// ```
    pub fn from_yaml(text: &str) -> Result<Self, InvalidYamlError> {
        let options = serde_saphyr::options! {
            strict_booleans: true,
            duplicate_keys: DuplicateKeyPolicy::Error,
            with_snippet: false,
            budget: serde_saphyr::budget! {
                max_depth: DEPTH,
                flow_nesting_limit: DEPTH,
            },
        };
        let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let position = error.location().map(position);
            InvalidYamlError { position, message: format!("not a valid YAML document: {}", one_line(&error)) }
        })?;
        let mut positions = BTreeMap::new();
        let path = FieldPath::root();
        positions.insert(path.clone(), position(tree.referenced));
        let root = flatten(tree.value, &path, &mut positions);
        Ok(Self::with_positions(root, positions))
    }
}

fn position(location: serde_saphyr::Location) -> Position {
    Position { line: location.line(), column: location.column() }
}

/// What is wrong, without the position, which we give in a form of our own, and without the parser's
/// advice to programmers.
fn one_line(error: &serde_saphyr::Error) -> String {
    const TOO_LARGE: &str = "it is larger or deeper than a release can be";
    if matches!(error, serde_saphyr::Error::MultipleDocuments { .. }) {
        return "there is more than one document; give each a file of its own".to_owned();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.split(", set DuplicateKeyPolicy").next().unwrap_or(line).trim_start_matches("error: ");
    // Inside of an alias the parser gives these as text only.
    let is_too_large = line.starts_with("budget breached") || line == "recursion limit exceeded";
    if is_too_large { TOO_LARGE.to_owned() } else { line.to_owned() }
}

/// Splits the tree into values and positions. A field's position is that of its name.
fn flatten(tree: Tree, path: &FieldPath, positions: &mut BTreeMap<FieldPath, Position>) -> Value {
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
