//! Replicas of the controller as processes, of which one writes at a time whatever signals they get.

use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_testkit::control_plane::AuditedRequest;
use kube::ResourceExt;

use crate::installed::{Controller, Installation, until};
use crate::program::tutorial;

/// A Lease that is handed over must be with the next replica in this time.
const HANDOVER: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(3);

/// How the replicas' user names begin.
const REPLICA: &str = "replica-";

fn start(installation: &Installation, name: &str, lease: Duration) -> Controller {
    let lease = format!("--leader-elect-lease-duration={}s", lease.as_secs());
    // The audit log shall tell them apart, so they are not the account of the installation.
    installation.start(name, &format!("{REPLICA}{name}"), &["system:masters".to_owned()], &[&lease])
}

/// Starts two replicas, of which the first one leads and the second one is ready to.
async fn two(installation: &Installation, lease: Duration) -> (Controller, Controller) {
    let first = start(installation, "first", lease);
    installation.until_held_by("first").await;
    let second = start(installation, "second", lease);
    // It has listed everything when it begins to watch; a list is in the audit log when it is over.
    let lists = || async {
        let requests = installation.requests_of("replica-second");
        requests.iter().filter(|request| request.verb == "list").count()
    };
    until("the second replica's lists", lists, |count| *count >= 6).await;
    (first, second)
}

/// Panics if two replicas have written at the same time.
fn assert_one_writer(installation: &Installation) {
    let mut writes: Vec<_> = ["first", "second", "third", "fourth"]
        .iter()
        .flat_map(|name| installation.requests_of(&format!("{REPLICA}{name}")))
        .filter(|request| request.is_write() && request.resource != "leases")
        .collect();
    writes.sort_by_key(|write| write.received);
    assert!(!writes.is_empty());
    for (index, write) in writes.iter().enumerate() {
        let overlaps = |other: &&AuditedRequest| other.user != write.user && other.answered > write.received;
        let other = writes[..index].iter().find(overlaps);
        assert!(other.is_none(), "{write:?} was received within {other:?}");
    }
}

/// Panics unless one version is deployed and gets all requests.
async fn assert_promoted(installation: &Installation) {
    assert_eq!(installation.deployments().await, ["httpbin-0"]);
    let route = installation.api::<HttpRoute>().get("httpbin").await.unwrap();
    let backends: Vec<_> = route
        .spec
        .rules
        .iter()
        .flatten()
        .flat_map(|rule| rule.backend_refs.iter().flatten().map(|backend| backend.name.clone()))
        .collect();
    assert_eq!(backends, ["httpbin-0"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "KUBEBUILDER_ASSETS and root are needed"]
async fn who_gets_sigterm_hands_over_at_once_and_who_is_killed_is_followed_when_the_lease_ends() {
    let installation = Installation::new(&["--scope", "namespace", "-n", "canaries"], "canaries").await;
    // So long that nobody gets this Lease because it has ended.
    let (first, second) = two(&installation, Duration::from_mins(10)).await;
    installation.release(&tutorial("2-candidate.yaml")).await;
    first.signal("TERM");
    let took = installation.until_held_by("second").await;
    assert!(took < HANDOVER, "{took:?}; the log of the first:\n{}", first.log());
    second.stop().await;

    let third = start(&installation, "third", LEASE);
    installation.until_held_by("third").await;
    let _fourth = start(&installation, "fourth", LEASE);
    // The one that is killed is in the middle of a promotion.
    installation.declare(&tutorial("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;
    third.signal("KILL");
    let took = installation.until_held_by("fourth").await;
    assert!(took < LEASE + HANDOVER, "{took:?}");
    installation.release(&tutorial("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;
    assert_promoted(&installation).await;
    assert_one_writer(&installation);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "KUBEBUILDER_ASSETS and root are needed"]
async fn who_is_paused_past_the_lease_does_no_harm_when_it_goes_on() {
    let installation = Installation::new(&["--scope", "namespace", "-n", "canaries"], "canaries").await;
    let brisk = |name: &str| tutorial(name).replace("application:", "application:\n  drainSeconds: 1");
    let (first, second) = two(&installation, LEASE).await;
    installation.release(&brisk("2-candidate.yaml")).await;

    // Stopped while it has something to write, it goes on when another one has written all that.
    installation.declare(&brisk("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;
    first.signal("STOP");
    installation.until_held_by("second").await;
    installation.release(&brisk("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;
    let versions = |route: &HttpRoute| (route.metadata.generation, route.uid());
    let route = versions(&installation.api::<HttpRoute>().get("httpbin").await.unwrap());
    let before = installation.requests_of("replica-first").len();
    first.signal("CONT");
    // It has seen that its term is over when it asks for something, of whatever kind.
    let asked = || async { installation.requests_of("replica-first").len() };
    until("a request of the first replica", asked, |count| *count > before).await;
    assert_eq!(installation.holder().await.as_deref(), Some("second"));

    // It leads again when the other one has gone, and finds nothing to do.
    second.stop().await;
    installation.until_held_by("first").await;
    installation.release(&brisk("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;
    assert_promoted(&installation).await;
    assert_eq!(versions(&installation.api::<HttpRoute>().get("httpbin").await.unwrap()), route);
    first.stop().await;
    assert_one_writer(&installation);
}
