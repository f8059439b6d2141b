//! Reads YAML 1.2 (feature `yaml`): fast, and again for the position of every field if there is something to report.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

mod plain;
mod scalar;
mod spanned;
mod stream;

#[cfg(test)]
mod tests;

use crate::document::{Document, Places, Source};
use crate::violation::{Brief, Position};
use crate::{FieldPath, Violation};

/// How deep a document may be: more than any Deployment needs, and little enough for the stack of a thread.
const DEPTH: usize = 48;

/// How long a document may be: as much as the API server takes in one request, twice what etcd stores.
const BYTES: usize = 3 * 1024 * 1024;

const TOO_LARGE: &str = "it is larger or deeper than a release can be";

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
    /// Whether the only thing wrong is that something separates documents.
    is_separated: bool,
}

impl InvalidYamlError {
    fn new(position: Option<Position>, why: &str) -> Self {
        let message = format!("not a valid YAML document: {}", Brief(why));
        Self { position, message, is_separated: false }
    }
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
        Self::from_lines(text, 0).or_else(|error| {
            // Documents without anything in them may come before and after the one.
            let mut documents = stream::documents(text).take_while(|_| error.is_separated);
            match (documents.next(), documents.next()) {
                (Some((part, lines_before)), None) => Self::from_lines(part, lines_before),
                _ => Err(error),
            }
        })
    }

    /// Reads every YAML document of a text, which `---` separates. Positions are those in the whole text; a document
    /// that holds nothing but comments is left out.
    ///
    /// # Errors
    /// One of them is what [`from_yaml`](Self::from_yaml) refuses.
    ///
    /// ```
    /// use iter8_core::{Document, FieldPath};
    ///
    /// let documents = Document::all_from_yaml("a: 1\n---\n# the second\nb: 2\n")?;
    /// assert_eq!(documents.len(), 2);
    /// assert_eq!(documents[1].position(&FieldPath::root().field("b")).map(|position| position.line), Some(4));
    /// # Ok::<(), iter8_core::InvalidYamlError>(())
    /// ```
    pub fn all_from_yaml(text: &str) -> Result<Vec<Self>, InvalidYamlError> {
        stream::documents(text).map(|(part, lines_before)| Self::from_lines(part, lines_before)).collect()
    }

    /// Reads the document in a part of a text.
    fn from_lines(text: &str, lines_before: u64) -> Result<Self, InvalidYamlError> {
        if text.len() > BYTES {
            let position = Position { line: lines_before.saturating_add(1), column: 1 };
            return Err(InvalidYamlError::new(Some(position), TOO_LARGE));
        }
        let root = match plain::read(text) {
            Some(root) => root,
            None => spanned::read(text).map(|(root, _)| root).map_err(|mut error| {
                error.position = error.position.map(|position| position.after(lines_before));
                error
            })?,
        };
        Ok(Self::with_source(root, Source { text: text.into(), lines_before }))
    }
}

impl Source {
    /// Where each field stands: the text is read again, slowly.
    pub(crate) fn places(&self) -> Places {
        let mut places = spanned::read(&self.text).map(|(_, places)| places).unwrap_or_default();
        for place in places.values_mut() {
            place.position = place.position.after(self.lines_before);
        }
        places
    }
}

impl Position {
    /// The position in a text of which so many lines come before the one that this is a position in.
    fn after(self, lines: u64) -> Self {
        Self { line: self.line.saturating_add(lines), column: self.column }
    }
}
