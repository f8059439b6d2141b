//! Which gRPC requests a rule takes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::value::{ValueMatch, ValueMatchType};
use crate::digest::{Encode, Hasher};

/// Conditions that a gRPC request must all meet.
///
/// Serialized in the form of a `GRPCRouteMatch`.
///
/// ```
/// use iter8_core::{GrpcMatch, GrpcMethodMatch, RouteMatch};
///
/// let method = GrpcMethodMatch { service: Some("shop.Cart".into()), ..GrpcMethodMatch::default() };
/// let entry = GrpcMatch { method: Some(method), ..GrpcMatch::default() };
/// assert_eq!(RouteMatch::Grpc(entry).to_string(), "gRPC shop.Cart/*");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcMatch {
    /// Condition on service and method; without one, every method of every service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<GrpcMethodMatch>,
    /// Conditions on headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueMatch>,
}

/// Condition on the service and the method of a gRPC request; validation asks for one of them at least.
///
/// ```
/// use iter8_core::GrpcMethodMatch;
///
/// let add: GrpcMethodMatch = serde_json::from_str(r#"{"service": "shop.Cart", "method": "Add"}"#)?;
/// assert_eq!(add.to_string(), "gRPC shop.Cart/Add");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct GrpcMethodMatch {
    /// How both are compared.
    #[serde(rename = "type", default, skip_serializing_if = "ValueMatchType::is_exact")]
    pub kind: ValueMatchType,
    /// The service with its package; without one, every service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The method; without one, every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

impl GrpcMatch {
    /// An empty name is no condition.
    pub(super) fn into_canonical(self) -> Self {
        let named = |name: Option<String>| name.filter(|name| !name.is_empty());
        let method = self.method.map(|GrpcMethodMatch { kind, service, method }| GrpcMethodMatch {
            kind,
            service: named(service),
            method: named(method),
        });
        let is_condition = |method: &GrpcMethodMatch| method.service.is_some() || method.method.is_some();
        Self { method: method.filter(is_condition), headers: self.headers }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = String> {
        let method = self.method.iter().map(ToString::to_string);
        method.chain(self.headers.iter().map(|header| format!("header {header}")))
    }
}

impl Encode for GrpcMatch {
    fn encode(&self, hash: &mut Hasher) {
        let method = self.method.as_ref();
        hash.map(&[("grpcMethod", &method), ("headers", &self.headers)]);
    }
}

impl Encode for &GrpcMethodMatch {
    fn encode(&self, hash: &mut Hasher) {
        [Some(self.kind.as_str()), self.service.as_deref(), self.method.as_deref()].encode(hash);
    }
}

/// `gRPC shop.Cart/Add`; a `*` stands for every service or method.
impl fmt::Display for GrpcMethodMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relation = match self.kind {
            ValueMatchType::Exact => "",
            ValueMatchType::RegularExpression => "~ ",
        };
        let or_every = |name: &'_ Option<String>| name.clone().unwrap_or_else(|| "*".to_owned());
        write!(f, "gRPC {relation}{}/{}", or_every(&self.service), or_every(&self.method))
    }
}
