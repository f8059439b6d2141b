//! The objects that decide where requests go.

use std::collections::BTreeMap;
use std::fmt;

use iter8_core::FieldPath;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::Precedence;
use super::environment::{GatewaySpec, ListenerSetSpec, ReferenceGrantSpec, ServiceSpec};
use super::model::{Metadata, Object, ObjectRef, RouteSpec, Rule, without_nulls};
use super::parent::{ObjectKey, Parent, ParentKind};

/// Routes, and the Gateways, `ListenerSets`, Services, `ReferenceGrants` and Namespaces that decide what they do.
///
/// A parent or Service that is named but not among the objects is assumed to exist and to take everything. As soon
/// as one Service has been inserted, the Services are complete: one that is missing does not exist.
///
/// ```
/// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
/// use serde_json::json;
///
/// let mut routes = RouteSet::new(Precedence::Spec);
/// let (parent, request) = (Parent::service("test", "web"), Request::new("GET", "http://web.test/")?);
/// assert!(routes.route(&parent, &request).passthrough);
/// let other = json!({ "kind": "Service", "metadata": { "namespace": "test", "name": "other" }, "spec": {} });
/// routes.insert(&other)?;
/// assert!(!routes.route(&parent, &request).passthrough, "the Services are complete now, and it is none of them");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RouteSet {
    pub(super) precedence: Precedence,
    pub(super) routes: Vec<Route>,
    pub(super) gateways: BTreeMap<ObjectKey, Object<GatewaySpec>>,
    pub(super) listener_sets: BTreeMap<ObjectKey, Object<ListenerSetSpec>>,
    pub(super) services: Option<BTreeMap<ObjectKey, ServiceSpec>>,
    pub(super) grants: BTreeMap<ObjectKey, ReferenceGrantSpec>,
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum RouteKind {
    Grpc,
    Http,
}

/// An HTTPRoute or GRPCRoute.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) kind: RouteKind,
    pub(super) key: ObjectKey,
    pub(super) created: Option<Time>,
    pub(super) parent_refs: Vec<ObjectRef>,
    pub(super) hostnames: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

/// The object is not what its `kind` says.
///
/// ```
/// use iter8_testkit::simulator::{Precedence, RouteSet};
/// use serde_json::json;
///
/// let route = json!({ "kind": "HTTPRoute", "metadata": { "name": "web" }, "spec": { "hostnames": "web.test" } });
/// let list = json!({ "kind": "List", "items": [route] });
/// let error = RouteSet::new(Precedence::Spec).insert(&list).unwrap_err();
/// assert_eq!(error.path.to_string(), "items[0].spec.hostnames");
/// # let text = error.to_string();
/// # assert!(text.starts_with("HTTPRoute `web` cannot be read: spec.hostnames: invalid type: string"), "{text}");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{kind} `{name}` cannot be read: {}{source}", Within(field))]
#[non_exhaustive]
pub struct InvalidObjectError {
    /// Where the trouble is in what was passed, which may be a `List`.
    pub path: FieldPath,
    kind: String,
    name: String,
    /// Where it is in the object.
    field: FieldPath,
    source: serde_json::Error,
}

/// The place before a message, if there is one.
struct Within<'a>(&'a FieldPath);

impl fmt::Display for Within<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self.0 == FieldPath::root() { Ok(()) } else { write!(formatter, "{}: ", self.0) }
    }
}

impl RouteSet {
    /// No objects yet.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
    ///
    /// // Only Linkerd looks at the hostnames of a route whose parent is a Service.
    /// let route = serde_json::json!({
    ///     "kind": "HTTPRoute",
    ///     "metadata": { "namespace": "test", "name": "web" },
    ///     "spec": {
    ///         "parentRefs": [{ "kind": "Service", "name": "web" }],
    ///         "hostnames": ["shop.example.com"],
    ///         "rules": [{ "backendRefs": [{ "name": "web", "port": 80 }] }],
    ///     },
    /// });
    /// let (parent, request) = (Parent::service("test", "web"), Request::new("GET", "http://web.test/")?);
    /// for (precedence, status) in [(Precedence::Spec, 200), (Precedence::Linkerd, 404)] {
    ///     let mut routes = RouteSet::new(precedence);
    ///     routes.insert(&route)?;
    ///     assert_eq!(routes.route(&parent, &request).status, status);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(precedence: Precedence) -> Self {
        Self { precedence, ..Self::default() }
    }

    /// From now on a Service exists only if it has been inserted, even if none has.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
    ///
    /// let routes = RouteSet::new(Precedence::Spec).with_known_services_only();
    /// let request = Request::new("GET", "http://web.test/")?;
    /// assert_ne!(routes.route(&Parent::service("test", "web"), &request).status, 200, "there is no such Service");
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn with_known_services_only(mut self) -> Self {
        self.services.get_or_insert_default();
        self
    }

    /// Adds an object, or all objects of a `List`: in its JSON form, or typed (`gateway_api`, `k8s_openapi`). One
    /// that is there already is replaced; one of a kind that decides nothing here is left out.
    ///
    /// # Errors
    ///
    /// The object does not have the form of its kind.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Precedence, RouteSet};
    /// use serde_json::json;
    ///
    /// let mut routes = RouteSet::new(Precedence::Spec);
    /// routes.insert(&json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" } }))?;
    /// assert!(routes.attachments().is_empty(), "it decides nothing");
    /// # Ok::<(), iter8_testkit::simulator::InvalidObjectError>(())
    /// ```
    pub fn insert(&mut self, object: &impl Serialize) -> Result<(), InvalidObjectError> {
        let object = serde_json::to_value(object).map_err(|source| InvalidObjectError {
            path: FieldPath::root(),
            kind: "object".into(),
            name: String::new(),
            field: FieldPath::root(),
            source,
        })?;
        self.insert_value(&object, &FieldPath::root())
    }

    fn insert_value(&mut self, object: &Value, path: &FieldPath) -> Result<(), InvalidObjectError> {
        let object = without_nulls(object);
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_of = |group: &str| {
            object
                .get("apiVersion")
                .and_then(Value::as_str)
                .is_none_or(|version| version.rsplit_once('/').map_or("", |(found, _)| found) == group)
        };
        let is_gateway_api = is_of("gateway.networking.k8s.io") || is_of("gateway.networking.x-k8s.io");
        match kind.as_str() {
            "HTTPRoute" if is_gateway_api => self.insert_route(RouteKind::Http, &object, path),
            "GRPCRoute" if is_gateway_api => self.insert_route(RouteKind::Grpc, &object, path),
            "Gateway" if is_gateway_api => {
                let gateway: Object<GatewaySpec> = read(&object, path)?;
                self.gateways.insert(gateway.metadata.key(), gateway);
                Ok(())
            }
            "ListenerSet" | "XListenerSet" if is_gateway_api => {
                let set: Object<ListenerSetSpec> = read(&object, path)?;
                self.listener_sets.insert(set.metadata.key(), set);
                Ok(())
            }
            "ReferenceGrant" if is_gateway_api => {
                let grant: Object<ReferenceGrantSpec> = read(&object, path)?;
                self.grants.insert(grant.metadata.key(), grant.spec);
                Ok(())
            }
            "Service" if is_of("") => {
                let service: Object<ServiceSpec> = read(&object, path)?;
                self.services.get_or_insert_default().insert(service.metadata.key(), service.spec);
                Ok(())
            }
            "Namespace" if is_of("") => {
                let namespace: Namespace = read(&object, path)?;
                self.namespaces.insert(namespace.metadata.name, namespace.metadata.labels);
                Ok(())
            }
            _ => self.insert_items(&kind, &object, path),
        }
    }

    fn insert_route(
        &mut self,
        kind: RouteKind,
        object: &Value,
        path: &FieldPath,
    ) -> Result<(), InvalidObjectError> {
        let mut object: Object<RouteSpec> = read(object, path)?;
        let route = Route {
            kind,
            key: object.metadata.key(),
            created: object.metadata.creation_timestamp,
            rules: object.spec.rules(kind),
            parent_refs: object.spec.parent_refs,
            hostnames: object.spec.hostnames,
        };
        self.routes.retain(|other| (other.kind, &other.key) != (kind, &route.key));
        self.routes.push(route);
        Ok(())
    }

    fn insert_items(&mut self, kind: &str, list: &Value, path: &FieldPath) -> Result<(), InvalidObjectError> {
        let Some(item_kind) = kind.strip_suffix("List") else { return Ok(()) };
        let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
        for (index, item) in items.enumerate() {
            let mut item = item.clone();
            if let Some(fields) = item.as_object_mut() {
                // The items of a typed list carry no kind of their own.
                fields.entry("kind").or_insert_with(|| item_kind.into());
            }
            self.insert_value(&item, &path.field("items").index(index))?;
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Namespace {
    metadata: Metadata,
}

fn read<T: DeserializeOwned>(object: &Value, path: &FieldPath) -> Result<T, InvalidObjectError> {
    let text = |pointer: &str| match object.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    serde_path_to_error::deserialize(object).map_err(|error| InvalidObjectError {
        path: within(path, error.path()),
        kind: text("/kind"),
        name: text("/metadata/name"),
        field: within(&FieldPath::root(), error.path()),
        source: error.into_inner(),
    })
}

fn within(path: &FieldPath, inner: &serde_path_to_error::Path) -> FieldPath {
    inner.iter().fold(path.clone(), |path, segment| match segment {
        Segment::Seq { index } => path.index(*index),
        Segment::Map { key } => path.field(key),
        Segment::Enum { variant } => path.field(variant),
        Segment::Unknown => path,
    })
}

impl Metadata {
    fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }
}

impl RouteKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }

    /// The kind as one of many, in sentences.
    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Http => "an HTTPRoute",
            Self::Grpc => "a GRPCRoute",
        }
    }
}

impl Route {
    /// The parent that one of the route's parentRefs names.
    pub(super) fn parent(&self, reference: &ObjectRef) -> Parent {
        let group = reference.group.as_deref().unwrap_or("gateway.networking.k8s.io");
        let kind = match (group, reference.kind.as_deref().unwrap_or("Gateway")) {
            ("" | "core", "Service") => ParentKind::Service,
            ("gateway.networking.k8s.io", "Gateway") => ParentKind::Gateway,
            ("gateway.networking.k8s.io" | "gateway.networking.x-k8s.io", "ListenerSet" | "XListenerSet") => {
                ParentKind::ListenerSet
            }
            // Older manifests leave the group of a Service out.
            (_, "Service") if reference.group.is_none() => ParentKind::Service,
            _ => ParentKind::Other,
        };
        let namespace = reference.namespace.as_deref().unwrap_or(&self.key.namespace);
        Parent { kind, key: ObjectKey::new(namespace, &reference.name) }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.as_str(), self.key)
    }
}
