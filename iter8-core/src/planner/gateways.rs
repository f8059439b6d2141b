//! Gateways and hostnames that have left the document: kept until the declared ones have the route, then drained.

use alloc::vec::Vec;

use super::Situation;
use super::removal::Acceptance;
use crate::name::Hostname;
use crate::notice::Notice;
use crate::observation::{GatewaysObservation, ObservedGateway, RouteObservation, Timestamp, Verdict};
use crate::parent_ref::ParentRef;
use crate::plan::LeavingGateways;

/// What the Gateways' route has besides the declared.
#[derive(Default)]
pub(super) struct Leaving {
    pub(super) gateways: Option<LeavingGateways>,
    pub(super) look_again: Option<Timestamp>,
    pub(super) notice: Option<Notice>,
}

pub(super) fn leaving(situation: &Situation<'_>) -> Leaving {
    let Some((route, live)) =
        situation.live.route().and_then(|route| Some((route, route.gateways.as_ref()?)))
    else {
        return Leaving::default();
    };
    let mut gateways = leaving_gateways(situation, live);
    let mut hostnames = leaving_hostnames(situation, live);
    let release = situation.release;
    let declared = if release.gateways.is_empty() { 0 } else { release.hostnames.len() };
    let notice = [
        cut(&mut gateways, release.gateways.len(), ParentRef::MOST, "parents"),
        cut(&mut hostnames, declared, release.limits.hostnames, "hostnames"),
    ];
    // Where nobody listens there is nothing to keep.
    let is_left = !gateways.is_empty() || !release.gateways.is_empty() && !hostnames.is_empty();
    if !is_left {
        return Leaving::default();
    }
    let since = draining_since(situation, route, live, (&gateways, &hostnames));
    let (draining_since, look_again) = match since {
        Since::Drains(since) => (Some(since), Some(since.plus_seconds(release.drain_seconds))),
        Since::Waits(look_again) => (None, look_again),
    };
    if draining_since.and(look_again).is_some_and(|until| until <= situation.observation.now) {
        return Leaving::default();
    }
    let gateways = Some(LeavingGateways { gateways, hostnames, draining_since });
    Leaving { gateways, look_again, notice: notice.into_iter().flatten().next() }
}

/// The parents of the live route that are declared no more. One that refuses the route gets no request that could be
/// lost, and two parents of one object only fit where they are different listeners.
fn leaving_gateways(situation: &Situation<'_>, live: &GatewaysObservation) -> Vec<ParentRef> {
    let namespace = &situation.release.key.namespace;
    let is_kept = |live: &&ObservedGateway| {
        let mut declared = situation.release.gateways.iter();
        !matches!(live.verdict, Verdict::Refused { .. })
            && declared.all(|declared| declared.fits_beside(&live.parent, namespace))
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

/// Keeps what there is room for beside the declared ones.
fn cut<T>(leaving: &mut Vec<T>, declared: usize, limit: usize, what: &'static str) -> Option<Notice> {
    let room = limit.saturating_sub(declared);
    let is_cut = leaving.len() > room;
    leaving.truncate(room);
    is_cut.then_some(Notice::NoRoomForLeaving { what, limit })
}

enum Since {
    /// Since this moment, which may be the present one.
    Drains(Timestamp),
    /// Not yet; this is when it may be.
    Waits(Option<Timestamp>),
}

/// The drain begins once the route is written as planned and every declared Gateway has accepted it. A drain that has begun
/// goes on as long as the same ones are leaving.
fn draining_since(
    situation: &Situation<'_>,
    route: &RouteObservation,
    live: &GatewaysObservation,
    (gateways, hostnames): (&[ParentRef], &[Hostname]),
) -> Since {
    let release = situation.release;
    let (namespace, now) = (&release.key.namespace, situation.observation.now);
    let planned = release.gateways.iter().chain(gateways);
    let is_planned =
        |(planned, live): (&ParentRef, &ObservedGateway)| planned.is_same(&live.parent, namespace);
    let declared = release.hostnames.iter().filter(|_| !release.gateways.is_empty());
    let is_written = live.parents.len() == release.gateways.len().saturating_add(gateways.len())
        && planned.zip(&live.parents).all(is_planned)
        && declared.chain(hostnames).eq(&live.hostnames);
    if !is_written {
        return Since::Waits(None);
    }
    if let Some(since) = live.draining_since {
        return Since::Drains(since);
    }
    let verdicts = || live.parents.iter().take(release.gateways.len()).map(|live| &live.verdict);
    if verdicts().any(|verdict| matches!(verdict, Verdict::Refused { .. })) {
        return Since::Waits(None);
    }
    match Acceptance::by(verdicts(), route.written, now) {
        Acceptance::Accepted => Since::Drains(now),
        Acceptance::Pending(due) => Since::Waits(due),
        // A refusal is none that this could tell.
        Acceptance::Refused(_) => Since::Waits(None),
    }
}
