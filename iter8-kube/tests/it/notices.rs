//! What is told on the Release.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;

use crate::cluster::Cluster;
use crate::scenarios::CANDIDATE;
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] =
    scenarios![changes_that_requests_may_notice_are_told, what_a_person_should_know_stands_in_the_status];

/// Type, reason and note of the Events on the Release.
async fn events(cluster: &Cluster) -> Vec<String> {
    let listed = cluster.api::<Event>().list(&ListParams::default()).await.unwrap();
    let part = |part: Option<String>| part.unwrap_or_default();
    let words = |event: Event| {
        let again = if event.series.is_some() { " again" } else { "" };
        format!("{} {}{again}: {}", part(event.type_), part(event.reason), part(event.note))
    };
    listed.into_iter().map(words).collect()
}

/// The changes that are not make-before-break.
async fn changes_that_requests_may_notice_are_told(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
    let port = CANDIDATE.replace("application:", "application:\n  servicePort: 8080");
    let version = port.replacen("image:", "port: 8081\n    image:", 1);
    let name = version.replace("application:", "application:\n  metadata: {name: other}");
    for (document, told) in [
        (&port, "Warning FrontPortChanged: requests to port 80 of httpbin are not answered any more: "),
        (&version, "Warning VersionPortChanged: requests to httpbin-0 may fail until "),
        (&name, "Warning ApplicationRenamed: requests to httpbin are not answered any more: "),
    ] {
        let before = events(&cluster).await;
        assert!(!before.iter().any(|event| event.starts_with(told)), "{before:#?}");
        cluster.declare(document).await;
        let is_told = |events: &Vec<String>| events.iter().any(|event| event.starts_with(told));
        cluster.until("the Event", || events(&cluster), is_told).await;
        cluster.until_ready().await;
        let after = events(&cluster).await;
        assert_eq!(
            after.iter().filter(|event| event.starts_with(told)).count(),
            1,
            "it is told once: {after:#?}"
        );
    }
}

async fn what_a_person_should_know_stands_in_the_status(cluster: Cluster) {
    let shadowed = "environment: deployment-gtw
application:
  strategy: canary
  versions:
  - image: web:1
  - image: web:2
    matches: [{headers: [{name: traffic, value: test}]}, {headers: [{name: traffic, value: test}]}]
  - image: web:3
    matches: [{headers: [{name: traffic, value: test}]}]
";
    cluster.declare(shadowed).await;
    cluster.until_ready().await;
    let status = cluster.release().await.status.unwrap();
    let reasons: Vec<_> = status.notices.iter().map(|notice| notice.reason.as_str()).collect();
    let unprobed = "NoReadinessProbe";
    assert_eq!(
        reasons,
        [unprobed, unprobed, unprobed, "RepeatedMatch", "NeverChosen"],
        "{:#?}",
        status.notices
    );
    let told = events(&cluster).await;
    assert_eq!(
        told.iter().filter(|event| event.starts_with("Warning NeverChosen: no request reaches ")).count(),
        1
    );
}
