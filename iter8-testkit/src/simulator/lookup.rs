//! Which parent a client means by the host it connects to.

use std::collections::BTreeSet;

use super::attach::gateway_of;
use super::hostname::Specificity;
use super::objects::RouteSet;
use super::parent::{ObjectKey, Parent, ParentKind};
use super::request::Request;
use super::selection::Selection;

/// The host is the bare name of several Services.
///
/// ```
/// use iter8_testkit::simulator::{Precedence, Request, RouteSet};
/// use serde_json::json;
///
/// let mut routes = RouteSet::new(Precedence::Spec);
/// for namespace in ["test", "prod"] {
///     let metadata = json!({ "name": "web", "namespace": namespace });
///     routes.insert(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {} }))?;
/// }
/// let error = routes.parent_for(&Request::new("GET", "http://web/")?, None).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`web` is a Service in several namespaces: prod, test; write `web.prod` in the URL, or whichever is meant"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{name}` is a Service in several namespaces: {}; write `{name}.{}` in the URL, or whichever is meant",
    .namespaces.join(", "),
    .namespaces.first().map_or("", String::as_str)
)]
pub struct AmbiguousHostError {
    name: String,
    namespaces: Vec<String>,
}

/// What speaks for a Gateway, the strongest last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Claim {
    Exists,
    /// A listener has the port, if not the host.
    HasPort,
    TakesHost,
    HasRoutes,
}

impl RouteSet {
    /// The Service or Gateway that a request goes to, by the host and port of its URL.
    ///
    /// A Service is meant by its DNS name: `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc` or
    /// `NAME.NAMESPACE.svc.cluster.local`, where a bare `NAME` is looked for in `namespace`, or is that of the only
    /// Service so called if none is given. Any other host goes to the Gateway that has routes for it, else to one with
    /// a listener for it. Where there is none, a name within a namespace of the objects is that of a missing Service,
    /// and any other host goes to the Gateway that listens on the port, or is the only one, and finds nothing there.
    /// None if nothing is left, as for the address of a Pod.
    ///
    /// # Errors
    ///
    /// The host is a bare name, no namespace is given, and Services of several namespaces have the name.
    ///
    /// ```
    #[doc = include_str!("../example_routes.txt")]
    /// let web = Some(Parent::service("test", "web"));
    /// for url in ["http://web/", "http://web.test/", "http://web.test.svc.cluster.local/"] {
    ///     assert_eq!(routes.parent_for(&Request::new("GET", url)?, None)?, web);
    /// }
    /// assert_eq!(routes.parent_for(&Request::new("GET", "http://10.244.0.1/")?, None)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parent_for(
        &self,
        request: &Request,
        namespace: Option<&str>,
    ) -> Result<Option<Parent>, AmbiguousHostError> {
        let parents = self.parents();
        let named = ServiceName::parse(request.destination());
        if let Some(service) =
            named.as_ref().map(|named| named.among(&parents, namespace)).transpose()?.flatten()
        {
            return Ok(Some(service));
        }
        let gateway = self.gateway_for(&parents, request);
        let claimed =
            |least: Claim| gateway.clone().filter(|(_, claim)| *claim >= least).map(|(found, _)| found);
        let missing = |named: &ServiceName| named.in_namespace(namespace);
        let (certain, likely) = (
            named.as_ref().filter(|named| named.is_certain),
            named.as_ref().filter(|named| self.has_namespace(named)),
        );
        Ok(claimed(Claim::HasRoutes)
            .or_else(|| certain.map(missing))
            .or_else(|| claimed(Claim::TakesHost))
            .or_else(|| likely.map(missing))
            .or_else(|| claimed(Claim::HasPort))
            // Nothing speaks for an address but a listener on its port.
            .or_else(|| claimed(Claim::Exists).filter(|_| !is_address(request.destination())))
            .or_else(|| named.as_ref().filter(|named| named.namespace.is_none()).map(missing)))
    }

    /// The Gateway with the best claim to the request, if it is better than that of any other.
    fn gateway_for(&self, parents: &BTreeSet<Parent>, request: &Request) -> Option<(Parent, Claim)> {
        let gateways = parents.iter().filter(|parent| parent.kind != ParentKind::Service);
        let mut best: Option<(Parent, Claim, Option<Specificity>)> = None;
        let mut count = 0;
        for gateway in gateways.filter(|parent| parent.kind != ParentKind::Other) {
            count += 1;
            let covered = self.covered(gateway, request);
            let claim = match self.select(gateway, request, &mut Vec::new()) {
                Selection::Routes(routes) if !routes.is_empty() => Claim::HasRoutes,
                // A Gateway that refuses the host on this connection is the one that was connected to.
                Selection::Routes(_) | Selection::Answer(421) => Claim::TakesHost,
                Selection::Passthrough | Selection::Answer(_) if self.has_port(gateway, request) => {
                    Claim::HasPort
                }
                Selection::Passthrough | Selection::Answer(_) => Claim::Exists,
            };
            if best.as_ref().is_none_or(|(_, other, theirs)| (*other, *theirs) < (claim, covered)) {
                best = Some((gateway.clone(), claim, covered));
            }
        }
        best.map(|(gateway, claim, _)| (gateway, claim))
            .filter(|(_, claim)| *claim > Claim::Exists || count == 1)
    }

    /// All parents that are there or named by a route; a `ListenerSet` that is there counts as its Gateway.
    fn parents(&self) -> BTreeSet<Parent> {
        let of = |kind: ParentKind| move |key: &ObjectKey| Parent { kind, key: key.clone() };
        let named = self
            .routes
            .iter()
            .flat_map(|route| route.parent_refs.iter().map(|reference| route.parent(reference)));
        let gateways = self.listener_sets.values();
        named
            .filter(|parent| {
                parent.kind != ParentKind::ListenerSet || !self.listener_sets.contains_key(&parent.key)
            })
            .chain(gateways.map(|set| gateway_of(&set.metadata.namespace, &set.spec.parent_ref)))
            .chain(self.gateways.keys().map(of(ParentKind::Gateway)))
            .chain(self.services.iter().flat_map(|services| services.keys()).map(of(ParentKind::Service)))
            .collect()
    }

    /// Whether the name is one within a namespace that the objects speak of.
    fn has_namespace(&self, named: &ServiceName) -> bool {
        let Some(namespace) = named.namespace.as_deref() else { return false };
        let routes = self.routes.iter().map(|route| route.key.namespace.as_str());
        let parents = self.parents();
        routes
            .chain(parents.iter().map(|parent| parent.key.namespace.as_str()))
            .chain(self.namespaces.keys().map(String::as_str))
            .any(|known| known == namespace)
    }
}

/// A host, read as the DNS name of a Service.
struct ServiceName {
    name: String,
    namespace: Option<String>,
    /// Nothing but a Service is called so.
    is_certain: bool,
}

impl ServiceName {
    fn parse(host: &str) -> Option<Self> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let short = host.strip_suffix(".svc.cluster.local").or_else(|| host.strip_suffix(".svc"));
        // `NAME.svc` is in the namespace `svc`.
        let short = short.filter(|short| short.contains('.'));
        let (name, namespace) = match short.unwrap_or(&host).split_once('.') {
            Some((name, namespace)) => (name, Some(namespace)),
            None => (host.as_str(), None),
        };
        let fits =
            !name.is_empty() && !host.starts_with('[') && namespace.is_none_or(|name| !name.contains('.'));
        fits.then(|| Self {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            is_certain: short.is_some(),
        })
    }

    fn in_namespace(&self, default: Option<&str>) -> Parent {
        Parent::service(self.namespace.as_deref().or(default).unwrap_or("default"), &self.name)
    }

    /// The Service of this name among those that are there or named by a route.
    fn among(
        &self,
        parents: &BTreeSet<Parent>,
        default: Option<&str>,
    ) -> Result<Option<Parent>, AmbiguousHostError> {
        if self.namespace.is_some() || default.is_some() {
            return Ok(Some(self.in_namespace(default)).filter(|service| parents.contains(service)));
        }
        let is_it = |parent: &&Parent| parent.kind == ParentKind::Service && parent.key.name == self.name;
        let mut found: Vec<&Parent> = parents.iter().filter(is_it).collect();
        if found.len() > 1 {
            let namespaces = found.iter().map(|service| service.key.namespace.clone()).collect();
            return Err(AmbiguousHostError { name: self.name.clone(), namespaces });
        }
        Ok(found.pop().cloned())
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok()
}
