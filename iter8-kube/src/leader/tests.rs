use std::sync::Arc;

use http::{Method, Request};
use iter8_testkit::apiserver::ApiServer;
use kube::client::Body;
use tokio::sync::Notify;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::context::system_clock;

const SLOW: Duration = Duration::from_millis(300);

/// A client whose patches are answered late; `patched` is told as soon as one has taken effect.
fn slow_client(server: &ApiServer, patched: &Arc<Notify>) -> Client {
    let (endpoint, patched) = (server.service("iter8"), Arc::clone(patched));
    let slow = service_fn(move |request: Request<Body>| {
        let (endpoint, patched) = (endpoint.clone(), Arc::clone(&patched));
        async move {
            let is_patch = request.method() == Method::PATCH;
            let answer = endpoint.oneshot(request).await;
            if is_patch {
                patched.notify_one();
                tokio::time::sleep(SLOW).await;
            }
            answer
        }
    });
    Client::new(slow, "default")
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_stops_while_it_renews_hands_over_what_it_has_renewed() {
    let (server, patched) = (ApiServer::new(), Arc::new(Notify::new()));
    let (elector, _gate) =
        Elector::new(slow_client(&server, &patched), LeaderElection::new("default"), "one", system_clock());
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(elector.run(stopped, |_| {}));
    patched.notified().await;
    let leases: Api<Lease> = Api::namespaced(server.client(), "default");
    let holder = || async { leases.get("iter8-controller").await.unwrap().spec.unwrap().holder_identity };
    assert!(holder().await.is_some(), "the renewal has taken effect, and its answer is on its way");

    let begun = Instant::now();
    drop(stop);
    running.await.unwrap();
    assert_eq!(holder().await, None);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
