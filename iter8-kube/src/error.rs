//! What can go wrong while a release is reconciled.

use crate::workload::BuildError;

/// An error of the controller. Each is reported and tried again with backoff.
///
/// ```
/// use iter8_kube::Error;
///
/// let error = Error::Unreadable("a number is too large".into());
/// assert_eq!(error.to_string(), "the Release cannot be read: a number is too large");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API server did not do what was asked.
    #[error("cannot {verb} {object}: {}", cause(source))]
    Api {
        /// What was asked.
        verb: &'static str,
        /// Of which object.
        object: String,
        /// The answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The Release cannot be read.
    #[error("the Release cannot be read: {0}")]
    Unreadable(String),
    /// A mistake in the controller; the other Releases go on.
    #[error("the reconciliation has ended early: {0}")]
    Panicked(String),
    /// The Release is gone, though the watch has not told yet; another one may have its name.
    #[error("the Release is gone")]
    ReleaseGone,
    /// This object is there, though the watch has not told yet: the plan was made without it.
    #[error("{0} was written meanwhile")]
    Outdated(String),
    /// Another replica writes, or this one is stopping.
    #[error("this replica does not lead (any more)")]
    NotLeading,
}

/// How an apply is answered whose object does not fit the schema.
const NOT_OF_SCHEMA: &str = "failed to create typed patch object";

impl Error {
    /// What the API server says where it would say the same again, however often it is asked: the object is
    /// invalid, or not allowed here. An apply that does not fit the schema it answers with 500 (recorded interactions
    /// `apply-refused`).
    pub(crate) fn refusal(&self) -> Option<&str> {
        let Self::Api { source, .. } = self else { return None };
        let kube::Error::Api(status) = &**source else { return None };
        let is_of_schema = status.code == 500 && status.message.starts_with(NOT_OF_SCHEMA);
        (matches!(status.code, 400 | 403 | 422) || is_of_schema).then_some(status.message.as_str())
    }

    /// Whether the API server has answered that it cannot do it just now, for a reason that may be this object's own: an
    /// admission webhook that fails, for example.
    pub(crate) fn is_of_server(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        matches!(&**source, kube::Error::Api(status) if status.code >= 500)
    }

    /// Whether the API server has no time for it just now.
    pub(crate) fn is_busy(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        matches!(&**source, kube::Error::Api(status) if status.code == 429)
    }

    /// Whether the object is gone.
    pub(crate) fn is_not_found(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        matches!(&**source, kube::Error::Api(status) if status.code == 404)
    }

    /// Whether the API server does not know the kind: then its answer names no object.
    pub(crate) fn is_unknown_kind(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        let kube::Error::Api(status) = &**source else { return false };
        status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
    }

    /// Whether the API server knows another state than the one that was planned from.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Outdated(_) => true,
            Self::Api { source, .. } => matches!(&**source, kube::Error::Api(status) if status.code == 409),
            _ => false,
        }
    }

    /// Whether something has gone wrong, and not only come to its end.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::NotLeading | Self::ReleaseGone) && !self.is_of_terminating_namespace()
    }

    /// Whether the namespace is being deleted, in which nothing can be created any more.
    pub(crate) fn is_of_terminating_namespace(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        let kube::Error::Api(status) = &**source else { return false };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    pub(crate) fn api(verb: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api { verb, object: object.into(), source: Box::new(source) }
    }
}

fn cause(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
