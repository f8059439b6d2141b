//! What the simulator reads of the objects around the routes: Gateways, `ListenerSets`, Services, `ReferenceGrants`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;

use super::model::ObjectRef;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewaySpec {
    #[serde(default)]
    pub(super) listeners: Vec<ListenerSpec>,
    pub(super) allowed_listeners: Option<Allowed>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenerSetSpec {
    pub(super) parent_ref: ObjectRef,
    #[serde(default)]
    pub(super) listeners: Vec<ListenerSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenerSpec {
    pub(super) name: String,
    pub(super) port: u16,
    #[serde(default = "http")]
    pub(super) protocol: String,
    pub(super) hostname: Option<String>,
    pub(super) allowed_routes: Option<Allowed>,
}

/// `allowedRoutes` of a listener and `allowedListeners` of a Gateway.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Allowed {
    pub(super) namespaces: Option<AllowedNamespaces>,
    #[serde(default)]
    pub(super) kinds: Vec<GroupKind>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AllowedNamespaces {
    pub(super) from: Option<String>,
    pub(super) selector: Option<LabelSelector>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GroupKind {
    pub(super) group: Option<String>,
    pub(super) kind: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceSpec {
    #[serde(default)]
    pub(super) ports: Vec<ServicePort>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServicePort {
    pub(super) name: Option<String>,
    pub(super) port: u16,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ReferenceGrantSpec {
    #[serde(default)]
    pub(super) from: Vec<GrantFrom>,
    #[serde(default)]
    pub(super) to: Vec<GrantTo>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GrantFrom {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) namespace: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct GrantTo {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) name: Option<String>,
}

fn http() -> String {
    "HTTP".into()
}
