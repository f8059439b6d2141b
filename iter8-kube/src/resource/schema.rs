//! The schema of a release document, for the API server, `kubectl explain` and editors.
//!
//! These types are never instantiated. Every map of ours keeps unknown fields
//! (`x-kubernetes-preserve-unknown-fields`), so that a typo is reported and not silently pruned.
//!
//! The rules in CEL refuse at admission what can be seen there, in the words of the core's own validation; all the rest
//! becomes `Accepted=False`. Lists and texts that rules walk through are bounded, or the API server would refuse the
//! rules for what they might cost.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Rules of the API server about one field.
fn rules<const N: usize>(rules: [(&str, &str); N]) -> Value {
    rules.into_iter().map(|(rule, message)| json!({ "rule": rule, "message": message })).collect()
}

/// The same for a rule that one field further in breaks.
fn rule_of_field(path: &str, (rule, message): (&str, &str)) -> Value {
    json!({ "rule": rule, "message": message, "fieldPath": path })
}

const ENVIRONMENT: (&str, &str) = (
    "self in ['deployment', 'deployment-gtw']",
    "is not a known environment; write `deployment-gtw` (Deployments with routing) or `deployment` (without)",
);
const PROTOCOL: (&str, &str) =
    ("self in ['http', 'grpc']", "is not a protocol that can be routed; write `http` or `grpc`");
const STRATEGY: (&str, &str) = (
    "self in ['', 'none', 'canary', 'blue-green', 'mirror']",
    "is not a known strategy; write `none`, `canary`, `blue-green` or `mirror`",
);
const PORT: (&str, &str) = ("self >= 1 && self <= 65535", "must be an integer from 1 to 65535");
const WEIGHT: (&str, &str) = ("self >= 0 && self <= 1000000", "must be an integer from 0 to 1000000");
const PERCENT: (&str, &str) = ("self >= 0 && self <= 100", "must be an integer from 0 to 100");
const REPLICAS: (&str, &str) =
    ("self >= 0", "is not a number of Pods; write an integer from 0 to 2147483647");
const DRAIN: (&str, &str) =
    ("self >= 0 && self <= 86400", "must be at most 86400 seconds (a day), and not be negative");
const HOSTNAMES: (&str, &str) = ("size(self) <= 16", "a route has at most 16 hostnames; leave some out");
const VERSIONS: (&str, &str) =
    ("size(self) > 0", "at least one version is required; write a list with the primary first");
const UNIQUE_NAMES: (&str, &str) = (
    "self.all(v, !has(v.metadata) || !has(v.metadata.name) || self.exists_one(w, has(w.metadata) && \
     has(w.metadata.name) && w.metadata.name == v.metadata.name))",
    "duplicate version name; give every version a name of its own",
);
const NO_ROUTING: (&str, &str) = (
    "!has(self.environment) || self.environment != 'deployment' || !has(self.application) || \
     !has(self.application.strategy) || self.application.strategy in ['', 'none']",
    "needs routing, which environment `deployment` does not have; write `environment: deployment-gtw` or `strategy: none`",
);
const FRONT_NAME: (&str, &str) = (
    "!has(self.environment) || self.environment != 'deployment-gtw' || !has(self.application) || \
     !has(self.application.metadata) || !has(self.application.metadata.name) || !has(self.application.versions) || \
     self.application.versions.all(v, !has(v.metadata) || !has(v.metadata.name) || \
     v.metadata.name != self.application.metadata.name)",
    "the name of the application is reserved for the front Service of the application; choose another name",
);
/// Keys of labels and annotations that the controller writes.
fn reserved_keys(what: &str) -> Value {
    let reserved = "k.startsWith('iter8.tools/') || k == 'app.kubernetes.io/managed-by'";
    json!([{
        "rule": format!("!self.exists(k, {reserved})"),
        "messageExpression": format!("'{what} `' + self.filter(k, {reserved})[0] + '` is reserved; leave it out'"),
    }])
}
const MIRROR: (&str, &str) = (
    "!has(self.strategy) || self.strategy != 'mirror' || !has(self.versions) || self.versions.all(v, !has(v.weight))",
    "`weight` has no meaning under strategy `mirror`; write `mirrorPercent`, the share of requests that is copied",
);
const CANARY: (&str, &str) = (
    "!has(self.strategy) || self.strategy != 'canary' || !has(self.versions) || size(self.versions) <= 16",
    "a route has at most 16 rules (one for each version); leave some out",
);
const BLUE_GREEN: (&str, &str) = (
    "!has(self.strategy) || self.strategy != 'blue-green' || !has(self.versions) || size(self.versions) <= 16",
    "a route has at most 16 weighted versions; leave some out",
);

/// What is deployed, and how requests are routed to it.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend(
    "x-kubernetes-preserve-unknown-fields" = true,
    "x-kubernetes-validations" = [
        rule_of_field(".application.strategy", NO_ROUTING),
        rule_of_field(".application.versions", FRONT_NAME)
    ]
))]
#[expect(dead_code, reason = "read by the derived schema only")]
pub(super) struct ReleaseDocument {
    /// `deployment-gtw` (Deployments with routing by Gateway API routes) or `deployment` (without routing).
    #[schemars(extend("x-kubernetes-validations" = rules([ENVIRONMENT])))]
    environment: String,
    /// Gateways that also get the routes: the name of a Gateway in this namespace, or a list of parentRefs.
    gateway: Option<Untyped>,
    /// Hostnames of the Gateways' route. Default: those of the application's Service.
    #[schemars(extend("x-kubernetes-validations" = rules([HOSTNAMES])))]
    hostnames: Option<Vec<String>>,
    /// The application, its versions and the strategy.
    application: ApplicationSchema,
}

/// The application, its versions and the strategy.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend(
    "x-kubernetes-preserve-unknown-fields" = true,
    "x-kubernetes-validations" = rules([MIRROR, CANARY, BLUE_GREEN])
))]
#[expect(dead_code, reason = "read by the derived schema only")]
struct ApplicationSchema {
    /// Name of the application (default: the name of the Release), labels and annotations of all its objects.
    metadata: Option<MetadataSchema>,
    /// Default port of the versions. Default: 80.
    #[schemars(extend("x-kubernetes-validations" = rules([PORT])))]
    port: Option<i32>,
    /// Port of the application's own Service. Default: 80.
    #[schemars(extend("x-kubernetes-validations" = rules([PORT])))]
    service_port: Option<i32>,
    /// What the requests are: `http` (routed by an HTTPRoute) or `grpc` (by a GRPCRoute). Default: http.
    #[schemars(extend("x-kubernetes-validations" = rules([PROTOCOL])))]
    protocol: Option<String>,
    /// Seconds a version keeps its Pods after the route has left it. Default: 5.
    #[schemars(extend("x-kubernetes-validations" = rules([DRAIN])))]
    drain_seconds: Option<i32>,
    /// `none`, `canary`, `blue-green` or `mirror`. Default: none.
    #[schemars(extend("default" = "none", "x-kubernetes-validations" = rules([STRATEGY])))]
    strategy: Option<String>,
    /// Labels, annotations, timeouts and filters of the routes: `timeouts` (not for grpc) and `filters` as in a rule of an HTTPRoute.
    route: Option<Untyped>,
    /// The versions: the primary first, then the candidates.
    #[schemars(length(max = 100), extend("x-kubernetes-validations" = rules([VERSIONS, UNIQUE_NAMES])))]
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
    #[schemars(extend("x-kubernetes-validations" = rules([PORT])))]
    port: Option<i32>,
    /// Weight under strategy blue-green. Default: 50.
    #[schemars(extend("x-kubernetes-validations" = rules([WEIGHT])))]
    weight: Option<i32>,
    /// Share of the primary's requests that is copied to this candidate under strategy mirror, in percent. Default: 100.
    #[schemars(extend("x-kubernetes-validations" = rules([PERCENT])))]
    mirror_percent: Option<i32>,
    /// Requests that go to this candidate under strategy canary: any of these, each as in an HTTPRoute, or in a GRPCRoute where the protocol is grpc. Default: header traffic=test.
    matches: Option<Vec<Untyped>>,
    /// Number of Pods. Left to others (an autoscaler) where it is not given.
    #[schemars(extend("x-kubernetes-validations" = rules([REPLICAS])))]
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
    #[schemars(length(max = 253))]
    name: Option<String>,
    /// Namespace; where given, that of the Release.
    namespace: Option<String>,
    /// Labels.
    #[schemars(extend("maxProperties" = 500, "x-kubernetes-validations" = reserved_keys("label")))]
    labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    #[schemars(extend("maxProperties" = 500, "x-kubernetes-validations" = reserved_keys("annotation")))]
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
