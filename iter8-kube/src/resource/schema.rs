//! The schema of a release document, for the API server, `kubectl explain` and editors.
//!
//! These types are never instantiated. Every map of ours keeps unknown fields
//! (`x-kubernetes-preserve-unknown-fields`), so that a typo is reported and not silently pruned.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// What is deployed, and how requests are routed to it.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[expect(dead_code, reason = "read by the derived schema only")]
pub(super) struct ReleaseDocument {
    /// `deployment-gtw` (Deployments with routing by Gateway API routes) or `deployment` (without routing).
    environment: String,
    /// Gateways that also get the routes: the name of a Gateway in this namespace, or a list of parentRefs.
    gateway: Option<Untyped>,
    /// Hostnames of the Gateways' route. Default: those of the application's Service.
    hostnames: Option<Vec<String>>,
    /// The application, its versions and the strategy.
    application: ApplicationSchema,
}

/// The application, its versions and the strategy.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[expect(dead_code, reason = "read by the derived schema only")]
struct ApplicationSchema {
    /// Name of the application (default: the name of the Release), labels and annotations of all its objects.
    metadata: Option<MetadataSchema>,
    /// Default port of the versions. Default: 80.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<i32>,
    /// Port of the application's own Service. Default: 80.
    #[schemars(range(min = 1, max = 65535))]
    service_port: Option<i32>,
    /// What the requests are: `http` (routed by an HTTPRoute) or `grpc` (by a GRPCRoute). Default: http.
    protocol: Option<String>,
    /// Seconds a version keeps its Pods after the route has left it. Default: 5.
    #[schemars(range(min = 0, max = 86400))]
    drain_seconds: Option<i32>,
    /// `none`, `canary`, `blue-green` or `mirror`. Default: none.
    strategy: Option<String>,
    /// Labels, annotations, timeouts and filters of the routes: `timeouts` (not for grpc) and `filters` as in a rule of an HTTPRoute.
    route: Option<Untyped>,
    /// The versions: the primary first, then the candidates.
    versions: Vec<VersionSchema>,
}

/// A version of the application.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[expect(dead_code, reason = "read by the derived schema only")]
struct VersionSchema {
    /// Name of the version (default: APPLICATION-INDEX), labels and annotations of its Deployment and Service.
    metadata: Option<MetadataSchema>,
    /// Container image. Required unless there is a deploymentSpecification.
    image: Option<String>,
    /// Port of the container and of the version's Service. Default: the application's.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<i32>,
    /// Weight under strategy blue-green. Default: 50.
    #[schemars(range(min = 0, max = 1_000_000))]
    weight: Option<i32>,
    /// Share of the primary's requests that is copied to this candidate under strategy mirror, in percent. Default: 100.
    #[schemars(range(min = 0, max = 100))]
    mirror_percent: Option<i32>,
    /// Requests that go to this candidate under strategy canary: any of these, each as in an HTTPRoute, or in a GRPCRoute where the protocol is grpc. Default: header traffic=test.
    matches: Option<Vec<Untyped>>,
    /// Number of Pods. Left to others (an autoscaler) where it is not given.
    #[schemars(range(min = 0))]
    replicas: Option<i32>,
    /// Readiness probe of the container, as in a Pod. Without one, started means ready.
    readiness_probe: Option<Untyped>,
    /// Resources of the container, as in a Pod.
    resources: Option<Untyped>,
    /// Environment variables of the container, as in a Pod.
    env: Option<Vec<Untyped>>,
    /// `metadata` and `spec` of a Deployment, in place of the generated one.
    deployment_specification: Option<Untyped>,
    /// `metadata` and `spec` of a Service, in place of the generated one.
    service_specification: Option<Untyped>,
}

/// Name, namespace, labels and annotations.
#[derive(JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[expect(dead_code, reason = "read by the derived schema only")]
struct MetadataSchema {
    /// Name.
    name: Option<String>,
    /// Namespace; where given, that of the Release.
    namespace: Option<String>,
    /// Labels.
    labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    annotations: Option<BTreeMap<String, String>>,
}

/// A value of any form.
struct Untyped;

impl JsonSchema for Untyped {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Untyped".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
    }
}
