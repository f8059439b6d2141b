//! A tree of values: what a document says, before anything is known of its meaning.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::Fields;

/// A value as JSON and YAML know it.
///
/// The core carries what it does not interpret (a whole Deployment spec, say)
/// in this form, so that it depends on no Kubernetes type.
///
/// ```
/// use iter8_core::Value;
///
/// let value: Value = serde_json::from_str(r#"{"replicas": 3}"#)?;
/// assert_eq!(value.get("replicas").and_then(Value::as_integer), Some(3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing; in a release document the same as an absent field.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number. Wide enough for every integer of JSON and YAML documents.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Text.
    String(String),
    /// Values in order.
    List(Vec<Self>),
    /// Values by name.
    Map(Fields),
}

impl Value {
    /// The field `name`, if this is a map that has it.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// let metadata = Value::from([("name", "web".into())]);
    /// assert_eq!(metadata.get("name").and_then(Value::as_str), Some("web"));
    /// assert_eq!(metadata.get("namespace"), None);
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map().and_then(|fields| fields.get(name))
    }

    /// The text, if this is a string.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// assert_eq!(Value::from("web").as_str(), Some("web"));
    /// assert_eq!(Value::Integer(1).as_str(), None, "nothing is converted");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number, if this is a whole number.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// assert_eq!(Value::Integer(3).as_integer(), Some(3));
    /// assert_eq!(Value::Float(3.0).as_integer(), None);
    /// ```
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The entries, if this is a list.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// assert_eq!(Value::from(vec!["a", "b"]).as_list().map(<[Value]>::len), Some(2));
    /// ```
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(entries) = self { Some(entries) } else { None }
    }

    /// The fields, if this is a map.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// let metadata = Value::from([("name", "web".into())]);
    /// assert!(metadata.as_map().is_some_and(|fields| fields.contains_key("name")));
    /// ```
    #[must_use]
    pub fn as_map(&self) -> Option<&Fields> {
        if let Self::Map(fields) = self { Some(fields) } else { None }
    }

    /// What kind of value this is, in words for an error message.
    ///
    /// ```
    /// use iter8_core::Value;
    ///
    /// assert_eq!(Value::Bool(true).kind(), "a boolean");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a decimal number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl<V: Into<Self>> From<Vec<V>> for Value {
    fn from(entries: Vec<V>) -> Self {
        Self::List(entries.into_iter().map(Into::into).collect())
    }
}

impl<const N: usize> From<[(&str, Self); N]> for Value {
    fn from(fields: [(&str, Self); N]) -> Self {
        Self::Map(fields.into())
    }
}

impl From<&BTreeMap<String, String>> for Value {
    fn from(fields: &BTreeMap<String, String>) -> Self {
        let fields = fields.iter().map(|(name, text)| (name.as_str(), Self::from(text.as_str())));
        Self::Map(fields.collect())
    }
}

/// Flow style, shortened: for error messages.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::String(text) if text.chars().count() > LONGEST => {
                write!(f, "{}…", text.chars().take(LONGEST).collect::<String>())
            }
            Self::String(text) => f.write_str(text),
            Self::List(entries) if entries.len() == 1 => f.write_str("a list of 1 entry"),
            Self::List(entries) => write!(f, "a list of {} entries", entries.len()),
            Self::Map(fields) if fields.len() == 1 => f.write_str("a map of 1 field"),
            Self::Map(fields) => write!(f, "a map of {} fields", fields.len()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            // The 64-bit forms come first: most formats know no wider one.
            Self::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_i64(number),
                (_, Ok(number)) => serializer.serialize_u64(number),
                _ => serializer.serialize_i128(*number),
            },
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(entries) => {
                let mut list = serializer.serialize_seq(Some(entries.len()))?;
                for entry in entries {
                    list.serialize_element(entry)?;
                }
                list.end()
            }
            Self::Map(fields) => fields.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Value::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Value::Map(fields.into_iter().collect()))
    }
}
