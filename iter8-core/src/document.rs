//! A release document: a tree of values and where each of them stands in the text.

use std::collections::BTreeMap;

use crate::violation::Position;
use crate::{FieldPath, Value};

/// What a user wrote, before it is read as a [`Release`](crate::Release).
///
/// ```
/// use iter8_core::{Document, Value};
///
/// let written = Document::from_yaml("application: {strategy: canary}")?;
/// let built = Document::from(Value::from([("application", Value::from([("strategy", "canary".into())]))]));
/// assert_eq!(written.root(), built.root());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Document {
    root: Value,
    positions: BTreeMap<FieldPath, Position>,
}

impl Document {
    /// The tree of values.
    ///
    /// ```
    /// use iter8_core::{Document, Value};
    ///
    /// let document = Document::from_yaml("environment: deployment")?;
    /// assert_eq!(document.root().get("environment").and_then(Value::as_str), Some("deployment"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Where the field stands in the text; for a missing field, where the map stands that lacks it.
    ///
    /// ```
    /// use iter8_core::{Document, FieldPath};
    ///
    /// let document = Document::from_yaml("environment: deployment\napplication:\n  strategy: canary\n")?;
    /// let application = FieldPath::root().field("application");
    /// let position = |path: &FieldPath| document.position(path).map(|position| position.to_string());
    /// assert_eq!(position(&application.field("strategy")).as_deref(), Some("3:3"));
    /// assert_eq!(position(&application.field("versions")).as_deref(), Some("2:1"), "it is missing there");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn position(&self, path: &FieldPath) -> Option<Position> {
        let mut path = path.clone();
        loop {
            if let Some(position) = self.positions.get(&path) {
                return Some(*position);
            }
            path = path.parent()?;
        }
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn with_positions(root: Value, positions: BTreeMap<FieldPath, Position>) -> Self {
        Self { root, positions }
    }
}

/// A document without a text, from the `spec` of a custom resource for instance.
impl From<Value> for Document {
    fn from(root: Value) -> Self {
        Self { root, positions: BTreeMap::new() }
    }
}
