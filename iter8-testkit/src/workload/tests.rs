//! The runner on an API server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::*;
use crate::apiserver::ApiServer;
use crate::control_plane::ControlPlane;
use crate::mesh::Mesh;

/// An API server with a runner and the Deployment and Service `httpbin`.
struct Bench {
    deployments: Api<Deployment>,
    pods: Api<Pod>,
    services: Api<Service>,
    slices: Api<EndpointSlice>,
    network: PodNetwork,
    runner: WorkloadRunner,
}

impl Bench {
    async fn start(client: Client) -> Self {
        let network = PodNetwork::new();
        let runner = WorkloadRunner::start(client.clone(), "default", network.clone()).await.unwrap();
        Self {
            deployments: Api::namespaced(client.clone(), "default"),
            pods: Api::namespaced(client.clone(), "default"),
            services: Api::namespaced(client.clone(), "default"),
            slices: Api::namespaced(client, "default"),
            network,
            runner,
        }
    }

    async fn create(&self, replicas: i32) {
        self.deployments.create(&PostParams::default(), &deployment(replicas)).await.unwrap();
        self.services.create(&PostParams::default(), &service()).await.unwrap();
    }

    async fn patch(&self, patch: Value) {
        let params = PatchParams::default();
        self.deployments.patch("httpbin", &params, &Patch::Merge(patch)).await.unwrap();
    }

    async fn set_image(&self, image: &str) {
        let container = json!({"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]});
        self.patch(json!({"spec": {"template": {"spec": {"containers": [container]}}}})).await;
    }

    /// The status of a Deployment whose rollout is complete.
    async fn wait_until_rolled_out(&self) -> Deployment {
        self.wait("the rollout is complete", |state| {
            let (status, spec) = (state.deployment.status.clone()?, state.deployment.spec.clone()?);
            let done = status.observed_generation == state.deployment.metadata.generation
                && status.replicas == spec.replicas
                && status.updated_replicas == spec.replicas
                && status.available_replicas == spec.replicas
                && i32::try_from(state.endpoints.len()).ok() == spec.replicas
                && state.endpoints.iter().all(ready);
            done.then(|| state.deployment.clone())
        })
        .await
    }

    async fn wait<T>(&self, what: &str, check: impl Fn(&State) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let state = self.state().await;
            if let Some(result) = check(&state) {
                return result;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "waited too long until {what}: {state:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn state(&self) -> State {
        let everything = ListParams::default();
        let slices = self.slices.list(&everything).await.unwrap().items;
        State {
            deployment: self.deployments.get_opt("httpbin").await.unwrap().unwrap_or_default(),
            pods: self.pods.list(&everything).await.unwrap().items,
            endpoints: slices
                .iter()
                .filter(|slice| slice.name_any().starts_with("httpbin-"))
                .flat_map(|slice| slice.endpoints.clone().unwrap_or_default())
                .collect(),
        }
    }

    /// The versions of everything the runner writes.
    async fn versions(&self) -> BTreeMap<String, String> {
        let everything = ListParams::default();
        let mut versions = BTreeMap::new();
        for object in self.deployments.list(&everything).await.unwrap() {
            versions.insert(format!("deployment {}", object.name_any()), object.resource_version().unwrap());
        }
        for object in self.pods.list(&everything).await.unwrap() {
            versions.insert(format!("pod {}", object.name_any()), object.resource_version().unwrap());
        }
        for object in self.slices.list(&everything).await.unwrap() {
            versions.insert(format!("slice {}", object.name_any()), object.resource_version().unwrap());
        }
        versions
    }

    fn socket(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        self.network.resolve(endpoint.addresses[0].parse().unwrap(), 8080)
    }

    async fn get(&self, endpoint: &Endpoint) -> (u16, Value) {
        let socket = self.socket(endpoint).expect("a server is exposed");
        let client: legacy::Client<_, Empty<Bytes>> =
            legacy::Client::builder(TokioExecutor::new()).build_http();
        let answer = client.get(format!("http://{socket}/get").parse().unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[derive(Debug)]
struct State {
    deployment: Deployment,
    pods: Vec<Pod>,
    endpoints: Vec<Endpoint>,
}

impl State {
    fn images(&self) -> Vec<String> {
        let images =
            self.pods.iter().map(|pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap());
        images.collect()
    }

    fn reason(&self, type_: &str) -> Option<String> {
        let status = self.deployment.status.clone()?;
        status.conditions?.into_iter().find(|condition| condition.type_ == type_)?.reason
    }
}

fn ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().unwrap().ready == Some(true)
}

fn terminating(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().unwrap().terminating == Some(true)
}

fn deployment(replicas: i32) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "httpbin"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "httpbin"}},
            "template": {
                "metadata": {"labels": {"app": "httpbin"}},
                "spec": {"containers": [{
                    "name": "web", "image": "httpbin:1",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                }]},
            },
        },
    }))
    .unwrap()
}

fn service() -> Service {
    serde_json::from_value(json!({
        "metadata": {"name": "httpbin", "labels": {"team": "blue"}},
        "spec": {
            "selector": {"app": "httpbin"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
    }))
    .unwrap()
}

async fn pods_become_ready_and_serve(client: Client) {
    let bench = Bench::start(client).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;

    let state = bench.state().await;
    assert_eq!(state.endpoints.len(), 2);
    for endpoint in &state.endpoints {
        let (status, body) = bench.get(endpoint).await;
        assert_eq!((status, &body["image"]), (200, &json!("httpbin:1")));
        assert_eq!(body["pod"], json!(endpoint.target_ref.as_ref().unwrap().name));
    }
    assert_eq!(state.reason("Progressing").as_deref(), Some("NewReplicaSetAvailable"));
    assert_eq!(state.reason("Available").as_deref(), Some("MinimumReplicasAvailable"));

    // What changes no template starts no rollout, but its generation is observed.
    let before: Vec<_> = state.pods.iter().map(ResourceExt::name_any).collect();
    bench.patch(json!({"metadata": {"labels": {"x": "y"}}, "spec": {"minReadySeconds": 0, "progressDeadlineSeconds": 300}})).await;
    let deployment = bench.wait_until_rolled_out().await;
    assert!(deployment.metadata.generation > state.deployment.metadata.generation);
    let pods: Vec<_> = bench.state().await.pods.iter().map(ResourceExt::name_any).collect();
    assert_eq!(pods, before);
    assert_eq!(deployment.annotations()["deployment.kubernetes.io/revision"], "1");

    // Nothing happens any more: nothing is written any more.
    let versions = bench.versions().await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(bench.versions().await, versions);
}

async fn a_rolling_update_loses_no_request(client: Client) {
    let bench = Bench::start(client).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;
    bench.runner.set_start_delay(Duration::from_millis(300));
    bench.set_image("httpbin:2").await;

    let (mut seen_terminating, mut answers) = (false, 0);
    let done = bench
        .wait("only new Pods are left", |state| (state.images() == ["httpbin:2", "httpbin:2"]).then_some(()));
    let requests = async {
        loop {
            let state = bench.state().await;
            seen_terminating |= state.endpoints.iter().any(terminating);
            let serving: Vec<_> = state.endpoints.iter().filter(|endpoint| ready(endpoint)).collect();
            assert!(serving.len() >= 2, "{state:#?}");
            for endpoint in serving {
                assert_eq!(bench.get(endpoint).await.0, 200);
                answers += 1;
            }
        }
    };
    tokio::select! {
        () = done => {}
        () = requests => {}
    }
    assert!(seen_terminating && answers > 0, "{answers} answers");
    bench.wait_until_rolled_out().await;
}

async fn clients_of_the_mesh_notice_no_rolling_update(client: Client) {
    let bench = Bench::start(client.clone()).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;
    let mesh = Mesh::start(client, "default", bench.network.clone()).await.unwrap();
    bench.runner.set_start_delay(Duration::from_millis(200));
    bench.set_image("httpbin:2").await;

    let done = async {
        bench.wait_until_rolled_out().await;
        bench.wait("the old Pods are gone", |state| (state.pods.len() == 2).then_some(())).await;
    };
    let mut images = BTreeMap::new();
    let requests = async {
        loop {
            let answer = mesh.get("httpbin.default", "/get", &[]).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            *images.entry(answer.header("x-image").unwrap().to_owned()).or_insert(0) += 1;
        }
    };
    tokio::select! {
        () = done => {}
        () = requests => {}
    }
    assert_eq!(images.keys().collect::<Vec<_>>(), ["httpbin:1", "httpbin:2"]);
}

async fn a_failed_deployment_is_not_ready_and_recovers(client: Client) {
    let bench = Bench::start(client).await;
    bench.create(1).await;
    bench.wait_until_rolled_out().await;

    bench.runner.fail("httpbin");
    let endpoint = bench
        .wait("the endpoint is not ready", |state| state.endpoints.iter().find(|e| !ready(e)).cloned())
        .await;
    assert_eq!(bench.get(&endpoint).await.0, 503);
    bench
        .wait("the Deployment is unavailable", |state| {
            (state.reason("Available")? == "MinimumReplicasUnavailable").then_some(())
        })
        .await;

    bench.runner.recover("httpbin");
    bench.wait_until_rolled_out().await;
    assert_eq!(bench.get(&endpoint).await.0, 200);
}

async fn an_image_that_fails_stops_the_rollout_not_the_old_pods(client: Client) {
    let bench = Bench::start(client).await;
    bench.runner.fail_image("httpbin:2");
    bench.create(1).await;
    bench.wait_until_rolled_out().await;
    bench.set_image("httpbin:2").await;

    bench
        .wait("the new Pod waits for its image", |state| {
            (state.images().len() == 2 && state.endpoints.len() == 2).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let state = bench.state().await;
    let serving: Vec<_> = state.endpoints.iter().filter(|endpoint| ready(endpoint)).collect();
    assert_eq!(serving.len(), 1);
    assert_eq!(bench.get(serving[0]).await.1["image"], json!("httpbin:1"));

    bench.runner.recover_image("httpbin:2");
    bench.wait_until_rolled_out().await;
}

async fn what_is_deleted_is_collected_and_comes_back(client: Client) {
    let bench = Bench::start(client).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;
    let endpoints = bench.state().await.endpoints;

    let pod = endpoints[0].target_ref.as_ref().unwrap().name.clone().unwrap();
    bench.pods.delete(&pod, &DeleteParams::default()).await.unwrap();
    bench
        .wait("the Pod is replaced", |state| {
            let gone = state.pods.iter().all(|other| other.name_any() != pod);
            (gone && state.endpoints.iter().filter(|endpoint| ready(endpoint)).count() == 2).then_some(())
        })
        .await;
    assert_eq!(bench.socket(&endpoints[0]), None);

    bench.deployments.delete("httpbin", &DeleteParams::background()).await.unwrap();
    bench.wait("all Pods are gone", |state| state.pods.is_empty().then_some(())).await;
    assert_eq!(bench.state().await.endpoints.len(), 0);
    assert_eq!(bench.socket(&endpoints[1]), None);

    bench.services.delete("httpbin", &DeleteParams::background()).await.unwrap();
    bench.create(1).await;
    bench.wait_until_rolled_out().await;
}

async fn a_later_runner_takes_over(client: Client) {
    let bench = Bench::start(client.clone()).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;
    let before: Vec<_> = bench.state().await.pods.iter().map(ResourceExt::name_any).collect();
    let endpoint = bench.state().await.endpoints.remove(0);
    let Bench { runner, network, .. } = bench;
    drop(runner);
    while network.resolve(endpoint.addresses[0].parse().unwrap(), 8080).is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let bench = Bench::start(client).await;
    bench
        .wait("the Pods serve again", |state| {
            let sockets = state.endpoints.iter().filter_map(|endpoint| bench.socket(endpoint)).count();
            (sockets == 2).then_some(())
        })
        .await;
    let after: Vec<_> = bench.state().await.pods.iter().map(ResourceExt::name_any).collect();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_runner_with_nothing_to_do_asks_nothing() {
    let server = ApiServer::new();
    let bench = Bench::start(server.client()).await;
    bench.create(3).await;
    bench.wait_until_rolled_out().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.clear_requests();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.requests(), []);
}

#[tokio::test]
async fn many_deployments_roll_out_together() {
    let bench = Bench::start(ApiServer::new().client()).await;
    for index in 0..20 {
        let (mut deployment, mut service) = (deployment(2), service());
        let name = format!("app-{index}");
        deployment.metadata.name = Some(name.clone());
        service.metadata.name = Some(name.clone());
        let labels = BTreeMap::from([("app".to_owned(), name)]);
        let spec = deployment.spec.as_mut().unwrap();
        spec.selector.match_labels = Some(labels.clone());
        spec.template.metadata.as_mut().unwrap().labels = Some(labels.clone());
        service.spec.as_mut().unwrap().selector = Some(labels);
        bench.deployments.create(&PostParams::default(), &deployment).await.unwrap();
        bench.services.create(&PostParams::default(), &service).await.unwrap();
    }
    bench
        .wait("40 Pods are ready", |state| {
            let ready = state.pods.iter().filter(|pod| pod::is_ready(pod)).count();
            (ready == 40).then_some(())
        })
        .await;
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn a_restart_of_the_api_server_is_survived() {
    let assets = ControlPlane::assets_from_env().expect("KUBEBUILDER_ASSETS is set");
    let mut cluster = ControlPlane::start(&assets).await.unwrap();
    let bench = Bench::start(cluster.client()).await;
    bench.create(2).await;
    bench.wait_until_rolled_out().await;
    let endpoint = bench.state().await.endpoints.remove(0);

    cluster.stop_api_server();
    assert_eq!(bench.get(&endpoint).await.0, 200, "Pods need no API server");
    cluster.start_api_server().await.unwrap();

    bench.set_image("httpbin:2").await;
    bench.wait_until_rolled_out().await;
}

macro_rules! scenarios {
    ($($scenario:ident),* $(,)?) => {
        mod in_memory {
            use super::ApiServer;

            $(
                #[tokio::test]
                async fn $scenario() {
                    super::$scenario(ApiServer::new().client()).await;
                }
            )*
        }

        mod on_the_real_api_server {
            use super::ControlPlane;

            $(
                #[tokio::test]
                #[ignore = "needs KUBEBUILDER_ASSETS"]
                async fn $scenario() {
                    let assets = ControlPlane::assets_from_env().expect("KUBEBUILDER_ASSETS is set");
                    let cluster = ControlPlane::start(&assets).await.unwrap();
                    super::$scenario(cluster.client()).await;
                }
            )*
        }
    };
}

scenarios!(
    pods_become_ready_and_serve,
    a_rolling_update_loses_no_request,
    clients_of_the_mesh_notice_no_rolling_update,
    a_failed_deployment_is_not_ready_and_recovers,
    an_image_that_fails_stops_the_rollout_not_the_old_pods,
    what_is_deleted_is_collected_and_comes_back,
    a_later_runner_takes_over,
);
