//! `iter8 get`

use clap::ValueEnum;
use iter8_core::{Namespace, ObjectName};
use iter8_kube::{Release, WatchedRelease};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::args::ClusterArgs;
use crate::cluster;
use crate::error::Error;
use crate::output::{self, manifest, releases, structured};

/// List Releases, or show one
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 get -n test")]
pub(crate) struct Args {
    /// Name of a Release; all of them unless given
    name: Option<ObjectName>,

    /// Namespace of the Releases; the kubeconfig's unless given
    #[arg(short, long, conflicts_with = "all_namespaces")]
    namespace: Option<Namespace>,

    /// Releases of all namespaces
    #[arg(short = 'A', long, conflicts_with = "name")]
    all_namespaces: bool,

    /// Only Releases with these labels, for example `team=web`
    #[arg(short = 'l', long, conflicts_with = "name")]
    selector: Option<String>,

    /// A table, the objects, or their names
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Yaml,
    Name,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let (client, own_namespace) = args.cluster.connect().await?;
    let namespace = args.namespace.as_ref().map_or(own_namespace, ToString::to_string);
    let api: Api<WatchedRelease> =
        if args.all_namespaces { Api::all(client) } else { Api::namespaced(client, &namespace) };
    let releases = if let Some(name) = &args.name {
        let doing = format!("get Release {namespace}/{name}");
        vec![api.get(name.as_str()).await.map_err(|error| cluster::refused(&doing, &error))?.into()]
    } else {
        let params = ListParams { label_selector: args.selector.clone(), ..ListParams::default() };
        let listed = api.list(&params).await.map_err(|error| cluster::refused("list Releases", &error))?;
        listed.into_iter().map(Release::from).collect()
    };
    output::print(&match args.output {
        Format::Table if releases.is_empty() => {
            let place = if args.all_namespaces { "any".to_owned() } else { format!("the {namespace}") };
            output::say(&format!("No Releases found in {place} namespace."));
            return Ok(());
        }
        Format::Table => releases::table(&releases, args.all_namespaces, output::Style::stdout()),
        Format::Json => structured::json(&objects(args, &releases)?)?,
        Format::Yaml => structured::yaml(&objects(args, &releases)?)?,
        Format::Name => {
            let line = |release: &Release| ["release.iter8.tools/", &release.name_any(), "\n"].concat();
            releases.iter().map(line).collect()
        }
    })
}

/// The one that was asked for, else a List.
fn objects(args: &Args, releases: &[Release]) -> Result<Value, Error> {
    let mut objects: Vec<_> = releases.iter().map(manifest::object).collect::<Result<_, _>>()?;
    Ok(match (&args.name, objects.pop()) {
        (Some(_), Some(object)) => object,
        (_, last) => {
            objects.extend(last);
            manifest::list(&objects)
        }
    })
}
