//! A release document: a tree of values and where each of them stands in the text.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::violation::{Position, Violation};
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
    #[cfg(feature = "yaml")]
    source: Option<Source>,
}

/// Where each field of a document stands; empty for one without a text.
pub(crate) type Places = BTreeMap<FieldPath, Place>;

/// Where a field stands, and how its value is written there if that is no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) written: Option<Box<str>>,
}

/// The text of a document, kept for the case that there is something to report.
#[cfg(feature = "yaml")]
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) text: Box<str>,
    /// How many lines come before it in its file.
    pub(crate) lines_before: u64,
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
    /// The text is read again for it: meant for the case that there is something to report.
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
        nearest(&self.places(), path)
    }

    /// Says of each violation where it stands, and of the value how it is written.
    pub(crate) fn locate(&self, violations: &mut [Violation]) {
        if violations.is_empty() {
            return;
        }
        let places = self.places();
        for violation in violations {
            violation.position = nearest(&places, &violation.path);
            if let Some(written) = places.get(&violation.path).and_then(|place| place.written.as_deref()) {
                violation.write_value(written);
            }
        }
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn with_source(root: Value, source: Source) -> Self {
        Self { root, source: Some(source) }
    }

    #[cfg(feature = "yaml")]
    fn places(&self) -> Places {
        self.source.as_ref().map(Source::places).unwrap_or_default()
    }

    #[cfg(not(feature = "yaml"))]
    #[expect(clippy::unused_self, reason = "without the feature no document has a text")]
    fn places(&self) -> Places {
        Places::new()
    }
}

/// The position of the field, else of the nearest that it is part of.
fn nearest(places: &Places, path: &FieldPath) -> Option<Position> {
    let mut path = path.clone();
    loop {
        if let Some(place) = places.get(&path) {
            return Some(place.position);
        }
        path = path.parent()?;
    }
}

/// A document without a text, from the `spec` of a custom resource for instance.
impl From<Value> for Document {
    fn from(root: Value) -> Self {
        Self {
            root,
            #[cfg(feature = "yaml")]
            source: None,
        }
    }
}
