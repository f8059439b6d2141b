//! The routes, and what else decides where requests go.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use iter8_core::Namespace;
use iter8_kube::labels;
use iter8_testkit::simulator::{InvalidObjectError, RouteSet};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, TypeMeta};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::Value;

use super::Args;
use crate::cluster;
use crate::error::Error;
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
    let origin = if file == Path::new("-") { "<stdin>".to_owned() } else { file.display().to_string() };
    let text = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| Error::Failed(format!("cannot read {origin}: {error}")))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| Error::Failed(format!("{origin}: {error}")))?;
    for document in &documents {
        insert(&mut routes, document)?;
    }
    Ok(routes)
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
            insert(&mut self.routes, &DynamicObject { types: Some(types), ..object })?;
        }
        Ok(())
    }
}

fn insert(routes: &mut RouteSet, object: &impl Serialize) -> Result<(), Error> {
    routes.insert(object).map_err(|error: InvalidObjectError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Error::Failed(format!("{error}{cause}"))
    })
}
