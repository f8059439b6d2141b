//! Which routes are attached to which parents and listeners, and why others are not.

use kube::core::{Selector, SelectorExt};

use super::environment::{Allowed, ListenerSpec, ServiceSpec};
use super::hostname::intersection;
use super::model::ObjectRef;
use super::objects::{Route, RouteSet};
use super::parent::{ObjectKey, Parent, ParentKind};

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// A listener that requests can arrive at.
#[derive(Clone, Debug)]
pub(super) struct Listener<'a> {
    /// The Gateway or `ListenerSet` that it stands in.
    pub(super) owner: Parent,
    /// None for the listener of a parent that is named but not known: it takes whatever is sent to it.
    pub(super) spec: Option<&'a ListenerSpec>,
}

/// Why a route is not attached; the reason is one of the Gateway API's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Listener<'_> {
    pub(super) fn hostname(&self) -> Option<&str> {
        self.spec?.hostname.as_deref().filter(|hostname| !hostname.is_empty())
    }

    pub(super) fn describe(&self) -> String {
        match self.spec {
            Some(spec) => format!("listener `{}` of {}", spec.name, self.owner),
            None => self.owner.to_string(),
        }
    }

    fn is_named_by(&self, reference: &ObjectRef) -> bool {
        self.spec.is_none_or(|spec| {
            reference.section_name.as_ref().is_none_or(|name| *name == spec.name)
                && reference.port.is_none_or(|port| port == spec.port)
        })
    }

    fn allows_kind(&self, kind: &str) -> bool {
        let Some(spec) = self.spec else { return true };
        let carries_http = matches!(spec.protocol.as_str(), "HTTP" | "HTTPS");
        let kinds = spec.allowed_routes.as_ref().map(|allowed| allowed.kinds.as_slice()).unwrap_or_default();
        let listed = kinds.iter().any(|allowed| {
            allowed.kind == kind && allowed.group.as_deref().is_none_or(|group| group == GATEWAY_GROUP)
        });
        carries_http && (kinds.is_empty() || listed)
    }

    /// The hostnames under which the route gets requests of this listener: both sides' in common. An empty list
    /// means that they have none in common; `None` in it means every host.
    pub(super) fn hostnames_of<'a>(&'a self, route: &'a Route) -> Vec<Option<&'a str>> {
        if route.hostnames.is_empty() {
            return vec![self.hostname()];
        }
        let common = |name: &'a String| match self.hostname() {
            Some(hostname) => intersection(hostname, name),
            None => Some(name.as_str()),
        };
        route.hostnames.iter().filter_map(common).map(Some).collect()
    }
}

impl RouteSet {
    /// The listeners that compete for requests to this Gateway, or to the Gateway of this `ListenerSet`.
    pub(super) fn listeners(&self, parent: &Parent) -> Vec<Listener<'_>> {
        let gateway = match (parent.kind, self.listener_sets.get(&parent.key)) {
            (ParentKind::ListenerSet, Some(set)) => gateway_of(&set.metadata.namespace, &set.spec.parent_ref),
            _ => parent.clone(),
        };
        let known = self.gateways.get(&gateway.key).filter(|_| gateway.kind == ParentKind::Gateway);
        let mut listeners: Vec<Listener<'_>> = match known {
            Some(object) => {
                let owned = |spec| Listener { owner: gateway.clone(), spec: Some(spec) };
                object.spec.listeners.iter().map(owned).collect()
            }
            None => vec![],
        };
        let mut sets: Vec<_> = self
            .listener_sets
            .iter()
            .filter(|(_, set)| gateway_of(&set.metadata.namespace, &set.spec.parent_ref) == gateway)
            .filter(|(key, _)| {
                known.is_none_or(|object| {
                    let allowed = object.spec.allowed_listeners.as_ref();
                    self.allows_namespace(allowed, "None", &gateway.key.namespace, &key.namespace)
                })
            })
            .collect();
        sets.sort_by_key(|(key, set)| (set.metadata.creation_timestamp.clone(), *key));
        for (key, set) in sets {
            for spec in &set.spec.listeners {
                let same = |other: &Listener<'_>| {
                    other.spec.is_some_and(|other| other.port == spec.port && other.hostname == spec.hostname)
                };
                // Of listeners that cannot be told apart the Gateway's own, then the oldest set's, stays.
                if !listeners.iter().any(same) {
                    let owner = Parent { kind: ParentKind::ListenerSet, key: key.clone() };
                    listeners.push(Listener { owner, spec: Some(spec) });
                }
            }
        }
        if known.is_none() && !listeners.iter().any(|listener| listener.owner == *parent) {
            listeners.push(Listener { owner: parent.clone(), spec: None });
        }
        listeners
    }

    /// Which of the listeners a parentRef attaches its route to.
    pub(super) fn attach(
        &self,
        route: &Route,
        reference: &ObjectRef,
        listeners: &[Listener<'_>],
    ) -> Result<Vec<usize>, Refusal> {
        let parent = route.parent(reference);
        let own = || listeners.iter().enumerate().filter(|(_, listener)| listener.owner == parent);
        let named: Vec<_> = own().filter(|(_, listener)| listener.is_named_by(reference)).collect();
        if named.is_empty() {
            return Err(Refusal {
                reason: "NoMatchingParent",
                message: format!("{parent} has no listener with this sectionName and port"),
            });
        }
        let allowing: Vec<_> = named
            .into_iter()
            .filter(|(_, listener)| {
                let allowed = listener.spec.and_then(|spec| spec.allowed_routes.as_ref());
                listener.allows_kind(route.kind.as_str())
                    && (listener.spec.is_none()
                        || self.allows_namespace(
                            allowed,
                            "Same",
                            &parent.key.namespace,
                            &route.key.namespace,
                        ))
            })
            .collect();
        if allowing.is_empty() {
            return Err(Refusal {
                reason: "NotAllowedByListeners",
                message: format!(
                    "no listener of {parent} allows {} of this namespace",
                    route.kind.with_article()
                ),
            });
        }
        let attached: Vec<usize> = allowing
            .into_iter()
            .filter(|(_, listener)| !listener.hostnames_of(route).is_empty())
            .map(|(index, _)| index)
            .collect();
        if attached.is_empty() {
            return Err(Refusal {
                reason: "NoMatchingListenerHostname",
                message: format!(
                    "its hostnames and those of the listeners of {parent} have nothing in common"
                ),
            });
        }
        Ok(attached)
    }

    /// Whether a parentRef attaches to its Service.
    pub(super) fn attach_to_service(&self, route: &Route, reference: &ObjectRef) -> Result<(), Refusal> {
        let parent = route.parent(reference);
        let refusal = |message| Err(Refusal { reason: "NoMatchingParent", message });
        let Some(services) = &self.services else { return Ok(()) };
        let Some(service) = services.get(&parent.key) else {
            return refusal(format!("{parent} does not exist"));
        };
        if service.ports.is_empty() || service.ports.iter().any(|port| selects(reference, service, port.port))
        {
            Ok(())
        } else {
            refusal(format!("{parent} has no such port"))
        }
    }

    /// Whether a parentRef of a Service is about this port.
    pub(super) fn covers_port(&self, route: &Route, reference: &ObjectRef, port: u16) -> bool {
        let service = self.services.as_ref().and_then(|services| services.get(&route.parent(reference).key));
        match service {
            Some(service) => selects(reference, service, port),
            None => reference.port.is_none_or(|wanted| wanted == port),
        }
    }

    fn allows_namespace(&self, allowed: Option<&Allowed>, default: &str, own: &str, other: &str) -> bool {
        let namespaces = allowed.and_then(|allowed| allowed.namespaces.as_ref());
        match namespaces.and_then(|namespaces| namespaces.from.as_deref()).unwrap_or(default) {
            "All" => true,
            "Same" => own == other,
            "Selector" => {
                let mut labels = self.namespaces.get(other).cloned().unwrap_or_default();
                labels.insert("kubernetes.io/metadata.name".into(), other.into());
                namespaces
                    .and_then(|namespaces| namespaces.selector.clone())
                    .and_then(|selector| Selector::try_from(selector).ok())
                    .is_some_and(|selector| selector.matches(&labels))
            }
            _ => false,
        }
    }
}

/// The Gateway of a `ListenerSet`.
pub(super) fn gateway_of(namespace: &str, reference: &ObjectRef) -> Parent {
    let namespace = reference.namespace.as_deref().unwrap_or(namespace);
    Parent { kind: ParentKind::Gateway, key: ObjectKey::new(namespace, &reference.name) }
}

/// A parentRef names a port of a Service by number, by name (`sectionName`), or means all.
fn selects(reference: &ObjectRef, service: &ServiceSpec, port: u16) -> bool {
    reference.port.is_none_or(|wanted| wanted == port)
        && reference.section_name.as_ref().is_none_or(|name| {
            service.ports.iter().any(|other| other.port == port && other.name.as_ref() == Some(name))
        })
}
