//! What a rule does to requests and responses besides routing them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

mod carried;

use serde::ser::{Serialize, SerializeMap, Serializer};

pub use carried::CarriedFilter;

use crate::RouteDuration;

/// The types of filter that the Gateway API has.
///
/// ```
/// use iter8_core::FilterType;
///
/// assert_eq!(FilterType::UrlRewrite.to_string(), "URLRewrite");
/// ```
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
    ///
    /// ```
    /// assert_eq!(iter8_core::FilterType::Cors.as_str(), "CORS");
    /// ```
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

impl FilterType {
    /// The field of a filter that says what a filter of this type does.
    ///
    /// ```
    /// assert_eq!(iter8_core::FilterType::UrlRewrite.field(), "urlRewrite");
    /// ```
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::RequestHeaderModifier => "requestHeaderModifier",
            Self::ResponseHeaderModifier => "responseHeaderModifier",
            Self::RequestMirror => "requestMirror",
            Self::RequestRedirect => "requestRedirect",
            Self::UrlRewrite => "urlRewrite",
            Self::Cors => "cors",
            Self::ExtensionRef => "extensionRef",
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
///
/// ```
/// use iter8_core::{DeclaredFilter, Document, HeaderModifier, Release, RouteFilter};
///
/// let document = Document::from_yaml(
///     "application: {route: {filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x-debug]}}]}}",
/// )?;
/// let options = Release::from_document(&document).0.application.route;
/// let headers = HeaderModifier { remove: vec!["x-debug".into()], ..HeaderModifier::default() };
/// assert_eq!(options.filters, [DeclaredFilter::Supported(RouteFilter::RequestHeaderModifier(headers))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteFilter {
    /// Changes the headers of requests.
    RequestHeaderModifier(HeaderModifier),
    /// Changes the headers of responses.
    ResponseHeaderModifier(HeaderModifier),
    /// Any other, as it was declared.
    Carried(CarriedFilter),
}

/// A map with the field of the type: `{"requestHeaderModifier": {"remove": ["x-debug"]}}`.
impl Serialize for RouteFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let field = self.kind().field();
        match self {
            Self::RequestHeaderModifier(headers) | Self::ResponseHeaderModifier(headers) => {
                map.serialize_entry(field, headers)?;
            }
            Self::Carried(carried) => map.serialize_entry(field, carried.value())?,
        }
        map.end()
    }
}

impl RouteFilter {
    /// The type of the filter.
    ///
    /// ```
    /// use iter8_core::{FilterType, HeaderModifier, RouteFilter};
    ///
    /// let filter = RouteFilter::ResponseHeaderModifier(HeaderModifier::default());
    /// assert_eq!(filter.kind(), FilterType::ResponseHeaderModifier);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> FilterType {
        match self {
            Self::RequestHeaderModifier(_) => FilterType::RequestHeaderModifier,
            Self::ResponseHeaderModifier(_) => FilterType::ResponseHeaderModifier,
            Self::Carried(carried) => carried.kind(),
        }
    }

    /// What becomes of the headers, if it is a filter for them.
    ///
    /// ```
    /// use iter8_core::{HeaderModifier, RouteFilter};
    ///
    /// let headers = HeaderModifier { remove: vec!["server".into()], ..HeaderModifier::default() };
    /// assert_eq!(RouteFilter::ResponseHeaderModifier(headers.clone()).headers(), Some(&headers));
    /// ```
    #[must_use]
    pub const fn headers(&self) -> Option<&HeaderModifier> {
        match self {
            Self::RequestHeaderModifier(headers) | Self::ResponseHeaderModifier(headers) => Some(headers),
            Self::Carried(_) => None,
        }
    }
}

/// What becomes of headers.
///
/// ```
/// use iter8_core::{Header, HeaderModifier};
///
/// let headers = HeaderModifier {
///     set: vec![Header { name: "x-team".into(), value: "shop".into() }],
///     ..HeaderModifier::default()
/// };
/// assert_eq!(serde_json::to_string(&headers)?, r#"{"set":[{"name":"x-team","value":"shop"}]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
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
///
/// ```
/// use iter8_core::Header;
///
/// let header = Header { name: "x-team".into(), value: "shop".into() };
/// assert_eq!(serde_json::to_value(&header)?["name"], "x-team");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// How long a request may take.
///
/// ```
/// use iter8_core::Timeouts;
///
/// let timeouts = Timeouts { request: Some("10s".parse()?), ..Timeouts::default() };
/// assert_eq!(serde_json::to_string(&timeouts)?, r#"{"request":"10s"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
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
    ///
    /// ```
    /// assert!(iter8_core::Timeouts::default().is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.request.is_none() && self.backend_request.is_none()
    }
}
