//! `iter8 status`

use futures::StreamExt;
use iter8_core::{Namespace, ObjectName};
use iter8_kube::{Release, WatchedRelease};
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;

use crate::args::ClusterArgs;
use crate::cluster;
use crate::error::Error;
use crate::output::{self, releases};

/// Show how a Release is doing: its versions, what they get, and what is missing
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 status httpbin -n test --watch")]
pub(crate) struct Args {
    /// Name of the Release
    name: ObjectName,

    /// Namespace of the Release; the kubeconfig's unless given
    #[arg(short, long)]
    namespace: Option<Namespace>,

    /// Go on until Ctrl-C, and show every change
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let (client, own_namespace) = args.cluster.connect().await?;
    let namespace = args.namespace.as_ref().map_or(own_namespace, ToString::to_string);
    let api: Api<WatchedRelease> = Api::namespaced(client, &namespace);
    let style = output::Style::stdout();
    let found = api.get(args.name.as_str()).await;
    let release: Release = found
        .map_err(|error| cluster::refused(&format!("get Release {namespace}/{}", args.name), &error))?
        .into();
    let mut screen = output::Screen::default();
    screen.show(&releases::tree(&release, style))?;
    if !args.watch {
        return Ok(());
    }
    let mut stream = std::pin::pin!(watch_object(api, args.name.as_str()).default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(Some(release)) => screen.show(&releases::tree(&release.into(), style))?,
            Ok(None) => return Err(Error::Failed(format!("release {} has been deleted", args.name))),
            // The watch mends itself.
            Err(_) => {}
        }
    }
    Ok(())
}
