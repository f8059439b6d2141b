//! The commands and their order in the help.

use clap::{Parser, Subcommand};

use crate::command::{
    apply, completions, controller, crd, delete, explain, get, install, plan, status, template,
};

const EXAMPLES: &str = "Examples:
  iter8 plan httpbin -n test -f httpbin.yaml
  iter8 install | kubectl apply -f -
  iter8 apply httpbin -n test -f httpbin.yaml --wait
  iter8 status httpbin -n test";

/// Canary releases for Kubernetes meshes
///
/// A release document names the versions of an application and a strategy. iter8 deploys the versions and routes
/// requests to those that are ready. `plan`, `template` and `explain` need no cluster.
#[derive(Debug, Parser)]
#[command(name = "iter8", version, max_term_width = 100, after_help = EXAMPLES)]
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
