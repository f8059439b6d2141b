//! Short ways to a plan and its routes.

use gateway_api::httproutes::HttpRoute;
use iter8_core::{
    Document, Observation, ReleaseKey, RouteObservation, RoutePlan, RoutingBackend, ValidRelease,
    ValidVersion, declare, plan,
};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile, Route};

/// A release `web` in namespace `test`, for a mesh that can do everything.
pub(crate) fn release(document: &str) -> ValidRelease {
    release_for(&backend(), document)
}

/// The same for another mesh.
pub(crate) fn release_for(backend: &GatewayApiBackend, document: &str) -> ValidRelease {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(document).unwrap();
    declare(&key, &document, backend.capabilities()).unwrap()
}

pub(crate) fn backend() -> GatewayApiBackend {
    GatewayApiBackend::new(MeshProfile::gateway())
}

pub(crate) fn plan_where(release: &ValidRelease, is_ready: impl Fn(&ValidVersion) -> bool) -> RoutePlan {
    plan(release, &Observation::ready_where(release, is_ready))
}

/// The plan in which every version is ready, and its routes.
pub(crate) fn routed(document: &str) -> (RoutePlan, Vec<HttpRoute>) {
    let plan = plan_where(&release(document), |_| true);
    let routes = backend().render(&plan);
    (plan, routes.iter().map(|route| route.as_http().unwrap().clone()).collect())
}

/// What these live routes say.
pub(crate) fn observe(routes: &[HttpRoute]) -> Option<RouteObservation> {
    let routes: Vec<_> = routes.iter().cloned().map(Route::from).collect();
    backend().observe(&routes)
}
