//! Names as Kubernetes allows them: parsed once, at the edge.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// Why a text is not a name of the wanted kind.
///
/// ```
/// use iter8_core::ServiceName;
///
/// let error = "Web_0".parse::<ServiceName>().unwrap_err();
/// assert!(error.to_string().starts_with("is not a valid Service name: use at most 63 lower-case letters"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a valid {kind}: {rule}")]
pub struct InvalidNameError {
    kind: &'static str,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        // Shared, since every plan and observation repeats it.
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            ///
            /// ```
            #[doc = concat!("let name: iter8_core::", stringify!($type), " = \"web\".parse()?;")]
            /// assert_eq!(name.as_str(), "web");
            /// # Ok::<(), iter8_core::InvalidNameError>(())
            /// ```
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $type {
            /// The text as a name of this kind, if it is one.
            pub(crate) fn of(text: Arc<str>) -> Result<Self, InvalidNameError> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(&text) { Ok(Self(text)) } else { Err(InvalidNameError { kind: $kind, rule: $rule }) }
            }
        }

        impl FromStr for $type {
            type Err = InvalidNameError;

            fn from_str(text: &str) -> Result<Self, InvalidNameError> {
                Self::of(text.into())
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidNameError;

            fn try_from(text: String) -> Result<Self, InvalidNameError> {
                Self::of(text.into())
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl From<$type> for Arc<str> {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl Deref for $type {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of a Release, Deployment or Gateway: an RFC 1123 subdomain of at most 253 characters.
    ///
    /// ```
    /// use iter8_core::ObjectName;
    ///
    /// assert!("web.v1".parse::<ObjectName>().is_ok());
    /// assert!("web_v1".parse::<ObjectName>().is_err());
    /// ```
    ObjectName,
    "name",
    "use at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at each end of every part",
    is_subdomain
);

name!(
    /// The name of a version, which is also a Pod label and a container name: an RFC 1123 label of at most 63 characters.
    ///
    /// ```
    /// use iter8_core::VersionName;
    ///
    /// assert!("0-web".parse::<VersionName>().is_ok());
    /// assert!("web.v1".parse::<VersionName>().is_err());
    /// ```
    VersionName,
    "version name",
    "use at most 63 lower-case letters, digits and `-`, with a letter or digit at each end",
    is_label
);

name!(
    /// The name of a Service: an RFC 1035 label, so it starts with a letter, of at most 63 characters.
    ///
    /// ```
    /// use iter8_core::ServiceName;
    ///
    /// assert!("web-0".parse::<ServiceName>().is_ok());
    /// assert!("0-web".parse::<ServiceName>().is_err());
    /// ```
    ServiceName,
    "Service name",
    "use at most 63 lower-case letters, digits and `-`, with a letter first and a letter or digit at the end",
    |text| is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
);

name!(
    /// The name of a namespace: an RFC 1123 label of at most 63 characters.
    ///
    /// ```
    /// use iter8_core::Namespace;
    ///
    /// assert!("test".parse::<Namespace>().is_ok());
    /// assert!("".parse::<Namespace>().is_err());
    /// ```
    Namespace,
    "namespace",
    "use at most 63 lower-case letters, digits and `-`, with a letter or digit at each end",
    is_label
);

name!(
    /// A hostname of a Gateway's route: an RFC 1123 subdomain whose first label may be `*`.
    ///
    /// ```
    /// use iter8_core::Hostname;
    ///
    /// assert!("*.example.com".parse::<Hostname>().is_ok());
    /// assert!("example.com:80".parse::<Hostname>().is_err());
    /// assert!("192.0.2.1".parse::<Hostname>().is_err());
    /// ```
    Hostname,
    "hostname",
    "use a DNS name in lower case without port, of at most 253 characters, and no IP address; the first label may be `*`",
    |text| {
        is_subdomain(text.strip_prefix("*.").unwrap_or(text))
            && text.len() <= 253
            && text.parse::<core::net::Ipv4Addr>().is_err()
    }
);

pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.as_bytes().split(|byte| *byte == b'.').all(is_dns_part)
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text.as_bytes())
}

fn is_dns_part(text: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !text.is_empty() && text.iter().all(inner) && !text.starts_with(b"-") && !text.ends_with(b"-")
}

/// The key of a label or annotation: an optional DNS prefix and `/`, then at most 63 of `[A-Za-z0-9._-]`.
pub(crate) fn is_qualified_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

/// A label's value: empty, or at most 63 of `[A-Za-z0-9._-]` with a letter or digit at each end.
pub(crate) fn is_label_value(value: &str) -> bool {
    let value = value.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [value.first(), value.last()];
    value.len() <= 63 && value.iter().all(inner) && ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_starts_with_a_letter() {
        assert!("web-0".parse::<ServiceName>().is_ok());
        for text in ["", "0-web", "-web", "web-", "Web", "we.b", &"w".repeat(64)] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostname_may_start_with_one_wildcard_label() {
        assert!("*.example.com".parse::<Hostname>().is_ok());
        for text in ["*", "a.*.com", "example.com:80", "*.*.com", ".com"] {
            assert!(text.parse::<Hostname>().is_err(), "{text}");
        }
    }

    #[test]
    fn label_keys_and_values_follow_the_api_conventions() {
        assert!(is_qualified_key("app.kubernetes.io/version") && is_qualified_key("y"));
        assert!(!is_qualified_key("a/b/c") && !is_qualified_key("/x") && !is_qualified_key("x/"));
        assert!(
            is_label_value("") && is_label_value("v1.0_A") && !is_label_value("-v") && !is_label_value("a b")
        );
    }
}
