//! Conditions on headers and query parameters, which both protocols have.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Encode, Hasher};

/// Condition on a header or a query parameter.
///
/// ```
/// use iter8_core::{ValueMatch, ValueMatchType};
///
/// let header = ValueMatch { kind: ValueMatchType::RegularExpression, name: "user".into(), value: "test-.*".into() };
/// assert_eq!(header.to_string(), "user~test-.*");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueMatch {
    /// How `value` is compared.
    #[serde(rename = "type", default, skip_serializing_if = "ValueMatchType::is_exact")]
    pub kind: ValueMatchType,
    /// The name of the header (case does not matter) or query parameter (case matters).
    pub name: String,
    /// The value or regular expression.
    pub value: String,
}

impl fmt::Display for ValueMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relation = match self.kind {
            ValueMatchType::Exact => "=",
            ValueMatchType::RegularExpression => "~",
        };
        write!(f, "{}{relation}{}", self.name, self.value)
    }
}

/// How a header or query parameter is compared.
///
/// ```
/// use iter8_core::ValueMatchType;
///
/// assert_eq!(ValueMatchType::default(), ValueMatchType::Exact);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum ValueMatchType {
    /// The value is this one; the default of the Gateway API.
    #[default]
    Exact,
    /// The value fits a regular expression in the mesh's own syntax.
    RegularExpression,
}

impl Encode for ValueMatch {
    fn encode(&self, hash: &mut Hasher) {
        [self.kind.as_str(), self.name.as_str(), self.value.as_str()].encode(hash);
    }
}

impl ValueMatchType {
    /// The type as it is written in a route.
    ///
    /// ```
    /// assert_eq!(iter8_core::ValueMatchType::RegularExpression.as_str(), "RegularExpression");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::RegularExpression => "RegularExpression",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the form that serde's skip_serializing_if asks for"
    )]
    pub(super) fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}
