//! What the simulator reads of routes: lenient copies that hold both kinds in one shape.
//!
//! These types are not the typed bindings on purpose. They take fields of any channel, leave the validation to the
//! API server, and give an HTTPRoute and a GRPCRoute the same form, so that each rule of the specification is
//! written once.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;
use serde_json::Value;

use super::objects::RouteKind;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default = "default_namespace")]
    pub(super) namespace: String,
    pub(super) creation_timestamp: Option<Time>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// An object whose `spec` is read as `S`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Object<S> {
    pub(super) metadata: Metadata,
    pub(super) spec: S,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteSpec {
    #[serde(default)]
    pub(super) parent_refs: Vec<ObjectRef>,
    #[serde(default)]
    pub(super) hostnames: Vec<String>,
    pub(super) rules: Option<Vec<Rule>>,
}

impl RouteSpec {
    /// The rules; where a route of this kind has none, those that the CRD makes of it (Gateway API v1.5): of an
    /// HTTPRoute one for every request, of a GRPCRoute none.
    pub(super) fn rules(&mut self, kind: RouteKind) -> Vec<Rule> {
        match (self.rules.take(), kind) {
            (Some(rules), _) => rules,
            (None, RouteKind::Http) => vec![Rule::for_every_request()],
            (None, RouteKind::Grpc) => Vec::new(),
        }
    }
}

/// A reference to a parent or a backend.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectRef {
    pub(super) group: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) section_name: Option<String>,
    pub(super) port: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) matches: Vec<RouteMatch>,
    #[serde(default)]
    pub(super) filters: Vec<Filter>,
    #[serde(default)]
    pub(super) backend_refs: Vec<BackendRef>,
}

impl Rule {
    fn for_every_request() -> Self {
        let path = PathMatch { kind: path_prefix(), value: slash() };
        let entry = RouteMatch { path: Some(path), ..RouteMatch::default() };
        Self { matches: vec![entry], filters: Vec::new(), backend_refs: Vec::new() }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteMatch {
    pub(super) path: Option<PathMatch>,
    pub(super) method: Option<MethodMatch>,
    #[serde(default)]
    pub(super) headers: Vec<ValueMatch>,
    #[serde(default)]
    pub(super) query_params: Vec<ValueMatch>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PathMatch {
    #[serde(default = "path_prefix", rename = "type")]
    pub(super) kind: String,
    #[serde(default = "slash")]
    pub(super) value: String,
}

/// The `method` of a match: a word in an HTTPRoute, an object in a GRPCRoute.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum MethodMatch {
    Http(String),
    Grpc(GrpcMethod),
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GrpcMethod {
    #[serde(default = "exact", rename = "type")]
    pub(super) kind: String,
    pub(super) service: Option<String>,
    pub(super) method: Option<String>,
}

/// A match on one header or one query parameter.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ValueMatch {
    #[serde(default = "exact", rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BackendRef {
    #[serde(flatten)]
    pub(super) target: ObjectRef,
    #[serde(default = "one")]
    pub(super) weight: u32,
    #[serde(default)]
    pub(super) filters: Vec<Filter>,
}

/// One filter. `kind` says which of the fields counts; a kind without a field here is not supported.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) request_header_modifier: Option<HeaderModifier>,
    pub(super) response_header_modifier: Option<HeaderModifier>,
    pub(super) request_redirect: Option<RequestRedirect>,
    pub(super) url_rewrite: Option<UrlRewrite>,
    pub(super) request_mirror: Option<RequestMirror>,
    pub(super) cors: Option<Cors>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct HeaderModifier {
    #[serde(default)]
    pub(super) set: Vec<Header>,
    #[serde(default)]
    pub(super) add: Vec<Header>,
    #[serde(default)]
    pub(super) remove: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestRedirect {
    pub(super) scheme: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) path: Option<PathModifier>,
    pub(super) port: Option<u16>,
    pub(super) status_code: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct UrlRewrite {
    pub(super) hostname: Option<String>,
    pub(super) path: Option<PathModifier>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PathModifier {
    pub(super) replace_full_path: Option<String>,
    pub(super) replace_prefix_match: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestMirror {
    pub(super) backend_ref: ObjectRef,
    pub(super) percent: Option<u32>,
    pub(super) fraction: Option<Fraction>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fraction {
    pub(super) numerator: u32,
    #[serde(default = "hundred")]
    pub(super) denominator: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cors {
    #[serde(default)]
    pub(super) allow_origins: Vec<String>,
    #[serde(default)]
    pub(super) allow_methods: Vec<String>,
    #[serde(default)]
    pub(super) allow_headers: Vec<String>,
    #[serde(default)]
    pub(super) expose_headers: Vec<String>,
    #[serde(default)]
    pub(super) allow_credentials: bool,
    #[serde(default = "five")]
    pub(super) max_age: u32,
}

/// The same object without its nulls: the API takes a null for an absent field.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(name, field)| (name.clone(), without_nulls(field)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn default_namespace() -> String {
    "default".into()
}

fn path_prefix() -> String {
    "PathPrefix".into()
}

fn slash() -> String {
    "/".into()
}

fn exact() -> String {
    "Exact".into()
}

fn one() -> u32 {
    1
}

fn five() -> u32 {
    5
}

fn hundred() -> u32 {
    100
}
