//! The custom resource of the made-up mesh.

use iter8_core::RouteMatch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// Where the requests to a Service go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrafficSplit {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) metadata: ObjectMeta,
    pub(crate) spec: Spec,
    /// Written by the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) service: String,
    pub(crate) port: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_timeout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt_timeout: Option<String>,
    /// Of the rules that match a request the most specific one is taken, as in the Gateway API.
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// The core's matches have a form of their own in JSON, that of an HTTPRoute; this mesh takes it over.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub(crate) matches: Vec<RouteMatch>,
    pub(crate) to: Vec<Target>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) copy: Vec<Copy>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) service: String,
    pub(crate) port: i64,
    pub(crate) weight: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) service: String,
    pub(crate) port: i64,
    pub(crate) percent: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) observed_generation: i64,
    /// Why the mesh does not follow it; absent where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}
