//! Watches on the API server, turned into views.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use gateway_api::httproutes::HttpRoute;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::patience::Patience;
use super::view::View;
use crate::simulator::Precedence;

/// Follows the namespace; each change gives a new view.
pub(super) fn follow(
    client: Client,
    namespace: &str,
    precedence: Precedence,
    tasks: &mut JoinSet<()>,
) -> watch::Receiver<Arc<View>> {
    let (sender, receiver) = watch::channel(Arc::new(View::default()));
    let routes = reflector::store();
    let services = reflector::store();
    let slices = reflector::store();
    let followed = Arc::new(Followed {
        precedence,
        routes: routes.0,
        services: services.0,
        slices: slices.0,
        seen: [const { AtomicBool::new(false) }; 3],
        views: Mutex::new(sender),
    });
    tasks.spawn(follow_one(Api::namespaced(client.clone(), namespace), routes.1, 0, followed.clone()));
    tasks.spawn(follow_one(Api::namespaced(client.clone(), namespace), services.1, 1, followed.clone()));
    tasks.spawn(follow_one(Api::namespaced(client, namespace), slices.1, 2, followed));
    receiver
}

struct Followed {
    precedence: Precedence,
    routes: Store<HttpRoute>,
    services: Store<Service>,
    slices: Store<EndpointSlice>,
    /// Which of the three have been listed once.
    seen: [AtomicBool; 3],
    views: Mutex<watch::Sender<Arc<View>>>,
}

impl Followed {
    /// Publishes what the stores hold. The lock keeps views in the order of their contents.
    fn publish(&self) {
        let sender = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = sender.borrow().revision() + 1;
        let complete = self.seen.iter().all(|seen| seen.load(Ordering::Relaxed));
        let view = View::new(
            revision,
            complete,
            self.precedence,
            self.routes.state(),
            self.services.state(),
            self.slices.state(),
        );
        sender.send_replace(Arc::new(view));
    }

    fn saw(&self, index: usize) {
        if let Some(seen) = self.seen.get(index) {
            seen.store(true, Ordering::Relaxed);
        }
    }
}

async fn follow_one<K>(
    api: Api<K>,
    writer: reflector::store::Writer<K>,
    index: usize,
    followed: Arc<Followed>,
) where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let events = watcher(api, watcher::Config::default()).backoff(Patience::default()).reflect(writer);
    let mut events = pin!(events);
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(_) | Event::Delete(_) | Event::InitDone)) => {
                followed.saw(index);
                followed.publish();
            }
            Ok(Some(Event::Init | Event::InitApply(_))) => {}
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(kind = %K::kind(&()), %error, "watch failed, trying again");
                // A kind that is not installed has no objects, and that is all there is to know about it.
                if is_not_found(&error) {
                    followed.saw(index);
                    followed.publish();
                }
            }
        }
    }
}

fn is_not_found(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}
