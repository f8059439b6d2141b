//! Which requests a rule takes, in the terms of the Gateway API.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Encode, Hasher};

/// Conditions that a request must all meet. A list of matches is an OR of these ANDs.
///
/// Serialized in the form of an `HTTPRouteMatch`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteMatch {
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

impl RouteMatch {
    /// Header `name` has exactly this value.
    #[must_use]
    pub fn header(name: &str, value: &str) -> Self {
        let header =
            ValueMatch { kind: ValueMatchType::Exact, name: name.to_owned(), value: value.to_owned() };
        Self { headers: vec![header], ..Self::default() }
    }

    /// The match in the one form that is planned and observed: the prefix `/`, which every path has and the API
    /// server adds to a match without a path, is no condition.
    #[must_use]
    pub fn canonical(&self) -> Self {
        self.clone().into_canonical()
    }

    pub(crate) fn into_canonical(self) -> Self {
        let is_condition = |path: &PathMatch| path.kind != PathMatchType::PathPrefix || path.value != "/";
        Self { path: self.path.filter(is_condition), ..self }
    }

    /// What a canary candidate without `matches` is reached by: header `traffic: test`.
    pub(crate) fn default_candidate() -> Self {
        Self::header("traffic", "test")
    }
}

/// `header traffic=test, method GET`; `every request` without conditions.
impl fmt::Display for RouteMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(path) = &self.path {
            parts.push(path.to_string());
        }
        if let Some(method) = &self.method {
            parts.push(format!("method {method}"));
        }
        parts.extend(self.headers.iter().map(|header| format!("header {header}")));
        parts.extend(self.query_params.iter().map(|param| format!("query parameter {param}")));
        if parts.is_empty() { f.write_str("every request") } else { f.write_str(&parts.join(", ")) }
    }
}

/// Condition on the path of a request.
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
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "Exact",
            Self::PathPrefix => "PathPrefix",
            Self::RegularExpression => "RegularExpression",
        }
    }
}

/// Condition on a header or a query parameter.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum ValueMatchType {
    /// The value is this one; the default of the Gateway API.
    #[default]
    Exact,
    /// The value fits a regular expression in the mesh's own syntax.
    RegularExpression,
}

impl Encode for RouteMatch {
    fn encode(&self, hash: &mut Hasher) {
        hash.map(&[
            ("headers", &self.headers),
            ("method", &self.method.map(Method::as_str)),
            ("path", &self.path.as_ref().map(|path| [path.kind.as_str(), path.value.as_str()])),
            ("queryParams", &self.query_params),
        ]);
    }
}

impl Encode for ValueMatch {
    fn encode(&self, hash: &mut Hasher) {
        [self.kind.as_str(), self.name.as_str(), self.value.as_str()].encode(hash);
    }
}

impl ValueMatchType {
    /// The type as it is written in a route.
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
    fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}

/// An HTTP method that the Gateway API can match.
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
