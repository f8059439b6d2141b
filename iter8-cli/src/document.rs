//! From a file to a release that can be planned.

use iter8_core::{
    Document, InvalidReleaseError, Namespace, ReleaseKey, RoutePlan, RoutingBackend, ValidRelease, Value,
    Violation, declare, plan,
};
use iter8_gateway_api::GatewayApiBackend;

use crate::args::{DocumentArgs, OfflineArgs};
use crate::error::Error;
use crate::input::{self, Input};
use crate::output;

/// A valid release and what it came from.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) document: Document,
    pub(crate) release: ValidRelease,
    pub(crate) backend: GatewayApiBackend,
}

impl DocumentArgs {
    /// Reads and validates the document; says on standard error what has no effect in it.
    ///
    /// The namespace is the document's own, else that of the arguments, else what `default` gives.
    pub(crate) fn declare(
        &self,
        default: impl FnOnce() -> Result<Namespace, Error>,
    ) -> Result<Declared, Error> {
        let Input { text, origin } = input::read(&self.filename)?;
        let invalid = |violations: Vec<Violation>| Error::Invalid { origin: origin.clone(), violations };
        let document = Document::from_yaml(&text).map_err(|error| invalid(vec![error.into()]))?;
        refuse_wrapped(&document, &origin)?;

        let namespace = match (own_namespace(&document), &self.namespace) {
            (Some(own), given) => {
                if let Some(given) = given.as_ref().filter(|given| **given != own) {
                    output::note(&format!(
                        "the document's application.metadata.namespace `{own}` is used instead of -n {given}"
                    ));
                }
                own
            }
            (None, Some(given)) => given.clone(),
            (None, None) => default()?,
        };
        let backend = GatewayApiBackend::new(self.mesh.clone());
        let key = ReleaseKey { name: self.name.clone(), namespace };
        let release = declare(&key, &document, backend.capabilities())
            .map_err(|error: InvalidReleaseError| invalid(error.violations().to_vec()))?;
        for warning in &release.warnings {
            output::warning(&format!("{origin}: {warning}"));
        }
        Ok(Declared { document, release, backend })
    }
}

impl OfflineArgs {
    /// The release and its plan for the imagined cluster.
    pub(crate) fn plan(&self) -> Result<(Declared, RoutePlan), Error> {
        let declared = self.document.declare(|| default_namespace("default"))?;
        let plan = plan(&declared.release, &self.ready.observe(&declared.release)?);
        Ok((declared, plan))
    }
}

/// The namespace of this name, which nobody has checked yet.
pub(crate) fn default_namespace(name: &str) -> Result<Namespace, Error> {
    name.parse().map_err(|error| Error::Failed(format!("the namespace `{name}` {error}")))
}

/// The namespace that the document itself gives, if that is one; anything else is left to validation.
fn own_namespace(document: &Document) -> Option<Namespace> {
    let metadata = document.root().get("application")?.get("metadata")?;
    metadata.get("namespace").and_then(Value::as_str)?.parse().ok()
}

/// Whoever passes a whole Release wants to hear that, and not that `apiVersion` is unknown.
fn refuse_wrapped(document: &Document, origin: &str) -> Result<(), Error> {
    let root = document.root();
    if root.get("kind").and_then(Value::as_str) == Some("Release") && root.get("spec").is_some() {
        return Err(Error::Usage(format!(
            "{origin} holds an object of kind Release; pass what is under its `spec`, or use `kubectl apply -f`"
        )));
    }
    Ok(())
}
