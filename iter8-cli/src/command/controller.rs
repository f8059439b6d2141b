//! `iter8 controller`

mod serve;

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use iter8_core::Namespace;
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use iter8_kube::{Health, LeaderElection, Metrics, Options, Release, Scope};
use kube::api::ListParams;
use kube::{Api, Client};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::args::{ClusterArgs, mesh_parser};
use crate::cluster;
use crate::duration;
use crate::error::Error;

/// The filter of log lines unless `RUST_LOG` says otherwise. What the client warns of is said again by those who call it.
const DEFAULT_FILTER: &str = "info,kube_client=error";

/// Pauses between attempts to reach what the controller cannot start without.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Run the controller, in a cluster or beside it
///
/// It looks after the Releases of its namespace, or of all. SIGTERM and Ctrl-C end it when what is under way is done.
/// Of several replicas one writes; the others take over at once when it stops, or when its Lease ends.
/// It logs to standard error; `RUST_LOG` says what (for example `RUST_LOG=iter8_kube=debug`).
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 controller --all-namespaces --context staging")]
pub(crate) struct Args {
    /// Namespace to look after; the kubeconfig's or the Pod's own unless given
    #[arg(short, long, conflicts_with = "all_namespaces")]
    namespace: Option<Namespace>,

    /// Look after all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// The mesh that the routes are for
    #[arg(long, default_value = "linkerd", value_parser = mesh_parser())]
    mesh: MeshProfile,

    /// Write only while holding the Lease `iter8-controller`: of the namespace looked after, or of the controller's own
    /// namespace with --all-namespaces
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", value_name = "BOOL")]
    leader_elect: bool,

    /// How long the other replicas wait after the last sign of the one that writes
    #[arg(long, default_value = "15s", value_parser = duration::parse, value_name = "DURATION")]
    leader_elect_lease_duration: Duration,

    /// Address for /healthz, /readyz and /metrics, for example `:8080`; none unless given
    #[arg(long, value_parser = serve::address, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,

    /// Name of this process in Events and in the Lease
    #[arg(long, env = "HOSTNAME", default_value = "iter8", hide_env_values = true)]
    identity: String,

    /// Form of the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,

    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    start_log(args.log_format)?;
    let mut config = args.cluster.config().await?;
    // The controller plans anew instead.
    config.default_retry = false;
    let own_namespace = config.default_namespace.clone();
    let client = cluster::client(config)?;
    let (scope, lease_namespace) = match (&args.namespace, args.all_namespaces) {
        (Some(namespace), _) => (Scope::Namespace(namespace.to_string()), namespace.to_string()),
        (None, true) => (Scope::Cluster, own_namespace),
        (None, false) => (Scope::Namespace(own_namespace.clone()), own_namespace),
    };
    let (health, metrics) = (Health::new(), Metrics::new());
    if let Some(address) = args.metrics_addr {
        serve::start(address, health.clone(), metrics.clone()).await?;
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        stop_signal().await;
        info!("stopping");
        stop.send_replace(true);
    });
    let shutdown = {
        let mut stopped = stopped;
        async move {
            // The sender goes only after it has sent.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    let shutdown = futures::FutureExt::shared(futures::FutureExt::boxed(shutdown));
    tokio::select! {
        () = releases_known(&client, &scope) => {}
        () = shutdown.clone() => return Ok(()),
    }
    let backend = GatewayApiBackend::new(args.mesh.clone());
    let mut options = Options::new(scope).identity(&args.identity).health(health).metrics(metrics);
    if args.leader_elect {
        let election = LeaderElection::new(lease_namespace);
        options = options.leader_election(election.lease_duration(args.leader_elect_lease_duration));
    }
    iter8_kube::run(client, backend, options, shutdown).await;
    Ok(())
}

fn start_log(format: LogFormat) -> Result<(), Error> {
    let filter = EnvFilter::try_from_default_env();
    // An unset variable is no error; one that cannot be read is.
    let filter = match std::env::var_os(EnvFilter::DEFAULT_ENV) {
        None => EnvFilter::new(DEFAULT_FILTER),
        Some(_) => filter.map_err(|error| Error::Usage(format!("{}: {error}", EnvFilter::DEFAULT_ENV)))?,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(crate::output::Style::stderr().is_coloured()).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Waits until Releases can be listed, and says what is in the way: the watches would only wait in silence.
async fn releases_known(client: &Client, scope: &Scope) {
    let releases: Api<Release> = match scope {
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        Scope::Cluster => Api::all(client.clone()),
    };
    let mut pause = FIRST_PAUSE;
    while let Err(error) = releases.list_metadata(&ListParams::default().limit(1)).await {
        warn!(retry_in = ?pause, "{}", cluster::refused("list Releases", &error));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Resolves when the process is asked to stop.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
