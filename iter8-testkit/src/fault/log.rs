//! What a client asked, and what it was told.

use http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::Shared;

/// A request of a client.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::{Faults, Rates};
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::seeded(1, Rates { answer_lost: 1000, ..Rates::default() });
/// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// assert!(config_maps.get("settings").await.is_err());
/// let exchange = &faults.exchanges()[0];
/// assert_eq!(exchange.request, "GET /api/v1/namespaces/default/configmaps/settings");
/// assert!(exchange.answered.is_some() && exchange.status.is_none(), "the client knows that no answer comes");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Method (`WATCH` for watches) and path.
    pub request: String,
    /// When the client sent it.
    pub sent: Instant,
    /// When it reached the API server, if it did.
    pub reached: Option<Instant>,
    /// When the answer began to arrive, or the client learned that there is none; none while it waits.
    pub answered: Option<Instant>,
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
}

/// Up to where a list or a watch has told a client what is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::fault::Faults;
/// use kube::api::ListParams;
///
#[doc = include_str!("../example_config_map.txt")]
/// let faults = Faults::none();
/// let config_maps: Api<ConfigMap> = Api::default_namespaced(faults.client(&server, "shop"));
/// let list = config_maps.list(&ListParams::default()).await?;
/// let told = &faults.told()[0];
/// assert_eq!((told.path.as_str(), &told.object), ("/api/v1/namespaces/default/configmaps", &None));
/// assert_eq!(list.metadata.resource_version, Some(told.version.to_string()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// When.
    pub at: Instant,
    /// The path of the collection.
    pub path: String,
    /// Namespace and name of the object that an event of a watch is about; none for a list, which tells of all.
    pub object: Option<(String, String)>,
    /// The client knows the object, or all of them, as stored at this resourceVersion.
    pub version: u64,
}

impl Shared {
    /// Notes a request that was sent now; its number.
    pub(super) fn sent(&self, request: &str) -> u64 {
        let (request, sent) = (request.to_owned(), Instant::now());
        let mut state = self.lock();
        state.exchanges.push(Exchange { request, sent, reached: None, answered: None, status: None });
        u64::try_from(state.exchanges.len()).unwrap_or(u64::MAX)
    }

    /// Notes that the request of this number reaches the API server now.
    pub(super) fn reached(&self, number: u64) {
        self.change(number, |exchange| exchange.reached = Some(Instant::now()));
    }

    /// Notes the answer to the request of this number.
    pub(super) fn answered(&self, number: u64, status: Option<StatusCode>) {
        self.change(number, |exchange| {
            (exchange.answered, exchange.status) = (Some(Instant::now()), status);
        });
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Exchange)) {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(exchange) = self.lock().exchanges.get_mut(index) {
            change(exchange);
        }
    }

    /// Notes what the client is told now.
    pub(super) fn told(&self, name: &str, object: Option<(String, String)>, version: &str) {
        let Ok(version) = version.parse() else { return };
        let path = name.split_once(' ').map_or(name, |(_, path)| path).to_owned();
        self.lock().told.push(Told { at: Instant::now(), path, object, version });
    }
}

/// The resourceVersion of a list; empty if it has none.
pub(super) fn version_of(list: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct List {
        metadata: Metadata,
    }
    let list: List = serde_json::from_slice(list).unwrap_or_default();
    list.metadata.resource_version
}

/// What identifies an object and its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) resource_version: String,
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn the_version_of_a_list_is_none_of_its_objects() {
        let list = r#"{"items":[{"metadata":{"resourceVersion":"7"}}],"metadata":{"resourceVersion":"12"}}"#;
        assert_eq!(version_of(list.as_bytes()), "12");
        assert_eq!(version_of(b"404 page not found"), "");
    }
}
