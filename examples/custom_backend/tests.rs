//! Whether the backend keeps its contract.

use iter8_core::{Document, Observation, ReleaseKey, RoutePlan, RoutingBackend, Verdict, declare, plan};

use iter8_testkit::conformance::Conformance;

use crate::backend::ExampleMesh;
use crate::traffic_split::Status;

fn canary() -> RoutePlan {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "shop".parse().unwrap() };
    let document = Document::from_yaml(crate::DOCUMENT).unwrap();
    let release = declare(&key, &document, ExampleMesh.capabilities()).unwrap();
    plan(&release, &Observation::all_ready(&release))
}

#[test]
fn what_somebody_has_changed_is_seen() {
    let mut splits = ExampleMesh.render(&canary());
    splits[0].spec.rules[0].to[0].weight = -1;
    let live = ExampleMesh.observe(&splits).unwrap();
    assert!(live.rules[0].altered && !live.rules[1].altered);
}

#[test]
fn the_mesh_has_accepted_a_route_when_it_has_seen_its_generation() {
    let mut splits = ExampleMesh.render(&canary());
    let verdict = |splits: &[_]| ExampleMesh.observe(splits).unwrap().parents[0].verdict.clone();
    assert_eq!(verdict(&splits), Verdict::Silent);

    splits[0].metadata.generation = Some(2);
    splits[0].status = Some(Status { observed_generation: 1, problem: None });
    assert_eq!(verdict(&splits), Verdict::Stale);

    splits[0].status = Some(Status { observed_generation: 2, problem: None });
    assert_eq!(verdict(&splits), Verdict::Accepted);
}

#[test]
fn what_the_mesh_cannot_do_is_refused_before_anything_is_written() {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "shop".parse().unwrap() };
    let filter = "{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: b}]}}";
    let document = format!("{}  route: {{filters: [{filter}]}}\n", crate::DOCUMENT);
    let error = declare(&key, &Document::from_yaml(&document).unwrap(), ExampleMesh.capabilities());
    let message = error.unwrap_err().to_string();
    assert!(message.contains("example") && message.contains("ResponseHeaderModifier"), "{message}");
}

#[test]
fn the_backend_passes_the_conformance_suite() {
    Conformance::new(&ExampleMesh).check().unwrap_or_else(|error| panic!("{error}"));
}
