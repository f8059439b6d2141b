//! Which parent a client means by the host it connects to.

use std::collections::BTreeSet;

use super::objects::RouteSet;
use super::parent::{ObjectKey, Parent, ParentKind};
use super::request::Request;
use super::selection::Selection;

impl RouteSet {
    /// The Service or Gateway that a request goes to, by the host and port of its URL.
    ///
    /// A Service is meant by its DNS name: `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc` or
    /// `NAME.NAMESPACE.svc.cluster.local`, where a bare `NAME` is looked for in `namespace`. Any other host goes to
    /// the Gateway that has routes for it, else to one with a listener for it. None if there is neither, as for
    /// the address of a Pod.
    #[must_use]
    pub fn parent_for(&self, request: &Request, namespace: &str) -> Option<Parent> {
        let parents = self.parents();
        let service = service_named(request.destination(), namespace);
        if let Some(service) = service.filter(|service| parents.contains(service)) {
            return Some(service);
        }
        let mut with_listener = None;
        for gateway in parents.into_iter().filter(|parent| parent.kind == ParentKind::Gateway) {
            match self.select(&gateway, request, &mut Vec::new()) {
                Selection::Routes(routes) if routes.is_empty() => {
                    with_listener.get_or_insert(gateway);
                }
                Selection::Routes(_) => return Some(gateway),
                // A Gateway that refuses the host on this connection is the one that was connected to.
                Selection::Answer(421) => {
                    with_listener.get_or_insert(gateway);
                }
                Selection::Passthrough | Selection::Answer(_) => {}
            }
        }
        with_listener
    }

    /// All parents that are there or named by a route.
    fn parents(&self) -> BTreeSet<Parent> {
        let of = |kind: ParentKind| move |key: &ObjectKey| Parent { kind, key: key.clone() };
        let named = self
            .routes
            .iter()
            .flat_map(|route| route.parent_refs.iter().map(|reference| route.parent(reference)));
        named
            .chain(self.gateways.keys().map(of(ParentKind::Gateway)))
            .chain(self.services.iter().flat_map(|services| services.keys()).map(of(ParentKind::Service)))
            .collect()
    }
}

/// The Service of this DNS name, if it is one.
fn service_named(host: &str, namespace: &str) -> Option<Parent> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_suffix(".svc.cluster.local").or_else(|| host.strip_suffix(".svc")).unwrap_or(&host);
    let (name, namespace) = host.split_once('.').unwrap_or((host, namespace));
    let fits = !namespace.contains('.') && !name.is_empty();
    fits.then(|| Parent::service(namespace, name))
}
