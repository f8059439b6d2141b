//! The way to a cluster, and what its API server says no with.

use std::error::Error as StdError;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::args::ClusterArgs;
use crate::error::Error;

/// What to do where the kind Release is not known.
const INSTALL: &str = "install it with `iter8 install | kubectl apply -f -`";

impl ClusterArgs {
    /// Reads the configuration; speaks to nobody yet.
    pub(crate) async fn config(&self) -> Result<Config, Error> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match (&self.kubeconfig, &self.context) {
            (Some(file), _) => match Kubeconfig::read_from(file) {
                Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
                Err(error) => Err(error),
            }
            .map_err(|error| chain(&error)),
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| chain(&error)),
            (None, None) => Config::infer().await.map_err(|error| {
                // Which of the two was meant cannot be told; the kubeconfig is the likelier.
                error.source().map_or_else(|| error.to_string(), chain)
            }),
        };
        config.map_err(|cause| {
            // A parser's message goes on with the text that it could not read.
            let cause = cause.lines().next().unwrap_or_default();
            Error::Failed(format!("no cluster to connect to: {cause}; see --kubeconfig and --context"))
        })
    }

    /// A client, and the namespace that is used unless another is given.
    pub(crate) async fn connect(&self) -> Result<(Client, String), Error> {
        let config = self.config().await?;
        let namespace = config.default_namespace.clone();
        Ok((client(config)?, namespace))
    }
}

/// A client for a cluster.
pub(crate) fn client(config: Config) -> Result<Client, Error> {
    Client::try_from(config).map_err(|error| refused("connect to the cluster", &error))
}

/// The error for a call about Releases that failed, with what to do about it.
pub(crate) fn refused(doing: &str, error: &kube::Error) -> Error {
    let text = match error {
        kube::Error::Api(_) if is_unknown_kind(error) => {
            format!("the cluster does not know the kind Release; {INSTALL}")
        }
        kube::Error::Api(status) => match (status.code, &status.details) {
            (401, _) => "the cluster does not accept the credentials; log in again".to_owned(),
            (403, _) => format!("{}; ask for the right to", status.message),
            (404, Some(missing)) if missing.kind == "namespaces" => {
                format!("{}; create it with `kubectl create namespace {}`", status.message, missing.name)
            }
            _ => status.message.clone(),
        },
        kube::Error::Service(_) | kube::Error::HyperError(_) => {
            format!(
                "the API server does not answer: {}; is it running, and is the context right?",
                root(error)
            )
        }
        other => chain(other),
    };
    Error::Failed(format!("cannot {doing}: {text}"))
}

/// Whether the API server does not know the kind that was asked for: then its answer names no object.
pub(crate) fn is_unknown_kind(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

/// The error and what it came from.
fn chain(error: &(impl StdError + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

/// What it all came from.
fn root(error: &dyn StdError) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}
