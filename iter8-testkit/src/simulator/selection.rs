//! Which routes have a say about a request to a parent.

use super::Precedence;
use super::attach::Listener;
use super::conflict::lost_to;
use super::hostname::{Specificity, covers, without_port};
use super::objects::{Route, RouteSet};
use super::parent::{ObjectKey, Parent, ParentKind};
use super::request::{Request, Scheme};

/// Who decides about a request.
#[derive(Debug)]
pub(super) enum Selection<'a> {
    /// These routes, each with the specificity of its hostname.
    Routes(Vec<(&'a Route, Specificity)>),
    /// Nobody: it goes where it was addressed to.
    Passthrough,
    /// The proxy itself, with this status.
    Answer(u16),
}

impl RouteSet {
    /// Selects the routes, and says on the way which are left out.
    pub(super) fn select(&self, parent: &Parent, request: &Request, why: &mut Vec<String>) -> Selection<'_> {
        match parent.kind {
            ParentKind::Service => self.select_for_service(parent, request, why),
            ParentKind::Gateway | ParentKind::ListenerSet | ParentKind::Other => {
                self.select_for_gateway(parent, request, why)
            }
        }
    }

    fn select_for_service(&self, parent: &Parent, request: &Request, why: &mut Vec<String>) -> Selection<'_> {
        if self.services.as_ref().is_some_and(|services| !services.contains_key(&parent.key)) {
            why.push(format!("{parent} does not exist"));
            return Selection::Answer(500);
        }
        if !self.has_service_port(&parent.key, request.port()) {
            why.push(format!("{parent} has no port {}", request.port()));
            return Selection::Answer(500);
        }
        let mut attached: Vec<&Route> = Vec::new();
        for route in &self.routes {
            let mut refused = None;
            let mut covered = false;
            for reference in route.parent_refs.iter().filter(|reference| route.parent(reference) == *parent) {
                if let Err(refusal) = self.attach_to_service(route, reference) {
                    refused = Some(format!("{route} is not attached: {}", refusal.message));
                } else if self.covers_port(route, reference, request.port()) {
                    covered = true;
                } else {
                    refused = Some(format!("{route} is attached to other ports than {}", request.port()));
                }
            }
            match covered.then(|| self.precedence.profile().refusal(route)) {
                Some(None) => attached.push(route),
                Some(Some(problem)) => why.push(format!("{route} is not in force: {problem}")),
                None => why.extend(refused),
            }
        }
        let attached = of_most_specific_kind(of_client(&attached, parent, request, why), why);
        if attached.is_empty() {
            why.push(format!(
                "no route is attached to port {} of {parent}: the request passes through",
                request.port()
            ));
            return Selection::Passthrough;
        }
        let host = without_port(request.host());
        // linkerd2-proxy, http/match/host.rs at 247193de: the dot at the end of a full name is left out.
        let host = host.strip_suffix('.').unwrap_or(host);
        let with_hostname = |route: &'_ Route| match self.precedence {
            Precedence::Spec | Precedence::Istio | Precedence::Cilium | Precedence::Kuma => {
                Some(Specificity::default())
            }
            Precedence::Linkerd => {
                best_hostname(route.hostnames.iter().map(|name| Some(name.as_str())), host)
            }
        };
        Selection::Routes(keep_matching(attached, host, why, with_hostname))
    }

    fn select_for_gateway(&self, parent: &Parent, request: &Request, why: &mut Vec<String>) -> Selection<'_> {
        let listeners = self.listeners(parent);
        let host = without_port(request.host());
        let Some(chosen) = most_specific(&listeners, request, host) else {
            why.push(format!(
                "no listener of {parent} takes host `{host}` with {} on port {}",
                request.scheme().as_str(),
                request.port()
            ));
            return Selection::Answer(404);
        };
        let Some(listener) = listeners.get(chosen) else { return Selection::Answer(404) };
        if request.scheme() == Scheme::Https {
            let server_name = request.destination();
            let connected = most_specific(&listeners, request, server_name);
            if connected != Some(chosen) {
                why.push(match connected.and_then(|index| listeners.get(index)) {
                    Some(other) => format!(
                        "the connection was made for `{server_name}` to {}, but host `{host}` belongs to {}",
                        other.describe(),
                        listener.describe()
                    ),
                    None => format!("no listener of {parent} takes connections for `{server_name}`"),
                });
                return Selection::Answer(421);
            }
        }
        why.push(format!("{} takes the request", listener.describe()));
        let displaced = self.displaced(chosen, &listeners);
        why.extend(
            displaced.iter().map(|(loser, winner)| format!("{loser} is not attached: {}", lost_to(winner))),
        );
        let is_displaced = |route: &Route| displaced.iter().any(|(loser, _)| std::ptr::eq(*loser, route));
        let attached = self.routes.iter().filter(|route| {
            !is_displaced(route) && self.is_attached(route, chosen, &listeners, request, why)
        });
        let attached: Vec<&Route> = attached.collect();
        Selection::Routes(keep_matching(attached, host, why, |route| {
            best_hostname(listener.hostnames_of(route).into_iter(), host)
        }))
    }

    /// How specifically a listener of the Gateway covers the host of the request, if one does.
    pub(super) fn covered(&self, gateway: &Parent, request: &Request) -> Option<Specificity> {
        let (listeners, host) = (self.listeners(gateway), without_port(request.host()));
        let listener = listeners.get(most_specific(&listeners, request, host)?)?;
        covers(listener.hostname(), host)
    }

    /// Whether a listener of the Gateway has the port of the request.
    pub(super) fn has_port(&self, gateway: &Parent, request: &Request) -> bool {
        let on_port = |listener: &Listener<'_>| listener.spec.is_none_or(|spec| spec.port == request.port());
        self.listeners(gateway).iter().any(on_port)
    }

    /// Whether the Service has the port, as far as its ports are known.
    fn has_service_port(&self, key: &ObjectKey, port: u16) -> bool {
        let service = self.services.as_ref().and_then(|services| services.get(key));
        service.is_none_or(|service| {
            service.ports.is_empty() || service.ports.iter().any(|other| other.port == port)
        })
    }

    fn is_attached(
        &self,
        route: &Route,
        chosen: usize,
        listeners: &[Listener<'_>],
        request: &Request,
        why: &mut Vec<String>,
    ) -> bool {
        let mut refused = None;
        for reference in &route.parent_refs {
            let parent = route.parent(reference);
            if !listeners.iter().any(|listener| listener.owner == parent) {
                continue;
            }
            match self.attach(route, reference, listeners) {
                // The assumed listener has no port of its own to compare with.
                Ok(_) if reference.port.is_some_and(|port| port != request.port()) => {}
                Ok(attached) if attached.contains(&chosen) => return true,
                Ok(_) => refused = Some(format!("{route} is attached to other listeners")),
                Err(refusal) => refused = Some(format!("{route} is not attached: {}", refusal.message)),
            }
        }
        why.extend(refused);
        false
    }
}

/// Routes of the client's own namespace (consumer routes) replace those of the Service's namespace.
fn of_client<'a>(
    attached: &[&'a Route],
    parent: &Parent,
    request: &Request,
    why: &mut Vec<String>,
) -> Vec<&'a Route> {
    let producer = parent.key.namespace.as_str();
    let client = request.client_namespace().unwrap_or(producer);
    let of = |namespace: &str| {
        attached.iter().copied().filter(|route| route.key.namespace == namespace).collect::<Vec<_>>()
    };
    let own = of(client);
    let chosen = if own.is_empty() { of(producer) } else { own };
    for route in attached.iter().filter(|route| !chosen.iter().any(|other| std::ptr::eq(**route, *other))) {
        why.push(if route.key.namespace == producer {
            format!(
                "{route} does not apply: the routes of namespace `{client}` replace it for its own clients"
            )
        } else {
            format!("{route} is for clients in namespace `{}` only", route.key.namespace)
        });
    }
    chosen
}

/// Of the kinds attached to one port of a Service only the most specific one counts (GEP-1426).
fn of_most_specific_kind<'a>(attached: Vec<&'a Route>, why: &mut Vec<String>) -> Vec<&'a Route> {
    let Some(kind) = attached.iter().map(|route| route.kind).min() else { return attached };
    let (chosen, others): (Vec<_>, Vec<_>) = attached.into_iter().partition(|route| route.kind == kind);
    for route in others {
        why.push(format!("{route} does not apply: {} is attached to the same port", kind.with_article()));
    }
    chosen
}

fn keep_matching<'a>(
    attached: Vec<&'a Route>,
    host: &str,
    why: &mut Vec<String>,
    specificity: impl Fn(&'a Route) -> Option<Specificity>,
) -> Vec<(&'a Route, Specificity)> {
    let mut kept = Vec::new();
    for route in attached {
        match specificity(route) {
            Some(specificity) => kept.push((route, specificity)),
            None => why.push(format!("{route} is not for host `{host}`")),
        }
    }
    kept
}

fn best_hostname<'a>(
    hostnames: impl ExactSizeIterator<Item = Option<&'a str>>,
    host: &str,
) -> Option<Specificity> {
    if hostnames.len() == 0 {
        return Some(Specificity::default());
    }
    hostnames.filter_map(|hostname| covers(hostname, host)).max()
}

/// The listener for this port and scheme whose hostname covers the host most specifically.
fn most_specific(listeners: &[Listener<'_>], request: &Request, host: &str) -> Option<usize> {
    let protocol = match request.scheme() {
        Scheme::Http => "HTTP",
        Scheme::Https => "HTTPS",
    };
    let mut best: Option<(Specificity, usize)> = None;
    for (index, listener) in listeners.iter().enumerate() {
        if listener.spec.is_some_and(|spec| spec.port != request.port() || spec.protocol != protocol) {
            continue;
        }
        let Some(specificity) = covers(listener.hostname(), host) else { continue };
        if best.is_none_or(|(found, _)| specificity > found) {
            best = Some((specificity, index));
        }
    }
    best.map(|(_, index)| index)
}
