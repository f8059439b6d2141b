//! What it costs to find out that a live route is as planned: `cargo bench -p iter8-gateway-api`; `scripts/bench` for
//! the table.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "as in tests: a figure of what is not as it should be is none"
)]

#[path = "../../tests/it/api_server.rs"]
#[expect(dead_code, reason = "the tests store routes of other kinds, too")]
mod api_server;
/// The very comparison of the controller, which this crate does not depend on.
#[path = "../../../iter8-kube/src/drift.rs"]
#[expect(dead_code, unused_imports, reason = "the controller uses more of it, and its tests run there")]
mod drift;

use std::fmt::Write;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use iter8_core::{Document, Observation, ReleaseKey, RoutingBackend, Timestamp, ValidRelease, declare, plan};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile, Route};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// One run of what is measured, by a name that callgrind can be told.
#[inline(never)]
fn measured<R>(run: impl FnOnce() -> R) -> R {
    run()
}

fn declared(backend: &GatewayApiBackend, candidates: usize, matches: usize) -> ValidRelease {
    let mut text = "environment: deployment-gtw
application:
  metadata: {labels: {team: shop}}
  strategy: canary
  versions:
  - image: registry.example.com/shop/cart:1
"
    .to_owned();
    for candidate in 1..=candidates {
        write!(text, "  - image: registry.example.com/shop/cart:{}\n    matches:\n", candidate + 1).unwrap();
        for entry in 0..matches {
            let cohort = format!("cohort-{candidate}-{entry}");
            writeln!(text, "    - headers: [{{name: x-cohort, value: {cohort}}}]").unwrap();
        }
    }
    let key = ReleaseKey { name: "cart".parse().unwrap(), namespace: "shop".parse().unwrap() };
    declare(&key, &Document::from_yaml(&text).unwrap(), backend.capabilities()).unwrap()
}

/// The route as the API server gives it: with its defaults, the controller's own labels, and what the mesh says of it.
fn live(route: &Route) -> Value {
    let mut object = serde_json::to_value(route).unwrap();
    api_server::fill_in(&mut object["spec"]);
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("uid".into(), json!("0a2c1f5e-0f4b-4d3a-9a55-5f6f0d6d7a10"));
    metadata.insert("generation".into(), json!(3));
    metadata.insert("resourceVersion".into(), json!("48213"));
    metadata.insert("creationTimestamp".into(), json!("2026-09-11T08:15:30Z"));
    metadata.insert("annotations".into(), json!({"iter8.tools/digest": "45abe230c6add8a3"}));
    metadata["labels"]["iter8.tools/release"] = json!("cart");
    metadata["labels"]["app.kubernetes.io/managed-by"] = json!("iter8");
    let condition = |kind: &str, reason: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": "",
            "lastTransitionTime": "2026-09-11T08:15:31Z"})
    };
    object["status"] = json!({"parents": [{
        "controllerName": "linkerd.io/policy-controller",
        "parentRef": object["spec"]["parentRefs"][0],
        "conditions": [condition("Accepted", "Accepted"), condition("ResolvedRefs", "ResolvedRefs")],
    }]});
    object
}

/// Plan, render, compare: whether nothing has to be written.
fn is_as_planned(
    backend: &GatewayApiBackend,
    release: &ValidRelease,
    observation: &Observation,
    live: &[Value],
) -> bool {
    let routes = backend.render(&plan(release, observation));
    routes.len() == live.len()
        && routes.iter().zip(live).all(|(route, live)| {
            serde_json::to_value(route).is_ok_and(|route| drift::is_contained(&route, live))
        })
}

fn bench(bencher: Bencher<'_, '_>, candidates: usize, matches: usize) {
    let backend = GatewayApiBackend::new(MeshProfile::linkerd());
    let release = declared(&backend, candidates, matches);
    let mut observation = Observation::all_ready(&release);
    observation.now = Timestamp::from_millis(1_790_000_000_000);
    let live: Vec<_> = backend.render(&plan(&release, &observation)).iter().map(live).collect();
    let routes: Vec<Route> = live.iter().map(|live| serde_json::from_value(live.clone()).unwrap()).collect();
    observation.route = backend.observe(&routes);
    assert!(is_as_planned(&backend, &release, &observation, &live), "there is no news");
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| measured(|| is_as_planned(&backend, &release, &observation, &live)));
}

#[divan::bench]
fn no_news_two_version_canary(bencher: Bencher<'_, '_>) {
    bench(bencher, 1, 1);
}

/// As many rules as a route takes.
#[divan::bench]
fn no_news_fifteen_candidates(bencher: Bencher<'_, '_>) {
    bench(bencher, 15, 4);
}
