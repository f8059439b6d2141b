//! The kinds of object that the server knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::custom::{Custom, ScalePaths};
use super::fields::FieldSet;
use super::schema::Schema;

/// A kind in one version.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) version: String,
    /// As in the field `kind` of an object.
    pub(super) name: String,
    pub(super) list_name: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) namespaced: bool,
    /// Whether `status` has an endpoint of its own.
    pub(super) status: bool,
    /// Whether `metadata.generation` counts changes.
    pub(super) generation: bool,
    pub(super) schema: Schema,
    /// What its definition says, for a kind that a `CustomResourceDefinition` declares.
    pub(super) custom: Option<Arc<Custom>>,
}

impl Kind {
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The name under which all versions of the kind are stored.
    pub(super) fn resource(&self) -> Resource {
        // Events are one resource, whichever group they are read through.
        let group = if self.group == "events.k8s.io" { "" } else { self.group.as_str() };
        Resource { group: group.to_owned(), plural: self.plural.clone() }
    }

    pub(super) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.name == kind
    }

    /// Whether `scale` has an endpoint.
    pub(super) fn scales(&self) -> bool {
        self.scale().is_some()
    }

    /// Where the numbers of Pods are, if it scales.
    pub(super) fn scale(&self) -> Option<ScalePaths> {
        match &self.custom {
            Some(custom) => custom.scale.clone(),
            None if self.is("apps", "Deployment") || self.is("apps", "ReplicaSet") => {
                Some(ScalePaths::of_workloads())
            }
            None => None,
        }
    }

    /// Fields that the endpoint does not write.
    pub(super) fn ignored(&self, subresource: &str) -> FieldSet {
        match (subresource, self.custom.is_some(), self.name.as_str()) {
            ("status", true, _) | ("status", false, CRD) => FieldSet::of([&["metadata"], &["spec"]]),
            ("status", false, "Deployment") => FieldSet::of([&["spec"], &["metadata", "labels"]]),
            ("status", false, "Pod") => FieldSet::of([
                &["spec"],
                &["metadata", "deletionTimestamp"],
                &["metadata", "ownerReferences"],
            ]),
            ("status", false, _) => FieldSet::of([&["spec"]]),
            _ if self.status => FieldSet::of([&["status"]]),
            _ => FieldSet::default(),
        }
    }

    /// Whether an update of an object that does not exist creates it.
    pub(super) fn updates_create(&self) -> bool {
        let rbac = self.group == RBAC;
        self.custom.is_none() && (rbac || matches!(self.name.as_str(), "Lease" | "Service" | "Event"))
    }

    /// Where the real server would store an object; some messages show it.
    pub(super) fn storage_path(&self, namespace: &str, name: &str) -> String {
        let resource = match self.name.as_str() {
            _ if self.custom.is_some() || self.name == CRD => format!("{}/{}", self.group, self.plural),
            "Service" => "services/specs".to_owned(),
            "Node" => "minions".to_owned(),
            _ => self.plural.clone(),
        };
        let namespace = if self.namespaced { format!("{namespace}/") } else { String::new() };
        format!("/registry/{resource}/{namespace}{name}")
    }

    /// Whether an update has to name the version that it is based on.
    pub(super) fn updates_need_a_version(&self) -> bool {
        self.custom.is_some() || matches!(self.name.as_str(), CRD | "Lease")
    }

    /// Whether a delete answers with the object instead of a `Status`.
    pub(super) fn returns_deleted(&self) -> bool {
        self.group.is_empty() && matches!(self.name.as_str(), "Pod" | "Service" | "ServiceAccount")
    }
}

/// A resource across its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) plural: String,
}

/// Every kind, by group, version and plural.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    all: BTreeMap<(String, String, String), Arc<Kind>>,
}

/// Group, version, kind, plural, namespaced, short names, own status endpoint, generation.
type BuiltIn =
    (&'static str, &'static str, &'static str, &'static str, bool, &'static [&'static str], bool, bool);

const BUILT_IN: [BuiltIn; 18] = [
    ("", "v1", "ConfigMap", "configmaps", true, &["cm"], false, false),
    ("", "v1", "Event", "events", true, &["ev"], false, false),
    ("", "v1", "Namespace", "namespaces", false, &["ns"], true, false),
    ("", "v1", "Node", "nodes", false, &["no"], true, false),
    ("", "v1", "Pod", "pods", true, &["po"], true, true),
    ("", "v1", "Secret", "secrets", true, &[], false, false),
    ("", "v1", "Service", "services", true, &["svc"], true, false),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, &["sa"], false, false),
    ("apiextensions.k8s.io", "v1", CRD, "customresourcedefinitions", false, &["crd", "crds"], true, true),
    ("apps", "v1", "Deployment", "deployments", true, &["deploy"], true, true),
    ("apps", "v1", "ReplicaSet", "replicasets", true, &["rs"], true, true),
    ("coordination.k8s.io", "v1", "Lease", "leases", true, &[], false, false),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, &[], false, true),
    ("events.k8s.io", "v1", "Event", "events", true, &["ev"], false, false),
    (RBAC, "v1", "ClusterRole", "clusterroles", false, &[], false, false),
    (RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", false, &[], false, false),
    (RBAC, "v1", "Role", "roles", true, &[], false, false),
    (RBAC, "v1", "RoleBinding", "rolebindings", true, &[], false, false),
];
const CRD: &str = "CustomResourceDefinition";
const RBAC: &str = "rbac.authorization.k8s.io";

impl Kinds {
    pub(super) fn built_in() -> Self {
        let mut kinds = Self { all: BTreeMap::new() };

        for (group, version, kind, plural, namespaced, short_names, status, generation) in BUILT_IN {
            let go_type = if group == "events.k8s.io" { "events.Event" } else { kind };
            kinds.insert(Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                name: kind.to_owned(),
                list_name: format!("{kind}List"),
                plural: plural.to_owned(),
                singular: kind.to_lowercase(),
                short_names: short_names.iter().map(|name| (*name).to_owned()).collect(),
                categories: match kind {
                    "Pod" | "Service" | "Deployment" | "ReplicaSet" => vec!["all".to_owned()],
                    CRD => vec!["api-extensions".to_owned()],
                    _ => Vec::new(),
                },
                namespaced,
                status,
                generation,
                schema: Schema::Named(go_type.to_owned()),
                custom: None,
            });
        }
        kinds
    }

    pub(super) fn insert(&mut self, kind: Kind) {
        let key = (kind.group.clone(), kind.version.clone(), kind.plural.clone());
        self.all.insert(key, Arc::new(kind));
    }

    pub(super) fn remove_resource(&mut self, group: &str, plural: &str) {
        self.all.retain(|(g, _, p), _| g != group || p != plural);
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.all.get(&(group.to_owned(), version.to_owned(), plural.to_owned())).cloned()
    }

    /// The kind that an `apiVersion` and `kind` mean.
    pub(super) fn of(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        self.all.values().find(|known| known.name == kind && known.api_version() == api_version).cloned()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.all.values()
    }
}
