//! A digest of what was declared.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::shared::{Labels, List};
use crate::{Fields, Value};

/// A fingerprint of a declared object, kept on the object as annotation `iter8.tools/digest`.
///
/// Equal declarations have equal digests, on every machine and in every build:
/// the digest is a hash of 64 bits over an encoding of the value, both defined here. It tells changes, not malice.
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
        let mut hash = Hasher::default();
        what.encode(&mut hash);
        let nibbles = hash.0.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let mut text = String::with_capacity(16);
        text.extend(nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))));
        Self(text)
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
    fn encode(&self, hash: &mut Hasher);
}

/// A hash of eight bytes at a step: each is mixed in by a product of 128 bits whose halves are folded into one.
pub(crate) struct Hasher(u64);

impl Default for Hasher {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }
}

impl Hasher {
    /// Odd, with as many ones as zeros; like the start it is made of digits of π, so that nobody has chosen it.
    const FACTOR: u64 = 0x1319_8a2e_0370_7345;

    fn word(&mut self, word: u64) {
        // A product of two words fits into 128 bits.
        let product = u128::from(self.0 ^ word).wrapping_mul(u128::from(Self::FACTOR));
        let [low, high] =
            [product, product >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
        // The sum keeps a product of 0 from forgetting what was before.
        self.0 = (low ^ high).wrapping_add(self.0.rotate_left(23));
    }

    /// Bytes whose number has been said before: the last word is filled up with zeros.
    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let fill = |word: u64, byte: &u8| (word << 8) | u64::from(*byte);
            self.word(rest.iter().rev().fold(0, fill));
        }
    }

    fn tag(&mut self, tag: u8) {
        self.word(u64::from(tag));
    }

    fn text(&mut self, tag: u8, text: &str) {
        self.length(tag, text.len());
        self.bytes(text.as_bytes());
    }

    /// A tag and a length in one word; no document is as long as 2^56 bytes.
    fn length(&mut self, tag: u8, length: usize) {
        self.word(u64::from(tag) | (u64::try_from(length).unwrap_or(u64::MAX) << 8));
    }

    /// A map of these fields, which come in the order of their names.
    pub(crate) fn map(&mut self, fields: &[(&str, &dyn Encode)]) {
        self.length(b'm', fields.len());
        for (name, value) in fields {
            self.text(b'k', name);
            value.encode(self);
        }
    }
}

/// A tag, then the content; whatever has a length says it first, so that no two values encode alike.
impl Encode for Value {
    fn encode(&self, hash: &mut Hasher) {
        match self {
            Self::Null => hash.tag(b'z'),
            Self::Bool(value) => hash.tag(if *value { b't' } else { b'f' }),
            Self::Integer(number) => number.encode(hash),
            Self::Float(number) => {
                hash.tag(b'd');
                hash.word(number.to_bits());
            }
            Self::String(text) => text.as_str().encode(hash),
            Self::List(entries) => entries.as_slice().encode(hash),
            Self::Map(fields) => fields.encode(hash),
        }
    }
}

impl Encode for i128 {
    fn encode(&self, hash: &mut Hasher) {
        hash.tag(b'i');
        hash.bytes(&self.to_le_bytes());
    }
}

impl Encode for &str {
    fn encode(&self, hash: &mut Hasher) {
        hash.text(b's', self);
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, hash: &mut Hasher) {
        hash.length(b'l', self.len());
        for entry in self {
            entry.encode(hash);
        }
    }
}

impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, hash: &mut Hasher) {
        self.as_slice().encode(hash);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, hash: &mut Hasher) {
        self.as_slice().encode(hash);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, hash: &mut Hasher) {
        match self {
            Some(value) => value.encode(hash),
            None => Value::Null.encode(hash),
        }
    }
}

impl<T: Encode> Encode for List<T> {
    fn encode(&self, hash: &mut Hasher) {
        (**self).encode(hash);
    }
}

impl Encode for BTreeMap<String, String> {
    fn encode(&self, hash: &mut Hasher) {
        hash.length(b'm', self.len());
        for (name, value) in self {
            hash.text(b'k', name);
            value.encode(hash);
        }
    }
}

impl Encode for Fields {
    fn encode(&self, hash: &mut Hasher) {
        hash.length(b'm', self.len());
        for (name, value) in self.iter() {
            hash.text(b'k', name);
            value.encode(hash);
        }
    }
}

impl Encode for String {
    fn encode(&self, hash: &mut Hasher) {
        self.as_str().encode(hash);
    }
}

impl Encode for Labels {
    fn encode(&self, hash: &mut Hasher) {
        (**self).encode(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FrontService, GrpcMatch, GrpcMethodMatch, HttpMatch, Method, PathMatch, PathMatchType, Port,
        RouteMatch, ValueMatch, ValueMatchType,
    };

    #[test]
    fn the_digest_never_changes_between_builds() {
        let value = Value::from([("image", "web:1".into()), ("port", Value::from(80_u16))]);
        assert_eq!(Digest::of(&value).as_str(), "45abe230c6add8a3");
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
        let digests: alloc::collections::BTreeSet<_> = texts.iter().map(Digest::of).collect();
        assert_eq!(digests.len(), texts.len());
    }

    #[test]
    fn texts_that_differ_in_little_have_different_digests() {
        let mut digests = alloc::collections::BTreeSet::new();
        let mut count = 0;
        for length in 0..40 {
            for place in 0..=length {
                for byte in ['\0', 'a', 'b', '~'] {
                    let text: String = (0..length).map(|at| if at == place { byte } else { 'x' }).collect();
                    count += usize::from(place < length || byte == 'a');
                    digests.insert(Digest::of(&text.into()));
                }
            }
        }
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn what_is_declared_has_the_digest_of_the_value_that_it_stands_for() {
        let header =
            ValueMatch { kind: ValueMatchType::RegularExpression, name: "a".into(), value: "b+".into() };
        let path = PathMatch { kind: PathMatchType::Exact, value: "/x".into() };
        let route_match = HttpMatch {
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
        assert_eq!(Digest::encoding(&RouteMatch::Http(route_match)), Digest::of(&expected));
        let method = GrpcMethodMatch { service: Some("shop.Cart".into()), ..GrpcMethodMatch::default() };
        let route_match = RouteMatch::Grpc(GrpcMatch { method: Some(method), headers: Vec::new() });
        let call = vec!["Exact".into(), "shop.Cart".into(), Value::Null];
        let expected = Value::from([("grpcMethod", call.into()), ("headers", Value::List(Vec::new()))]);
        assert_eq!(Digest::encoding(&route_match), Digest::of(&expected));
        let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
        assert_eq!(Digest::encoding(&labels), Digest::of(&Value::from([("app", "web".into())])));
        let front = FrontService {
            name: "web".parse().unwrap(),
            port: Port::HTTP,
            target_port: None,
            app_protocol: None,
            selector: labels,
            labels: Labels::default(),
            annotations: Labels::default(),
        };
        let expected = Value::from([
            ("name", "web".into()),
            ("port", Value::from(80_u16)),
            ("targetPort", Value::Null),
            ("appProtocol", Value::Null),
            ("selector", Value::from([("app", "web".into())])),
            ("labels", Value::Map(Fields::default())),
            ("annotations", Value::Map(Fields::default())),
        ]);
        assert_eq!(front.digest(), Digest::of(&expected));
    }
}
