//! The commands and their order in the help.

use clap::{Parser, Subcommand};

use crate::command::{
    apply, completions, controller, crd, delete, explain, get, install, plan, status, template,
};

/// Canary releases for Kubernetes meshes
///
/// A release document names the versions of an application and a strategy. iter8 deploys the versions and routes
/// requests to those that are ready.
///
/// Start with `iter8 plan NAME -f FILE`, which needs no cluster. To run releases in a cluster:
/// `iter8 install | kubectl apply -f -`, then `iter8 apply NAME -n NAMESPACE -f FILE --wait`.
#[derive(Debug, Parser)]
#[command(name = "iter8", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Plan(plan::Args),
    Template(template::Args),
    Explain(explain::Args),
    Apply(apply::Args),
    Get(get::Args),
    Status(status::Args),
    Delete(delete::Args),
    Install(install::Args),
    Crd(crd::Args),
    Controller(controller::Args),
    Completions(completions::Args),
}
