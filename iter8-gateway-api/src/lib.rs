//! Renders the routing plans of iter8 as routes of the Gateway API, and reads live routes back.
//!
//! The routes are `HTTPRoute`s of the standard channel, `gateway.networking.k8s.io/v1`, in the types of the
//! crate [`gateway_api`], or `GRPCRoute`s where `application.protocol` is `grpc`. A plan becomes one route for the application's front Service and, where
//! the release names Gateways, a second one with the same rules for them:
//!
//! | | route `A` | route `A-gateway` |
//! |---|---|---|
//! | parents | the front Service `A`, with its port | the declared Gateways, and for a while those before them |
//! | hostnames | none: the route takes every request to the Service | those of the release, likewise |
//! | rules | the plan's | the plan's |
//!
//! Every backendRef has its weight and adds the response header `app-version`, the name of the version's Service. In a
//! mesh that has no filters on backendRefs the rule adds it, which is the same for a rule with one backend; a split by
//! weight is refused there. What each mesh can do is data ([`MeshProfile`]).
//! Every rule has the timeouts and filters of the plan.
//!
//! ```
//! use iter8_core::{Document, Observation, ReleaseKey, RoutingBackend, declare, plan};
//! use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
//!
//! let backend = GatewayApiBackend::new(MeshProfile::linkerd());
//! let document = Document::from_yaml(
//!     "environment: deployment-gtw\napplication: {strategy: canary, versions: [{image: web:1}]}\n",
//! )?;
//! let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
//! let release = declare(&key, &document, backend.capabilities())?;
//! let plan = plan(&release, &Observation::all_ready(&release));
//!
//! let routes = backend.render(&plan);
//! assert_eq!(routes.len(), 1);
//! let live = backend.observe(&routes).ok_or("no route")?;
//! assert_eq!(live.rules[0].backends[0].service.as_str(), "web-0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//! No client and no async: a controller writes the routes. It does not decide which rules there are; the core does.
//! Labels and annotations that mark objects as owned, and ownerReferences, are the controller's.

mod declared_filters;
mod filters;
mod gateways;
mod grpc_route;
mod http_route;
mod matches;
mod observe;
mod profile;
mod reference;
mod route;
mod timeouts;

use http_route::Lowering;
use iter8_core::{
    Capabilities, ObjectKind, Protocol, RouteCapabilities, RouteObservation, RoutePlan, RoutingBackend,
};

pub use profile::{MeshProfile, UnknownMeshError};
pub use route::Route;

/// The routing backend for meshes and gateways that follow the Gateway API.
///
/// ```
/// use iter8_core::RoutingBackend;
/// use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
///
/// let backend = GatewayApiBackend::new(MeshProfile::gateway());
/// assert_eq!(backend.capabilities().mesh, "gateway");
/// assert_eq!(backend.kinds()[0].kind, "HTTPRoute");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayApiBackend {
    profile: MeshProfile,
}

impl GatewayApiBackend {
    /// A backend for a mesh.
    ///
    /// ```
    /// use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
    ///
    /// assert_eq!(GatewayApiBackend::new(MeshProfile::linkerd()), GatewayApiBackend::default());
    /// ```
    #[must_use]
    pub const fn new(profile: MeshProfile) -> Self {
        Self { profile }
    }
}

impl RoutingBackend for GatewayApiBackend {
    type Object = Route;

    fn capabilities(&self) -> &Capabilities {
        self.profile.capabilities()
    }

    fn kinds(&self) -> &[ObjectKind] {
        &KINDS
    }

    /// One kind for each protocol.
    fn kinds_for(&self, protocol: Protocol) -> &[ObjectKind] {
        let [http, grpc] = &KINDS;
        std::slice::from_ref(match protocol {
            Protocol::Http => http,
            Protocol::Grpc => grpc,
        })
    }

    /// The front Service's route first, then the Gateways'.
    fn render(&self, plan: &RoutePlan) -> Vec<Route> {
        let Some(route) = &plan.route else { return Vec::new() };
        let capabilities = self.capabilities();
        // A release of a protocol that the mesh does not have is not valid.
        let routes = capabilities.of(route.protocol).unwrap_or(&RouteCapabilities::GRPC);
        let lowering = Lowering::new(capabilities, routes);
        match route.protocol {
            Protocol::Http => http_route::render(route, &lowering).into_iter().map(Route::from).collect(),
            Protocol::Grpc => grpc_route::render(route, &lowering).into_iter().map(Route::from).collect(),
        }
    }

    /// The live routes in the core's terms.
    ///
    /// Defaults that the API server fills in are no difference: whether a route comes from
    /// [`render`](Self::render) or from a cluster, the same rules read the same. A rule is marked as altered where
    /// it has what this backend never renders (a redirect, a name, a backend that is not a
    /// Service of the route's namespace) or where the routes of the release do not have the same rules. What can
    /// be said of such a rule is still said, so that the versions it names keep their requests until it is
    /// written anew. Where there are routes of both kinds, those of the one are
    /// [`other`](RouteObservation::other) to those of the other. A route without rules reads as one altered rule without backends: it still says that the
    /// primary was ready once.
    fn observe(&self, objects: &[Route]) -> Option<RouteObservation> {
        observe::observe(objects, self.capabilities())
    }
}

/// The kinds of route, those of HTTP requests first.
const KINDS: [ObjectKind; 2] = [
    ObjectKind { group: "gateway.networking.k8s.io", version: "v1", kind: "HTTPRoute", plural: "httproutes" },
    ObjectKind { group: "gateway.networking.k8s.io", version: "v1", kind: "GRPCRoute", plural: "grpcroutes" },
];

/// The README's example is code that must run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
