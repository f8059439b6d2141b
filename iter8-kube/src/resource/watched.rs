//! Releases as the watch delivers them: whatever somebody has written into one, it can be read.

use std::borrow::Cow;
use std::fmt;

use kube::Resource;
use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Release, ReleaseSpec, ReleaseStatus};
use crate::cache::Metadata;

/// A Release as any client should ask for it: however deep somebody's document is, it can be read, and so can a list that
/// it is in. It is without the managed fields, which are as deep as the document, and too deep for `serde_json`.
///
/// ```
/// use iter8_kube::{Release, WatchedRelease};
/// use iter8_testkit::apiserver::ApiServer;
/// use kube::{Api, CustomResourceExt, api::ListParams};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = ApiServer::new();
/// iter8_testkit::world::install(&server.client(), &[Release::crd()]).await?;
/// let releases: Api<WatchedRelease> = Api::all(server.client());
/// let releases: Vec<Release> = releases.list(&ListParams::default()).await?.into_iter().map(Into::into).collect();
/// assert!(releases.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WatchedRelease(Release);

impl From<WatchedRelease> for Release {
    fn from(watched: WatchedRelease) -> Self {
        watched.0
    }
}

impl Resource for WatchedRelease {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind(dynamic: &()) -> Cow<'_, str> {
        Release::kind(dynamic)
    }

    fn group(dynamic: &()) -> Cow<'_, str> {
        Release::group(dynamic)
    }

    fn version(dynamic: &()) -> Cow<'_, str> {
        Release::version(dynamic)
    }

    fn plural(dynamic: &()) -> Cow<'_, str> {
        Release::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.0.metadata
    }
}

impl<'de> Deserialize<'de> for WatchedRelease {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

/// The fields of a Release.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = WatchedRelease;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Release")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<WatchedRelease, A::Error> {
        let mut release = Release::new("", ReleaseSpec::default());
        while let Some(field) = fields.next_key::<String>()? {
            match field.as_str() {
                "metadata" => release.metadata = fields.next_value::<Metadata>()?.into(),
                "spec" => release.spec = fields.next_value()?,
                "status" => release.status = fields.next_value::<Option<ReleaseStatus>>()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        release.metadata.managed_fields = None;
        Ok(WatchedRelease(release))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_whole_but_for_its_managed_fields() {
        let json = r#"{
            "apiVersion": "iter8.tools/v1alpha1", "kind": "Release",
            "metadata": {"name": "web", "namespace": "test", "uid": "1", "generation": 2, "resourceVersion": "7",
                "managedFields": [{"manager": "a", "operation": "Update"}]},
            "spec": {"environment": "deployment"},
            "status": {"observedGeneration": 1}
        }"#;
        let watched: WatchedRelease = serde_json::from_str(json).unwrap();
        let mut release: Release = serde_json::from_str(json).unwrap();
        release.metadata.managed_fields = None;
        assert_eq!(serde_json::to_value(&watched.0).unwrap(), serde_json::to_value(&release).unwrap());
    }

    #[test]
    fn a_release_of_any_depth_is_read() {
        let deep = format!("{}1{}", r#"{"f:a":"#.repeat(9000), "}".repeat(9000));
        let json = format!(
            r#"{{"metadata": {{"name": "web", "managedFields": [{{"manager": "a", "fieldsV1": {deep}}}]}},
                "spec": {{"application": {deep}}}, "more": {deep}}}"#
        );
        let watched: WatchedRelease = serde_json::from_str(&json).unwrap();
        assert_eq!(watched.0.metadata.name.as_deref(), Some("web"));
        assert!(watched.0.spec.document().is_ok());
    }
}
