//! What the parents of a route say of it.

use gateway_api::httproutes::{HttpRoute, HttpRouteStatusParents};
use iter8_core::{ParentRef, ParentReport, Verdict};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::reference::{self, Parent};

/// One report for each parent of the route.
pub(super) fn reports(route: &HttpRoute) -> Vec<ParentReport> {
    let namespace = route.metadata.namespace.as_deref();
    let report = |parent| {
        let parent = Parent::of_spec(parent, namespace);
        let verdict = verdict_by(&parent, route);
        ParentReport { parent: parent.to_string().into(), is_gateway: !parent.is_service(), verdict }
    };
    route.spec.parent_refs.iter().flatten().map(report).collect()
}

/// What a Gateway says of the route.
pub(crate) fn verdict_of(gateway: &ParentRef, route: &HttpRoute) -> Verdict {
    let rendered = reference::gateway(gateway);
    verdict_by(&Parent::of_spec(&rendered, route.metadata.namespace.as_deref()), route)
}

fn verdict_by(parent: &Parent<'_>, route: &HttpRoute) -> Verdict {
    let namespace = route.metadata.namespace.as_deref();
    let statuses = route.status.as_ref().map(|status| status.parents.as_slice()).unwrap_or_default();
    let is_meant = |status: &&HttpRouteStatusParents| {
        parent.is_meant_by(&Parent::of_status(&status.parent_ref, namespace))
    };
    let verdicts = statuses.iter().filter(is_meant).map(|status| verdict(status, route));
    // More than one controller may serve the parent; the route is not in force before all of them say so.
    verdicts.min_by_key(rank).unwrap_or(Verdict::Silent)
}

fn verdict(status: &HttpRouteStatusParents, route: &HttpRoute) -> Verdict {
    let Some(condition) = status.conditions.iter().find(|condition| condition.type_ == "Accepted") else {
        return Verdict::Silent;
    };
    if is_stale(condition, route) {
        return Verdict::Stale;
    }
    match (condition.status.as_str(), condition.observed_generation) {
        ("True", Some(_)) => Verdict::Accepted,
        ("True", None) => Verdict::AcceptedUnversioned,
        ("False", _) => {
            let [reason, message] = [&condition.reason, &condition.message].map(|text| text.as_str().into());
            Verdict::Refused { reason, message }
        }
        _ => Verdict::Silent,
    }
}

fn is_stale(condition: &Condition, route: &HttpRoute) -> bool {
    let observed = condition.observed_generation.zip(route.metadata.generation);
    observed.is_some_and(|(observed, present)| observed < present)
}

/// The worst verdict first.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Refused { .. } => 0,
        Verdict::Stale => 1,
        Verdict::Silent => 2,
        Verdict::AcceptedUnversioned => 3,
        Verdict::Accepted => 4,
    }
}
