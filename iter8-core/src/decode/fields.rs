//! Reading a tree of values field by field, with the path at hand and every error kept.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt::Display;

use crate::field_path::Path;
use crate::release::Declared;
use crate::violation::{Brief, ENOUGH};
use crate::{Fields, Value, Violation};

/// Where violations are collected.
#[derive(Debug, Default)]
pub(super) struct Context {
    violations: RefCell<Vec<Violation>>,
}

impl Context {
    pub(super) fn report(&self, violation: Violation) {
        self.violations.borrow_mut().push(violation);
    }

    /// Whether so much is wrong that nothing more is looked for.
    fn has_enough(&self) -> bool {
        self.violations.borrow().len() >= ENOUGH
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations.into_inner()
    }
}

/// The most labels or annotations that are read in one place. Each version gets those of the application and its own, so
/// that more of them would be multiplied by the versions.
const TEXTS: usize = 500;

/// How many lists and maps inside of one another are carried along; no Kubernetes object has half as many, and whatever
/// goes through them does so by recursion.
const LEVELS: usize = 50;

/// What a value can have to be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Integer,
    List,
    Map,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Text => "write one text",
            Self::Integer => "write a whole number, without fraction or exponent",
            Self::List => "write a list, with `- ` before each entry",
            Self::Map => "write fields and values, like `field: value`",
        }
    }
}

/// A value and its path.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    pub(super) path: Path<'a>,
    pub(super) context: &'a Context,
}

impl<'a> Node<'a> {
    pub(super) fn new(value: &'a Value, path: Path<'a>, context: &'a Context) -> Self {
        Self { value, path, context }
    }

    /// Reports this value as wrong; always `None`.
    pub(super) fn violation<T>(&self, message: &str, hint: &str) -> Option<T> {
        self.context.report(Violation::new(self.path, message).value(self.value).hint(hint));
        None
    }

    /// Reports that this value is of the wrong kind; always `None`.
    #[cold]
    fn wrong_kind<T>(&self, wanted: Kind) -> Option<T> {
        let message = format!("must be {}, not {}", wanted.as_str(), self.value.kind());
        let violation = Violation::new(self.path, message);
        let violation = match (wanted, self.value) {
            (Kind::Text, Value::Bool(_) | Value::Integer(_) | Value::Float(_)) => {
                violation.unquoted(self.value)
            }
            (Kind::Integer, Value::String(text)) if text.parse::<i128>().is_ok() => {
                violation.value(text).hint(format!("write it without quotes: {text}"))
            }
            (_, Value::Null | Value::List(_) | Value::Map(_)) => violation.hint(wanted.hint()),
            (_, Value::String(_) | Value::Bool(_) | Value::Integer(_) | Value::Float(_)) => {
                violation.value(self.value).hint(wanted.hint())
            }
        };
        self.context.report(violation);
        None
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong_kind(Kind::Text))
    }

    pub(super) fn owned_text(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A parsed name.
    pub(super) fn name<T>(&self) -> Option<T>
    where
        T: TryFrom<String, Error: Display>,
    {
        let text = self.owned_text()?;
        T::try_from(text).map_or_else(
            |error| {
                self.context.report(Violation::new(self.path, error.to_string()).value(self.value));
                None
            },
            Some,
        )
    }

    /// A parsed name; an empty string counts as absent.
    pub(super) fn optional_name<T>(&self) -> Option<T>
    where
        T: TryFrom<String, Error: Display>,
    {
        if self.value.as_str() == Some("") { None } else { self.name() }
    }

    pub(super) fn integer(&self) -> Option<i128> {
        self.value.as_integer().or_else(|| self.wrong_kind(Kind::Integer))
    }

    /// A number with a range.
    pub(super) fn ranged<T>(&self) -> Option<T>
    where
        T: TryFrom<i128, Error: Display>,
    {
        T::try_from(self.integer()?).map_or_else(
            |error| {
                self.context.report(Violation::new(self.path, error.to_string()).value(self.value));
                None
            },
            Some,
        )
    }

    /// A number of things, 0 or more and at most what a Kubernetes integer holds.
    pub(super) fn count(&self, what: &str) -> Option<u32> {
        let number = self.integer()?;
        let count = u32::try_from(number).ok().filter(|count| i32::try_from(*count).is_ok());
        count.or_else(|| {
            self.violation(&format!("is not a number of {what}"), "write an integer from 0 to 2147483647")
        })
    }

    pub(super) fn map(&self) -> Option<MapReader<'_>> {
        let Value::Map(fields) = self.value else { return self.wrong_kind(Kind::Map) };
        // No map of a release has more fields than this.
        let known = Vec::with_capacity(16);
        Some(MapReader { fields, path: &self.path, context: self.context, known, unlisted: Vec::new() })
    }

    /// Itself, if it can be carried along without being understood.
    pub(super) fn carried(self) -> Option<Self> {
        if goes_deeper(self.value, LEVELS) {
            let message = format!("has more than {LEVELS} lists and maps inside of one another");
            self.context
                .report(Violation::new(self.path, message).hint("nothing in Kubernetes needs so many"));
            return None;
        }
        Some(self)
    }

    /// The entries of a list, each read by `read`.
    pub(super) fn list<T>(&self, read: impl Fn(&Node<'_>) -> T) -> Vec<T> {
        let Value::List(entries) = self.value else { return self.wrong_kind(Kind::List).unwrap_or_default() };
        let node = |(index, value)| Node::new(value, self.path.index(index), self.context);
        let nodes = entries.iter().enumerate().map(node).take_while(|_| !self.context.has_enough());
        nodes.map(|node| read(&node)).collect()
    }

    /// The same for a list of at most so many entries; a longer one is not read at all.
    pub(super) fn list_at_most<T>(&self, most: usize, read: impl Fn(&Node<'_>) -> T) -> Vec<T> {
        let count = self.value.as_list().map_or(0, <[Value]>::len);
        if self.is_too_long(count, most, "entries") { Vec::new() } else { self.list(read) }
    }

    /// Reports that this has more entries than anybody needs.
    fn is_too_long(&self, count: usize, most: usize, what: &str) -> bool {
        let is_too_long = count > most;
        if is_too_long {
            let violation = Violation::new(self.path, format!("may have at most {most} {what}, not {count}"));
            self.context.report(violation.hint("leave some out"));
        }
        is_too_long
    }

    /// The entries of a list that `read` can read.
    pub(super) fn list_of<T>(&self, read: impl Fn(&Node<'_>) -> Option<T>) -> Vec<T> {
        let Value::List(entries) = self.value else { return self.wrong_kind(Kind::List).unwrap_or_default() };
        let mut read_entries = Vec::with_capacity(entries.len());
        for (index, value) in entries.iter().enumerate().take_while(|_| !self.context.has_enough()) {
            read_entries.extend(read(&Node::new(value, self.path.index(index), self.context)));
        }
        read_entries
    }

    /// A map whose values are text: labels or annotations; null counts as absent.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let Value::Map(fields) = self.value else { return self.wrong_kind(Kind::Map).unwrap_or_default() };
        if self.is_too_long(fields.len(), TEXTS, "fields") {
            return BTreeMap::new();
        }
        fields
            .iter()
            .filter(|(_, value)| **value != Value::Null)
            .filter_map(|(name, value)| {
                let node = Node::new(value, self.path.field(name), self.context);
                Some((name.to_owned(), node.owned_text()?))
            })
            .collect()
    }
}

/// Reads a map's fields; what nobody asked for is reported in the end.
#[derive(Debug)]
pub(super) struct MapReader<'a> {
    fields: &'a Fields,
    path: &'a Path<'a>,
    context: &'a Context,
    known: Vec<&'static str>,
    unlisted: Vec<&'static str>,
}

impl<'a> MapReader<'a> {
    /// The field `name`; null counts as absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node<'a>> {
        match self.take_declared(name) {
            Declared::Absent | Declared::Null => None,
            Declared::Value(node) => Some(node),
        }
    }

    /// The field `name`, which is not to be suggested to anybody; null counts as absent.
    pub(super) fn take_unlisted(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.unlisted.push(name);
        let value = self.fields.get(name).filter(|value| **value != Value::Null)?;
        Some(Node::new(value, self.path.field(name), self.context))
    }

    /// The field `name`, where null and absence differ.
    pub(super) fn take_declared(&mut self, name: &'static str) -> Declared<Node<'a>> {
        self.known.push(name);
        match self.fields.get(name) {
            None => Declared::Absent,
            Some(Value::Null) => Declared::Null,
            Some(value) => Declared::Value(Node::new(value, self.path.field(name), self.context)),
        }
    }

    /// The field `name`, reported with what to write if it is not there.
    pub(super) fn required(&mut self, name: &'static str, hint: &str) -> Option<Node<'a>> {
        let node = self.take(name);
        if node.is_none() {
            self.context.report(Violation::new(self.path.field(name), "is required").hint(hint));
        }
        node
    }

    /// The fields that were not asked for.
    pub(super) fn rest(&self) -> Fields {
        self.fields.iter().filter(|(name, _)| self.is_rest(name)).collect()
    }

    fn is_rest(&self, name: &str) -> bool {
        !self.known.contains(&name) && !self.unlisted.contains(&name)
    }

    /// Reports the fields that were not asked for.
    pub(super) fn finish(self) {
        let unknown = self.fields.iter().filter(|(name, _)| self.is_rest(name));
        for (name, _) in unknown.take_while(|_| !self.context.has_enough()) {
            let violation = Violation::new(self.path.field(name), format!("unknown field `{}`", Brief(name)));
            self.context.report(match nearest(name, &self.known) {
                Some(known) => violation.hint(format!("did you mean `{known}`?")),
                None => violation.hint(format!("known fields are {}", self.known.join(", "))),
            });
        }
    }
}

impl<T> Declared<T> {
    /// Reads the value; one that cannot be read counts as absent.
    pub(super) fn map<U>(self, read: impl FnOnce(T) -> Option<U>) -> Declared<U> {
        match self {
            Self::Absent => Declared::Absent,
            Self::Null => Declared::Null,
            Self::Value(value) => read(value).map_or(Declared::Absent, Declared::Value),
        }
    }
}

/// Whether there are more than so many lists and maps inside of one another.
fn goes_deeper(value: &Value, levels: usize) -> bool {
    let inside = |value: &Value| match levels.checked_sub(1) {
        Some(levels) => goes_deeper(value, levels),
        None => matches!(value, Value::List(_) | Value::Map(_)),
    };
    match value {
        Value::List(entries) => entries.iter().any(inside),
        Value::Map(fields) => fields.iter().any(|(_, value)| inside(value)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => false,
    }
}

/// The known name that `name` is probably a misspelling of.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = |candidate: &&str| edit_distance(name, candidate) <= candidate.len().div_ceil(3);
    known.iter().copied().filter(close).min_by_key(|candidate| edit_distance(name, candidate))
}

/// Levenshtein's distance, without regard to case, by the row.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    // Names far longer than any field are no misspelling; cutting them bounds the work.
    let left = left.chars().take(64).flat_map(char::to_lowercase);
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal.saturating_add(usize::from(from != *to));
            diagonal = *cell;
            before = replaced.min(cell.saturating_add(1)).min(before.saturating_add(1));
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_insertions_deletions_and_replacements() {
        for (left, right, distance) in [
            ("", "abc", 3),
            ("match", "matches", 2),
            ("wieght", "weight", 2),
            ("Port", "port", 0),
            ("image", "imago", 1),
        ] {
            assert_eq!(edit_distance(left, right), distance, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_known_name_is_suggested_and_a_far_one_is_not() {
        let known = ["matches", "image", "weight"];
        assert_eq!(nearest("match", &known), Some("matches"));
        assert_eq!(nearest("wieght", &known), Some("weight"));
        assert_eq!(nearest("finalizers", &known), None);
    }
}
