//! Gateways and hostnames that have left the document: kept until the declared ones have the route, then drained.

use alloc::vec::Vec;

use super::Situation;
use super::removal::Acceptance;
use crate::name::Hostname;
use crate::observation::{GatewaysObservation, ObservedGateway, RouteObservation, Timestamp, Verdict};
use crate::parent_ref::ParentRef;
use crate::plan::LeavingGateways;

/// What is leaving, and when that changes without anything being seen.
pub(super) fn leaving(situation: &Situation<'_>) -> (Option<LeavingGateways>, Option<Timestamp>) {
    let Some((route, live)) =
        situation.live.route().and_then(|route| Some((route, route.gateways.as_ref()?)))
    else {
        return (None, None);
    };
    let mut leaving = LeavingGateways {
        gateways: leaving_gateways(situation, live),
        hostnames: leaving_hostnames(situation, live),
        waiting_gateways: Vec::new(),
        waiting_hostnames: Vec::new(),
        draining_since: None,
    };
    let release = situation.release;
    // Where nobody listens there is nothing to keep.
    if leaving.gateways.is_empty() && (release.gateways.is_empty() || leaving.hostnames.is_empty()) {
        return (None, None);
    }
    new_ones_wait(situation, live, &mut leaving);
    let (since, look_again) = match draining_since(situation, route, live, &leaving) {
        Since::Drains(since) => (Some(since), Some(since.plus_seconds(release.drain_seconds))),
        Since::Waits(look_again) => (None, look_again),
    };
    if since.and(look_again).is_some_and(|until| until <= situation.observation.now) {
        return (None, None);
    }
    leaving.draining_since = since;
    (Some(leaving), look_again)
}

/// The parents of the live route that are declared no more. One that refuses the route gets no request that could be
/// lost, and one whose listeners a declared one has as well has its successor at once.
fn leaving_gateways(situation: &Situation<'_>, live: &GatewaysObservation) -> Vec<ParentRef> {
    let namespace = &situation.release.key.namespace;
    let is_kept = |live: &&ObservedGateway| {
        let mut declared = situation.release.gateways.iter();
        !matches!(live.verdict, Verdict::Refused { .. })
            && !declared.any(|declared| declared.covers(&live.parent, namespace))
    };
    live.parents.iter().filter(is_kept).map(|live| live.parent.clone()).collect()
}

/// The hostnames of the live route that are declared no more. A document without Gateways declares none.
fn leaving_hostnames(situation: &Situation<'_>, live: &GatewaysObservation) -> Vec<Hostname> {
    let release = situation.release;
    let is_kept =
        |hostname: &&Hostname| release.gateways.is_empty() || !release.hostnames.contains(*hostname);
    live.hostnames.iter().filter(is_kept).cloned().collect()
}

/// Where old and new do not fit in a route together, the new ones wait: another listener of a Gateway where one of the
/// two names no `sectionName`, and what is too much.
fn new_ones_wait(situation: &Situation<'_>, live: &GatewaysObservation, leaving: &mut LeavingGateways) {
    let release = situation.release;
    let namespace = &release.key.namespace;
    let excluded = |declared: &&ParentRef| {
        leaving.gateways.iter().any(|leaving| !leaving.fits_beside(declared, namespace))
    };
    let mut waiting: Vec<ParentRef> = release.gateways.iter().filter(excluded).cloned().collect();
    let is_live = |declared: &ParentRef| live.parents.iter().any(|it| it.parent.is_same(declared, namespace));
    make_room(&release.gateways, &mut waiting, &mut leaving.gateways, ParentRef::MOST, is_live);
    leaving.waiting_gateways = waiting;
    if !release.gateways.is_empty() {
        let is_live = |declared: &Hostname| live.hostnames.contains(declared);
        let waiting = &mut leaving.waiting_hostnames;
        make_room(&release.hostnames, waiting, &mut leaving.hostnames, release.limits.hostnames, is_live);
    }
}

/// Lets the last of the new ones wait until the rest fits beside those that are leaving.
fn make_room<T: Clone + PartialEq>(
    declared: &[T],
    waiting: &mut Vec<T>,
    leaving: &mut Vec<T>,
    limit: usize,
    is_live: impl Fn(&T) -> bool,
) {
    let mut present: Vec<&T> = declared.iter().filter(|declared| !waiting.contains(declared)).collect();
    while present.len().saturating_add(leaving.len()) > limit {
        let Some(last) = present.iter().rposition(|declared| !is_live(declared)) else { break };
        waiting.push(present.remove(last).clone());
    }
    // No route has been written that was larger.
    leaving.truncate(limit.saturating_sub(present.len()));
}

enum Since {
    /// Since this moment, which may be the present one.
    Drains(Timestamp),
    /// Not yet; this is when it may be.
    Waits(Option<Timestamp>),
}

/// The drain begins once the route is written as planned and every declared Gateway has accepted it, but for those that
/// wait. A drain that has begun goes on as long as the same ones are leaving.
///
/// Other than a mesh, a Gateway has to say so: its silence may last, and then nobody outside would have a route.
fn draining_since(
    situation: &Situation<'_>,
    route: &RouteObservation,
    live: &GatewaysObservation,
    leaving: &LeavingGateways,
) -> Since {
    let release = situation.release;
    let (namespace, now) = (&release.key.namespace, situation.observation.now);
    let present: Vec<_> = leaving.present_gateways(&release.gateways).collect();
    let planned = || present.iter().copied().chain(&leaving.gateways);
    let hostnames: &[Hostname] = if release.gateways.is_empty() { &[] } else { &release.hostnames };
    let is_planned =
        |(planned, live): (&ParentRef, &ObservedGateway)| planned.is_same(&live.parent, namespace);
    let is_written = live.parents.len() == planned().count()
        && planned().zip(&live.parents).all(is_planned)
        && leaving.present_hostnames(hostnames).chain(&leaving.hostnames).eq(&live.hostnames);
    if !is_written {
        return Since::Waits(None);
    }
    let verdicts = || live.parents.iter().take(present.len()).map(|live| &live.verdict);
    // One that has accepted the route may refuse it later.
    if verdicts().any(|verdict| matches!(verdict, Verdict::Refused { .. })) {
        return Since::Waits(None);
    }
    if let Some(since) = live.draining_since {
        return Since::Drains(since);
    }
    if verdicts().any(|verdict| *verdict == Verdict::Silent) {
        return Since::Waits(None);
    }
    match Acceptance::by(verdicts(), route.written, now) {
        Acceptance::Accepted => Since::Drains(now),
        waiting @ (Acceptance::Pending(_) | Acceptance::Refused(_)) => Since::Waits(waiting.due()),
    }
}
