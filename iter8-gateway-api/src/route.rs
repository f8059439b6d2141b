//! A route of either kind.

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A route, as a plan is rendered: of the kind that its protocol asks for.
///
/// It is written and read as the object that it holds; its `kind` tells which one that is.
///
/// ```
/// use iter8_gateway_api::Route;
///
/// let route: Route = serde_json::from_str(
///     r#"{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute", "metadata": {"name": "web"}, "spec": {}}"#,
/// )?;
/// assert!(matches!(route, Route::Grpc(_)), "its kind says so");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Route {
    /// For HTTP requests.
    Http(Box<HttpRoute>),
    /// For gRPC requests.
    Grpc(Box<GrpcRoute>),
}

impl Route {
    /// The route for HTTP requests, if it is one.
    ///
    /// ```
    /// use gateway_api::httproutes::{HttpRoute, HttpRouteSpec};
    /// use iter8_gateway_api::Route;
    ///
    /// let route = Route::from(HttpRoute::new("web", HttpRouteSpec::default()));
    /// assert!(route.as_http().is_some() && route.as_grpc().is_none());
    /// ```
    #[must_use]
    pub fn as_http(&self) -> Option<&HttpRoute> {
        match self {
            Self::Http(route) => Some(route),
            Self::Grpc(_) => None,
        }
    }

    /// The route for gRPC requests, if it is one.
    ///
    /// ```
    /// use gateway_api::grpcroutes::{GrpcRoute, GrpcRouteSpec};
    /// use iter8_gateway_api::Route;
    ///
    /// let route = Route::from(GrpcRoute::new("web", GrpcRouteSpec::default()));
    /// assert!(route.as_grpc().is_some() && route.as_http().is_none());
    /// ```
    #[must_use]
    pub fn as_grpc(&self) -> Option<&GrpcRoute> {
        match self {
            Self::Http(_) => None,
            Self::Grpc(route) => Some(route),
        }
    }
}

impl From<HttpRoute> for Route {
    fn from(route: HttpRoute) -> Self {
        Self::Http(Box::new(route))
    }
}

impl From<GrpcRoute> for Route {
    fn from(route: GrpcRoute) -> Self {
        Self::Grpc(Box::new(route))
    }
}

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        match object.get("kind").and_then(Value::as_str) {
            Some("GRPCRoute") => serde_json::from_value(object).map(Self::Grpc).map_err(Error::custom),
            Some("HTTPRoute") => serde_json::from_value(object).map(Self::Http).map_err(Error::custom),
            _ => Err(Error::custom("an object of kind HTTPRoute or GRPCRoute is expected")),
        }
    }
}
