//! What others deploy.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;

/// A version: a Deployment and a Service of the same name.
pub(crate) async fn deploy(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let labels = json!({ "app": name });
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{
                    "name": "web",
                    "image": "kennethreitz/httpbin",
                    "ports": [{ "containerPort": 80 }],
                }] },
            },
        },
    }))?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&PostParams::default(), &deployment).await?;
    front(client, namespace, name, name).await
}

/// A Service that leads to the Pods of a version.
pub(crate) async fn front(
    client: &Client,
    namespace: &str,
    name: &str,
    version: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "selector": { "app": version }, "ports": [{ "port": 80 }] },
    }))?;
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&PostParams::default(), &service).await?;
    Ok(())
}
