//! `iter8 template`

use iter8_kube::workload;
use serde_json::Value;

use crate::args::OfflineArgs;
use crate::error::Error;
use crate::output::{self, manifest};

/// Print every object that the controller would own, without a cluster
///
/// The Deployments, Services and routes of a release document, for the versions that --ready says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 template httpbin -n test -f httpbin.yaml --ready primary")]
pub(crate) struct Args {
    #[command(flatten)]
    offline: OfflineArgs,

    /// A stream of documents for `kubectl apply -f -`, or one List
    #[arg(short, long, value_enum, default_value_t)]
    output: manifest::Format,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let (declared, plan) = args.offline.plan()?;
    let desired = workload::desired(&declared.release, &plan, &declared.backend)
        .map_err(|error| Error::Failed(with_cause(&error)))?;
    let objects: Vec<Value> =
        desired.iter().map(|desired| manifest::object(&desired.object)).collect::<Result<_, _>>()?;
    output::print(&args.output.render(&objects)?)
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
