//! `iter8 crd`

use iter8_kube::Release;
use kube::CustomResourceExt;
use serde_json::Value;

use crate::error::Error;
use crate::output::{self, manifest};

/// Print the CRD of the kind Release
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  iter8 crd | kubectl apply -f -")]
pub(crate) struct Args {}

pub(crate) fn run() -> Result<(), Error> {
    output::print(&manifest::stream(&[crd()?]))
}

/// The CRD as an object.
pub(crate) fn crd() -> Result<Value, Error> {
    manifest::object(&Release::crd())
}
