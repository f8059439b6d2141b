//! Releases that somebody has written to do harm.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use iter8_core::{Capabilities, ObjectKind, Protocol, RouteObservation, RoutePlan, RoutingBackend};
use iter8_gateway_api::{GatewayApiBackend, Route};
use iter8_kube::{Options, Release, ReleaseStatus, Scope, WatchedRelease};
use kube::api::ListParams;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::scenarios::{CANDIDATE, INITIAL};
use crate::servers::{Scenario, scenarios};

/// What must hold in any cluster.
pub(crate) const ALL: &[Scenario] = scenarios![
    hostile_releases_are_refused_and_delay_nobody,
    a_release_of_any_depth_is_refused_and_delays_nobody,
];

/// The same, with a controller that the scenario starts itself.
pub(crate) const WITHOUT_CONTROLLER: &[Scenario] =
    scenarios![a_release_that_takes_for_ever_or_panics_delays_nobody];

/// A document whose second version has these fields besides an image.
fn hostile(fields: &Value) -> Value {
    let mut version = json!({ "image": "web:2" });
    version.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({
        "environment": "deployment-gtw",
        "application": { "strategy": "canary", "versions": [{ "image": "web:1" }, version] },
    })
}

fn expression(value: &str) -> Value {
    hostile(&json!({ "matches": [{ "headers": [
        { "name": "a", "type": "RegularExpression", "value": value }
    ] }] }))
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
        expression(&"(".repeat(4097)),
        expression("((a{1,100}){1,100}){1,100}"),
        expression("(?:(?:(?:x{32}){32}){32}){32}"),
    ]
}

fn releases(cluster: &Cluster, name: &str) -> String {
    format!("/apis/iter8.tools/v1alpha1/namespaces/{}/releases{name}", cluster.world.namespace())
}

/// Sends a request about Releases as text: a client of theirs would read the answer, which may be too deep for it.
async fn send(cluster: &Cluster, method: &str, path: String, body: String) -> Result<String, kube::Error> {
    let request =
        http::Request::builder().method(method).uri(path).header("content-type", "application/json");
    cluster.world.client().request_text(request.body(body.into_bytes()).unwrap()).await
}

/// Whether the API server takes a Release with this spec.
async fn is_admitted(cluster: &Cluster, name: &str, spec: &str) -> bool {
    let release = format!(
        r#"{{"apiVersion":"iter8.tools/v1alpha1","kind":"Release","metadata":{{"name":"{name}"}},"spec":{spec}}}"#
    );
    match send(cluster, "POST", releases(cluster, ""), release).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn status(cluster: &Cluster, name: &str) -> ReleaseStatus {
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        status: ReleaseStatus,
    }
    let release = send(cluster, "GET", releases(cluster, &format!("/{name}")), String::new()).await.unwrap();
    serde_json::from_str::<Part>(&release).unwrap().status
}

/// Waits until the Release is refused; the message.
async fn refusal(cluster: &Cluster, name: &str) -> String {
    let accepted = || async {
        let conditions = status(cluster, name).await.conditions;
        let accepted = conditions.into_iter().find(|condition| condition.type_ == "Accepted");
        accepted.map(|accepted| (accepted.status, accepted.message))
    };
    let (status, message) = cluster.until("the refusal", accepted, Option::is_some).await.unwrap();
    assert_eq!(status, "False", "{name}");
    message
}

/// How long it takes until a change of the usual Release is in its route.
async fn change(cluster: &Cluster, number: usize) -> Duration {
    let value = format!("test{number}");
    let begun = Instant::now();
    cluster.declare(&CANDIDATE.replace("test", &value)).await;
    let is_routed = |route: Option<gateway_api::httproutes::HttpRoute>| {
        serde_json::to_string(&route).is_ok_and(|route| route.contains(&format!("{value:?}")))
    };
    while !is_routed(cluster.route().await) {
        assert!(begun.elapsed() < Duration::from_secs(40), "never");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    begun.elapsed()
}

/// Changes a Release, so that all of it has to be looked at again.
async fn edit(cluster: &Cluster, name: &str, number: usize) {
    let patch = json!({ "spec": { "edited": number } }).to_string();
    let request = http::Request::patch(releases(cluster, &format!("/{name}")));
    let request = request.header("content-type", "application/merge-patch+json");
    cluster.world.client().request_text(request.body(patch.into_bytes()).unwrap()).await.unwrap();
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn hostile_releases_are_refused_and_delay_nobody(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
    let mut alone = Vec::new();
    for number in 0..20 {
        alone.push(change(&cluster, number).await);
    }
    let mut admitted = Vec::new();
    for (index, document) in documents().into_iter().enumerate() {
        let name = format!("hostile-{index}");
        if is_admitted(&cluster, &name, &document.to_string()).await {
            admitted.push(name);
        }
    }
    assert!(admitted.len() > 7, "only {admitted:?} reach the controller");
    for name in &admitted {
        let message = refusal(&cluster, name).await;
        assert!(message.chars().count() <= 32_768, "{name}: {} bytes", message.len());
    }

    let mut beside = Vec::new();
    for number in 20..40 {
        edit(&cluster, &admitted[number % admitted.len()], number).await;
        beside.push(change(&cluster, number).await);
    }
    // It takes three to five times as long without optimisation, since reading a megabyte does, in the API server, too.
    let (beside, alone) = (middle(beside), middle(alone));
    assert!(beside < 10 * alone, "{beside:?} beside a hostile Release, {alone:?} alone");
}

async fn a_release_of_any_depth_is_refused_and_delays_nobody(cluster: Cluster) {
    cluster.declare(CANDIDATE).await;
    cluster.until_ready().await;
    let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let mut depths = [5000, 1000, 500, 200].into_iter().chain((100..140).rev());
    // As deep as the API server takes one.
    let depth = loop {
        let levels = depths.next().unwrap();
        let mut spec = hostile(&json!({ "deploymentSpecification": "HERE" })).to_string();
        spec = spec.replace("\"HERE\"", &format!("{{\"spec\":{}}}", nested(levels)));
        if is_admitted(&cluster, "deep", &spec).await {
            break levels;
        }
    };
    let message = refusal(&cluster, "deep").await;
    assert!(message.contains("more than 50 lists and maps inside of one another"), "{depth}: {message}");
    let listed = cluster.api::<WatchedRelease>().list(&ListParams::default()).await.unwrap();
    let names: Vec<_> = listed.into_iter().map(|release| Release::from(release).name_any()).collect();
    assert_eq!(names, ["deep", "httpbin"], "who lists Releases so can read them");
    change(&cluster, 1).await;
}

/// A backend that never comes to an end with one Release, and panics at another one.
struct Malicious {
    backend: GatewayApiBackend,
    until: Mutex<mpsc::Receiver<()>>,
    is_held: &'static AtomicBool,
    panics: &'static AtomicUsize,
}

impl RoutingBackend for Malicious {
    type Object = Route;

    fn capabilities(&self) -> &Capabilities {
        self.backend.capabilities()
    }

    fn kinds(&self) -> &[ObjectKind] {
        self.backend.kinds()
    }

    fn kinds_for(&self, protocol: Protocol) -> &[ObjectKind] {
        self.backend.kinds_for(protocol)
    }

    fn render(&self, plan: &RoutePlan) -> Vec<Route> {
        let is_of = |name: &str| plan.declared().any(|version| version.name.as_str().starts_with(name));
        if is_of("panics") {
            self.panics.fetch_add(1, Ordering::Relaxed);
            panic!("at a Release that somebody has made up to this end");
        }
        if is_of("takes-for-ever") {
            self.is_held.store(true, Ordering::Relaxed);
            let _ = self.until.lock().unwrap().recv_timeout(Duration::from_mins(5));
            self.is_held.store(false, Ordering::Relaxed);
        }
        self.backend.render(plan)
    }

    fn observe(&self, objects: &[Route]) -> Option<RouteObservation> {
        self.backend.observe(objects)
    }
}

async fn a_release_that_takes_for_ever_or_panics_delays_nobody(cluster: Cluster) {
    let (release, until) = mpsc::channel();
    let is_held: &AtomicBool = Box::leak(Box::default());
    let panics: &AtomicUsize = Box::leak(Box::default());
    let backend =
        Malicious { backend: GatewayApiBackend::default(), until: Mutex::new(until), is_held, panics };
    let options = Options::new(Scope::Namespace(cluster.world.namespace().to_owned()));
    let _controller = cluster.world.run(|client, shutdown| {
        let shutdown = futures::FutureExt::shared(shutdown);
        iter8_kube::run(client, backend, options, shutdown)
    });
    let spec =
        json!({ "environment": "deployment-gtw", "application": { "versions": [{ "image": "web:1" }] } });
    for name in ["takes-for-ever", "panics"] {
        assert!(is_admitted(&cluster, name, &spec.to_string()).await);
    }
    let is_bad = || async { (is_held.load(Ordering::Relaxed), panics.load(Ordering::Relaxed)) };
    cluster.until("both to be looked at", is_bad, |(is_held, panics)| *is_held && *panics > 1).await;
    let failed = || async {
        let conditions = status(&cluster, "panics").await.conditions;
        conditions.into_iter().find(|it| it.type_ == "Ready").map(|ready| (ready.reason, ready.message))
    };
    let (reason, message) = cluster.until("the report", failed, Option::is_some).await.unwrap();
    assert_eq!(reason, "InternalError");
    assert!(message.contains("at a Release that somebody has made up to this end"), "{message}");
    let version = || async {
        cluster.api::<WatchedRelease>().get("panics").await.unwrap().meta().clone().resource_version
    };
    let (written, tries) = (version().await, panics.load(Ordering::Relaxed));
    cluster.until("more tries", is_bad, |(_, panics)| *panics > tries + 1).await;
    assert_eq!(version().await, written, "it is said once");

    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    assert!(is_held.load(Ordering::Relaxed), "it has not come to an end meanwhile");
    drop(release);
    let is_reported = || async { status(&cluster, "takes-for-ever").await.observed_generation };
    cluster.until("the status of what took so long", is_reported, Option::is_some).await;
}
