//! What the commands do.

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod controller;
pub(crate) mod crd;
pub(crate) mod delete;
pub(crate) mod explain;
pub(crate) mod get;
pub(crate) mod install;
pub(crate) mod plan;
pub(crate) mod status;
pub(crate) mod template;

use std::future::Future;

use crate::cli::Command;
use crate::error::Error;

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Plan(args) => plan::run(&args),
        Command::Template(args) => template::run(&args),
        Command::Explain(args) => block_on(explain::run(&args)),
        Command::Apply(args) => block_on(apply::run(&args)),
        Command::Get(args) => block_on(get::run(&args)),
        Command::Status(args) => block_on(status::run(&args)),
        Command::Delete(args) => block_on(delete::run(&args)),
        Command::Install(args) => install::run(&args),
        Command::Crd(_) => crd::run(),
        Command::Controller(args) => block_on(controller::run(&args)),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Runs what speaks to a cluster.
fn block_on(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new();
    runtime.map_err(|error| Error::Failed(format!("cannot start: {error}")))?.block_on(work)
}
