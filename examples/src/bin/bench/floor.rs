//! The bare client: the same writes, without anything that decides on them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use gateway_api::httproutes::HttpRoute;
use iter8_kube::Release;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::Error;
use crate::fleet::{Fleet, bulk_with};

/// How many requests of the bare client are under way at the same time: as many as the controller's.
const CONCURRENCY: usize = 32;

/// The label of EndpointSlices that the bare client follows.
const FOLLOWED: &str = "bench.iter8.tools/floor";

/// How many writes a cold start has made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writes {
    pub(crate) statuses: u64,
    pub(crate) events: u64,
}

/// Knows a route and a status as the controller writes them, and writes the same under other names.
#[derive(Clone)]
pub(crate) struct Floor {
    client: Client,
    route: Arc<Value>,
    status: Arc<Value>,
}

impl Floor {
    /// With the route and the status of the first release as examples.
    pub(crate) async fn new(client: Client) -> Result<Self, Error> {
        let (namespace, name) = (Fleet::namespace(0), Fleet::name(0));
        let route = Api::<HttpRoute>::namespaced(client.clone(), &namespace).get(&name).await?;
        let release = Api::<Release>::namespaced(client.clone(), &namespace).get(&name).await?;
        // Without the label, so that no controller follows it.
        let route = json!({
            "apiVersion": HttpRoute::api_version(&()),
            "kind": HttpRoute::kind(&()),
            "metadata": {
                "annotations": route.annotations(),
                "ownerReferences": route.owner_references(),
                "labels": { "app.kubernetes.io/managed-by": "bench" },
            },
            "spec": route.spec,
        });
        Ok(Self { client, route: Arc::new(route), status: Arc::new(json!(release.status)) })
    }

    pub(crate) fn route_name(index: usize) -> String {
        format!("floor-{index}")
    }

    fn routes(&self, index: usize) -> Api<HttpRoute> {
        Api::namespaced(self.client.clone(), &Fleet::namespace(index))
    }

    /// The route with or without the candidate's rule.
    fn route(&self, name: &str, with_candidate: bool) -> Result<HttpRoute, kube::Error> {
        let mut route: HttpRoute =
            serde_json::from_value((*self.route).clone()).map_err(kube::Error::SerdeError)?;
        route.metadata.name = Some(name.to_owned());
        if let Some(rules) = route.spec.rules.as_mut().filter(|_| !with_candidate) {
            rules.drain(..rules.len().saturating_sub(1));
        }
        Ok(route)
    }

    /// Makes all routes, and as many other writes as the controller has made meanwhile.
    pub(crate) async fn cold_start(&self, size: usize, writes: Writes) -> Result<Duration, Error> {
        crate::say("a cold start of the bare client");
        let begun = Instant::now();
        bulk_with(CONCURRENCY, size, |index| async move {
            let route = self.route(&format!("floor-cold-{index}"), true)?;
            self.routes(index).create(&PostParams::default(), &route).await?;
            for _ in share(writes.statuses, size, index) {
                self.report(index).await?;
            }
            for number in share(writes.events, size, index) {
                self.publish(index, number).await?;
            }
            Ok::<(), kube::Error>(())
        })
        .await?;
        Ok(begun.elapsed())
    }

    async fn report(&self, index: usize) -> Result<(), kube::Error> {
        let mut status = (*self.status).clone();
        if let Some(fields) = status.as_object_mut() {
            fields.insert("planDigest".to_owned(), json!("floor"));
        }
        // As the controller does: a test of whose status it is, then the status.
        let patch = json!([
            { "op": "test", "path": "/metadata/name", "value": Fleet::name(index) },
            { "op": "add", "path": "/status", "value": status },
        ]);
        let patch = Patch::Json::<()>(serde_json::from_value(patch).map_err(kube::Error::SerdeError)?);
        let releases: Api<Release> = Api::namespaced(self.client.clone(), &Fleet::namespace(index));
        releases.patch_status(&Fleet::name(index), &PatchParams::default(), &patch).await.map(drop)
    }

    async fn publish(&self, index: usize, number: u64) -> Result<(), kube::Error> {
        let namespace = Fleet::namespace(index);
        let event = json!({
            "metadata": { "name": format!("floor-{number}"), "namespace": namespace },
            "eventTime": "2026-01-01T00:00:00.000000Z", "action": "Reconcile", "reason": "VersionReady",
            "reportingController": "bench", "reportingInstance": "bench", "type": "Normal",
            "note": format!("primary {} is Ready: everything declared is there and ready", Fleet::name(index)),
            "regarding": { "kind": "Release", "name": Fleet::name(index), "namespace": namespace },
        });
        let event = serde_json::from_value(event).map_err(kube::Error::SerdeError)?;
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        events.create(&PostParams::default(), &event).await.map(drop)
    }

    /// Makes a slice for each of these releases, and applies a route as soon as the watch tells of a change.
    pub(crate) async fn follow(&self, fleet: &Fleet, releases: &[usize]) -> Result<JoinHandle<()>, Error> {
        for index in releases {
            let labels = json!({ FOLLOWED: "true" });
            fleet.create_slice_with(*index, &Self::route_name(*index), &labels).await?;
            self.apply(*index, true).await?;
        }
        let slices: Api<EndpointSlice> = Api::all(self.client.clone());
        let events = watcher(slices, watcher::Config::default().labels(FOLLOWED)).default_backoff();
        let floor = self.clone();
        let applied = events.applied_objects().for_each_concurrent(CONCURRENCY, move |slice| {
            let floor = floor.clone();
            async move {
                let Ok(slice) = slice else { return };
                let index = slice.name_any().strip_prefix("floor-").and_then(|index| index.parse().ok());
                let ready = slice.endpoints.iter().flatten().any(|endpoint| {
                    endpoint.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
                });
                let Some(index) = index else { return };
                if let Err(error) = floor.apply(index, ready).await {
                    crate::say(&format!("the bare client failed: {error}"));
                }
            }
        });
        Ok(tokio::spawn(applied))
    }

    async fn apply(&self, index: usize, with_candidate: bool) -> Result<(), kube::Error> {
        let name = Self::route_name(index);
        let route = self.route(&name, with_candidate)?;
        let params = PatchParams::apply("floor").force();
        self.routes(index).patch(&name, &params, &Patch::Apply(route)).await.map(drop)
    }
}

/// The numbers of the `index`th of `size` even shares of `total`.
fn share(total: u64, size: usize, index: usize) -> std::ops::Range<u64> {
    let (size, index) = (size as u64, index as u64);
    (total * index / size)..(total * (index + 1) / size)
}
