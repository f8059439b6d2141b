//! What a rule does to requests and responses besides routing them.

use std::fmt;

use serde::Serialize;

use crate::RouteDuration;

/// The types of filter that the Gateway API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the Gateway API")]
pub enum FilterType {
    RequestHeaderModifier,
    ResponseHeaderModifier,
    RequestMirror,
    RequestRedirect,
    UrlRewrite,
    Cors,
    ExtensionRef,
}

impl FilterType {
    /// Every type.
    pub const ALL: [Self; 7] = [
        Self::RequestHeaderModifier,
        Self::ResponseHeaderModifier,
        Self::RequestMirror,
        Self::RequestRedirect,
        Self::UrlRewrite,
        Self::Cors,
        Self::ExtensionRef,
    ];

    /// Every type that a GRPCRoute has.
    pub const GRPC: [Self; 4] =
        [Self::RequestHeaderModifier, Self::ResponseHeaderModifier, Self::RequestMirror, Self::ExtensionRef];

    /// The type as it is written in a route.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestHeaderModifier => "RequestHeaderModifier",
            Self::ResponseHeaderModifier => "ResponseHeaderModifier",
            Self::RequestMirror => "RequestMirror",
            Self::RequestRedirect => "RequestRedirect",
            Self::UrlRewrite => "URLRewrite",
            Self::Cors => "CORS",
            Self::ExtensionRef => "ExtensionRef",
        }
    }
}

impl fmt::Display for FilterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The response header that says which version has answered: the name of its Service.
pub const VERSION_HEADER: &str = "app-version";

/// A filter that every rule of a release has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RouteFilter {
    /// Changes the headers of requests.
    RequestHeaderModifier(HeaderModifier),
    /// Changes the headers of responses.
    ResponseHeaderModifier(HeaderModifier),
}

impl RouteFilter {
    /// The type of the filter.
    #[must_use]
    pub const fn kind(&self) -> FilterType {
        match self {
            Self::RequestHeaderModifier(_) => FilterType::RequestHeaderModifier,
            Self::ResponseHeaderModifier(_) => FilterType::ResponseHeaderModifier,
        }
    }

    /// What becomes of the headers.
    #[must_use]
    pub const fn headers(&self) -> &HeaderModifier {
        match self {
            Self::RequestHeaderModifier(headers) | Self::ResponseHeaderModifier(headers) => headers,
        }
    }
}

/// What becomes of headers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HeaderModifier {
    /// Headers that get this value instead of any other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Header>,
    /// Headers that get this value besides any other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Header>,
    /// Names of headers that are taken away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// A header and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// The whole of it, as its client sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RouteDuration>,
    /// One attempt to have it answered by a backend; not more than `request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<RouteDuration>,
}

impl Timeouts {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.request.is_none() && self.backend_request.is_none()
    }
}
