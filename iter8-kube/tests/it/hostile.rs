//! Releases that somebody has written to do harm.

use std::time::Instant;

use iter8_kube::{Release, ReleaseSpec};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::scenarios::{CANDIDATE, INITIAL};
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![hostile_releases_are_refused_and_delay_nobody];

/// A document whose second version has these fields besides an image.
fn hostile(fields: &Value) -> Value {
    let mut version = json!({ "image": "web:2" });
    version.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({
        "environment": "deployment-gtw",
        "application": { "strategy": "canary", "versions": [{ "image": "web:1" }, version] },
    })
}

fn documents() -> Vec<Value> {
    let header = |value: &str| json!({ "headers": [{ "name": "traffic", "value": value }] });
    let many: Vec<_> = (0..10_000).map(|index| header(&index.to_string())).collect();
    let wrong: Vec<_> = (0..10_000).map(|index| json!({ "header": index })).collect();
    let unknown: serde_json::Map<_, _> =
        (0..10_000).map(|index| (format!("field{index}"), json!(0))).collect();
    let labels: serde_json::Map<_, _> =
        (0..10_000).map(|index| (format!("l{index}"), json!("{{ evil }}"))).collect();
    vec![
        hostile(&json!({ "matches": many })),
        hostile(&json!({ "matches": wrong })),
        hostile(&Value::Object(unknown)),
        hostile(&json!({ "metadata": { "labels": labels } })),
        hostile(&json!({ "metadata": { "name": "{{ .Release.Name }}" } })),
        hostile(&json!({ "matches": [header(&"x".repeat(1_000_000))] })),
        hostile(&json!({ "y".repeat(500_000): "z".repeat(500_000) })),
        hostile(&json!({ "matches": [{ "headers": [
            { "name": "a", "type": "RegularExpression", "value": "(".repeat(4097) }
        ] }] })),
    ]
}

/// How long the usual Release takes from its declaration until it is ready and serves its candidate.
async fn usual(cluster: &Cluster) -> f64 {
    let begun = Instant::now();
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let took = begun.elapsed().as_secs_f64();
    cluster.delete().await;
    let gone = |objects: &(Vec<String>, Vec<String>)| objects.0.is_empty() && objects.1.is_empty();
    cluster.until("everything to be gone", || cluster.workloads(), gone).await;
    cluster.until("the route to be gone", || cluster.route(), Option::is_none).await;
    took
}

async fn hostile_releases_are_refused_and_delay_nobody(cluster: Cluster) {
    let alone = usual(&cluster).await;
    let releases: Api<Release> = cluster.api();
    let mut admitted = Vec::new();
    for (index, document) in documents().into_iter().enumerate() {
        let name = format!("hostile-{index}");
        let spec: ReleaseSpec = serde_json::from_value(document).unwrap();
        match releases.create(&PostParams::default(), &Release::new(&name, spec)).await {
            Ok(_) => admitted.push(name),
            // The API server may be the one that refuses it.
            Err(kube::Error::Api(status)) if status.code == 422 => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(admitted.len() > 5, "only {admitted:?} reach the controller");
    let beside = usual(&cluster).await;
    // Refusing them takes a second of computing each where nothing is optimised, and delays all by as much.
    assert!(beside < 10.0 * alone + 5.0, "{beside} s instead of {alone} s");

    for name in admitted {
        let accepted = || async {
            let status = releases.get(&name).await.unwrap().status.unwrap_or_default();
            let accepted = status.conditions.into_iter().find(|condition| condition.type_ == "Accepted");
            accepted.map(|accepted| (accepted.status, accepted.message))
        };
        let refused = cluster.until("the refusal", accepted, Option::is_some).await.unwrap();
        assert_eq!(refused.0, "False", "{name}");
        assert!(refused.1.chars().count() <= 32_768, "{name}: {} bytes", refused.1.len());
        releases.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}
