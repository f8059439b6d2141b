//! Reads one entry of `application.versions`, its metadata and its specifications.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::fields::Node;
use super::matches;
use crate::name::Namespace;
use crate::release::{Protocol, Specification, Version};
use crate::route_match::RouteMatch;
use crate::{Fields, Value};

/// The most matches that are read; a route takes a small part of them.
const MATCHES: usize = 1000;

pub(super) fn version(node: &Node<'_>, protocol: Protocol) -> Version {
    let mut version = Version::default();
    let Some(mut fields) = node.map() else { return version };
    if let Some(node) = fields.take("metadata") {
        let metadata = metadata(&node);
        version.name = metadata.name;
        version.namespace = metadata.namespace;
        version.labels = metadata.labels;
        version.annotations = metadata.annotations;
    }
    version.image = fields.take("image").and_then(|node| node.owned_text());
    version.port = fields.take_declared("port").map(|node| node.ranged());
    version.weight = fields.take("weight").and_then(|node| node.ranged());
    version.mirror_percent = fields.take("mirrorPercent").and_then(|node| node.ranged());
    if let Some(node) = fields.take("matches") {
        // What cannot be read keeps its place, so that what is said of the next ones names theirs.
        let every = || RouteMatch::every(protocol);
        version.matches =
            node.list_at_most(MATCHES, |node| matches::route_match(node, protocol).unwrap_or_else(every));
    }
    version.replicas = fields.take("replicas").and_then(|node| node.count("Pods"));
    version.readiness_probe =
        fields.take("readinessProbe").and_then(Node::carried).and_then(|node| map_value(&node));
    version.resources = fields.take("resources").and_then(Node::carried).and_then(|node| map_value(&node));
    version.env = fields.take("env").and_then(Node::carried).and_then(|node| list_value(&node));
    version.deployment =
        fields.take("deploymentSpecification").and_then(Node::carried).and_then(|node| specification(&node));
    version.service =
        fields.take("serviceSpecification").and_then(Node::carried).and_then(|node| specification(&node));
    fields.finish();
    version
}

fn map_value(node: &Node<'_>) -> Option<Value> {
    node.map().map(|_| node.value.clone())
}

fn list_value(node: &Node<'_>) -> Option<Value> {
    if node.value.as_list().is_some() {
        node.list(|entry| drop(entry.map()));
        return Some(node.value.clone());
    }
    node.violation("must be a list", "write a list of maps with `name` and `value`")
}

/// `metadata` of the application or a version, whose names are of type `N`.
pub(super) struct Metadata<N> {
    pub(super) name: Option<N>,
    pub(super) namespace: Option<Namespace>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

pub(super) fn metadata<N>(node: &Node<'_>) -> Metadata<N>
where
    N: TryFrom<String, Error: core::fmt::Display>,
{
    let Some(mut fields) = node.map() else {
        return Metadata {
            name: None,
            namespace: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        };
    };
    let metadata = Metadata {
        name: fields.take("name").and_then(|node| node.optional_name()),
        namespace: fields.take("namespace").and_then(|node| node.optional_name()),
        labels: fields.take("labels").map(|node| node.texts()).unwrap_or_default(),
        annotations: fields.take("annotations").map(|node| node.texts()).unwrap_or_default(),
    };
    fields.finish();
    metadata
}

/// An empty map counts as absent.
fn specification(node: &Node<'_>) -> Option<Specification> {
    let mut fields = node.map()?;
    if node.value.as_map().is_some_and(Fields::is_empty) {
        return None;
    }
    let mut specification = Specification::default();
    if let Some(node) = fields.take("metadata")
        && let Some(mut fields) = node.map()
    {
        specification.name = fields.take("name").and_then(|node| node.optional_name());
        specification.namespace = fields.take("namespace").and_then(|node| node.optional_name());
        specification.labels = fields.take("labels").map(|node| node.texts()).unwrap_or_default();
        specification.annotations = fields.take("annotations").map(|node| node.texts()).unwrap_or_default();
        specification.metadata = fields.rest();
    }
    // Validation says where it is missing.
    specification.spec = fields.take("spec").and_then(|node| node.map().and(node.value.as_map()).cloned());
    fields.finish();
    Some(specification)
}
