//! Arguments that several commands have in common.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use iter8_core::{Namespace, ObjectName};
use iter8_gateway_api::MeshProfile;

use crate::ready::ReadySet;

/// A release document and what it is for.
#[derive(Debug, clap::Args)]
pub(crate) struct DocumentArgs {
    /// Name of the Release; the application is called the same unless the document names it
    pub(crate) name: ObjectName,

    /// Namespace of the Release and everything it owns; `application.metadata.namespace` of the document wins
    #[arg(short, long)]
    pub(crate) namespace: Option<Namespace>,

    /// The release document, in YAML or JSON; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: PathBuf,

    /// The mesh that the routes are for
    #[arg(long, default_value = "linkerd", value_parser = mesh_parser())]
    pub(crate) mesh: MeshProfile,
}

/// A release document and the state of a cluster that is only imagined.
#[derive(Debug, clap::Args)]
pub(crate) struct OfflineArgs {
    #[command(flatten)]
    pub(crate) document: DocumentArgs,

    /// Which versions count as ready: `all`, `none`, `primary`, or names separated by commas
    #[arg(long, value_name = "SET", default_value = "all")]
    pub(crate) ready: ReadySet,
}

/// Which cluster.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArgs {
    /// Context of the kubeconfig; the current one unless given
    #[arg(long)]
    pub(crate) context: Option<String>,

    /// The kubeconfig; without it KUBECONFIG, ~/.kube/config, or the Pod's own account
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Reads the name of a mesh; the help lists those that are known.
pub(crate) fn mesh_parser() -> impl TypedValueParser<Value = MeshProfile> {
    PossibleValuesParser::new(MeshProfile::names()).try_map(|name| name.parse::<MeshProfile>())
}
