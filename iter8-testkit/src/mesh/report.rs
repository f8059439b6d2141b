//! The status that routes get, as Linkerd's policy controller writes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_api::httproutes::{HttpRoute, HttpRouteStatusParents, HttpRouteStatusParentsParentRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::utils::Backoff;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;

use super::CONTROLLER_NAME;
use super::patience::Patience;
use super::view::View;
use crate::simulator::{Attachment, Parent};

/// Keeps the status of the namespace's routes true.
pub(super) async fn report(
    client: Client,
    namespace: String,
    mut views: watch::Receiver<Arc<View>>,
    mut gateways: watch::Receiver<BTreeSet<String>>,
) {
    let api: Api<HttpRoute> = Api::namespaced(client, &namespace);
    let mut patience = Patience::default();
    loop {
        let changed = tokio::select! {
            changed = views.changed() => changed,
            changed = gateways.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        let view = views.borrow_and_update().clone();
        let open = gateways.borrow_and_update().clone();
        let attachments = view.rules().attachments();
        for route in view.routes() {
            let parents = parents(route, &namespace, &open, &attachments);
            if route.status.as_ref().map(|status| status.parents.as_slice()).unwrap_or_default() == parents {
                continue;
            }
            if let Err(error) = write(&api, route, &parents).await {
                tracing::debug!(route = route.name_any(), %error, "status not written, trying again");
                // A newer route brings a view of its own; any other failure is worth another attempt.
                tokio::time::sleep(patience.next().unwrap_or_default()).await;
                views.mark_changed();
            } else {
                patience.reset();
            }
        }
    }
}

async fn write(
    api: &Api<HttpRoute>,
    route: &HttpRoute,
    parents: &[HttpRouteStatusParents],
) -> Result<(), kube::Error> {
    let patch = json!({
        // Written only on what was seen, so that no other controller's entry is lost.
        "metadata": { "resourceVersion": route.resource_version() },
        "status": { "parents": parents },
    });
    api.patch_status(&route.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
}

/// The entries of `status.parents`: those of other controllers as they are, and ours.
fn parents(
    route: &HttpRoute,
    namespace: &str,
    open: &BTreeSet<String>,
    attachments: &[Attachment],
) -> Vec<HttpRouteStatusParents> {
    let present = route.status.as_ref().map(|status| status.parents.as_slice()).unwrap_or_default();
    let (ours, mut parents): (Vec<_>, Vec<_>) =
        present.iter().cloned().partition(|parent| parent.controller_name == CONTROLLER_NAME);
    let name = route.name_any();
    let references = route.spec.parent_refs.as_deref().unwrap_or_default();
    for (index, reference) in references.iter().enumerate() {
        let is_followed = |attachment: &&Attachment| {
            attachment.kind == "HTTPRoute"
                && attachment.name == name
                && attachment.parent_ref == index
                && (attachment.parent == Parent::service(namespace, &reference.name)
                    || open.contains(&reference.name)
                        && attachment.parent == Parent::gateway(namespace, &reference.name))
        };
        let Some(attachment) = attachments.iter().find(is_followed) else { continue };
        let is_service = reference.kind.as_deref() == Some("Service");
        let parent_ref = HttpRouteStatusParentsParentRef {
            // Linkerd writes the core group out; the controllers of Gateways repeat the reference.
            group: if is_service { Some("core".into()) } else { reference.group.clone() },
            kind: reference.kind.clone(),
            name: reference.name.clone(),
            namespace: if is_service { Some(namespace.to_owned()) } else { reference.namespace.clone() },
            port: reference.port,
            section_name: reference.section_name.clone(),
        };
        let before = ours.iter().find(|parent| parent.parent_ref == parent_ref);
        let before = before.map(|parent| parent.conditions.as_slice()).unwrap_or_default();
        let generation = route.metadata.generation;
        let resolved = if attachment.unresolved.is_empty() { "ResolvedRefs" } else { "BackendNotFound" };
        parents.push(HttpRouteStatusParents {
            conditions: vec![
                condition(
                    "Accepted",
                    attachment.accepted,
                    attachment.reason,
                    &attachment.message,
                    generation,
                    before,
                ),
                condition(
                    "ResolvedRefs",
                    attachment.unresolved.is_empty(),
                    resolved,
                    &attachment.unresolved.join("; "),
                    generation,
                    before,
                ),
            ],
            controller_name: CONTROLLER_NAME.into(),
            parent_ref,
        });
    }
    parents
}

/// A condition, with the time of its last transition kept if its status is as before.
fn condition(
    type_: &str,
    holds: bool,
    reason: &str,
    message: &str,
    generation: Option<i64>,
    before: &[Condition],
) -> Condition {
    let status = if holds { "True" } else { "False" };
    let same = before.iter().find(|other| other.type_ == type_ && other.status == status);
    // Kept to whole seconds, as the API server stores it.
    let now = || Time(Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default());
    Condition {
        last_transition_time: same.map_or_else(now, |other| other.last_transition_time.clone()),
        message: message.into(),
        observed_generation: generation,
        reason: reason.into(),
        status: status.into(),
        type_: type_.into(),
    }
}
