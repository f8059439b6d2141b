//! The objects of the namespace, and what has changed among them.

use std::collections::BTreeMap;

use gateway_api::httproutes::HttpRoute;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, ListParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::screen::Screen;
use crate::stage::{NAMESPACE, Stage};

/// The objects of a moment, by kind and name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Inventory {
    objects: BTreeMap<(String, String), Value>,
    routes: BTreeMap<String, HttpRoute>,
}

/// The label that every object of a release carries.
const OF_RELEASE: &str = "iter8.tools/release=httpbin";

impl Inventory {
    pub(crate) async fn take(stage: &Stage) -> Result<Self, Box<dyn std::error::Error>> {
        let mut inventory = Self::default();
        inventory.add::<Deployment>(stage).await?;
        inventory.add::<Service>(stage).await?;
        inventory.add::<HttpRoute>(stage).await?;
        let routes: Api<HttpRoute> = Api::namespaced(stage.client.clone(), NAMESPACE);
        for route in routes.list(&ListParams::default().labels(OF_RELEASE)).await? {
            inventory.routes.insert(route.name_any(), route);
        }
        Ok(inventory)
    }

    async fn add<K>(&mut self, stage: &Stage) -> Result<(), Box<dyn std::error::Error>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: DeserializeOwned + Serialize,
    {
        let api: Api<K> = Api::namespaced(stage.client.clone(), NAMESPACE);
        for object in api.list(&ListParams::default().labels(OF_RELEASE)).await? {
            let key = (K::kind(&()).into_owned(), object.name_any());
            self.objects.insert(key, serde_json::to_value(object)?);
        }
        Ok(())
    }

    /// `Deployment httpbin-0`, …, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.objects.keys().map(|(kind, name)| format!("{kind} {name}")).collect()
    }

    /// Shows what came, changed and went since an earlier inventory.
    pub(crate) fn show_changes(&self, before: &Self, screen: &Screen) {
        for (key, object) in &self.objects {
            let name = format!("{} {}", key.0, key.1);
            match before.objects.get(key) {
                None => screen.change('+', &name),
                Some(old) => {
                    let changed = changed_parts(old, object);
                    if !changed.is_empty() {
                        screen.change('~', &format!("{name} ({})", changed.join(", ")));
                    }
                }
            }
        }
        for (kind, name) in before.objects.keys().filter(|key| !self.objects.contains_key(*key)) {
            screen.change('-', &format!("{kind} {name}"));
        }
        for (name, route) in &self.routes {
            if before.routes.get(name).map(|route| &route.spec) != Some(&route.spec) {
                screen.line(&format!("HTTPRoute {name} now:"));
                for rule in rules(route) {
                    screen.line(&format!("  {rule}"));
                }
            }
        }
    }

    /// The rules of route `httpbin`, in words; none without a route.
    pub(crate) fn rules(&self) -> Vec<String> {
        self.routes.get("httpbin").map(rules).unwrap_or_default()
    }
}

/// What of an object differs that a user would see.
fn changed_parts(old: &Value, new: &Value) -> Vec<&'static str> {
    let parts = [("/metadata/labels", "labels"), ("/spec", "spec")];
    let changed = parts.into_iter().filter(|(pointer, _)| old.pointer(pointer) != new.pointer(pointer));
    changed.map(|(_, name)| name).collect()
}

/// `header traffic=test -> httpbin-1 (app-version: httpbin-1)`
fn rules(route: &HttpRoute) -> Vec<String> {
    route.spec.rules.iter().flatten().map(rule).collect()
}

fn rule(rule: &gateway_api::httproutes::HttpRouteRules) -> String {
    let conditions: Vec<_> = rule
        .matches
        .iter()
        .flatten()
        .flat_map(|route_match| route_match.headers.iter().flatten())
        .map(|header| format!("header {}={}", header.name, header.value))
        .collect();
    let conditions = if conditions.is_empty() { "every request".to_owned() } else { conditions.join(", ") };
    let backends: Vec<_> = rule.backend_refs.iter().flatten().map(backend).collect();
    format!("{conditions} -> {}", backends.join(", "))
}

fn backend(backend: &gateway_api::httproutes::HttpRouteRulesBackendRefs) -> String {
    let modifiers =
        backend.filters.iter().flatten().filter_map(|filter| filter.response_header_modifier.as_ref());
    let headers = modifiers.flat_map(|modifier| modifier.add.iter().flatten());
    let headers: Vec<_> = headers.map(|header| format!("{}: {}", header.name, header.value)).collect();
    format!("{} ({})", backend.name, headers.join(", "))
}
