//! The fields of a map.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::iter::Map;
use core::slice::Iter;

use serde::{Serialize, Serializer};

use crate::Value;

/// The fields of a map, in the order of their names: immutable, and shared when they are cloned.
///
/// ```
/// use iter8_core::{Fields, Value};
///
/// let spec = Fields::from([("replicas", Value::Integer(3))]);
/// assert_eq!(spec.get("replicas"), Some(&Value::Integer(3)));
/// let spec: Fields = spec.iter().chain([("paused", &Value::Bool(true))]).collect();
/// assert_eq!(spec.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["paused", "replicas"]);
/// ```
#[derive(Clone, PartialEq, Default)]
// INVARIANT: sorted by name, no name is there twice, and no fields are `None`.
pub struct Fields(Option<Arc<[Field]>>);

pub(crate) type Field = (Box<str>, Value);

impl Fields {
    /// The value of the field `name`.
    ///
    /// ```
    /// use iter8_core::Fields;
    ///
    /// assert_eq!(Fields::default().get("replicas"), None);
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let fields = self.as_slice();
        let index = fields.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        fields.get(index).map(|(_, value)| value)
    }

    /// Whether there is a field `name`.
    ///
    /// ```
    /// use iter8_core::{Fields, Value};
    ///
    /// assert!(Fields::from([("paused", Value::Null)]).contains_key("paused"));
    /// ```
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The names and values, in the order of the names.
    ///
    /// ```
    /// use iter8_core::{Fields, Value};
    ///
    /// let fields = Fields::from([("b", Value::Null), ("a", Value::Null)]);
    /// assert_eq!(fields.iter().next(), Some(("a", &Value::Null)));
    /// ```
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.into_iter()
    }

    /// How many fields there are.
    ///
    /// ```
    /// assert_eq!(iter8_core::Fields::default().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there is none.
    ///
    /// ```
    /// assert!(iter8_core::Fields::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Takes the fields from the place `from` on out of a list; `None` where a name is there twice.
    #[cfg(feature = "yaml")]
    pub(crate) fn drain(list: &mut Vec<Field>, from: usize) -> Option<Self> {
        let fields = list.get_mut(from..)?;
        fields.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let is_legal = fields.is_sorted_by(|(one, _), (other, _)| one < other);
        is_legal.then(|| Self::sorted(list.drain(from..)))
    }

    fn sorted(fields: impl ExactSizeIterator<Item = Field>) -> Self {
        Self((fields.len() > 0).then(|| fields.collect()))
    }

    fn as_slice(&self) -> &[Field] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a str, &'a Value);
    type IntoIter = Map<Iter<'a, Field>, fn(&'a Field) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter().map(|(name, value)| (name, value))
    }
}

/// Of fields with the same name the last one counts.
impl<N: Into<Box<str>>> FromIterator<(N, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(fields: I) -> Self {
        let mut fields: Vec<Field> = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        fields.reverse();
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.dedup_by(|(later, _), (first, _)| later == first);
        Self::sorted(fields.into_iter())
    }
}

impl<'a> FromIterator<(&'a str, &'a Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a Value)>>(fields: I) -> Self {
        fields.into_iter().map(|(name, value)| (name, value.clone())).collect()
    }
}

impl<N: Into<Box<str>>, const L: usize> From<[(N, Value); L]> for Fields {
    fn from(fields: [(N, Value); L]) -> Self {
        fields.into_iter().collect()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fields_with_one_name_the_last_counts() {
        let fields = Fields::from([("b", 1_u16.into()), ("a", 2_u16.into()), ("b", 3_u16.into())]);
        let read: Vec<_> = fields.iter().map(|(name, value)| (name, value.as_integer().unwrap())).collect();
        assert_eq!(read, [("a", 2), ("b", 3)]);
    }

    #[test]
    fn an_empty_map_has_one_form() {
        let none: Fields = core::iter::empty::<Field>().collect();
        assert_eq!(none, Fields::default());
        assert!(none.is_empty());
    }
}
