//! The canary tutorial, from the first version to cleanup.
//!
//! `cargo run --bin canary` runs it on this machine with nothing installed; `--context NAME` runs it
//! against a cluster.
#![expect(clippy::print_stderr, reason = "a program that says what went wrong")]

mod cluster;
mod inventory;
mod requests;
mod screen;
mod stage;
mod tutorial;

use std::process::ExitCode;

use clap::Parser;

use crate::screen::Screen;
use crate::stage::Stage;

/// Runs the canary tutorial of iter8 and checks every step.
///
/// Without options it runs on this machine alone: an API server in memory, Pods that are HTTP servers on
/// loopback, a mesh in this process, and the controller that runs in clusters, too.
#[derive(Debug, Parser)]
#[command(name = "canary", version, group = clap::ArgGroup::new("cluster").multiple(true))]
struct Arguments {
    /// Run against the cluster of this kubeconfig context.
    #[arg(long, group = "cluster")]
    context: Option<String>,
    /// Run against the cluster of this kubeconfig file.
    #[arg(long, group = "cluster")]
    kubeconfig: Option<std::path::PathBuf>,
    /// Where the mesh can be reached: requests are sent here with `Host: httpbin.test`. Without it a run
    /// against a cluster checks objects and routes only.
    #[arg(long, requires = "cluster")]
    url: Option<String>,
    /// A controller runs in the cluster already: do not run one in this process.
    #[arg(long, requires = "cluster")]
    no_controller: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut screen = Screen::new();
    match run(arguments, &mut screen).await {
        Ok(()) => screen.summary(),
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, screen: &mut Screen) -> Result<(), Box<dyn std::error::Error>> {
    let stage = if arguments.context.is_some() || arguments.kubeconfig.is_some() {
        cluster::stage(arguments.context, arguments.kubeconfig, arguments.url, !arguments.no_controller)
            .await?
    } else {
        Stage::embedded().await?
    };
    screen.introduce(stage.introduction());
    let outcome = tutorial::run(&stage, screen).await;
    stage.leave().await?;
    outcome
}
