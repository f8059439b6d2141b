//! The controller: declare, observe, plan, render, apply.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use gateway_api::httproutes::HttpRoute;
use iter8_core::{
    Application, EndpointsObservation, Environment, Observation, Release, ReleaseKey, RoutingBackend,
    Strategy, ValidRelease, ValidVersion, Version, VersionObservation, plan, validate,
};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile, Route};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Client, CustomResource, Resource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Two Services of which the second gets the requests with header `traffic: test` while it has a ready endpoint.
/// The front Service has the name of the `Canary`.
#[derive(CustomResource, Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[kube(group = "shop.example.com", version = "v1", kind = "Canary", namespaced)]
pub(crate) struct CanarySpec {
    /// The Service that gets every other request.
    pub(crate) primary: String,
    /// The Service that is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) candidate: Option<String>,
}

/// The field manager of what the controller writes.
const MANAGER: &str = "shop-canary";

struct Context {
    client: Client,
    backend: GatewayApiBackend,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ReconcileError(Box<dyn Error + Send + Sync>);

/// Runs the controller until `shutdown` resolves.
pub(crate) async fn run(client: Client, shutdown: BoxFuture<'static, ()>) {
    let canaries: Api<Canary> = Api::all(client.clone());
    let controller = Controller::new(canaries, watcher::Config::default());
    let store = controller.store();
    // An EndpointSlice says which Service it is of; its Canary is whichever names that Service.
    let concerned = move |slice: EndpointSlice| {
        let service = slice.labels().get("kubernetes.io/service-name").cloned();
        let is_concerned = move |canary: &Arc<Canary>| {
            let named = [Some(&canary.spec.primary), canary.spec.candidate.as_ref()];
            canary.namespace() == slice.namespace() && named.contains(&service.as_ref())
        };
        let concerned = store.state().into_iter().filter(is_concerned);
        concerned.map(|canary| ObjectRef::from_obj(&*canary)).collect::<Vec<_>>()
    };
    let backend = GatewayApiBackend::new(MeshProfile::linkerd());
    controller
        .owns(Api::<HttpRoute>::all(client.clone()), watcher::Config::default())
        .watches(Api::<EndpointSlice>::all(client.clone()), watcher::Config::default(), concerned)
        .graceful_shutdown_on(shutdown.shared())
        .run(
            reconcile,
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new(Context { client, backend }),
        )
        .for_each(|outcome| async move {
            if let Err(error) = outcome {
                eprintln!("{error}");
            }
        })
        .await;
}

async fn reconcile(canary: Arc<Canary>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    route(&canary, &context).await.map_err(ReconcileError)
}

async fn route(canary: &Canary, context: &Context) -> Result<Action, Box<dyn Error + Send + Sync>> {
    let release = declare(canary, &context.backend)?;
    let routes: Api<HttpRoute> = Api::namespaced(context.client.clone(), release.namespace().as_str());
    let live = routes.get_opt(&release.application).await?;
    let observation = observe(&release, live, context).await?;

    let plan = plan(&release, &observation);
    for route in context.backend.render(&plan) {
        // The requests of a `Canary` are HTTP requests.
        let Route::Http(mut route) = route else { continue };
        route.metadata.owner_references = canary.controller_owner_ref(&()).map(|owner| vec![owner]);
        let params = PatchParams::apply(MANAGER).force();
        routes.patch(&route.name_any(), &params, &Patch::Apply(&route)).await?;
    }
    // Nothing tells when a drain is over; the plan says when to look.
    let wait = plan.look_again.map(|at| at.as_millis().saturating_sub(observation.now.as_millis()));
    Ok(wait.map_or_else(Action::await_change, |millis| Action::requeue(Duration::from_millis(millis))))
}

/// A `Canary` in the core's terms.
fn declare(
    canary: &Canary,
    backend: &GatewayApiBackend,
) -> Result<ValidRelease, Box<dyn Error + Send + Sync>> {
    let version = |name: &str| -> Result<Version, Box<dyn Error + Send + Sync>> {
        // Others deploy it; the core wants to know of some image all the same.
        Ok(Version { name: Some(name.parse()?), image: Some(name.to_owned()), ..Version::default() })
    };
    let named = std::iter::once(&canary.spec.primary).chain(&canary.spec.candidate);
    let release = Release {
        environment: Some(Environment::DeploymentGtw),
        application: Application {
            strategy: Some(Strategy::Canary),
            versions: named.map(|name| version(name)).collect::<Result<_, _>>()?,
            ..Application::default()
        },
        ..Release::default()
    };
    let namespace = canary.namespace().unwrap_or_default();
    let key = ReleaseKey { name: canary.name_any().parse()?, namespace: namespace.parse()? };
    Ok(validate(&key, &release, backend.capabilities())?)
}

async fn observe(
    release: &ValidRelease,
    live: Option<HttpRoute>,
    context: &Context,
) -> Result<Observation, kube::Error> {
    let mut observation = Observation {
        now: (iter8_kube::system_clock())(),
        route: context.backend.observe(&live.into_iter().map(Route::from).collect::<Vec<_>>()),
        ..Observation::default()
    };
    for version in release.versions() {
        let endpoints = endpoints(release, version, context).await?;
        // Deployment and Service are the business of others: taken for what they should be.
        let seen = VersionObservation { endpoints, ..VersionObservation::ready(version) };
        observation.versions.insert(version.name.clone(), seen);
    }
    Ok(observation)
}

async fn endpoints(
    release: &ValidRelease,
    version: &ValidVersion,
    context: &Context,
) -> Result<EndpointsObservation, kube::Error> {
    let slices: Api<EndpointSlice> = Api::namespaced(context.client.clone(), release.namespace().as_str());
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={}", version.service));
    let mut counted = EndpointsObservation::default();
    for endpoint in slices
        .list(&of_service)
        .await?
        .items
        .into_iter()
        .flat_map(|slice| slice.endpoints.unwrap_or_default())
    {
        let conditions = endpoint.conditions.unwrap_or_default();
        if conditions.terminating.unwrap_or(false) {
            counted.terminating += 1;
        } else if conditions.ready.unwrap_or(true) {
            counted.ready += 1;
        }
    }
    Ok(counted)
}
