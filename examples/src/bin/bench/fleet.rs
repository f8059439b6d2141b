//! The releases, and the writes by which other controllers tell of their workloads.

use std::future::Future;

use futures::{StreamExt, TryStreamExt};
use iter8_core::Document;
use iter8_kube::{Release, ReleaseSpec, labels};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::Error;

/// How many requests of this program are under way at the same time.
const CONCURRENCY: usize = 16;

/// Releases of one namespace.
const PER_NAMESPACE: usize = 100;

const DOCUMENT: &str = "
environment: deployment-gtw
application:
  strategy: canary
  versions:
  - metadata: {labels: {app.kubernetes.io/version: v0}}
    image: kennethreitz/httpbin
    readinessProbe: {httpGet: {path: /status/200, port: 80}}
  - metadata: {labels: {app.kubernetes.io/version: v1}}
    image: kennethreitz/httpbin
    readinessProbe: {httpGet: {path: /status/200, port: 80}}
    matches:
    - headers: [{name: traffic, value: test}]
";

/// Many releases of an application with a primary and a candidate.
#[derive(Clone)]
pub(crate) struct Fleet {
    client: Client,
    size: usize,
}

impl Fleet {
    pub(crate) fn new(client: Client, size: usize) -> Self {
        Self { client, size }
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn namespace(index: usize) -> String {
        format!("bench-{}", index / PER_NAMESPACE)
    }

    /// The name of a release, and of its application.
    pub(crate) fn name(index: usize) -> String {
        format!("web-{index}")
    }

    /// The Service and Deployment of the candidate.
    pub(crate) fn candidate(index: usize) -> String {
        format!("web-{index}-1")
    }

    /// Declares all releases, in namespaces of their own.
    pub(crate) async fn declare(&self) -> Result<(), Error> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        for index in (0..self.size).step_by(PER_NAMESPACE) {
            let metadata = ObjectMeta { name: Some(Self::namespace(index)), ..ObjectMeta::default() };
            let namespace = Namespace { metadata, ..Namespace::default() };
            namespaces.create(&PostParams::default(), &namespace).await?;
        }
        let spec = &ReleaseSpec::from_document(&Document::from_yaml(DOCUMENT)?)?;
        bulk(self.size, |index| async move {
            let releases: Api<Release> = Api::namespaced(self.client.clone(), &Self::namespace(index));
            let release = Release::new(&Self::name(index), spec.clone());
            releases.create(&PostParams::default(), &release).await.map(drop)
        })
        .await
    }

    /// Reports that the Pods of every version serve.
    pub(crate) async fn make_ready(&self) -> Result<(), Error> {
        bulk(self.size, |index| async move {
            let candidate = Self::candidate(index);
            let primary = format!("{}-0", Self::name(index));
            self.report_deployment(index, &primary, 0).await?;
            self.report_deployment(index, &candidate, 0).await?;
            for service in [&Self::name(index), &primary, &candidate] {
                self.create_slice(index, service).await?;
            }
            Ok::<(), kube::Error>(())
        })
        .await
    }

    /// A status that says what the one before said, but for the time of a probe.
    pub(crate) async fn report_deployment(
        &self,
        index: usize,
        name: &str,
        round: usize,
    ) -> Result<(), kube::Error> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &Self::namespace(index));
        let probed = format!("2026-01-01T00:{:02}:{:02}Z", round / 60 % 60, round % 60);
        let condition = |kind: &str, reason: &str| {
            json!({
                "type": kind, "status": "True", "reason": reason, "lastUpdateTime": probed,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        };
        let status = json!({
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
            "availableReplicas": 1,
            "conditions": [
                condition("Available", "MinimumReplicasAvailable"),
                condition("Progressing", "NewReplicaSetAvailable"),
            ],
        });
        let patch = Patch::Merge(json!({ "status": status }));
        deployments.patch_status(name, &PatchParams::default(), &patch).await.map(drop)
    }

    async fn create_slice(&self, index: usize, service: &str) -> Result<(), kube::Error> {
        let labels = json!({ "kubernetes.io/service-name": service, labels::RELEASE: Self::name(index) });
        self.create_slice_with(index, service, &labels).await
    }

    /// A slice with one endpoint, which is ready.
    pub(crate) async fn create_slice_with(
        &self,
        index: usize,
        name: &str,
        labels: &serde_json::Value,
    ) -> Result<(), kube::Error> {
        let slice = json!({
            "metadata": { "name": name, "labels": labels },
            "addressType": "IPv4",
            "endpoints": [endpoint(index, true)],
            "ports": [{ "name": "", "port": 80, "protocol": "TCP" }],
        });
        let slice = serde_json::from_value(slice).map_err(kube::Error::SerdeError)?;
        self.slices(index).create(&PostParams::default(), &slice).await.map(drop)
    }

    /// Reports that the one endpoint of a slice serves, or does not any more.
    pub(crate) async fn set_endpoint(
        &self,
        index: usize,
        slice: &str,
        ready: bool,
    ) -> Result<(), kube::Error> {
        let patch = Patch::Merge(json!({ "endpoints": [endpoint(index, ready)] }));
        self.slices(index).patch(slice, &PatchParams::default(), &patch).await.map(drop)
    }

    fn slices(&self, index: usize) -> Api<EndpointSlice> {
        Api::namespaced(self.client.clone(), &Self::namespace(index))
    }
}

fn endpoint(index: usize, ready: bool) -> serde_json::Value {
    json!({
        "addresses": [format!("10.{}.{}.1", index / 256 % 256, index % 256)],
        "conditions": { "ready": ready, "serving": ready, "terminating": false },
    })
}

/// Does something for each number below `count`, some of them at the same time.
pub(crate) async fn bulk<E, F>(count: usize, act: impl Fn(usize) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Error>,
{
    bulk_with(CONCURRENCY, count, act).await
}

/// As [`bulk`], this many at the same time.
pub(crate) async fn bulk_with<E, F>(
    concurrency: usize,
    count: usize,
    act: impl Fn(usize) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Error>,
{
    futures::stream::iter(0..count)
        .map(act)
        .buffer_unordered(concurrency)
        .try_for_each(|()| async { Ok(()) })
        .await
        .map_err(Into::into)
}
