//! Compaction of etcd, by its JSON gateway.

use kube::{Client, Config};
use serde_json::{Value, json};

use super::ControlPlaneError;

/// Makes the etcd at this address forget all revisions before the present one.
pub(super) async fn compact(etcd: &str) -> Result<(), ControlPlaneError> {
    let refused = |source| ControlPlaneError::Api { what: "compaction".to_owned(), source: Box::new(source) };
    let address = etcd.parse().map_err(http::Error::from).map_err(kube::Error::HttpError).map_err(refused)?;
    let client = Client::try_from(Config::new(address)).map_err(refused)?;
    let ask = async |path: &str, body: Value| {
        let request =
            http::Request::post(path).body(body.to_string().into_bytes()).map_err(kube::Error::HttpError)?;
        client.request::<Value>(request).await
    };
    // Every answer has the present revision; there is no key that is an empty byte.
    let answer = ask("/v3/kv/range", json!({"key": "AA=="})).await.map_err(refused)?;
    let revision = answer.pointer("/header/revision").cloned().unwrap_or_default();
    ask("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await.map_err(refused)?;
    Ok(())
}
