//! When the controller plans.

use std::sync::{Arc, Mutex};

use iter8_core::{Capabilities, ObjectKind, Protocol, RouteObservation, RoutePlan, RoutingBackend};
use iter8_gateway_api::GatewayApiBackend;
use tokio::time::Instant;

/// The times at which a process has planned, in order.
pub(crate) type Plans = Arc<Mutex<Vec<Instant>>>;

/// A backend that notes when it is asked for the routes of a plan: in the moment in which the plan is made.
#[derive(Default)]
pub(crate) struct Noting {
    backend: GatewayApiBackend,
    plans: Plans,
}

impl Noting {
    pub(crate) fn new(plans: &Plans) -> Self {
        Self { plans: Arc::clone(plans), ..Self::default() }
    }
}

impl RoutingBackend for Noting {
    type Object = <GatewayApiBackend as RoutingBackend>::Object;

    fn capabilities(&self) -> &Capabilities {
        self.backend.capabilities()
    }

    fn kinds(&self) -> &[ObjectKind] {
        self.backend.kinds()
    }

    fn kinds_for(&self, protocol: Protocol) -> &[ObjectKind] {
        self.backend.kinds_for(protocol)
    }

    fn render(&self, plan: &RoutePlan) -> Vec<Self::Object> {
        self.plans.lock().unwrap().push(Instant::now());
        self.backend.render(plan)
    }

    fn observe(&self, objects: &[Self::Object]) -> Option<RouteObservation> {
        self.backend.observe(objects)
    }
}
