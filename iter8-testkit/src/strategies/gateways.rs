//! The Gateways' route: as it is planned, and in any state.

use iter8_core::{GatewaysObservation, Hostname, ObservedGateway, ParentRef, RoutePlan, Timestamp, Verdict};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::release::name;

/// Names of Gateways; `public` and `shared` are those that releases declare.
const GATEWAYS: [(&str, Option<&str>, Option<&str>); 5] = [
    ("public", None, None),
    ("shared", Some("infra"), None),
    ("public", Some("test"), None),
    ("public", None, Some("https")),
    ("old", None, None),
];

/// A Gateway by its name, in its own namespace, a listener of it or all of them.
pub(super) fn gateway(own: &str, namespace: Option<&str>, section: Option<&str>) -> ParentRef {
    let (namespace, section_name) = (namespace.map(name), section.map(name));
    ParentRef { group: None, kind: None, namespace, name: name(own), section_name, port: None }
}

/// The Gateways' route of a plan as it is observed once it is written; nobody has said anything of it yet. `None` where the
/// plan has no route at all.
///
/// ```
/// use iter8_testkit::strategies::planned_gateways;
///
#[doc = include_str!("../example_canary.txt")]
/// let plan = plan(&release, &Observation::all_ready(&release));
/// assert_eq!(planned_gateways(&plan), Some(Default::default()), "the release names no Gateway");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn planned_gateways(plan: &RoutePlan) -> Option<GatewaysObservation> {
    let route = plan.route.as_ref()?;
    let parents = route.gateway_parents().cloned();
    let parents: Vec<_> =
        parents.map(|parent| ObservedGateway { parent, verdict: Verdict::Silent }).collect();
    Some(GatewaysObservation {
        parents,
        hostnames: route.gateway_hostnames().cloned().collect(),
        draining_since: route.leaving.as_ref().and_then(|leaving| leaving.draining_since),
    })
}

/// Whether a live route is as planned, whatever its parents say.
pub(super) fn are_written(live: Option<&GatewaysObservation>, planned: Option<&GatewaysObservation>) -> bool {
    let written = |gateways: &GatewaysObservation| {
        let parents: Vec<_> = gateways.parents.iter().map(|gateway| gateway.parent.clone()).collect();
        (parents, gateways.hostnames.clone(), gateways.draining_since)
    };
    live.map(written) == planned.map(written)
}

/// Whatever may have been written once, about `now`.
pub(super) fn live_gateways(
    now: u32,
    verdicts: impl Strategy<Value = Verdict>,
) -> impl Strategy<Value = Option<GatewaysObservation>> {
    let hostnames = ["example.org", "old.example.org", "web", "web.test", "web.test.svc"];
    let hostnames = subsequence(hostnames.map(name::<Hostname>).to_vec(), 1..=3).prop_shuffle();
    let parents = subsequence(GATEWAYS.to_vec(), 1..=3).prop_shuffle();
    let live = (parents, prop::collection::vec(verdicts, 3), hostnames, draining_since(now)).prop_map(
        |(parents, verdicts, hostnames, draining_since)| {
            let parents = parents.into_iter().zip(verdicts).map(|((own, namespace, section), verdict)| {
                ObservedGateway { parent: gateway(own, namespace, section), verdict }
            });
            GatewaysObservation { parents: parents.collect(), hostnames, draining_since }
        },
    );
    option::weighted(0.6, live)
}

/// Since some seconds, or since a moment that a wrong clock has put into the future; or no drain.
pub(super) fn draining_since(now: u32) -> impl Strategy<Value = Option<Timestamp>> {
    let ago = select(vec![0, 1, 3, 6, 7, 12]);
    let since = ago.prop_map(move |ago: u32| {
        Timestamp::default().plus_seconds(now.saturating_add(2).saturating_sub(ago))
    });
    option::weighted(0.4, since)
}
