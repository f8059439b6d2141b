//! `iter8 apply`

mod progress;

use std::time::Duration;

use clap::ValueEnum;
use iter8_kube::{Release, ReleaseSpec};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::args::{ClusterArgs, DocumentArgs};
use crate::cluster;
use crate::document::{Declared, default_namespace};
use crate::duration;
use crate::error::Error;
use crate::output::{self, manifest, structured};

/// The field manager of the Releases that this program writes.
const MANAGER: &str = "iter8-cli";

/// Create or update a Release from a document
///
/// The document is validated first, and nothing is applied if anything is wrong with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 apply httpbin -n test -f httpbin.yaml --wait")]
pub(crate) struct Args {
    #[command(flatten)]
    document: DocumentArgs,

    /// Show the progress of each version until the Release is ready
    #[arg(long)]
    wait: bool,

    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse, requires = "wait")]
    timeout: Duration,

    /// Change nothing: `client` validates the document only, `server` also asks the API server
    #[arg(long, value_enum, value_name = "WHERE", conflicts_with = "wait")]
    dry_run: Option<DryRun>,

    /// Take over fields of the Release that another program has set
    #[arg(long)]
    force_conflicts: bool,

    /// Print the Release instead of what was done with it
    #[arg(short, long, value_enum)]
    output: Option<manifest::Format>,

    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    Client,
    Server,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let config = args.cluster.config().await;
    let declared = args.document.declare(|| match (&config, args.dry_run) {
        (Ok(config), _) => default_namespace(&config.default_namespace),
        (Err(_), Some(DryRun::Client)) => default_namespace("default"),
        (Err(error), _) => Err(Error::Failed(error.to_string())),
    })?;
    let release = release(&declared)?;
    if args.dry_run == Some(DryRun::Client) {
        return report(args, &release, "valid (client dry run)");
    }

    let client = cluster::client(config?)?;
    let api: Api<Release> = Api::namespaced(client, declared.release.namespace().as_str());
    let name = release.name_any();
    let doing = format!("apply Release {}", declared.release.key);
    let before = api.get_metadata_opt(&name).await.map_err(|error| cluster::refused(&doing, &error))?;
    let params = PatchParams {
        dry_run: args.dry_run.is_some(),
        force: args.force_conflicts,
        ..PatchParams::apply(MANAGER)
    };
    let patch = Patch::Apply(manifest::object(&release)?);
    let applied = api.patch(&name, &params, &patch).await.map_err(|error| not_applied(&doing, &error))?;
    let generation = applied.metadata.generation;
    let done = match before {
        None => "created",
        Some(before) if before.metadata.generation == generation => "unchanged",
        Some(_) => "configured",
    };
    let dry_run = if args.dry_run.is_some() { " (server dry run)" } else { "" };
    report(args, &applied, &format!("{done}{dry_run}"))?;
    if args.wait {
        progress::follow(api, &applied, args.timeout).await?;
    }
    Ok(())
}

/// The Release that holds the document.
fn release(declared: &Declared) -> Result<Release, Error> {
    let spec = ReleaseSpec::from_document(&declared.document)
        .map_err(|error| Error::Failed(format!("the document is no Release: {error}")))?;
    let key = &declared.release.key;
    let mut release = Release::new(key.name.as_str(), spec);
    release.metadata.namespace = Some(key.namespace.to_string());
    Ok(release)
}

fn report(args: &Args, release: &Release, done: &str) -> Result<(), Error> {
    let Some(format) = args.output else {
        return output::print(&format!("release.iter8.tools/{} {done}\n", release.name_any()));
    };
    let mut object = manifest::object(release)?;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    output::print(&match format {
        manifest::Format::Yaml => structured::yaml(&object)?,
        manifest::Format::Json => structured::json(&object)?,
    })
}

/// A conflict names the fields and their managers; anything else is like every refusal.
fn not_applied(doing: &str, error: &kube::Error) -> Error {
    let causes = match error {
        kube::Error::Api(status) if status.is_conflict() => {
            status.details.iter().flat_map(|details| &details.causes)
        }
        _ => return cluster::refused(doing, error),
    };
    let fields: Vec<_> = causes.map(|cause| format!("\n  {}: {}", cause.field, cause.message)).collect();
    if fields.is_empty() {
        return cluster::refused(doing, error);
    }
    Error::Failed(format!(
        "cannot {doing}: others have set these fields{}\nTake the fields over with --force-conflicts, or leave them \
         to the others by taking them out of the document.",
        fields.concat()
    ))
}
