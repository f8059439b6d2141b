//! The custom resource `releases.iter8.tools`.

mod schema;
mod text;
mod watched;

use iter8_core::{Document, InvalidNameError, ReleaseKey, Value};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, ResourceExt};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

pub use watched::WatchedRelease;

/// The `spec` of a Release: the release document as it was written.
///
/// It is kept as it is, unknown fields included, so that validation can name what is wrong with it
/// (see [`iter8_core::declare`]); only its schema is typed. A controller holds one for each release
/// and seldom reads it, so it is held as text, in a tenth of the room of its tree.
///
/// ```
/// use iter8_kube::{Release, ReleaseSpec};
/// use kube::CustomResourceExt;
///
/// assert_eq!(Release::crd_name(), "releases.iter8.tools");
/// let spec: ReleaseSpec = serde_json::from_str(r#"{"environment": "deployment", "anything": 1}"#)?;
/// assert!(spec.document()?.root().get("anything").is_some(), "validation will name it");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(CustomResource, Debug, Clone, PartialEq)]
#[kube(
    group = "iter8.tools",
    version = "v1alpha1",
    kind = "Release",
    doc = "An application with its versions, and how requests are routed to them.",
    namespaced,
    status = "ReleaseStatus",
    category = "all",
    printcolumn = r#"{"name":"Strategy","type":"string","jsonPath":".spec.application.strategy"}"#,
    printcolumn = r#"{"name":"Primary","type":"string","jsonPath":".status.primary"}"#,
    printcolumn = r#"{"name":"Candidates","type":"string","jsonPath":".status.candidates"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].message"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
pub struct ReleaseSpec {
    /// A JSON object, its keys in the order of whoever wrote it.
    json: Box<str>,
}

impl Default for ReleaseSpec {
    fn default() -> Self {
        Self { json: "{}".into() }
    }
}

impl Serialize for ReleaseSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&self.json).map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ReleaseSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { json: text::read(deserializer)?.into() })
    }
}

impl JsonSchema for ReleaseSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReleaseSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema::ReleaseDocument::json_schema(generator)
    }
}

impl ReleaseSpec {
    /// The spec that holds a document.
    ///
    /// # Errors
    /// The document is not a map.
    ///
    /// ```
    /// use iter8_core::Document;
    /// use iter8_kube::ReleaseSpec;
    ///
    /// let spec = ReleaseSpec::from_document(&Document::from_yaml("environment: deployment")?)?;
    /// assert_eq!(serde_json::to_string(&spec)?, r#"{"environment":"deployment"}"#);
    /// assert!(ReleaseSpec::from_document(&Document::from_yaml("just text")?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_document(document: &Document) -> Result<Self, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(document.root())?)
    }

    /// How many bytes it is held in.
    pub(crate) fn size(&self) -> usize {
        self.json.len()
    }

    /// The document.
    ///
    /// # Errors
    /// Never for a document that came from JSON: a number that no [`Value`] holds.
    ///
    /// ```
    /// use iter8_core::{Document, Value};
    /// use iter8_kube::ReleaseSpec;
    ///
    /// let spec = ReleaseSpec::from_document(&Document::from_yaml("environment: deployment")?)?;
    /// assert_eq!(spec.document()?.root().get("environment").and_then(Value::as_str), Some("deployment"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn document(&self) -> Result<Document, serde_json::Error> {
        Ok(serde_json::from_str::<Value>(&self.json)?.into())
    }
}

impl Release {
    /// Which release this is, in the core's terms.
    ///
    /// # Errors
    /// The name or namespace is not one that the API server would have admitted.
    ///
    /// ```
    /// use iter8_kube::{Release, ReleaseSpec};
    ///
    /// let mut release = Release::new("web", ReleaseSpec::default());
    /// release.metadata.namespace = Some("test".into());
    /// assert_eq!(release.key()?.to_string(), "test/web");
    /// # Ok::<(), iter8_core::InvalidNameError>(())
    /// ```
    pub fn key(&self) -> Result<ReleaseKey, InvalidNameError> {
        let namespace = self.namespace().unwrap_or_default();
        Ok(ReleaseKey { name: self.name_any().try_into()?, namespace: namespace.try_into()? })
    }
}

/// The `status` of a Release.
///
/// ```
/// use iter8_kube::ReleaseStatus;
///
/// let status: ReleaseStatus = serde_json::from_str(r#"{"observedGeneration": 2, "primary": "web-0"}"#)?;
/// assert_eq!((status.observed_generation, status.primary.as_deref()), (Some(2), Some("web-0")));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// The generation of the Release that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How the release is doing: `Accepted`, `VersionsReady`, `RouteProgrammed`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The primary version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// The candidates, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<String>,
    /// The versions: the declared ones in order, then those that are being removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionStatus>,
    /// What a person should know that is no error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeStatus>,
    /// The digest of the rules last planned; it changes when the routing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_digest: Option<String>,
}

/// How a version is doing.
///
/// ```
/// use iter8_kube::VersionStatus;
///
/// let status = VersionStatus { name: "web-1".into(), readiness: "NotReady".into(), ..VersionStatus::default() };
/// assert_eq!(serde_json::to_value(&status)?["readiness"], "NotReady");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionStatus {
    /// Name of the version.
    pub name: String,
    /// `primary`, `candidate` or `removed`.
    pub role: String,
    /// `Ready`, `Updating` or `NotReady`.
    pub readiness: String,
    /// Why it is ready or not, and why it gets the requests it gets.
    pub reason: String,
    /// Its weight, where requests are split by weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>")] // the API server knows no unsigned formats
    pub weight: Option<u32>,
    /// The requests that are its own, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
}

/// Something that a person should know.
///
/// ```
/// use iter8_kube::NoticeStatus;
///
/// let notice = NoticeStatus { reason: "NoReadinessProbe".into(), ..NoticeStatus::default() };
/// assert_eq!(serde_json::to_string(&notice)?, r#"{"reason":"NoReadinessProbe","message":""}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeStatus {
    /// What it is about, in one word.
    pub reason: String,
    /// What there is to know.
    pub message: String,
}

#[cfg(test)]
mod tests;
