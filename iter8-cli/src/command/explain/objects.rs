//! The routes, and what else decides where requests go.

use std::path::Path;

use iter8_core::{Document, Namespace};
use iter8_kube::labels;
use iter8_testkit::simulator::RouteSet;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, TypeMeta};
use kube::{Api, Client};
use serde_json::Value;

use super::Args;
use crate::cluster;
use crate::error::Error;
use crate::input::{self, Input};
use crate::output;

/// The group of the Gateway API.
const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The kinds that decide: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 7] = [
    (GATEWAY_API, "v1", "HTTPRoute", "httproutes"),
    (GATEWAY_API, "v1", "GRPCRoute", "grpcroutes"),
    (GATEWAY_API, "v1", "Gateway", "gateways"),
    (GATEWAY_API, "v1", "ListenerSet", "listenersets"),
    (GATEWAY_API, "v1beta1", "ReferenceGrant", "referencegrants"),
    ("", "v1", "Service", "services"),
    ("", "v1", "Namespace", "namespaces"),
];

/// Adds the objects of a file.
pub(super) fn from_file(mut routes: RouteSet, file: &Path) -> Result<RouteSet, Error> {
    let Input { text, origin } = input::read(file)?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| {
        // Its own words fill several lines and show the text.
        let error = error.without_snippet();
        let at = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        Error::Unreadable(format!("{origin}{at}: not valid YAML: {}", brief(&error.to_string())))
    })?;
    for (index, document) in documents.iter().filter(|document| !document.is_null()).enumerate() {
        routes.insert(document).map_err(|error| {
            // The text is read once more to tell where it is.
            let read = Document::all_from_yaml(&text).unwrap_or_default();
            let position = read.get(index).and_then(|document| document.position(&error.path));
            let at = position.map(|position| format!(":{position}")).unwrap_or_default();
            Error::Unreadable(format!("{origin}{at}: {error}"))
        })?;
    }
    Ok(routes)
}

/// What is wrong, without the position, which stands before it already.
fn brief(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.split(" at line ").next().unwrap_or(line)
}

/// Adds the objects of a cluster; also gives the namespace that is used unless another is given.
pub(super) async fn from_cluster(routes: RouteSet, args: &Args) -> Result<(RouteSet, String), Error> {
    let (client, own_namespace) = args.cluster.connect().await?;
    let namespace = args.namespace.as_ref().map_or(own_namespace.as_str(), Namespace::as_str).to_owned();
    let mut lookup = Lookup { client, namespace, routes, partial: Vec::new(), hidden: Vec::new() };
    for (group, version, kind, plural) in KINDS {
        let of_release = args.name.as_ref().filter(|_| kind.ends_with("Route"));
        let selector =
            of_release.map(|name| format!("{}={}", labels::RELEASE, labels::release_label(name.as_str())));
        let params = ListParams { label_selector: selector, ..ListParams::default() };
        let gvk = GroupVersionKind::gvk(group, version, kind);
        lookup.add(&ApiResource::from_gvk_with_plural(&gvk, plural), &params).await?;
    }
    lookup.report_gaps();
    Ok((lookup.routes, own_namespace))
}

struct Lookup {
    client: Client,
    namespace: String,
    routes: RouteSet,
    /// The kinds of which only one namespace can be seen.
    partial: Vec<String>,
    /// The kinds that cannot be seen at all.
    hidden: Vec<String>,
}

impl Lookup {
    /// Adds all objects of a kind; where they cannot be seen, those of the one namespace.
    async fn add(&mut self, resource: &ApiResource, params: &ListParams) -> Result<(), Error> {
        let (kind, doing) = (resource.kind.as_str(), format!("list {}", resource.plural));
        let everywhere: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        match everywhere.list(params).await {
            Ok(list) => return self.insert(resource, list.items),
            Err(error) if cluster::is_unknown_kind(&error) && kind == "HTTPRoute" => {
                return Err(Error::Failed(
                    "the cluster does not know HTTPRoutes: the Gateway API is not installed".to_owned(),
                ));
            }
            Err(error) if cluster::is_unknown_kind(&error) => return Ok(()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {}
            Err(error) => return Err(cluster::refused(&doing, &error)),
        }
        // Where not all Services can be seen, one that is not seen cannot be said to be missing.
        if matches!(kind, "Service" | "Namespace") {
            self.hidden.push(resource.plural.clone());
            return Ok(());
        }
        let here: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, resource);
        match here.list(params).await {
            Ok(list) => {
                self.partial.push(resource.plural.clone());
                self.insert(resource, list.items)
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() && kind != "HTTPRoute" => {
                self.hidden.push(resource.plural.clone());
                Ok(())
            }
            Err(error) => Err(cluster::refused(&doing, &error)),
        }
    }

    /// Says what the answer does not take into account.
    fn report_gaps(&self) {
        if !self.partial.is_empty() {
            let kinds = self.partial.join(", ");
            output::note(&format!(
                "of these you may list those of namespace {} only: {kinds}",
                self.namespace
            ));
        }
        if !self.hidden.is_empty() {
            output::note(&format!(
                "these you may not list, so they are left out: {}",
                self.hidden.join(", ")
            ));
        }
    }

    fn insert(&mut self, resource: &ApiResource, objects: Vec<DynamicObject>) -> Result<(), Error> {
        for object in objects {
            // The items of a list carry no kind of their own.
            let types = TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
            let object = DynamicObject { types: Some(types), ..object };
            self.routes.insert(&object).map_err(|error| Error::Failed(error.to_string()))?;
        }
        Ok(())
    }
}
