//! A namespace with a mesh, and Pods that are tiny servers on loopback.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use iter8_testkit::mesh::{Mesh, Response as Answer, View};
use iter8_testkit::pod_network::PodNetwork;
use iter8_testkit::simulator::Precedence;
use kube::Client;
use kube::api::{Api, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const NAMESPACE: &str = "test";

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) network: PodNetwork,
    pub(crate) mesh: Mesh,
    received: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_rules_of(Precedence::Linkerd).await
    }

    pub(crate) async fn with_rules_of(precedence: Precedence) -> Self {
        let client = super::bare_cluster().await;
        super::install_http_routes(&client).await;
        Self::start(client, precedence).await
    }

    pub(crate) async fn on(client: Client) -> Self {
        Self::start(client, Precedence::Linkerd).await
    }

    async fn start(client: Client, precedence: Precedence) -> Self {
        let network = PodNetwork::new();
        let mesh = Mesh::start_with(client.clone(), NAMESPACE, network.clone(), precedence).await.unwrap();
        Self { client, network, mesh, received: Arc::default() }
    }

    /// A Service `name` with port 80, and one ready Pod behind it that answers with its name.
    pub(crate) async fn service_with_pod(&self, name: &str) -> Ipv4Addr {
        self.service(name).await;
        let pod = self.pod(name).await;
        self.endpoints(name, &[(pod, true)]).await;
        pod
    }

    pub(crate) async fn service(&self, name: &str) {
        let port = json!({ "name": "http", "port": 80, "targetPort": 8080 });
        self.apply("", "v1", "Service", name, json!({ "spec": { "ports": [port] } })).await;
    }

    /// A Pod that answers every request with its name in a header and what it has received in the body.
    pub(crate) async fn pod(&self, name: &str) -> Ipv4Addr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let pod = self.network.allocate();
        self.network.expose(pod, 8080, listener.local_addr().unwrap());
        let name = name.to_owned();
        let received = self.received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (name, received) = (name.clone(), received.clone());
                let service = service_fn(move |request| {
                    let name = name.clone();
                    received.lock().unwrap().push(name.clone());
                    async move { Ok::<_, Infallible>(echo(&name, request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        pod
    }

    /// The EndpointSlice of a Service: Pods, and whether they are ready.
    pub(crate) async fn endpoints(&self, service: &str, pods: &[(Ipv4Addr, bool)]) {
        let endpoints: Vec<Value> = pods
            .iter()
            .map(|(pod, ready)| json!({ "addresses": [pod], "conditions": { "ready": ready } }))
            .collect();
        let slice = json!({
            "metadata": { "labels": { "kubernetes.io/service-name": service } },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
        });
        self.apply("discovery.k8s.io", "v1", "EndpointSlice", service, slice).await;
        let wanted = pods.iter().filter(|(_, ready)| *ready).count();
        self.wait(|view| view.ready_endpoints(service, 80).len() == wanted).await;
    }

    /// An HTTPRoute of Service `name` with these rules; returns when it is in force.
    pub(crate) async fn route(&self, name: &str, rules: Value) {
        let parent = json!({ "group": "", "kind": "Service", "name": name });
        self.route_with(name, json!({ "parentRefs": [parent], "rules": rules })).await;
    }

    pub(crate) async fn route_with(&self, name: &str, spec: Value) {
        let route =
            self.apply("gateway.networking.k8s.io", "v1", "HTTPRoute", name, json!({ "spec": spec })).await;
        let generation = route.metadata.generation;
        self.wait(|view| view.route(name).is_some_and(|route| route.metadata.generation >= generation)).await;
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        let api = self.api(if kind == "HTTPRoute" { "gateway.networking.k8s.io" } else { "" }, "v1", kind);
        api.delete(name, &kube::api::DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn wait(&self, condition: impl Fn(&View) -> bool) {
        let mut views = self.mesh.routes_in_force();
        let waited = tokio::time::timeout(Duration::from_secs(10), views.wait_for(|view| condition(view)));
        drop(waited.await.unwrap().unwrap());
    }

    /// How many requests the Pods of this name have received.
    pub(crate) fn received_by(&self, name: &str) -> usize {
        self.received.lock().unwrap().iter().filter(|other| *other == name).count()
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.mesh.get("httpbin.test", path, headers).await.unwrap()
    }

    /// Which Pod answers.
    pub(crate) async fn answered_by(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let answer = self.get(path, headers).await;
        answer.header("answered-by").unwrap_or("the mesh itself").to_owned()
    }

    async fn apply(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        name: &str,
        object: Value,
    ) -> DynamicObject {
        let api = self.api(group, version, kind);
        let mut object = object;
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"]["name"] = name.into();
        let params = PatchParams::apply("test").force();
        api.patch(name, &params, &Patch::Apply(&object)).await.unwrap()
    }

    pub(crate) fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }

    /// The route's `status.parents`, once it has been reported for its present generation.
    pub(crate) async fn reported(&self, name: &str) -> Value {
        self.wait(|view| {
            let Some(route) = view.route(name) else { return false };
            let parents = route.status.as_ref().map(|status| status.parents.as_slice()).unwrap_or_default();
            let conditions = parents.iter().flat_map(|parent| &parent.conditions);
            let mut generations = conditions.map(|told| told.observed_generation).peekable();
            generations.peek().is_some() && generations.all(|seen| seen == route.metadata.generation)
        })
        .await;
        let route = self.api("gateway.networking.k8s.io", "v1", "HTTPRoute").get(name).await.unwrap();
        route.data["status"]["parents"].clone()
    }
}

async fn echo(name: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let headers: serde_json::Map<String, Value> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
        .collect();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let received = json!({
        "method": head.method.as_str(),
        "path": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    Response::builder().header("answered-by", name).body(Full::new(received.to_string().into())).unwrap()
}
