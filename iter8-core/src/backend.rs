//! The seam to routing backends.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::capabilities::Capabilities;
use crate::observation::RouteObservation;
use crate::plan::RoutePlan;
use crate::release::Protocol;

/// A kind of Kubernetes object, as far as a controller must know it to watch and write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKind {
    /// API group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name of the resource in URLs.
    pub plural: &'static str,
}

/// What turns a plan into the routes of a mesh, and reads them back.
///
/// A backend is pure: it holds data about a mesh and neither a client nor a clock.
/// Implement it for a mesh of your own, and check the result with `iter8_testkit::conformance`.
pub trait RoutingBackend: Send + Sync + 'static {
    /// The form of the objects: typed, or any JSON value.
    type Object: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// What the backend and its mesh can do.
    fn capabilities(&self) -> &Capabilities;

    /// The kinds of object that [`render`](Self::render) makes.
    fn kinds(&self) -> &[ObjectKind];

    /// The kinds that routes of this protocol need; a controller reports them where the API server does not know them.
    fn kinds_for(&self, protocol: Protocol) -> &[ObjectKind] {
        let _ = protocol;
        self.kinds()
    }

    /// The objects for a plan; none where the plan has no route.
    ///
    /// The objects have no ownerReferences and no status; the same plan gives the same objects.
    fn render(&self, plan: &RoutePlan) -> Vec<Self::Object>;

    /// The live objects of a release in the core's terms; `None` where there are none.
    fn observe(&self, objects: &[Self::Object]) -> Option<RouteObservation>;
}
