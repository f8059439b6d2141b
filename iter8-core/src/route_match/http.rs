//! Which HTTP requests a rule takes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::value::ValueMatch;
use crate::digest::{Encode, Hasher};

/// Conditions that an HTTP request must all meet.
///
/// Serialized in the form of an `HTTPRouteMatch`.
///
/// ```
/// use iter8_core::{HttpMatch, PathMatch, PathMatchType, RouteMatch};
///
/// let path = PathMatch { kind: PathMatchType::PathPrefix, value: "/beta".into() };
/// let entry = HttpMatch { path: Some(path), ..HttpMatch::default() };
/// assert_eq!(RouteMatch::Http(entry).to_string(), "path prefix /beta");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// Condition on the path; without one, every path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// Conditions on headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueMatch>,
    /// Conditions on query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<ValueMatch>,
    /// Condition on the method; without one, every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
}

impl HttpMatch {
    pub(super) fn into_canonical(self) -> Self {
        let is_condition = |path: &PathMatch| path.kind != PathMatchType::PathPrefix || path.value != "/";
        Self { path: self.path.filter(is_condition), ..self }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = String> {
        let path = self.path.iter().map(ToString::to_string);
        let method = self.method.iter().map(|method| format!("method {method}"));
        let headers = self.headers.iter().map(|header| format!("header {header}"));
        let params = self.query_params.iter().map(|param| format!("query parameter {param}"));
        path.chain(method).chain(headers).chain(params)
    }
}

impl Encode for HttpMatch {
    fn encode(&self, hash: &mut Hasher) {
        hash.map(&[
            ("headers", &self.headers),
            ("method", &self.method.map(Method::as_str)),
            ("path", &self.path.as_ref().map(|path| [path.kind.as_str(), path.value.as_str()])),
            ("queryParams", &self.query_params),
        ]);
    }
}

/// Condition on the path of a request.
///
/// ```
/// use iter8_core::PathMatch;
///
/// let path: PathMatch = serde_json::from_str(r#"{"value": "/beta"}"#)?;
/// assert_eq!(path.to_string(), "path prefix /beta", "the default of the Gateway API");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PathMatch {
    /// How `value` is compared.
    #[serde(rename = "type", default)]
    pub kind: PathMatchType,
    /// The path, prefix or regular expression.
    #[serde(default = "root_path")]
    pub value: String,
}

fn root_path() -> String {
    "/".to_owned()
}

impl fmt::Display for PathMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PathMatchType::Exact => write!(f, "path {}", self.value),
            PathMatchType::PathPrefix => write!(f, "path prefix {}", self.value),
            PathMatchType::RegularExpression => write!(f, "path ~ {}", self.value),
        }
    }
}

/// How a path is compared.
///
/// ```
/// use iter8_core::PathMatchType;
///
/// assert_eq!(PathMatchType::default(), PathMatchType::PathPrefix);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum PathMatchType {
    /// The path is this one, byte for byte.
    Exact,
    /// The path starts with these whole segments; the default of the Gateway API.
    #[default]
    PathPrefix,
    /// The path fits a regular expression in the mesh's own syntax.
    RegularExpression,
}

impl PathMatchType {
    /// The type as it is written in a route.
    ///
    /// ```
    /// assert_eq!(iter8_core::PathMatchType::Exact.as_str(), "Exact");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::PathPrefix => "PathPrefix",
            Self::RegularExpression => "RegularExpression",
        }
    }
}

/// An HTTP method that the Gateway API can match.
///
/// ```
/// use iter8_core::Method;
///
/// assert_eq!(serde_json::from_str::<Method>("\"GET\"")?, Method::Get);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of the methods")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

impl Method {
    /// Every method, in the order of the Gateway API.
    pub const ALL: [Self; 9] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Connect,
        Self::Options,
        Self::Trace,
        Self::Patch,
    ];

    /// The method as it stands in a request.
    ///
    /// ```
    /// assert_eq!(iter8_core::Method::Get.as_str(), "GET");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
