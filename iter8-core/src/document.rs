//! A release document: a tree of values and where each of them stands in the text.

use std::collections::BTreeMap;

use crate::violation::Position;
use crate::{FieldPath, Value};

/// What a user wrote, before it is read as a [`Release`](crate::Release).
#[derive(Debug, Clone, Default)]
pub struct Document {
    root: Value,
    positions: BTreeMap<FieldPath, Position>,
}

impl Document {
    /// The tree of values.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Where the field stands in the text; for a missing field, where the map stands that lacks it.
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
