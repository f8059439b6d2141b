//! What an object tells of the version that it is of.

use crate::name::VersionName;
use crate::valid_release::ValidRelease;

/// What a Service or Deployment of a release is called and carries, which says of which version it is.
///
/// The label says it, unless somebody has changed or removed it: an object that is as a version declares it, or that has no
/// label and a version's name, is that version's. So a version keeps its requests while its label is put back. Without a
/// label, what is left of a removed version is known by its own name, and is not taken for a front Service.
///
/// ```
/// use iter8_core::Marks;
///
#[doc = include_str!("example_release.txt")]
/// let digest = release.primary().service_digest().as_str();
/// let service = Marks { is_deployment: false, name: "web-0", label: None, digest: Some(digest), declares: true };
/// let primary = Some(release.primary().name.clone());
/// assert_eq!(service.version(&release), primary);
/// assert_eq!(Marks { label: Some("edited"), ..service }.version(&release), primary);
/// let other = Marks { label: Some("other"), digest: Some("other"), ..service };
/// assert_eq!(other.version(&release), "other".parse().ok(), "it has been of another version");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks<'a> {
    /// Whether it is a Deployment, not a Service.
    pub is_deployment: bool,
    /// What it is called.
    pub name: &'a str,
    /// The version in its label.
    pub label: Option<&'a str>,
    /// The digest of what was declared of it.
    pub digest: Option<&'a str>,
    /// Whether it carries the declaration of a version, as the Services of versions do.
    pub declares: bool,
}

impl Marks<'_> {
    /// The version that it is of; `None` for a front Service.
    ///
    /// ```
    /// use iter8_core::Marks;
    ///
    #[doc = include_str!("example_release.txt")]
    /// let front = Marks { is_deployment: false, name: "web", label: None, digest: None, declares: false };
    /// assert_eq!(front.version(&release), None);
    /// let left = Marks { name: "web-7", declares: true, ..front };
    /// assert_eq!(left.version(&release), Some("web-7".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn version(&self, release: &ValidRelease) -> Option<VersionName> {
        let label = self.label.and_then(|label| label.parse().ok());
        let declared = release.versions().find_map(|version| {
            let (name, digest) = if self.is_deployment {
                (version.deployment.as_str(), version.deployment_digest())
            } else {
                (version.service.as_str(), version.service_digest())
            };
            let is_declared = self.digest == Some(digest.as_str());
            (name == self.name && (is_declared || label.is_none())).then(|| version.name.clone())
        });
        let own = || (self.is_deployment || self.declares).then(|| self.name.parse().ok()).flatten();
        declared.or(label).or_else(own)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{Capabilities, ReleaseKey, Value, declare};

    fn release() -> ValidRelease {
        let image = |image: &str| Value::from([("image", image.into())]);
        let own = Value::from([
            ("image", "web:3".into()),
            (
                "serviceSpecification",
                Value::from([
                    ("metadata", Value::from([("name", "own".into())])),
                    (
                        "spec",
                        Value::from([("ports", alloc::vec![Value::from([("port", 80_u16.into())])].into())]),
                    ),
                ]),
            ),
        ]);
        let versions = alloc::vec![image("web:1"), image("web:2"), own];
        let application = Value::from([("strategy", "canary".into()), ("versions", versions.into())]);
        let document =
            Value::from([("environment", "deployment-gtw".into()), ("application", application)]).into();
        let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
        declare(&key, &document, &Capabilities::specification()).unwrap()
    }

    /// The version of a Service of this name, with this label and digest.
    fn of_service(
        name: &str,
        label: Option<&str>,
        digest: Option<&str>,
        declares: bool,
    ) -> Option<alloc::string::String> {
        let marks = Marks { is_deployment: false, name, label, digest, declares };
        marks.version(&release()).map(|version| version.to_string())
    }

    #[test]
    fn an_object_is_of_the_version_that_declares_it_whatever_its_label() {
        let release = release();
        for version in release.versions() {
            for label in [None, Some("edited"), Some("web-0"), Some("no name!"), Some("")] {
                let service = version.service_digest().as_str();
                let found = of_service(version.service.as_str(), label, Some(service), true);
                assert_eq!(found.as_deref(), Some(version.name.as_str()), "{label:?}");
                let (name, digest) =
                    (version.deployment.as_str(), Some(version.deployment_digest().as_str()));
                let deployment = Marks { is_deployment: true, name, label, digest, declares: false };
                assert_eq!(deployment.version(&release).as_ref(), Some(&version.name), "{label:?}");
            }
        }
    }

    #[test]
    fn what_is_not_as_declared_is_known_by_its_label_and_without_one_by_its_name() {
        let is = |name, label, declares, expected: Option<&str>| {
            assert_eq!(
                of_service(name, label, Some("old"), declares).as_deref(),
                expected,
                "{name} {label:?}"
            );
        };
        is("web-1", Some("web-1"), true, Some("web-1"));
        is("web-1", None, true, Some("web-1"));
        is("own", None, true, Some("web-2"));
        is("own", Some("web-1"), true, Some("web-1"));
        is("web-9", None, true, Some("web-9"));
        is("web", None, false, None);
        let left = Marks { is_deployment: true, name: "web-9", label: None, digest: None, declares: false };
        assert_eq!(left.version(&release()), "web-9".parse().ok());
    }
}
