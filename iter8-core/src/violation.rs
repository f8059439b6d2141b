//! What is wrong with a declaration, said so that a person can mend it.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;

use crate::FieldPath;

/// How many violations are looked for. Nobody reads more, and a document can be made to have half a million.
pub(crate) const ENOUGH: usize = 1000;

/// A place in a text; lines and columns count from 1.
///
/// ```
/// use iter8_core::Position;
///
/// assert_eq!(Position { line: 3, column: 7 }.to_string(), "3:7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong in a declaration.
///
/// ```
/// use iter8_core::{Document, Release};
///
/// let document = Document::from_yaml("application:\n  versions:\n  - weight: -5\n")?;
/// let (_, violations) = Release::from_document(&document);
/// assert_eq!(violations[0].path.to_string(), "application.versions[0].weight");
/// assert_eq!(violations[0].value.as_deref(), Some("-5"));
/// assert_eq!(violations[0].position.map(|position| position.line), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The field that is wrong.
    pub path: FieldPath,
    /// What is wrong with it.
    pub message: String,
    /// The value found there, where it helps.
    pub value: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
    /// Where it stands in the file, if the declaration came from one.
    pub position: Option<Position>,
    /// Whether the hint is the value in quotes.
    is_quoted: bool,
    /// Whether it may be so only because something inside of the field could not be read.
    is_of_absence: bool,
}

impl Violation {
    /// A violation at `path`; value, hint and position can be added.
    pub(crate) fn new(path: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            value: None,
            hint: None,
            position: None,
            is_quoted: false,
            is_of_absence: false,
        }
    }

    /// Something is missing or two things are the same, which may be so only because not everything in the field could
    /// be read.
    pub(crate) fn of_absence(mut self) -> Self {
        self.is_of_absence = true;
        self
    }

    /// Whether it is wrong whatever else could not be read. What could not be read is missing, too; saying so again
    /// would only hide the cause.
    pub(crate) fn is_news(&self, unread: &BTreeSet<&FieldPath>) -> bool {
        // What is inside of a path comes right after it.
        let inside = unread.range::<&FieldPath, _>(&self.path..).next();
        let is_around = inside.is_some_and(|inside| self.path.contains(inside));
        let mut parts = core::iter::successors(Some(self.path.clone()), FieldPath::parent);
        let follows = self.is_of_absence && is_around;
        !follows && !parts.any(|part| unread.contains(&part))
    }

    /// Adds the value that was found.
    pub(crate) fn value(mut self, value: &(impl ToString + ?Sized)) -> Self {
        self.value = Some(Brief(&value.to_string()).to_string());
        self
    }

    /// Adds the value that was found, which should be in quotes.
    pub(crate) fn unquoted(mut self, value: &(impl ToString + ?Sized)) -> Self {
        self.is_quoted = true;
        self.value = Some(String::new());
        self.write_value(&value.to_string());
        self
    }

    /// Shows the value, if it is shown, as it is written in the file: `1.10`, which is the number 1.1.
    pub(crate) fn write_value(&mut self, written: &str) {
        if let Some(value) = &mut self.value {
            *value = Brief(written).to_string();
            if self.is_quoted {
                self.hint = Some(format!("write it in quotes: \"{value}\""));
            }
        }
    }

    /// Adds what to write instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A text of the document, cut where it is longer than any that is right: what is said of it stays readable.
pub(crate) struct Brief<'a>(pub(crate) &'a str);

impl Brief<'_> {
    /// As many characters as the key of a label has at most.
    const LENGTH: usize = 317;
}

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.char_indices().nth(Self::LENGTH);
        match cut.and_then(|(end, _)| self.0.get(..end)) {
            Some(beginning) => write!(f, "{beginning}…"),
            None => f.write_str(self.0),
        }
    }
}

/// `3:7: application.versions[0].weight: must be … (found `-5`); write …`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        write!(f, "{}: {}", self.path, self.message)?;
        if let Some(value) = &self.value {
            write!(f, " (found `{value}`)")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// Why a declaration is refused: everything that is wrong with it at once, never empty.
///
/// ```
/// use iter8_core::{Capabilities, Document, ReleaseKey, declare};
///
/// let document = Document::from_yaml("environment: kserve\napplication: {versions: []}")?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
/// assert_eq!(error.to_string().lines().count(), 2, "one line for each violation");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidReleaseError {
    // INVARIANT: not empty; kept by the constructors.
    violations: Vec<Violation>,
}

impl InvalidReleaseError {
    /// The error for these violations, `None` if there are none.
    pub(crate) fn from_violations(violations: Vec<Violation>) -> Option<Self> {
        (!violations.is_empty()).then_some(Self { violations })
    }

    /// The error for one violation.
    pub(crate) fn of(violation: Violation) -> Self {
        Self { violations: vec![violation] }
    }

    /// The violations, in the order of the document.
    ///
    /// ```
    /// use iter8_core::{Capabilities, Document, ReleaseKey, declare};
    ///
    /// let document = Document::from_yaml("environment: deployment\napplication: {versions: []}")?;
    /// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
    /// let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
    /// assert_eq!(error.violations()[0].message, "at least one version is required");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

/// One violation a line.
impl fmt::Display for InvalidReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}
