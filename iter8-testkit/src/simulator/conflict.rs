//! HTTPRoutes and GRPCRoutes that want the same hostnames of one listener: only one of the two gets it.

use super::attach::{Listener, Refusal};
use super::hostname::intersection;
use super::model::ObjectRef;
use super::objects::{Route, RouteSet};
use super::precedence::older;

impl RouteSet {
    /// Which of the listeners accept the route for a parentRef: those it attaches to, but for the ones that a route of
    /// the other kind has before it.
    pub(super) fn accept(
        &self,
        route: &Route,
        reference: &ObjectRef,
        listeners: &[Listener<'_>],
    ) -> Result<Vec<usize>, Refusal> {
        let mut attached = self.attach(route, reference, listeners)?;
        let mut winner = None;
        attached.retain(|index| {
            let found =
                self.displaced(*index, listeners).into_iter().find(|(loser, _)| std::ptr::eq(*loser, route));
            let is_kept = found.is_none();
            winner = winner.or_else(|| found.map(|(_, winner)| winner));
            is_kept
        });
        match winner.filter(|_| attached.is_empty()) {
            // The specification asks for `Accepted: False` and names no reason; among listeners this is the one.
            Some(winner) => Err(Refusal { reason: "HostnameConflict", message: lost_to(winner) }),
            None => Ok(attached),
        }
    }

    /// The routes that lose a listener to one of the other kind, each with the one that has it.
    ///
    /// "If a Route (A) of type HTTPRoute or GRPCRoute is attached to a Listener and that listener already has another
    /// Route (B) of the other type attached and the intersection of the hostnames of A and B is non-empty, then the
    /// implementation MUST accept exactly one of these two routes": the oldest, then the first by `namespace/name`.
    pub(super) fn displaced<'a>(
        &'a self,
        index: usize,
        listeners: &'a [Listener<'_>],
    ) -> Vec<(&'a Route, &'a Route)> {
        let Some(listener) = listeners.get(index) else { return vec![] };
        let first = self.routes.first().map(|route| route.kind);
        if self.routes.iter().all(|route| Some(route.kind) == first) {
            return vec![];
        }
        let is_attached = |route: &&Route| {
            let mut references = route.parent_refs.iter();
            references.any(|reference| {
                self.attach(route, reference, listeners).is_ok_and(|attached| attached.contains(&index))
            })
        };
        let mut attached: Vec<&Route> = self.routes.iter().filter(is_attached).collect();
        // Where even the name is the same the specification has no answer; a GRPCRoute comes first, as at a Service.
        attached.sort_by(|one, other| older(one, other).then(one.kind.cmp(&other.kind)));
        let (mut accepted, mut displaced) = (Vec::<&Route>::new(), Vec::new());
        for route in attached {
            let in_the_way =
                |other: &&&Route| other.kind != route.kind && have_hostname_in_common(listener, route, other);
            match accepted.iter().find(in_the_way) {
                Some(winner) => displaced.push((route, *winner)),
                None => accepted.push(route),
            }
        }
        displaced
    }
}

/// Why a route that lost to this one is not accepted.
pub(super) fn lost_to(winner: &Route) -> String {
    format!(
        "{winner} has its hostnames, and comes first by age or name; a listener takes one kind of route for a hostname"
    )
}

fn have_hostname_in_common(listener: &Listener<'_>, one: &Route, other: &Route) -> bool {
    let others = listener.hostnames_of(other);
    listener.hostnames_of(one).into_iter().any(|hostname| {
        others.iter().any(|other| match (hostname, *other) {
            (Some(hostname), Some(other)) => intersection(hostname, other).is_some(),
            (None, _) | (_, None) => true,
        })
    })
}
