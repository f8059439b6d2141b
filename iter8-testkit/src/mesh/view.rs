//! What the mesh knows of its namespace at one moment.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use gateway_api::httproutes::HttpRoute;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;

use super::endpoints::{ready_endpoints, service_port};
use crate::simulator::{Precedence, RouteSet};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What the proxy goes by: the routes, Services and endpoints of the namespace.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("../example_world.txt")]
/// let view = world.mesh().routes_in_force().borrow().clone();
/// assert!(view.route("web").is_none());
/// assert_eq!(view.ready_endpoints("web", 80).len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct View {
    revision: u64,
    complete: bool,
    routes: BTreeMap<String, Arc<HttpRoute>>,
    services: BTreeMap<String, Arc<Service>>,
    slices: BTreeMap<String, Vec<Arc<EndpointSlice>>>,
    rules: RouteSet,
}

impl View {
    pub(super) fn new(
        revision: u64,
        complete: bool,
        precedence: Precedence,
        routes: Vec<Arc<HttpRoute>>,
        services: Vec<Arc<Service>>,
        slices: Vec<Arc<EndpointSlice>>,
    ) -> Self {
        let mut rules = RouteSet::new(precedence).with_known_services_only();
        for service in &services {
            insert(&mut rules, service.as_ref(), &service.name_any());
        }
        for route in &routes {
            insert(&mut rules, route.as_ref(), &route.name_any());
        }
        let mut of_service: BTreeMap<String, Vec<Arc<EndpointSlice>>> = BTreeMap::new();
        for slice in slices {
            if let Some(service) = slice.labels().get(SERVICE_NAME) {
                of_service.entry(service.clone()).or_default().push(slice);
            }
        }
        Self {
            revision,
            complete,
            routes: routes.into_iter().map(|route| (route.name_any(), route)).collect(),
            services: services.into_iter().map(|service| (service.name_any(), service)).collect(),
            slices: of_service,
            rules,
        }
    }

    /// Grows with each change of anything that the mesh follows.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The HTTPRoute of this name, as the proxy uses it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("../example_world.txt")]
    #[doc = include_str!("../example_route.txt")]
    /// let mut views = world.mesh().routes_in_force();
    /// let view = views.wait_for(|view| view.route("web").is_some()).await?.clone();
    /// let hostnames = view.route("web").and_then(|route| route.spec.hostnames.clone());
    /// assert_eq!(hostnames.ok_or("none")?, ["web.test"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&HttpRoute> {
        self.routes.get(name).map(AsRef::as_ref)
    }

    /// The rules in force, to ask what would become of a request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::simulator::{Parent, Request};
    ///
    #[doc = include_str!("../example_world.txt")]
    /// let view = world.mesh().routes_in_force().borrow().clone();
    /// let outcome = view.rules().route(&Parent::service("test", "web"), &Request::new("GET", "http://web.test/")?);
    /// assert!(outcome.passthrough, "there is no route");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rules(&self) -> &RouteSet {
        &self.rules
    }

    /// The addresses and ports of the ready endpoints behind a port of a Service.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("../example_world.txt")]
    /// let view = world.mesh().routes_in_force().borrow().clone();
    /// assert_eq!(view.ready_endpoints("web", 80)[0].1, 8080, "the port of the Pod");
    /// assert!(view.ready_endpoints("web", 81).is_empty(), "the Service has no such port");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ready_endpoints(&self, service: &str, port: u16) -> Vec<(Ipv4Addr, u16)> {
        let port = self.service(service).and_then(|service| service_port(service, port));
        port.map(|port| ready_endpoints(self.slices(service), port)).unwrap_or_default()
    }

    /// Whether everything has been listed once; before that no request is answered.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &HttpRoute> {
        self.routes.values().map(AsRef::as_ref)
    }

    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name).map(AsRef::as_ref)
    }

    fn slices(&self, service: &str) -> impl Iterator<Item = &EndpointSlice> {
        self.slices.get(service).into_iter().flatten().map(AsRef::as_ref)
    }
}

fn insert(rules: &mut RouteSet, object: &impl serde::Serialize, name: &str) {
    if let Err(error) = rules.insert(object) {
        tracing::warn!(name, %error, "object left out of the mesh");
    }
}
