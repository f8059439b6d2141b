//! `iter8 delete`

use std::collections::BTreeSet;
use std::time::Duration;

use iter8_core::{Namespace, ObjectKind, ObjectName, RoutingBackend};
use iter8_gateway_api::GatewayApiBackend;
use iter8_kube::{Release, labels, workload};
use kube::api::{ApiResource, DeleteParams, GroupVersionKind, ListParams, PartialObjectMeta, Preconditions};
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use crate::args::ClusterArgs;
use crate::cluster;
use crate::duration;
use crate::error::Error;
use crate::output;

/// How often to look whether everything is gone.
const PAUSE: Duration = Duration::from_millis(500);

/// Delete a Release and everything it owns
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 delete httpbin -n test --wait")]
pub(crate) struct Args {
    /// Name of the Release
    name: ObjectName,

    /// Namespace of the Release; the kubeconfig's unless given
    #[arg(short, long)]
    namespace: Option<Namespace>,

    /// Wait until the Release and everything it owned are gone
    #[arg(long)]
    wait: bool,

    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse, requires = "wait")]
    timeout: Duration,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let (client, own_namespace) = args.cluster.connect().await?;
    let namespace = args.namespace.as_ref().map_or(own_namespace, ToString::to_string);
    let name = args.name.as_str();
    let doing = format!("delete Release {namespace}/{name}");
    let refused = |error: kube::Error| cluster::refused(&doing, &error);

    let api: Api<Release> = Api::namespaced(client.clone(), &namespace);
    let uid = api.get_metadata(name).await.map_err(refused)?.metadata.uid;
    // One of the same name that comes in between is somebody else's.
    let preconditions = Some(Preconditions { uid: uid.clone(), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::background() };
    api.delete(name, &params).await.map_err(refused)?;
    output::print(&format!("release.iter8.tools/{name} deleted\n"))?;
    if !args.wait {
        return Ok(());
    }
    let owned = Owned { client, namespace, name: name.to_owned(), uid: uid.unwrap_or_default() };
    wait(&owned, args.timeout).await.map_err(refused)?
}

/// Waits until nothing is left; the outer error is that of a call.
async fn wait(owned: &Owned, timeout: Duration) -> Result<Result<(), Error>, kube::Error> {
    let start = Instant::now();
    let mut shown = BTreeSet::new();
    loop {
        let left = owned.left().await?;
        for gone in shown.difference(&left) {
            output::say(&format!("{gone}: gone"));
        }
        if left.is_empty() {
            output::say("nothing is left");
            return Ok(Ok(()));
        }
        if start.elapsed() >= timeout {
            let left = left.into_iter().collect::<Vec<_>>().join(", ");
            return Ok(Err(Error::Failed(format!("still there after {timeout:?}: {left}"))));
        }
        shown = left;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What belongs to a Release.
struct Owned {
    client: Client,
    namespace: String,
    name: String,
    uid: String,
}

impl Owned {
    /// The Release and its objects, as far as they are still there.
    async fn left(&self) -> Result<BTreeSet<String>, kube::Error> {
        let mut left = BTreeSet::new();
        let releases: Api<Release> = Api::namespaced(self.client.clone(), &self.namespace);
        let release = releases.get_metadata_opt(&self.name).await?;
        left.extend(
            release
                .filter(|release| release.metadata.uid.as_ref() == Some(&self.uid))
                .map(|_| format!("Release {}", self.name)),
        );
        let params = ListParams::default().labels(&format!(
            "{}={}",
            labels::RELEASE,
            labels::release_label(&self.name)
        ));
        let backend = GatewayApiBackend::default();
        for kind in [workload::DEPLOYMENT, workload::SERVICE].iter().chain(backend.kinds()) {
            let objects = match self.api(kind).list_metadata(&params).await {
                Ok(objects) => objects.items,
                // Without the Gateway API there are no routes to wait for.
                Err(error) if cluster::is_unknown_kind(&error) => continue,
                Err(error) => return Err(error),
            };
            let is_owned = |object: &&PartialObjectMeta<_>| {
                object.owner_references().iter().any(|owner| owner.uid == self.uid)
            };
            let owned = objects.iter().filter(is_owned);
            left.extend(owned.map(|object| format!("{} {}", kind.kind, object.name_any())));
        }
        Ok(left)
    }

    fn api(&self, kind: &ObjectKind) -> Api<kube::api::DynamicObject> {
        let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }
}
