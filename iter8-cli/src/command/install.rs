//! `iter8 install`

use clap::ValueEnum;
use iter8_core::{Namespace, ObjectKind, RoutingBackend};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use iter8_kube::workload;
use serde_json::{Value, json};

use crate::args::mesh_parser;
use crate::command::crd;
use crate::error::Error;
use crate::output::{self, manifest};

/// The image of this version of the program.
const IMAGE: &str = concat!("ghcr.io/iter8-tools/iter8-rs:", env!("CARGO_PKG_VERSION"));

/// The name of everything that is installed.
const NAME: &str = "iter8-controller";

/// The port of health and metrics.
const METRICS_PORT: u16 = 8080;

/// Print what the controller needs in a cluster: CRD, account, rights and Deployment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 install | kubectl apply -f -")]
pub(crate) struct Args {
    /// Namespace of the controller
    #[arg(short, long, default_value = "iter8-system")]
    namespace: Namespace,

    /// Image of the controller
    #[arg(long, default_value = IMAGE)]
    image: String,

    /// Which Releases it looks after, and has rights for: those of all namespaces, or of its own only
    #[arg(long, value_enum, default_value_t)]
    scope: Scope,

    /// The mesh that the routes are for
    #[arg(long, default_value = "linkerd", value_parser = mesh_parser())]
    mesh: MeshProfile,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Scope {
    #[default]
    Cluster,
    Namespace,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    if args.image == IMAGE {
        output::warning(&format!(
            "no image {IMAGE} is published yet; build one and name it with --image, or install the CRD alone (`iter8 \
             crd | kubectl apply -f -`) and run `iter8 controller` with your kubeconfig"
        ));
    }
    let backend = GatewayApiBackend::new(args.mesh.clone());
    let rules = rules(backend.kinds());
    let roles = match args.scope {
        // The Lease is in the controller's own namespace; rights for Leases elsewhere are not needed.
        Scope::Cluster => vec![(RoleKind::ClusterRole, rules), (RoleKind::Role, lease_rules())],
        Scope::Namespace => vec![(RoleKind::Role, rules.into_iter().chain(lease_rules()).collect())],
    };
    let roles = roles.iter().flat_map(|(kind, rules)| [role(args, *kind, rules), binding(args, *kind)]);
    let objects = [crd::crd()?, namespace(args), account(args)].into_iter().chain(roles);
    output::print(&manifest::stream(&objects.chain([deployment(args)]).collect::<Vec<_>>()))
}

/// What the controller does, and no more.
fn rules(route_kinds: &[ObjectKind]) -> Vec<Value> {
    let own = [workload::DEPLOYMENT, workload::SERVICE];
    let owned = own
        .iter()
        .chain(route_kinds)
        .map(|kind| rule(kind.group, kind.plural, &["get", "list", "watch", "create", "patch", "delete"]));
    let read = [
        rule("iter8.tools", "releases", &["list", "watch"]),
        rule("iter8.tools", "releases/status", &["patch"]),
        rule("discovery.k8s.io", "endpointslices", &["list", "watch"]),
        rule("events.k8s.io", "events", &["create", "patch"]),
    ];
    read.into_iter().chain(owned).collect()
}

/// The election of a leader. A create cannot be allowed by name.
fn lease_rules() -> Vec<Value> {
    let mut held = rule("coordination.k8s.io", "leases", &["get", "list", "watch", "patch"]);
    if let Some(fields) = held.as_object_mut() {
        fields.insert("resourceNames".to_owned(), json!([NAME]));
    }
    vec![rule("coordination.k8s.io", "leases", &["create"]), held]
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs })
}

fn namespace(args: &Args) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": args.namespace.as_str() } })
}

fn account(args: &Args) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(args, true) })
}

/// What a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoleKind {
    Role,
    ClusterRole,
}

impl RoleKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
        }
    }
}

fn role(args: &Args, kind: RoleKind, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind.as_str(),
        "metadata": metadata(args, kind == RoleKind::Role),
        "rules": rules,
    })
}

fn binding(args: &Args, kind: RoleKind) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{}Binding", kind.as_str()),
        "metadata": metadata(args, kind == RoleKind::Role),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind.as_str(), "name": NAME },
        "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": args.namespace.as_str() }],
    })
}

fn deployment(args: &Args) -> Value {
    let labels = json!({ "app.kubernetes.io/name": NAME });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(args, true),
        "spec": {
            // One writes; the other has its caches filled and takes over when the first one stops.
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "serviceAccountName": NAME,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [container(args)],
                },
            },
        },
    })
}

fn container(args: &Args) -> Value {
    let scope = match args.scope {
        Scope::Cluster => "--all-namespaces".to_owned(),
        Scope::Namespace => format!("--namespace={}", args.namespace),
    };
    let mesh = format!("--mesh={}", args.mesh.name());
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "metrics" } });
    json!({
        "name": "controller",
        "image": args.image,
        "args": [
            "controller", scope, mesh, "--leader-elect=true", format!("--metrics-addr=:{METRICS_PORT}"),
            "--log-format=json",
        ],
        "env": [{
            "name": "HOSTNAME",
            "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } },
        }],
        "ports": [{ "name": "metrics", "containerPort": METRICS_PORT }],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": {
            "requests": { "cpu": "10m", "memory": "32Mi" },
            "limits": { "memory": "256Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    })
}

fn metadata(args: &Args, namespaced: bool) -> Value {
    let mut metadata = json!({ "name": NAME, "labels": { "app.kubernetes.io/name": NAME } });
    if let (true, Some(fields)) = (namespaced, metadata.as_object_mut()) {
        fields.insert("namespace".to_owned(), args.namespace.as_str().into());
    }
    metadata
}
