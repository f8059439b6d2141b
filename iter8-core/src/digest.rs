//! A digest of what was declared.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Value;

/// A fingerprint of a declared object, kept on the object as annotation `iter8.tools/digest`.
///
/// Equal declarations have equal digests, on every machine and in every build:
/// the digest is FNV-1a (64 bits) over an encoding of the value defined here.
///
/// ```
/// use iter8_core::{Digest, Value};
///
/// let declared = Digest::of(&Value::from([("image", "web:1".into())]));
/// assert_eq!(declared, Digest::of(&Value::from([("image", "web:1".into())])));
/// assert_ne!(declared, Digest::of(&Value::from([("image", "web:2".into())])));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// The digest of a value.
    ///
    /// ```
    /// use iter8_core::{Digest, Value};
    ///
    /// let one = Value::from([("a", "1".into()), ("b", "2".into())]);
    /// let other = Value::from([("b", "2".into()), ("a", "1".into())]);
    /// assert_eq!(Digest::of(&one), Digest::of(&other), "fields have no order");
    /// ```
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut hash = Fnv::default();
        hash.value(value);
        Self(format!("{:016x}", hash.0))
    }

    /// A digest as read from an annotation.
    ///
    /// ```
    /// use iter8_core::{Digest, Value};
    ///
    /// let declared = Digest::of(&Value::Null);
    /// assert_eq!(Digest::from_annotation(declared.as_str()), declared);
    /// assert_ne!(Digest::from_annotation("written by hand"), declared);
    /// ```
    #[must_use]
    pub fn from_annotation(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The digest as text, for an annotation.
    ///
    /// ```
    /// use iter8_core::{Digest, Value};
    ///
    /// assert_eq!(Digest::of(&"web".into()).as_str().len(), 16, "hexadecimal digits");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// A tag, then the content; whatever has a length says it first, so that no two values encode alike.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b"z"),
            Value::Bool(value) => self.bytes(if *value { b"t" } else { b"f" }),
            Value::Integer(number) => {
                self.bytes(b"i");
                self.bytes(&number.to_le_bytes());
            }
            Value::Float(number) => {
                self.bytes(b"d");
                self.bytes(&number.to_bits().to_le_bytes());
            }
            Value::String(text) => self.text(b"s", text),
            Value::List(entries) => {
                self.length(b"l", entries.len());
                for entry in entries {
                    self.value(entry);
                }
            }
            Value::Map(fields) => {
                self.length(b"m", fields.len());
                for (name, value) in fields {
                    self.text(b"k", name);
                    self.value(value);
                }
            }
        }
    }

    fn text(&mut self, tag: &[u8], text: &str) {
        self.length(tag, text.len());
        self.bytes(text.as_bytes());
    }

    fn length(&mut self, tag: &[u8], length: usize) {
        self.bytes(tag);
        // A usize has at most 64 bits on every platform there is.
        self.bytes(&u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_never_changes_between_builds() {
        let value = Value::from([("image", "web:1".into()), ("port", Value::from(80_u16))]);
        assert_eq!(Digest::of(&value).as_str(), "25cbae2284a961b5");
    }

    #[test]
    fn values_that_read_alike_have_different_digests() {
        let texts = [
            Value::from("1"),
            Value::Integer(1),
            Value::Float(1.0),
            vec!["1"].into(),
            vec![vec!["1"]].into(),
        ];
        let digests: std::collections::BTreeSet<_> = texts.iter().map(Digest::of).collect();
        assert_eq!(digests.len(), texts.len());
    }
}
