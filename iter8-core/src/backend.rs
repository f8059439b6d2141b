//! The seam to routing backends.

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::capabilities::Capabilities;
use crate::observation::RouteObservation;
use crate::plan::RoutePlan;
use crate::release::Protocol;

/// A kind of Kubernetes object, as far as a controller must know it to watch and write it.
///
/// ```
/// use iter8_core::ObjectKind;
///
/// let kind = ObjectKind { group: "mesh.example.com", version: "v1", kind: "TrafficSplit", plural: "trafficsplits" };
/// assert_eq!(format!("{}.{}", kind.plural, kind.group), "trafficsplits.mesh.example.com", "the name of its CRD");
/// ```
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
///
/// A backend for a mesh whose routes are JSON; the example `custom_backend` of the repository is a whole one.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// use iter8_core::{ObjectKind, ObservedBackend, ObservedRule, RouteObservation, RoutePlan, RoutingBackend};
/// use serde_json::{Value, json};
///
/// /// Routes everything to the primary.
/// struct PrimaryOnly(Capabilities);
///
/// impl RoutingBackend for PrimaryOnly {
///     type Object = Value;
///
///     fn capabilities(&self) -> &Capabilities {
///         &self.0
///     }
///
///     fn kinds(&self) -> &[ObjectKind] {
///         const { &[ObjectKind { group: "mesh.example.com", version: "v1", kind: "Target", plural: "targets" }] }
///     }
///
///     fn render(&self, plan: &RoutePlan) -> Vec<Value> {
///         let default = plan.rules().last().and_then(|rule| rule.backends.first());
///         default.map(|to| json!({ "kind": "Target", "to": to.service, "port": to.port })).into_iter().collect()
///     }
///
///     fn observe(&self, objects: &[Value]) -> Option<RouteObservation> {
///         let object = objects.first()?;
///         let backend = ObservedBackend {
///             service: object["to"].as_str()?.parse().ok()?,
///             port: object["port"].as_i64()?.try_into().ok()?,
///             weight: iter8_core::Weight::ONE,
///         };
///         let rule = ObservedRule { backends: vec![backend], ..ObservedRule::default() };
///         Some(RouteObservation { rules: vec![rule], ..RouteObservation::default() })
///     }
/// }
///
/// let backend = PrimaryOnly(Capabilities::specification());
/// let objects = backend.render(&plan(&release, &Observation::all_ready(&release)));
/// assert_eq!(objects[0]["to"], "web-0");
/// assert_eq!(backend.observe(&objects).ok_or("none")?.rules[0].backends[0].service.as_str(), "web-0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
