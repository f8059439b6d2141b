//! How the controller does with many releases, on a real API server.
//!
//! `KUBEBUILDER_ASSETS=DIR cargo run --release -p iter8-examples --bin bench -- 100 1000 5000` starts etcd and
//! kube-apiserver from that folder for each number of releases and prints a table. This program plays the controllers
//! of Deployments and EndpointSlices; the controller under test is a process of its own, so that its time and memory
//! are its own.

mod cold_start;
mod counting;
mod fleet;
mod floor;
mod news;
mod no_news;
mod process;
mod routes;
mod run;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use iter8_testkit::control_plane::ControlPlane;
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

/// As the program `iter8` has it.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Whatever can go wrong: a bench ends at the first error.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Measures the controller of iter8 beside a bare client that sends the same requests.
#[derive(Debug, Parser)]
#[command(name = "bench", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Numbers of releases to measure with.
    #[arg(default_values_t = [100, 1000, 5000])]
    releases: Vec<usize>,
    /// Seconds without any change in which requests are counted. Connections that nobody uses end after 90.
    #[arg(long, default_value_t = 120)]
    idle: u64,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the bench starts as processes of their own.
#[derive(Debug, Clone, Copy, Subcommand)]
enum Part {
    /// The controller.
    #[command(hide = true)]
    Controller,
    /// The watches of the controller, whose events are read and dropped.
    #[command(hide = true)]
    Watches,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let outcome = match arguments.part {
        Some(part) => process::play(part).await,
        None => measure(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done where not even this can be written.
            let _ = writeln!(std::io::stderr(), "error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<(), Error> {
    let assets = ControlPlane::assets_from_env()
        .ok_or("set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and crds/")?;
    for releases in &arguments.releases {
        let figures = run::run(&assets, *releases, arguments.idle).await?;
        std::io::stdout().write_all(table::format(&figures).as_bytes())?;
    }
    Ok(())
}

/// A client that does not share connections with others.
async fn client(kubeconfig: &Path) -> Result<Client, Error> {
    let kubeconfig = Kubeconfig::read_from(PathBuf::from(kubeconfig))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // As the program `iter8` has it: the controller plans anew instead.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Says what goes on, on standard error.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}
