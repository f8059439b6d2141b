//! The loop of the runner: watches say what may have changed, a queue orders the work, reconciling reads and acts.
//!
//! Watches are triggers only. Every decision reads the API server anew, for a cache could miss the Pod that was
//! created a moment ago and make a second one.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};

use super::faults::Faults;
use super::kubelet::LocalPod;
use super::pod::deployment_of;
use super::queue::{Key, Queue};
use super::slices::{SERVICE_NAME, selector_of, selects};
use crate::clock::Clock;
use crate::pod_network::PodNetwork;

/// Everything the reconcile functions need; they are in `deployments`, `endpoints` and `kubelet`.
pub(super) struct Driver {
    pub(super) pods: Api<Pod>,
    pub(super) deployments: Api<Deployment>,
    pub(super) services: Api<Service>,
    pub(super) slices: Api<EndpointSlice>,
    pub(super) network: PodNetwork,
    pub(super) clock: Clock,
    pub(super) servers: Servers,
    pub(super) faults: Arc<Faults>,
    /// Pods whose servers run here, by name.
    pub(super) local: BTreeMap<String, LocalPod>,
    /// What the Services select, as last seen.
    selectors: BTreeMap<String, BTreeMap<String, String>>,
    /// Labels of the Pods, as last seen: a Pod that changes them leaves a Service.
    labels: BTreeMap<String, BTreeMap<String, String>>,
    queue: Queue,
}

/// What is behind the Pods' addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    Real,
    /// Nothing: Pods are objects only.
    None,
}

/// Something a watch has seen.
enum Trigger {
    Pod(Pod),
    PodGone(Pod),
    Deployment(String),
    Service(Service),
    Slice(EndpointSlice),
    /// A watch began anew: whatever was deleted in between was not seen.
    Relisted,
}

impl Driver {
    pub(super) fn new(
        client: &Client,
        namespace: &str,
        network: PodNetwork,
        faults: Arc<Faults>,
        (clock, servers): (Clock, Servers),
    ) -> Self {
        Self {
            pods: Api::namespaced(client.clone(), namespace),
            deployments: Api::namespaced(client.clone(), namespace),
            services: Api::namespaced(client.clone(), namespace),
            slices: Api::namespaced(client.clone(), namespace),
            network,
            clock,
            servers,
            faults,
            local: BTreeMap::new(),
            selectors: BTreeMap::new(),
            labels: BTreeMap::new(),
            queue: Queue::default(),
        }
    }

    /// Play until dropped.
    pub(super) async fn run(mut self) {
        let mut triggers = self.triggers();
        let faults = Arc::clone(&self.faults);
        loop {
            // All that was seen comes before any work: many events of an object then cost one look at it.
            while let Some(Some(trigger)) = triggers.next().now_or_never() {
                self.note(trigger);
            }
            if let Some(key) = self.queue.pop(Instant::now()) {
                self.reconcile(key).await;
                // An API server in this process may answer without ever making us wait: let others run.
                tokio::task::yield_now().await;
                continue;
            }
            let due = self.queue.next_due();
            tokio::select! {
                Some(trigger) = triggers.next() => self.note(trigger),
                () = faults.turned() => self.look_at_local_pods(),
                () = wait_until(due) => {}
            }
        }
    }

    async fn reconcile(&mut self, key: Key) {
        let outcome = match &key {
            Key::Pod(name) => self.reconcile_pod(name).await,
            Key::Deployment(name) => self.reconcile_deployment(name).await,
            Key::Service(name) => self.reconcile_service(name).await,
        };
        match outcome {
            Ok(next) => {
                self.queue.succeeded(&key);
                if let Some(time) = next {
                    self.queue.add(key, time);
                }
            }
            Err(error) => {
                tracing::debug!(?key, %error, "will try again");
                self.queue.failed(key, Instant::now());
            }
        }
    }

    fn note(&mut self, trigger: Trigger) {
        match trigger {
            Trigger::Pod(pod) => {
                let labels = pod.labels().clone();
                let before = self.labels.insert(pod.name_any(), labels.clone());
                self.look_at_pod(&pod, before.as_ref().filter(|before| **before != labels));
            }
            Trigger::PodGone(pod) => {
                self.labels.remove(&pod.name_any());
                self.look_at_pod(&pod, None);
            }
            Trigger::Deployment(name) => self.look_at(Key::Deployment(name)),
            Trigger::Service(service) => {
                let name = service.name_any();
                match selector_of(&service) {
                    Some(selector) => self.selectors.insert(name.clone(), selector.clone()),
                    None => self.selectors.remove(&name),
                };
                self.look_at(Key::Service(name));
            }
            Trigger::Slice(slice) => {
                if let Some(service) = slice.labels().get(SERVICE_NAME) {
                    self.look_at(Key::Service(service.clone()));
                }
            }
            Trigger::Relisted => {
                self.look_at_local_pods();
                for service in self.selectors.keys().cloned().collect::<Vec<_>>() {
                    self.look_at(Key::Service(service));
                }
            }
        }
    }

    /// Look at the Pod and at all that it concerns, by its labels and, if they changed, by those before.
    fn look_at_pod(&mut self, pod: &Pod, labels_before: Option<&BTreeMap<String, String>>) {
        self.look_at(Key::Pod(pod.name_any()));
        if let Some(deployment) = deployment_of(pod) {
            self.look_at(Key::Deployment(deployment.to_owned()));
        }
        let concerns = |selector: &BTreeMap<String, String>| {
            selects(selector, pod.labels()) || labels_before.is_some_and(|labels| selects(selector, labels))
        };
        let concerned = self.selectors.iter().filter(|(_, selector)| concerns(selector));
        for service in concerned.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.look_at(Key::Service(service));
        }
    }

    fn look_at_local_pods(&mut self) {
        for name in self.local.keys().cloned().collect::<Vec<_>>() {
            self.look_at(Key::Pod(name));
        }
    }

    fn look_at(&mut self, key: Key) {
        self.queue.add(key, Instant::now());
    }

    /// The Service is gone.
    pub(super) fn forget_service(&mut self, name: &str) {
        self.selectors.remove(name);
    }

    fn triggers(&self) -> SelectAll<BoxStream<'static, Trigger>> {
        futures::stream::select_all([
            watch(self.pods.clone(), Trigger::Pod, Trigger::PodGone),
            watch(
                self.deployments.clone(),
                |object| Trigger::Deployment(object.name_any()),
                |object| Trigger::Deployment(object.name_any()),
            ),
            watch(self.services.clone(), Trigger::Service, Trigger::Service),
            watch(self.slices.clone(), Trigger::Slice, Trigger::Slice),
        ])
    }
}

/// For ever if nothing is due.
async fn wait_until(due: Option<Instant>) {
    match due {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The triggers that a kind of object gives, for ever: a broken watch is started again.
fn watch<K>(api: Api<K>, seen: fn(K) -> Trigger, gone: fn(K) -> Trigger) -> BoxStream<'static, Trigger>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher(api, watcher::Config::default())
        .default_backoff()
        .filter_map(move |event| {
            let trigger = match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => Some(seen(object)),
                Ok(watcher::Event::Delete(object)) => Some(gone(object)),
                Ok(watcher::Event::InitDone) => Some(Trigger::Relisted),
                Ok(watcher::Event::Init) | Err(_) => None,
            };
            std::future::ready(trigger)
        })
        .boxed()
}
