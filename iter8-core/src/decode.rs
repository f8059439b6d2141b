//! Document → [`Release`], collecting everything that is wrong instead of stopping at the first error.

use alloc::vec::Vec;

mod fields;
mod matches;
mod route;
mod version;

use fields::{Context, Node};

use crate::field_path::Path;
use crate::name::Hostname;
use crate::notice::Notice;
use crate::parent_ref::ParentRef;
use crate::release::{Application, Environment, Protocol, Release, Strategy};
use crate::{Document, Value, Violation};

/// The most versions that are read. Where requests are routed, the route's own limit is far below; where they are not,
/// each is a Deployment and a Service more that have to be kept.
const VERSIONS: usize = 100;

impl Release {
    /// Reads a document.
    ///
    /// What cannot be read is left out of the release, or keeps its place in a list, and is named by a violation, so that
    /// [`declare`](crate::declare) can report it together with what validation finds.
    ///
    /// ```
    /// use iter8_core::{Document, Release};
    ///
    /// let document = Document::from_yaml("environment: deployment-gtw\napplication: {drainSeconds: soon}")?;
    /// let (release, violations) = Release::from_document(&document);
    /// assert!(release.environment.is_some(), "what can be read is read");
    /// assert_eq!(violations[0].path.to_string(), "application.drainSeconds");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn from_document(document: &Document) -> (Self, Vec<Violation>) {
        let (release, mut violations) = Self::read(document);
        document.locate(&mut violations);
        (release, violations)
    }

    /// Reads a document; the violations do not yet say where they stand.
    pub(crate) fn read(document: &Document) -> (Self, Vec<Violation>) {
        let context = Context::default();
        let release = release(&Node::new(document.root(), Path::ROOT, &context));
        (release, context.into_violations())
    }
}

fn release(node: &Node<'_>) -> Release {
    let mut release = Release::default();
    let Some(mut fields) = node.map() else { return release };
    release.environment = fields.take("environment").and_then(|node| environment(&node));
    release.gateways = fields.take("gateway").map(|node| gateways(&node)).unwrap_or_default();
    release.hostnames = fields.take("hostnames").map(|node| node.list_of(hostname)).unwrap_or_default();
    let own = fields.required("application", "write `application` with its `versions`");
    release.application = own.map(|node| application(&node)).unwrap_or_default();
    for field in ["iter8Version", "istioGateway", "service"] {
        if fields.take(field).is_some() {
            release.warnings.push(Notice::NoEffect { field });
        }
    }
    fields.finish();
    release
}

fn hostname(node: &Node<'_>) -> Option<Hostname> {
    node.name()
}

fn environment(node: &Node<'_>) -> Option<Environment> {
    const HINT: &str = "write `deployment-gtw` (Deployments with routing) or `deployment` (without)";
    match node.text()? {
        "deployment-gtw" => Some(Environment::DeploymentGtw),
        "deployment" => Some(Environment::Deployment),
        "deployment-istio" | "kserve" | "kserve-0.10" | "kserve-0.11" | "kserve-modelmesh-istio" => {
            node.violation("is not supported", HINT)
        }
        "" => {
            node.context.report(Violation::new(node.path, "is required").hint(HINT));
            None
        }
        _ => node.violation("is not a known environment", HINT),
    }
}

fn strategy(node: &Node<'_>) -> Option<Strategy> {
    const HINT: &str = "write `none`, `canary`, `blue-green` or `mirror`";
    match node.text()? {
        "" | "none" => Some(Strategy::None),
        "canary" => Some(Strategy::Canary),
        "blue-green" => Some(Strategy::BlueGreen),
        "mirror" => Some(Strategy::Mirror),
        _ => node.violation("is not a known strategy", HINT),
    }
}

fn protocol(node: &Node<'_>) -> Option<Protocol> {
    match node.text()? {
        "http" => Some(Protocol::Http),
        "grpc" => Some(Protocol::Grpc),
        _ => node.violation("is not a protocol that can be routed", "write `http` or `grpc`"),
    }
}

fn gateways(node: &Node<'_>) -> Vec<ParentRef> {
    if node.value.as_list().is_some() {
        return node.list_of(parent_ref);
    }
    if matches!(node.value, Value::Map(_)) {
        let violation =
            Violation::new(node.path, "must be the name of a Gateway or a list of parents, not a map");
        node.context.report(violation.hint("write the name, or a list: `- name: NAME`"));
        return Vec::new();
    }
    match node.text() {
        None | Some("") => Vec::new(),
        Some(_) => node.name().map(bare_gateway).into_iter().collect(),
    }
}

fn bare_gateway(name: crate::ObjectName) -> ParentRef {
    ParentRef { group: None, kind: None, namespace: None, name, section_name: None, port: None }
}

fn parent_ref(node: &Node<'_>) -> Option<ParentRef> {
    let mut fields = node.map()?;
    let name = fields.required("name", "write the name of the Gateway").and_then(|node| node.name());
    let parent = ParentRef {
        group: fields.take("group").and_then(|node| node.owned_text()),
        kind: fields.take("kind").and_then(|node| node.owned_text()),
        namespace: fields.take("namespace").and_then(|node| node.optional_name()),
        section_name: fields.take("sectionName").and_then(|node| node.optional_name()),
        port: fields.take("port").and_then(|node| node.ranged()),
        ..bare_gateway(name?)
    };
    fields.finish();
    Some(parent)
}

fn application(node: &Node<'_>) -> Application {
    let mut application = Application::default();
    let Some(mut fields) = node.map() else { return application };
    if let Some(node) = fields.take("metadata") {
        let metadata = version::metadata(&node);
        application.name = metadata.name;
        application.namespace = metadata.namespace;
        application.labels = metadata.labels;
        application.annotations = metadata.annotations;
    }
    application.port = fields.take_declared("port").map(|node| node.ranged());
    application.service_port = fields.take("servicePort").and_then(|node| node.ranged());
    application.drain_seconds = fields.take("drainSeconds").and_then(|node| node.count("seconds"));
    let versions = fields.take("versions");
    // Which matches there can be depends on it. Where it cannot be read they say what it was to be, so that what is
    // wrong with them is found, too.
    let protocol = match fields.take("protocol") {
        None => Protocol::default(),
        Some(node) => protocol(&node).unwrap_or_else(|| {
            versions.as_ref().map_or_else(Protocol::default, |node| matches::protocol(node.value))
        }),
    };
    application.protocol = Some(protocol);
    application.strategy = fields.take("strategy").and_then(|node| strategy(&node));
    application.route = fields.take("route").map(|node| route::route(&node)).unwrap_or_default();
    application.versions = versions
        .map(|node| node.list_at_most(VERSIONS, |node| version::version(node, protocol)))
        .unwrap_or_default();
    fields.finish();
    application
}
