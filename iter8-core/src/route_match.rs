//! Which requests a rule takes, in the terms of the Gateway API.

use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

mod grpc;
mod http;
mod value;

use serde::{Deserialize, Serialize};

pub use grpc::{GrpcMatch, GrpcMethodMatch};
pub use http::{HttpMatch, Method, PathMatch, PathMatchType};
pub use value::{ValueMatch, ValueMatchType};

use crate::digest::{Encode, Hasher};
use crate::release::Protocol;

/// Conditions that a request must all meet. A list of matches is an OR of these ANDs.
///
/// Serialized in the form of an `HTTPRouteMatch`, or as `grpc` with the form of a `GRPCRouteMatch`.
///
/// ```
/// use iter8_core::{HttpMatch, Method, RouteMatch};
///
/// let entry = HttpMatch { method: Some(Method::Get), ..HttpMatch::default() };
/// assert_eq!(RouteMatch::Http(entry).to_string(), "method GET");
/// let read: RouteMatch = serde_json::from_str(r#"{"headers": [{"name": "traffic", "value": "test"}]}"#)?;
/// assert_eq!(read, RouteMatch::header("traffic", "test"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum RouteMatch {
    /// Of an HTTP request.
    Http(HttpMatch),
    /// Of a gRPC request.
    Grpc(GrpcMatch),
}

/// A match on headers only has the same fields in both protocols, so one of them is marked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Grpc { grpc: GrpcMatch },
    Http(HttpMatch),
}

impl From<Form> for RouteMatch {
    fn from(form: Form) -> Self {
        match form {
            Form::Grpc { grpc } => Self::Grpc(grpc),
            Form::Http(http) => Self::Http(http),
        }
    }
}

impl From<RouteMatch> for Form {
    fn from(entry: RouteMatch) -> Self {
        match entry {
            RouteMatch::Grpc(grpc) => Self::Grpc { grpc },
            RouteMatch::Http(http) => Self::Http(http),
        }
    }
}

impl RouteMatch {
    /// Every request.
    ///
    /// ```
    /// use iter8_core::{Protocol, RouteMatch};
    ///
    /// assert_eq!(RouteMatch::every(Protocol::Grpc).to_string(), "every request");
    /// ```
    #[must_use]
    pub fn every(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http => Self::Http(HttpMatch::default()),
            Protocol::Grpc => Self::Grpc(GrpcMatch::default()),
        }
    }

    /// Header `name` of an HTTP request has exactly this value.
    ///
    /// ```
    /// assert_eq!(iter8_core::RouteMatch::header("traffic", "test").to_string(), "header traffic=test");
    /// ```
    #[must_use]
    pub fn header(name: &str, value: &str) -> Self {
        Self::header_of(Protocol::Http, name, value)
    }

    fn header_of(protocol: Protocol, name: &str, value: &str) -> Self {
        let headers =
            vec![ValueMatch { kind: ValueMatchType::Exact, name: name.to_owned(), value: value.to_owned() }];
        match protocol {
            Protocol::Http => Self::Http(HttpMatch { headers, ..HttpMatch::default() }),
            Protocol::Grpc => Self::Grpc(GrpcMatch { headers, ..GrpcMatch::default() }),
        }
    }

    /// What a canary candidate without `matches` is reached by: header `traffic: test`.
    pub(crate) fn default_candidate(protocol: Protocol) -> Self {
        Self::header_of(protocol, "traffic", "test")
    }

    /// The protocol of the requests.
    ///
    /// ```
    /// use iter8_core::{Protocol, RouteMatch};
    ///
    /// assert_eq!(RouteMatch::header("traffic", "test").protocol(), Protocol::Http);
    /// ```
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) => Protocol::Http,
            Self::Grpc(_) => Protocol::Grpc,
        }
    }

    /// The conditions on headers.
    ///
    /// ```
    /// assert_eq!(iter8_core::RouteMatch::header("traffic", "test").headers()[0].name, "traffic");
    /// ```
    #[must_use]
    pub fn headers(&self) -> &[ValueMatch] {
        match self {
            Self::Http(HttpMatch { headers, .. }) | Self::Grpc(GrpcMatch { headers, .. }) => headers,
        }
    }

    /// The match in the one form that is planned and observed: the prefix `/`, which every path has and the API
    /// server adds to a match without a path, is no condition, and neither is an empty name.
    ///
    /// ```
    /// use iter8_core::RouteMatch;
    ///
    /// let defaulted: RouteMatch = serde_json::from_str(r#"{"path": {"type": "PathPrefix", "value": "/"}}"#)?;
    /// assert_eq!(defaulted.canonical(), RouteMatch::default());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn canonical(&self) -> Self {
        self.clone().into_canonical()
    }

    pub(crate) fn into_canonical(self) -> Self {
        match self {
            Self::Http(entry) => Self::Http(entry.into_canonical()),
            Self::Grpc(entry) => Self::Grpc(entry.into_canonical()),
        }
    }

    /// Whether there is no condition.
    ///
    /// ```
    /// use iter8_core::RouteMatch;
    ///
    /// assert!(RouteMatch::default().takes_everything());
    /// assert!(!RouteMatch::header("traffic", "test").takes_everything());
    /// ```
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        *self == Self::every(self.protocol())
    }
}

/// Every HTTP request.
impl Default for RouteMatch {
    fn default() -> Self {
        Self::every(Protocol::Http)
    }
}

/// `header traffic=test, method GET`; `every request` without conditions.
impl fmt::Display for RouteMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = match self {
            Self::Http(entry) => entry.parts().collect(),
            Self::Grpc(entry) => entry.parts().collect(),
        };
        if parts.is_empty() { f.write_str("every request") } else { f.write_str(&parts.join(", ")) }
    }
}

impl Encode for RouteMatch {
    fn encode(&self, hash: &mut Hasher) {
        match self {
            Self::Http(entry) => entry.encode(hash),
            Self::Grpc(entry) => entry.encode(hash),
        }
    }
}

#[cfg(test)]
mod tests;
