//! A world with the controller of iter8, as the scenarios use it.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use iter8_core::Document;
use iter8_gateway_api::GatewayApiBackend;
use iter8_kube::{Applier, Options, Release, ReleaseSpec, Scope};
use iter8_testkit::control_plane::ControlPlane;
use iter8_testkit::world::{Running, World};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::json;

/// How long anything may take. Far more than it takes; a test that waits for nothing fails with what it saw.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Cluster {
    pub(crate) world: World,
    /// The real API server and what goes with it, if the world is on one.
    pub(crate) control_plane: Option<Arc<ControlPlane>>,
    controller: Option<Running>,
}

/// The answer to a request: status and `app-version`.
pub(crate) type Answer = (u16, Option<String>);

/// 200 from this version.
pub(crate) fn from(version: &str) -> Answer {
    (200, Some(version.to_owned()))
}

impl Cluster {
    /// A cluster without a controller.
    pub(crate) fn new(world: World, control_plane: Option<Arc<ControlPlane>>) -> Self {
        Self { world, control_plane, controller: None }
    }

    pub(crate) fn start(&mut self) {
        self.controller = Some(self.another());
    }

    /// A controller of its own.
    pub(crate) fn another(&self) -> Running {
        let namespace = self.world.namespace().to_owned();
        self.world.run(|client, shutdown| async move {
            let options = Options::new(Scope::Namespace(namespace));
            let shutdown = futures::FutureExt::shared(shutdown);
            iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown).await;
        })
    }

    /// A controller that writes by this applier, in place of the one before.
    pub(crate) async fn restart_with(&mut self, applier: Arc<dyn Applier>) {
        self.crash().await;
        let namespace = self.world.namespace().to_owned();
        self.controller = Some(self.world.run(|client, shutdown| async move {
            let options = Options::new(Scope::Namespace(namespace)).applier(applier);
            let shutdown = futures::FutureExt::shared(shutdown);
            iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown).await;
        }));
    }

    /// Ends the controller as a crash would.
    pub(crate) async fn crash(&mut self) {
        self.controller.take().unwrap().kill().await;
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.world.client(), self.world.namespace())
    }

    /// Declares the release `httpbin` by this document.
    pub(crate) async fn declare(&self, document: &str) {
        let spec = ReleaseSpec::from_document(&Document::from_yaml(document).unwrap()).unwrap();
        let release = json!({
            "apiVersion": "iter8.tools/v1alpha1",
            "kind": "Release",
            "metadata": { "name": "httpbin" },
            "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        self.api::<Release>().patch("httpbin", &params, &Patch::Apply(release)).await.unwrap();
    }

    pub(crate) async fn delete(&self) {
        self.api::<Release>().delete("httpbin", &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn release(&self) -> Release {
        self.api::<Release>().get("httpbin").await.unwrap()
    }

    /// Status and reason of a condition that speaks of the present generation.
    pub(crate) async fn condition(&self, kind: &str) -> Option<(String, String)> {
        let release = self.release().await;
        let generation = release.metadata.generation;
        let conditions = release.status.unwrap_or_default().conditions;
        let current = |condition: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
            condition.type_ == kind && condition.observed_generation == generation
        };
        conditions.iter().find(current).map(|condition| (condition.status.clone(), condition.reason.clone()))
    }

    pub(crate) async fn until_ready(&self) {
        let ready = Some(("True".to_owned(), "Ready".to_owned()));
        self.until("condition Ready", || self.condition("Ready"), |condition| *condition == ready).await;
    }

    pub(crate) async fn route(&self) -> Option<HttpRoute> {
        self.api::<HttpRoute>().get_opt("httpbin").await.unwrap()
    }

    pub(crate) async fn grpc_route(&self) -> Option<GrpcRoute> {
        self.api::<GrpcRoute>().get_opt("httpbin").await.unwrap()
    }

    /// The names of the Deployments, then of the Services.
    pub(crate) async fn workloads(&self) -> (Vec<String>, Vec<String>) {
        let all = ListParams::default();
        let deployments = self.api::<Deployment>().list(&all).await.unwrap();
        let services = self.api::<Service>().list(&all).await.unwrap();
        let names = |names: Vec<String>| {
            let mut names = names;
            names.sort();
            names
        };
        (
            names(deployments.iter().map(ResourceExt::name_any).collect()),
            names(services.iter().map(ResourceExt::name_any).collect()),
        )
    }

    pub(crate) async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        let host = format!("httpbin.{}", self.world.namespace());
        let response = self.world.mesh().get(&host, "/get", headers).await.unwrap();
        let version = response.headers.get("app-version").map(|value| value.to_str().unwrap().to_owned());
        (response.status, version)
    }

    /// The answers without and with header `traffic: test`.
    pub(crate) async fn answers(&self) -> (Answer, Answer) {
        (self.get(&[]).await, self.get(&[("traffic", "test")]).await)
    }

    pub(crate) async fn until_answers(&self, plain: &str, with_header: &str) {
        let wanted = (from(plain), from(with_header));
        self.until("answers", || self.answers(), |answers| *answers == wanted).await;
    }

    /// Asks again and again until the answer is a wanted one; panics with the last answer when patience ends.
    pub(crate) async fn until<T: Debug, F: Future<Output = T>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
        is_wanted: impl Fn(&T) -> bool,
    ) -> T {
        let begin = Instant::now();
        loop {
            let answer = ask().await;
            if is_wanted(&answer) {
                return answer;
            }
            if begin.elapsed() > PATIENCE {
                let status = self
                    .api::<Release>()
                    .get_opt("httpbin")
                    .await
                    .unwrap()
                    .and_then(|release| release.status);
                panic!("waited in vain for {what}; last seen: {answer:?}; status: {status:#?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
