//! What parents say about the routes that name them.

use std::collections::BTreeMap;

use super::objects::{Route, RouteSet};
use super::parent::{Parent, ParentKind};

/// What one parent says about one route, in the words of the Gateway API's conditions.
///
/// ```
#[doc = include_str!("../example_routes.txt")]
/// let attachment = &routes.attachments()[0];
/// assert!(attachment.accepted && attachment.unresolved.is_empty());
/// assert_eq!((attachment.reason, attachment.parent.to_string().as_str()), ("Accepted", "Service test/web"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Attachment {
    /// `HTTPRoute` or `GRPCRoute`.
    pub kind: &'static str,
    /// Namespace of the route.
    pub namespace: String,
    /// Name of the route.
    pub name: String,
    /// Number of the parentRef in the route, from 0.
    pub parent_ref: usize,
    /// The parent that it names.
    pub parent: Parent,
    /// Status of the condition `Accepted`.
    pub accepted: bool,
    /// Reason of the condition `Accepted`.
    pub reason: &'static str,
    /// Message of the condition `Accepted`.
    pub message: String,
    /// Why backendRefs cannot be used, one sentence each; empty if the condition `ResolvedRefs` holds.
    pub unresolved: Vec<String>,
}

impl RouteSet {
    /// What each parent says about each route, in the order of routes and parentRefs.
    ///
    /// ```
    #[doc = include_str!("../example_routes.txt")]
    /// assert_eq!(routes.attachments().len(), 1);
    /// let routes = routes.with_known_services_only();
    /// assert!(!routes.attachments()[0].accepted, "the Service does not exist");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn attachments(&self) -> Vec<Attachment> {
        let routes = self.routes.iter();
        routes
            .flat_map(|route| (0..route.parent_refs.len()).filter_map(|index| self.attachment(route, index)))
            .collect()
    }

    /// How many routes are attached to each listener of a Gateway or `ListenerSet`.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Parent, Precedence, RouteSet};
    /// use serde_json::json;
    ///
    /// let mut routes = RouteSet::new(Precedence::Spec);
    /// let listener = |name: &str, port: u16| json!({ "name": name, "port": port, "protocol": "HTTP" });
    /// routes.insert(&json!({
    ///     "kind": "Gateway",
    ///     "metadata": { "namespace": "test", "name": "public" },
    ///     "spec": { "listeners": [listener("one", 80), listener("two", 8080)] },
    /// }))?;
    /// routes.insert(&json!({
    ///     "kind": "HTTPRoute",
    ///     "metadata": { "namespace": "test", "name": "web" },
    ///     "spec": { "parentRefs": [{ "name": "public", "sectionName": "two" }] },
    /// }))?;
    /// let counts = routes.attached_routes(&Parent::gateway("test", "public"));
    /// assert_eq!((counts["one"], counts["two"]), (0, 1));
    /// # Ok::<(), iter8_testkit::simulator::InvalidObjectError>(())
    /// ```
    #[must_use]
    pub fn attached_routes(&self, parent: &Parent) -> BTreeMap<String, usize> {
        let listeners = self.listeners(parent);
        let mut counts = BTreeMap::new();
        for (index, listener) in
            listeners.iter().enumerate().filter(|(_, listener)| listener.owner == *parent)
        {
            let is_attached = |route: &&Route| {
                route.parent_refs.iter().any(|reference| {
                    self.accept(route, reference, &listeners).is_ok_and(|attached| attached.contains(&index))
                })
            };
            if let Some(spec) = listener.spec {
                counts.insert(spec.name.clone(), self.routes.iter().filter(is_attached).count());
            }
        }
        counts
    }

    fn attachment(&self, route: &Route, parent_ref: usize) -> Option<Attachment> {
        let reference = route.parent_refs.get(parent_ref)?;
        let parent = route.parent(reference);
        let attached = match parent.kind {
            ParentKind::Service => self.attach_to_service(route, reference),
            ParentKind::Gateway | ParentKind::ListenerSet => {
                self.accept(route, reference, &self.listeners(&parent)).map(drop)
            }
            ParentKind::Other => return None,
        };
        let backends = route.rules.iter().flat_map(|rule| &rule.backend_refs);
        let unresolved =
            backends.filter_map(|backend| self.resolve(&parent, route, &backend.target).err()).collect();
        let (reason, message) = match &attached {
            Ok(()) => ("Accepted", String::new()),
            Err(refusal) => (refusal.reason, refusal.message.clone()),
        };
        Some(Attachment {
            kind: route.kind.as_str(),
            namespace: route.key.namespace.clone(),
            name: route.key.name.clone(),
            parent_ref,
            parent,
            accepted: attached.is_ok(),
            reason,
            message,
            unresolved,
        })
    }
}
