//! `iter8 plan`

use crate::args::OfflineArgs;
use crate::error::Error;
use crate::output::{self, plan, structured};

/// Show which version would get which requests, and why, without a cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 plan httpbin -n test -f httpbin.yaml --ready httpbin-0,httpbin-1")]
pub(crate) struct Args {
    #[command(flatten)]
    offline: OfflineArgs,

    /// Tables for people, or the whole plan for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: plan::Format,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let (declared, plan) = args.offline.plan()?;
    output::print(&match args.output {
        plan::Format::Table => plan::tables(&declared.release, &plan, output::Style::stdout()),
        plan::Format::Json => structured::json(&plan)?,
        plan::Format::Yaml => structured::yaml(&plan)?,
    })
}
