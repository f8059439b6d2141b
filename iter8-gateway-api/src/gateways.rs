//! What the Gateways' route remembers of itself: its parents and hostnames as they were declared.
//!
//! Those of the live `spec` may have been changed by hand, and would then pass for Gateways that have left the document.

use gateway_api::httproutes::HttpRoute;
use iter8_core::{GatewaysObservation, Hostname, ObservedGateway, ParentRef, PlannedRoute, Timestamp};
use serde::{Deserialize, Serialize};

use crate::observe::parents;

/// The annotation of the Gateways' route.
const ANNOTATION: &str = "iter8.tools/gateways";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    parents: Vec<ParentRef>,
    hostnames: Vec<Hostname>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draining_since: Option<Timestamp>,
}

/// The annotation, its name and value.
pub(crate) fn annotation(route: &PlannedRoute) -> Option<(String, String)> {
    let written = Written {
        parents: route.gateway_parents().cloned().collect(),
        hostnames: route.gateway_hostnames().cloned().collect(),
        draining_since: route.leaving.as_ref().and_then(|leaving| leaving.draining_since),
    };
    Some((ANNOTATION.to_owned(), serde_json::to_string(&written).ok()?))
}

/// What the annotation says, and what the parents say of the route.
pub(crate) fn observe(route: &HttpRoute) -> Option<GatewaysObservation> {
    let value = route.metadata.annotations.as_ref()?.get(ANNOTATION)?;
    let Written { parents, hostnames, draining_since } = serde_json::from_str(value).ok()?;
    let parents = parents
        .into_iter()
        .map(|parent| ObservedGateway { verdict: parents::verdict_of(&parent, route), parent })
        .collect();
    Some(GatewaysObservation { parents, hostnames, draining_since })
}
