//! A digest of what was declared.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Value;
use crate::shared::{Labels, List};

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
        Self::encoding(value)
    }

    /// The digest of what encodes like a value.
    pub(crate) fn encoding(what: &(impl Encode + ?Sized)) -> Self {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut hash = Fnv::default();
        what.encode(&mut hash);
        let nibbles = hash.0.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Self(nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))).collect())
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

/// What is hashed as the value that it stands for, without being made one.
pub(crate) trait Encode {
    fn encode(&self, hash: &mut Fnv);
}

pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    const PRIME: u64 = 0x0100_0000_01b3;

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    /// The bytes of a number, the lowest first. Most are 0, which only multiply.
    fn number(&mut self, bytes: &[u8]) {
        let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
        let (digits, zeros) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
        self.bytes(digits);
        let zeros = u32::try_from(zeros.len()).unwrap_or(0);
        self.0 = self.0.wrapping_mul(Self::PRIME.wrapping_pow(zeros));
    }

    fn text(&mut self, tag: &[u8], text: &str) {
        self.length(tag, text.len());
        self.bytes(text.as_bytes());
    }

    fn length(&mut self, tag: &[u8], length: usize) {
        self.bytes(tag);
        // A usize has at most 64 bits on every platform there is.
        self.number(&u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
    }

    /// A map of these fields, which come in the order of their names.
    pub(crate) fn map(&mut self, fields: &[(&str, &dyn Encode)]) {
        self.length(b"m", fields.len());
        for (name, value) in fields {
            self.text(b"k", name);
            value.encode(self);
        }
    }
}

/// A tag, then the content; whatever has a length says it first, so that no two values encode alike.
impl Encode for Value {
    fn encode(&self, hash: &mut Fnv) {
        match self {
            Self::Null => hash.bytes(b"z"),
            Self::Bool(value) => hash.bytes(if *value { b"t" } else { b"f" }),
            Self::Integer(number) => number.encode(hash),
            Self::Float(number) => {
                hash.bytes(b"d");
                hash.bytes(&number.to_bits().to_le_bytes());
            }
            Self::String(text) => text.as_str().encode(hash),
            Self::List(entries) => entries.as_slice().encode(hash),
            Self::Map(fields) => fields.encode(hash),
        }
    }
}

impl Encode for i128 {
    fn encode(&self, hash: &mut Fnv) {
        hash.bytes(b"i");
        hash.number(&self.to_le_bytes());
    }
}

impl Encode for &str {
    fn encode(&self, hash: &mut Fnv) {
        hash.text(b"s", self);
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, hash: &mut Fnv) {
        hash.length(b"l", self.len());
        for entry in self {
            entry.encode(hash);
        }
    }
}

impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, hash: &mut Fnv) {
        self.as_slice().encode(hash);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, hash: &mut Fnv) {
        self.as_slice().encode(hash);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, hash: &mut Fnv) {
        match self {
            Some(value) => value.encode(hash),
            None => Value::Null.encode(hash),
        }
    }
}

impl<T: Encode> Encode for List<T> {
    fn encode(&self, hash: &mut Fnv) {
        (**self).encode(hash);
    }
}

impl<T: Encode> Encode for BTreeMap<String, T> {
    fn encode(&self, hash: &mut Fnv) {
        hash.length(b"m", self.len());
        for (name, value) in self {
            hash.text(b"k", name);
            value.encode(hash);
        }
    }
}

impl Encode for String {
    fn encode(&self, hash: &mut Fnv) {
        self.as_str().encode(hash);
    }
}

impl Encode for Labels {
    fn encode(&self, hash: &mut Fnv) {
        (**self).encode(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FrontService, Method, PathMatch, PathMatchType, Port, RouteMatch, ValueMatch, ValueMatchType,
    };

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

    #[test]
    fn what_is_declared_has_the_digest_of_the_value_that_it_stands_for() {
        let header =
            ValueMatch { kind: ValueMatchType::RegularExpression, name: "a".into(), value: "b+".into() };
        let path = PathMatch { kind: PathMatchType::Exact, value: "/x".into() };
        let route_match = RouteMatch {
            path: Some(path),
            headers: vec![header],
            query_params: Vec::new(),
            method: Some(Method::Get),
        };
        let expected = Value::from([
            ("path", vec!["Exact", "/x"].into()),
            ("headers", vec![vec!["RegularExpression", "a", "b+"]].into()),
            ("queryParams", Value::List(Vec::new())),
            ("method", "GET".into()),
        ]);
        assert_eq!(Digest::encoding(&route_match), Digest::of(&expected));
        let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
        assert_eq!(Digest::encoding(&labels), Digest::of(&Value::from([("app", "web".into())])));
        let front = FrontService {
            name: "web".parse().unwrap(),
            port: Port::HTTP,
            target_port: None,
            selector: labels,
            labels: Labels::default(),
            annotations: Labels::default(),
        };
        let expected = Value::from([
            ("name", "web".into()),
            ("port", Value::from(80_u16)),
            ("targetPort", Value::Null),
            ("selector", Value::from([("app", "web".into())])),
            ("labels", Value::Map(BTreeMap::new())),
            ("annotations", Value::Map(BTreeMap::new())),
        ]);
        assert_eq!(front.digest(), Digest::of(&expected));
    }
}
