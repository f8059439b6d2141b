//! Where in a document a field is.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::violation::Brief;

/// The path to a field, written as `application.versions[1].matches[0].path`.
///
/// ```
/// use iter8_core::FieldPath;
///
/// let path = FieldPath::root().field("application").field("versions").index(1);
/// assert_eq!(path.to_string(), "application.versions[1]");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    Field(String),
    Index(usize),
}

impl FieldPath {
    /// The whole document.
    ///
    /// ```
    /// assert_eq!(iter8_core::FieldPath::root().to_string(), "the document");
    /// ```
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The field `name` of what is at this path.
    ///
    /// ```
    /// use iter8_core::FieldPath;
    ///
    /// let annotations = FieldPath::root().field("annotations");
    /// assert_eq!(annotations.field("iter8.tools/adopt").to_string(), "annotations[iter8.tools/adopt]");
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.child(Segment::Field(name.to_owned()))
    }

    /// The entry `index`, counted from 0, of the list at this path.
    ///
    /// ```
    /// use iter8_core::FieldPath;
    ///
    /// assert_eq!(FieldPath::root().field("versions").index(0).to_string(), "versions[0]");
    /// ```
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(Segment::Index(index))
    }

    /// The map or list that this is part of; `None` for the whole document.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, segments) = self.segments.split_last()?;
        Some(Self { segments: segments.to_vec() })
    }

    /// Whether `other` is this path or leads to something inside of it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.segments.starts_with(&self.segments)
    }

    fn child(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.segments.len().saturating_add(1));
        segments.extend_from_slice(&self.segments);
        segments.push(segment);
        Self { segments }
    }
}

/// A path that borrows the one to what it is part of: nothing is copied before something is wrong there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    /// `None` for the whole document.
    last: Option<(&'a Self, Part<'a>)>,
}

#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path { last: None };
    pub(crate) const APPLICATION: Path<'static> = Self::ROOT_REF.field("application");
    pub(crate) const VERSIONS: Path<'static> = Self::APPLICATION_REF.field("versions");
    pub(crate) const ROUTE: Path<'static> = Self::APPLICATION_REF.field("route");

    const ROOT_REF: &'static Path<'static> = &Path { last: None };
    const APPLICATION_REF: &'static Path<'static> = &Path::APPLICATION;
    const VERSIONS_REF: &'static Path<'static> = &Path::VERSIONS;

    /// The field `name` of what is at this path.
    pub(crate) const fn field(&'a self, name: &'a str) -> Self {
        Self { last: Some((self, Part::Field(name))) }
    }

    /// The entry `index` of the list at this path.
    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self { last: Some((self, Part::Index(index))) }
    }

    /// Version `index`.
    pub(crate) const fn version(index: usize) -> Path<'static> {
        Self::VERSIONS_REF.index(index)
    }
}

impl From<&Path<'_>> for FieldPath {
    fn from(path: &Path<'_>) -> Self {
        match path.last {
            None => Self::root(),
            Some((parent, Part::Field(name))) => Self::from(parent).field(name),
            Some((parent, Part::Index(index))) => Self::from(parent).index(index),
        }
    }
}

impl From<Path<'_>> for FieldPath {
    fn from(path: Path<'_>) -> Self {
        (&path).into()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("the document");
        }
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                // A name that would read like more than one segment (`iter8.tools/watch`) is put in brackets.
                Segment::Field(name) if name.contains(['.', '[', ' ']) || name.is_empty() => {
                    write!(f, "[{}]", Brief(name))?;
                }
                Segment::Field(name) if position == 0 => Brief(name).fmt(f)?,
                Segment::Field(name) => write!(f, ".{}", Brief(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
