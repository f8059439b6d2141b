//! Which protocol the route is for, and how long the routes of the protocol before stay: reading 10.

use iter8_core::{Protocol, RouteObservation, RoutePlan, Verdict};

use super::DisagreementError;
use super::promotion::Case;
use super::removal::has_counted_as_accepting;
use crate::strategies::planned_rules;

pub(super) fn check(case: &Case<'_>, plan: &RoutePlan) -> Result<(), DisagreementError> {
    let declared = case.release.protocol;
    let expected = if case.is_pending { case.live_protocol() } else { declared };
    let planned = plan.route.as_ref().map(|route| route.protocol);
    if planned.is_some_and(|planned| planned != expected) {
        return Err(DisagreementError::new("protocol", &expected, &planned));
    }
    let keeps = case.live().is_some_and(|live| keeps_others(case, live, plan));
    if plan.keeps_other_routes != keeps {
        return Err(DisagreementError::new("keeps other routes", &keeps, &plan.keeps_other_routes));
    }
    Ok(())
}

/// "until the planned one is in force": a `GRPCRoute` comes before an `HTTPRoute` once it is accepted; an `HTTPRoute`
/// cannot come before a `GRPCRoute`, so there every parent must have looked at it.
fn keeps_others(case: &Case<'_>, live: &RouteObservation, plan: &RoutePlan) -> bool {
    let Some(planned) = &plan.route else { return false };
    if live.protocol != planned.protocol {
        return true;
    }
    let is_settled = |verdict: &Verdict, is_gateway: bool| match verdict {
        Verdict::Accepted => true,
        Verdict::Stale => false,
        // "At a Gateway one of the two has a hostname, the older one."
        Verdict::Refused { .. } => planned.protocol == Protocol::Http || is_gateway,
        Verdict::AcceptedUnversioned | Verdict::Silent => has_counted_as_accepting(case, live),
    };
    let is_in_force = live.parents.iter().all(|parent| is_settled(&parent.verdict, parent.is_gateway))
        && live.rules == planned_rules(plan)
        && live.gateways.as_ref().is_none_or(|gateways| {
            let parents: Vec<_> = gateways.parents.iter().map(|gateway| &gateway.parent).collect();
            parents == planned.gateway_parents().collect::<Vec<_>>()
                && gateways.hostnames.iter().eq(planned.gateway_hostnames())
        });
    case.other().is_some() && !is_in_force
}
