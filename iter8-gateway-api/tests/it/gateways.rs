//! What the Gateways' route remembers of itself.

use gateway_api::httproutes::HttpRoute;
use iter8_core::{GatewaysObservation, Observation, RoutingBackend, Timestamp, Verdict, plan};
use iter8_testkit::strategies::planned_gateways;
use serde_json::{Value, json};

use crate::api_server::stored;
use crate::release::{backend, observe, release};

const BEFORE: &str = "environment: deployment-gtw
gateway: old
hostnames: [shop.example.com]
application: {strategy: canary, versions: [{image: web:1}]}";

const AFTER: &str = "environment: deployment-gtw
gateway: [{name: new, namespace: infra, sectionName: https, port: 443}]
hostnames: [shop.example.com]
application: {strategy: canary, versions: [{image: web:1}]}";

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// The routes of both documents: the second one while the first one's Gateway drains.
fn routes() -> [Vec<HttpRoute>; 2] {
    let mut observation = Observation { now: NOW, ..Observation::all_ready(&release(BEFORE)) };
    let mut routes = Vec::new();
    for document in [BEFORE, AFTER, AFTER] {
        let plan = plan(&release(document), &observation);
        let rendered = backend().render(&plan);
        routes.push(rendered.iter().map(|route| stored(route.as_http().unwrap())).collect::<Vec<_>>());
        observation.route = backend().observe(&rendered);
        let live = observation.route.as_mut().unwrap();
        assert_eq!(live.gateways, planned_gateways(&plan));
        live.gateways.as_mut().unwrap().parents[0].verdict = Verdict::Accepted;
    }
    [routes.remove(0), routes.remove(1)]
}

fn edited(route: &HttpRoute, edit: impl Fn(&mut Value)) -> HttpRoute {
    let mut object = serde_json::to_value(route).unwrap();
    edit(&mut object);
    serde_json::from_value(object).unwrap()
}

fn gateways(routes: &[HttpRoute]) -> Option<GatewaysObservation> {
    observe(routes).unwrap().gateways
}

#[test]
fn gateways_that_leave_stay_parents_after_the_declared_ones_with_the_moment_of_their_drain() {
    let [before, after] = routes();
    let parents = |routes: &[HttpRoute]| serde_json::to_value(&routes[1].spec.parent_refs).unwrap();
    let old = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "old"});
    assert_eq!(parents(&before), json!([old]));
    let new = json!({
        "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "new", "namespace": "infra",
        "sectionName": "https", "port": 443,
    });
    assert_eq!(parents(&after), json!([new, old]));
    assert_eq!(gateways(&before).unwrap().draining_since, None);
    assert_eq!(gateways(&after).unwrap().draining_since, Some(NOW));
    let annotations = after[1].metadata.annotations.as_ref().unwrap();
    assert_eq!(
        annotations["iter8.tools/gateways"],
        r#"{"parents":[{"namespace":"infra","name":"new","sectionName":"https","port":443},{"name":"old"}],"hostnames":["shop.example.com"],"drainingSince":1790000000000}"#
    );
    assert_eq!(after[0].metadata.annotations, None, "the mesh's route has nothing to remember");
}

#[test]
fn what_others_write_into_the_route_is_no_gateway_that_leaves() {
    let [before, _] = routes();
    let by_hand = edited(&before[1], |route| {
        route["spec"]["parentRefs"].as_array_mut().unwrap().push(json!({"name": "another"}));
        route["spec"]["hostnames"] = json!(["another.example.com"]);
    });
    assert_eq!(gateways(&[before[0].clone(), by_hand]), gateways(&before));
}

#[test]
fn a_route_whose_memory_is_gone_or_unreadable_reads_as_one_for_nobody() {
    let [before, _] = routes();
    for memory in [Value::Null, json!("{"), json!(r#"{"parents":[{"name":"Not A Name"}],"hostnames":[]}"#)] {
        let forgetful = edited(&before[1], |route| {
            route["metadata"]["annotations"]["iter8.tools/gateways"] = memory.clone();
            if memory.is_null() {
                route["metadata"]["annotations"] = Value::Null;
            }
        });
        assert_eq!(
            gateways(&[before[0].clone(), forgetful]),
            Some(GatewaysObservation::default()),
            "{memory}"
        );
    }
    assert_eq!(gateways(&before[..1]), Some(GatewaysObservation::default()));
}

#[test]
fn each_gateway_speaks_for_itself() {
    let [_, after] = routes();
    let said = edited(&after[1], |route| {
        route["metadata"]["generation"] = json!(2);
        let status = |parent: Value, accepted: &str| {
            json!({
                "controllerName": "example.com/controller",
                "parentRef": parent,
                "conditions": [{
                    "type": "Accepted", "status": accepted, "observedGeneration": 2, "reason": "Because", "message": "",
                    "lastTransitionTime": "2026-08-01T00:00:00Z",
                }],
            })
        };
        let new = json!({"name": "new", "namespace": "infra", "sectionName": "https", "port": 443});
        route["status"] =
            json!({ "parents": [status(json!({"name": "old"}), "False"), status(new, "True")] });
    });
    let parents = gateways(&[after[0].clone(), said]).unwrap().parents;
    let verdicts: Vec<_> = parents.iter().map(|gateway| &gateway.verdict).collect();
    assert_eq!(verdicts[0], &Verdict::Accepted);
    assert!(matches!(verdicts[1], Verdict::Refused { .. }), "{verdicts:?}");
}
