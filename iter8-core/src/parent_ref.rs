//! The parents of the Gateways' route.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::name::{Namespace, ObjectName};
use crate::weight::Port;

/// A Gateway that the routes attach to, as in `parentRefs`.
///
/// ```
/// use iter8_core::{Document, Release};
///
/// let document = Document::from_yaml("gateway: [{name: edge, sectionName: https}]\napplication: {}")?;
/// let gateways = Release::from_document(&document).0.gateways;
/// assert_eq!((gateways[0].name.as_str(), gateways[0].section_name.as_deref()), ("edge", Some("https")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// API group, default `gateway.networking.k8s.io`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind, default `Gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Namespace, default that of the Release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Name.
    pub name: ObjectName,
    /// Only the listener of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<ObjectName>,
    /// Only listeners with this port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
}

impl ParentRef {
    /// The most parents of a route (CRDs of the routes, Gateway API v1.5.1).
    pub(crate) const MOST: usize = 32;

    const GROUP: &'static str = "gateway.networking.k8s.io";
    const KIND: &'static str = "Gateway";

    /// The object, with the defaults of the API: group, kind, namespace and name.
    pub(crate) fn object<'a>(&'a self, namespace: &'a Namespace) -> (&'a str, &'a str, &'a str, &'a str) {
        let group = self.group.as_deref().unwrap_or(Self::GROUP);
        let kind = self.kind.as_deref().unwrap_or(Self::KIND);
        (group, kind, self.namespace.as_ref().unwrap_or(namespace).as_str(), self.name.as_str())
    }

    /// Whether a route can have both as parents: two of one object must name different listeners by `sectionName`
    /// (validation of `parentRefs`, standard channel v1.5.1).
    pub(crate) fn fits_beside(&self, other: &Self, namespace: &Namespace) -> bool {
        let are_sections = self.section_name.is_some()
            && other.section_name.is_some()
            && self.section_name != other.section_name;
        are_sections || self.object(namespace) != other.object(namespace)
    }

    /// Whether this one has all listeners of the other.
    pub(crate) fn covers(&self, other: &Self, namespace: &Namespace) -> bool {
        self.object(namespace) == other.object(namespace)
            && (self.section_name.is_none() || self.section_name == other.section_name)
            && (self.port.is_none() || self.port == other.port)
    }

    /// Whether both mean the same listeners of the same object.
    ///
    /// ```
    /// use iter8_core::{Document, Release};
    ///
    /// let document = Document::from_yaml("gateway: [{name: edge}, {name: edge, namespace: test}, {name: edge, port: 80}]")?;
    /// let gateways = Release::from_document(&document).0.gateways;
    /// let (edge, test) = (&gateways[0], "test".parse()?);
    /// assert_eq!(gateways.iter().map(|it| edge.is_same(it, &test)).collect::<Vec<_>>(), [true, true, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self, namespace: &Namespace) -> bool {
        let listeners = |parent: &Self| (parent.section_name.clone(), parent.port);
        self.object(namespace) == other.object(namespace) && listeners(self) == listeners(other)
    }

    /// In words: `Gateway infra/public, section https, port 443`.
    ///
    /// ```
    /// use iter8_core::{Document, Release};
    ///
    /// let document = Document::from_yaml("gateway: [{name: edge, sectionName: https}]\napplication: {}")?;
    /// let gateways = Release::from_document(&document).0.gateways;
    /// assert_eq!(gateways[0].in_words(&"test".parse()?), "Gateway test/edge, section https");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_words(&self, namespace: &Namespace) -> String {
        let (_, kind, namespace, name) = self.object(namespace);
        let section = self.section_name.iter().map(|section| format!(", section {section}"));
        let port = self.port.iter().map(|port| format!(", port {port}"));
        format!("{kind} {namespace}/{name}{}", section.chain(port).collect::<String>())
    }
}
