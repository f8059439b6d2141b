//! What the API server's audit log says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use super::ControlPlaneError;

/// A request that the API server has answered.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kube::Api;
///
#[doc = include_str!("../example_control_plane.txt")]
/// Api::<ConfigMap>::namespaced(cluster.client(), "default").get_opt("settings").await?;
/// let audit = cluster.audit()?;
/// let request = audit.iter().find(|request| request.name == "settings").ok_or("none")?;
/// assert_eq!((request.verb.as_str(), request.resource.as_str(), request.code), ("get", "configmaps", 404));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditedRequest {
    /// Who asked; the impersonated user where there is one.
    pub user: String,
    /// The verb, as roles have it.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, as roles have it; with its subresource after a `/`.
    pub resource: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The name; empty for a collection.
    pub name: String,
    /// The code of the answer.
    pub code: u16,
    /// When the request was received, since 1970.
    pub received: Duration,
    /// When it had been answered, since 1970.
    pub answered: Duration,
}

impl AuditedRequest {
    /// Whether it may have changed something.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kube::api::{Api, ListParams};
    ///
    #[doc = include_str!("../example_control_plane.txt")]
    /// let client = cluster.client_as("shop", &["system:masters"]).await?;
    /// Api::<ConfigMap>::all(client).list(&ListParams::default()).await?;
    /// assert!(cluster.audit()?.iter().all(|request| request.user != "shop" || !request.is_write()));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    user: User,
    impersonated_user: Option<User>,
    #[serde(default)]
    object_ref: Object,
    response_status: Option<Status>,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

/// The requests for resources in a log, in the order of their answers. A line that is still being written is left out.
pub(super) fn read(log: &Path) -> Result<Vec<AuditedRequest>, ControlPlaneError> {
    let text =
        fs::read_to_string(log).map_err(|source| ControlPlaneError::File { path: log.to_owned(), source })?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    Ok(lines.filter(|line| !line.object_ref.resource.is_empty()).map(request).collect())
}

fn request(line: Line) -> AuditedRequest {
    let object = line.object_ref;
    let since_1970 = |at: Timestamp| Duration::from_micros(u64::try_from(at.as_microsecond()).unwrap_or(0));
    let resource = match object.subresource.as_str() {
        "" => object.resource,
        subresource => format!("{}/{subresource}", object.resource),
    };
    AuditedRequest {
        user: line.impersonated_user.unwrap_or(line.user).username,
        verb: line.verb,
        group: object.api_group,
        resource,
        namespace: object.namespace,
        name: object.name,
        code: line.response_status.map_or(0, |status| status.code),
        received: since_1970(line.request_received_timestamp),
        answered: since_1970(line.stage_timestamp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_did_what_and_when() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.log");
        let line = r#"{"kind":"Event","verb":"patch","user":{"username":"admin"},
            "impersonatedUser":{"username":"replica"},"objectRef":{"resource":"releases","namespace":"test",
            "name":"web","apiGroup":"iter8.tools","subresource":"status"},"responseStatus":{"code":200},
            "requestReceivedTimestamp":"1970-01-01T00:00:01.000002Z","stageTimestamp":"1970-01-01T00:00:02Z"}"#;
        fs::write(&log, format!("{}\n{{\"verb\":", line.replace('\n', ""))).unwrap();
        let requests = read(&log).unwrap();
        assert_eq!(requests.len(), 1);
        let request = &requests[0];
        assert!(request.is_write());
        assert_eq!((request.user.as_str(), request.resource.as_str()), ("replica", "releases/status"));
        assert_eq!((request.code, request.received), (200, Duration::from_micros(1_000_002)));
        assert_eq!(request.answered, Duration::from_secs(2));
    }
}
