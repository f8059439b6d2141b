//! The labels and annotations by which the objects of a release are known.

/// Label: the release that an object belongs to; its name, or a digest of it past 63 characters.
pub const RELEASE: &str = "iter8.tools/release";

/// Label: the version that a Deployment or Service belongs to.
pub const VERSION: &str = "iter8.tools/version";

/// Label: the program that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Annotation: the digest of what was declared of the object.
pub const DIGEST: &str = "iter8.tools/digest";

/// Annotation on a version's Service: what must be known of the version after it has left the document.
pub const DECLARATION: &str = "iter8.tools/declaration";

/// Annotation on the objects of a removed version: since when it drains, in milliseconds since 1970. The Service's counts.
pub const DRAINING_SINCE: &str = "iter8.tools/draining-since";

/// Label on a version's Service, and by that on its `EndpointSlices`: a rollout of its Deployment that was complete before
/// they were computed, as `UID.REVISION`.
pub const ROLLOUT: &str = "iter8.tools/rollout";

/// Annotation that a user puts on an object that is not ours: `"true"` allows the controller to adopt it.
pub const ADOPT: &str = "iter8.tools/adopt";

/// The field manager of every write, and the value of [`MANAGED_BY`].
pub const MANAGER: &str = "iter8";

/// The longest value a label may have.
const LABEL_LENGTH: usize = 63;

/// The value of label [`RELEASE`] for a release of this name.
///
/// ```
/// use iter8_kube::labels::release_label;
///
/// assert_eq!(release_label("web"), "web");
/// assert_eq!(release_label(&"w".repeat(64)).len(), 16, "too long for a label");
/// ```
#[must_use]
pub fn release_label(name: &str) -> String {
    if name.len() <= LABEL_LENGTH {
        return name.to_owned();
    }
    iter8_core::Digest::of(&name.into()).as_str().to_owned()
}
