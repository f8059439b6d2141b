//! The stage in a cluster: CRD, namespace and controller.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use iter8_kube::Release;
use iter8_testkit::world;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, CustomResourceExt};

use crate::requests::Requests;
use crate::stage::{NAMESPACE, Stage, controller};

const GATEWAY_API: &str = "httproutes.gateway.networking.k8s.io";

/// Garbage collection in a cluster learns of a new kind within half a minute.
const PATIENCE: Duration = Duration::from_mins(2);

/// Connects to a cluster and brings what is missing: the CRD of iter8 and the namespace.
pub(crate) async fn stage(
    context: Option<String>,
    kubeconfig: Option<PathBuf>,
    url: Option<String>,
    run_controller: bool,
) -> Result<Stage, Box<dyn Error>> {
    let client = connect(context, kubeconfig).await?;
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    if kinds.get_opt(GATEWAY_API).await?.is_none() {
        return Err("the cluster has no Gateway API; install its CRDs (standard channel, v1.5) first".into());
    }
    let installed = kinds.get_opt(Release::crd_name()).await?.is_some();
    world::install(&client, &[Release::crd()]).await?;
    let created_namespace = create_namespace(&client).await?;
    let releases: Api<Release> = Api::namespaced(client.clone(), NAMESPACE);
    if releases.get_opt("httpbin").await?.is_some() {
        return Err(format!("release httpbin exists in namespace {NAMESPACE}; delete it first").into());
    }
    let mut introduction =
        vec![format!("on a cluster, in namespace {NAMESPACE}; nothing is simulated by this program")];
    if !installed {
        introduction.push("installed the CRD releases.iter8.tools, which stays".to_owned());
    }
    if run_controller {
        introduction.push("the controller runs in this process".to_owned());
    }
    if url.is_none() {
        introduction.push(
            "objects and routes are checked; no requests are sent, since no --url of the mesh is given"
                .to_owned(),
        );
    }
    let run =
        || world::run(client.clone(), |client, stop| controller(client, futures::FutureExt::shared(stop)));
    Ok(Stage {
        requests: url.map(|url| Requests::new(&url)),
        patience: PATIENCE,
        embedded: None,
        created_namespace,
        controller: run_controller.then(run),
        introduction,
        client,
    })
}

async fn connect(context: Option<String>, kubeconfig: Option<PathBuf>) -> Result<Client, Box<dyn Error>> {
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let config = match kubeconfig {
        Some(path) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?,
        None => Config::from_kubeconfig(&options).await?,
    };
    Ok(Client::try_from(config)?)
}

/// Whether the namespace had to be made. Its Pods get Linkerd's proxy where Linkerd is installed.
async fn create_namespace(client: &Client) -> Result<bool, kube::Error> {
    let annotations = [("linkerd.io/inject".to_owned(), "enabled".to_owned())].into();
    let metadata = ObjectMeta {
        name: Some(NAMESPACE.to_owned()),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    let namespace = Namespace { metadata, ..Namespace::default() };
    match Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes the namespace that [`stage`] made.
pub(crate) async fn delete_namespace(client: &Client) -> Result<(), Box<dyn Error>> {
    Api::<Namespace>::all(client.clone()).delete(NAMESPACE, &DeleteParams::default()).await?;
    Ok(())
}
