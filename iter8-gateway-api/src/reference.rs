//! References between objects, written with explicit group and kind and read with the API's defaults.

use gateway_api::httproutes::{
    HttpRouteParentRefs, HttpRouteRulesBackendRefs, HttpRouteRulesBackendRefsFiltersRequestMirrorBackendRef,
    HttpRouteRulesFiltersRequestMirrorBackendRef, HttpRouteStatusParentsParentRef,
};
use iter8_core::{ParentRef, PlannedBackend, PlannedRoute, Port, ServiceName};

use crate::filters;

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// The front Service as a parent.
pub(crate) fn front_service(route: &PlannedRoute) -> HttpRouteParentRefs {
    HttpRouteParentRefs {
        group: Some(String::new()),
        kind: Some("Service".to_owned()),
        name: route.name.to_string(),
        port: Some(route.port.get().into()),
        ..HttpRouteParentRefs::default()
    }
}

/// A declared Gateway as a parent.
pub(crate) fn gateway(parent: &ParentRef) -> HttpRouteParentRefs {
    HttpRouteParentRefs {
        group: Some(parent.group.clone().unwrap_or_else(|| GATEWAY_GROUP.to_owned())),
        kind: Some(parent.kind.clone().unwrap_or_else(|| "Gateway".to_owned())),
        name: parent.name.to_string(),
        namespace: parent.namespace.as_ref().map(ToString::to_string),
        port: parent.port.map(|port| port.get().into()),
        section_name: parent.section_name.as_ref().map(ToString::to_string),
    }
}

/// The Service of a version as a backend, with the header that names it or without.
pub(crate) fn backend(backend: &PlannedBackend, has_header: bool) -> HttpRouteRulesBackendRefs {
    HttpRouteRulesBackendRefs {
        filters: has_header.then(|| vec![filters::app_version(&backend.service)]),
        group: Some(String::new()),
        kind: Some("Service".to_owned()),
        name: backend.service.to_string(),
        namespace: None,
        port: Some(backend.port.get().into()),
        // A weight is at most 1,000,000.
        weight: i32::try_from(backend.weight.get()).ok(),
    }
}

/// The Service of a version as the target of copies.
pub(crate) fn mirror(service: &ServiceName, port: Port) -> HttpRouteRulesFiltersRequestMirrorBackendRef {
    HttpRouteRulesFiltersRequestMirrorBackendRef {
        group: Some(String::new()),
        kind: Some("Service".to_owned()),
        name: service.to_string(),
        namespace: None,
        port: Some(port.get().into()),
    }
}

/// The Service that a live backendRef names, `None` for anything that is not a Service of the route's namespace.
pub(crate) fn service(
    reference: &impl BackendReference,
    route_namespace: Option<&str>,
) -> Option<ServiceName> {
    let is_core = reference.group().is_none_or(str::is_empty);
    let is_service = reference.kind().is_none_or(|kind| kind == "Service");
    let is_near = reference.namespace().is_none_or(|namespace| Some(namespace) == route_namespace);
    if is_core && is_service && is_near { reference.name().parse().ok() } else { None }
}

/// A legal port.
pub(crate) fn port(number: Option<i32>) -> Option<Port> {
    Port::try_from(i128::from(number?)).ok()
}

/// What the bindings' many types of backendRef have in common.
pub(crate) trait BackendReference {
    fn group(&self) -> Option<&str>;
    fn kind(&self) -> Option<&str>;
    fn namespace(&self) -> Option<&str>;
    fn name(&self) -> &str;
}

macro_rules! backend_reference {
    ($($type:ty),+) => {
        $(impl BackendReference for $type {
            fn group(&self) -> Option<&str> {
                self.group.as_deref()
            }

            fn kind(&self) -> Option<&str> {
                self.kind.as_deref()
            }

            fn namespace(&self) -> Option<&str> {
                self.namespace.as_deref()
            }

            fn name(&self) -> &str {
                &self.name
            }
        })+
    };
}

backend_reference!(
    HttpRouteRulesBackendRefs,
    HttpRouteRulesBackendRefsFiltersRequestMirrorBackendRef,
    HttpRouteRulesFiltersRequestMirrorBackendRef
);

/// A live parentRef, of a spec or a status, with every default filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parent<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    section: Option<&'a str>,
    port: Option<i32>,
}

impl<'a> Parent<'a> {
    pub(crate) fn of_spec(parent: &'a HttpRouteParentRefs, route_namespace: Option<&'a str>) -> Self {
        Self {
            group: group(parent.group.as_deref()),
            kind: parent.kind.as_deref().unwrap_or("Gateway"),
            namespace: parent.namespace.as_deref().or(route_namespace),
            name: &parent.name,
            section: parent.section_name.as_deref(),
            port: parent.port,
        }
    }

    pub(crate) fn of_status(
        parent: &'a HttpRouteStatusParentsParentRef,
        route_namespace: Option<&'a str>,
    ) -> Self {
        Self {
            group: group(parent.group.as_deref()),
            kind: parent.kind.as_deref().unwrap_or("Gateway"),
            namespace: parent.namespace.as_deref().or(route_namespace),
            name: &parent.name,
            section: parent.section_name.as_deref(),
            port: parent.port,
        }
    }

    pub(crate) fn is_service(&self) -> bool {
        self.group.is_empty() && self.kind == "Service"
    }

    /// Whether a parent's report about `reported` is about this one; without a port it is about every port.
    pub(crate) fn is_meant_by(&self, reported: &Self) -> bool {
        *self == Self { port: reported.port.or(self.port), ..*reported }
    }
}

/// Linkerd writes the core group as `core`.
fn group(declared: Option<&str>) -> &str {
    match declared {
        None => GATEWAY_GROUP,
        Some("core") => "",
        Some(group) => group,
    }
}

/// `Service test/web:80`, `Gateway infra/public, section https`.
impl std::fmt::Display for Parent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(self.name)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.section.map_or(Ok(()), |section| write!(f, ", section {section}"))
    }
}
