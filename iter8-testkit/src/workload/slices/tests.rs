use serde_json::{Value, json};

use super::*;

fn service(spec: &Value) -> Service {
    serde_json::from_value(json!({
        "metadata": {
            "name": "httpbin", "namespace": "test", "uid": "uid-s",
            "labels": {"iter8.tools/release": "httpbin", HEADLESS: "no"},
        },
        "spec": spec,
    }))
    .unwrap()
}

fn pod(name: &str, ip: &str, port: i32, ready: bool) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "test", "uid": format!("uid-{name}"), "labels": {"app": "httpbin"}},
        "spec": {"containers": [{"name": "web", "ports": [{"name": "http", "containerPort": port}]}]},
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
    }))
    .unwrap()
}

fn terminating(mut pod: Pod) -> Pod {
    pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    pod
}

fn conditions(slice: &EndpointSlice) -> Vec<(String, bool, bool, bool)> {
    let endpoints = slice.endpoints.iter().flatten();
    endpoints
        .map(|endpoint| {
            let conditions = endpoint.conditions.clone().unwrap();
            let [ready, serving, terminating] =
                [conditions.ready, conditions.serving, conditions.terminating].map(Option::unwrap);
            (endpoint.addresses.join(","), ready, serving, terminating)
        })
        .collect()
}

#[test]
fn ready_failing_and_terminating_pods_are_told_apart() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    let pods = [
        pod("a", "10.244.0.1", 80, true),
        pod("b", "10.244.0.2", 80, false),
        terminating(pod("c", "10.244.0.3", 80, true)),
    ];
    let slices = desired_slices(&service, &pods).unwrap();
    assert_eq!(
        conditions(&slices[0]),
        [
            ("10.244.0.1".to_owned(), true, true, false),
            ("10.244.0.2".to_owned(), false, false, false),
            ("10.244.0.3".to_owned(), false, true, true),
        ]
    );
}

#[test]
fn a_pod_without_address_or_at_its_end_is_no_endpoint() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    let mut starting = pod("a", "10.244.0.1", 80, false);
    starting.status.as_mut().unwrap().pod_ip = None;
    let mut ended = pod("b", "10.244.0.2", 80, false);
    ended.status.as_mut().unwrap().phase = Some("Succeeded".to_owned());

    let slices = desired_slices(&service, &[starting, ended]).unwrap();

    assert_eq!(slices.len(), 1, "a Service with a selector always has a slice");
    assert_eq!((slices[0].ports.as_deref(), conditions(&slices[0]).len()), (Some(&[][..]), 0));
}

#[test]
fn a_slice_carries_the_labels_and_the_uid_of_its_service() {
    let slices = desired_slices(&service(&json!({"ports": [{"port": 80}]})), &[]).unwrap();
    let labels: Vec<_> = slices[0].labels().iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        labels,
        [
            "endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io",
            "iter8.tools/release=httpbin",
            "kubernetes.io/service-name=httpbin",
        ]
    );
    assert_eq!(slices[0].owner_references()[0].uid, "uid-s");
}

#[test]
fn target_ports_resolve_by_number_by_name_and_by_default() {
    let ports = json!([
        {"name": "default", "port": 80},
        {"name": "number", "port": 81, "targetPort": 8080},
        {"name": "name", "port": 82, "targetPort": "http"},
        {"name": "unknown", "port": 83, "targetPort": "admin"},
    ]);
    let slices =
        desired_slices(&service(&json!({"ports": ports})), &[pod("a", "10.244.0.1", 9090, true)]).unwrap();
    let resolved: Vec<_> = slices[0]
        .ports
        .iter()
        .flatten()
        .map(|port| (port.name.as_deref().unwrap(), port.port.unwrap()))
        .collect();
    assert_eq!(resolved, [("default", 80), ("number", 8080), ("name", 9090)]);
}

#[test]
fn pods_with_different_numbers_of_a_named_port_have_slices_of_their_own() {
    let service = service(&json!({"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}));
    let pods = [pod("a", "10.244.0.1", 8080, true), pod("b", "10.244.0.2", 9090, true)];
    let slices = desired_slices(&service, &pods).unwrap();
    let numbers: Vec<_> = slices.iter().map(|slice| slice.ports.as_ref().unwrap()[0].port).collect();
    assert_eq!(numbers, [Some(8080), Some(9090)]);
}

#[test]
fn the_order_of_pods_changes_nothing() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    let (a, b) = (pod("a", "10.244.0.1", 80, true), pod("b", "10.244.0.2", 80, true));
    assert_eq!(desired_slices(&service, &[a.clone(), b.clone()]), desired_slices(&service, &[b, a]));
}

#[test]
fn services_that_select_nothing_are_left_alone() {
    assert_eq!(selector_of(&service(&json!({"ports": []}))), None);
    assert_eq!(selector_of(&service(&json!({"selector": {}}))), None);
    assert_eq!(selector_of(&service(&json!({"type": "ExternalName", "selector": {"app": "x"}}))), None);
    assert!(selector_of(&service(&json!({"selector": {"app": "x"}}))).is_some());
}

/// Slices as they are stored: with names and versions.
fn stored(slices: Vec<EndpointSlice>) -> Vec<EndpointSlice> {
    let name = |(index, mut slice): (usize, EndpointSlice)| {
        slice.metadata.name = Some(format!("httpbin-{index}"));
        slice.metadata.resource_version = Some(index.to_string());
        slice
    };
    slices.into_iter().enumerate().map(name).collect()
}

#[test]
fn slices_that_are_as_desired_are_not_written() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    let desired = desired_slices(&service, &[pod("a", "10.244.0.1", 80, true)]).unwrap();
    assert_eq!(change(stored(desired.clone()), desired), Change::default());

    let desired = desired_slices(&service, &[]).unwrap();
    let mut live = stored(desired.clone());
    (live[0].ports, live[0].endpoints) = (None, None);
    assert_eq!(change(live, desired), Change::default());
}

#[test]
fn the_first_endpoint_takes_over_the_empty_slice() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    let empty = stored(desired_slices(&service, &[]).unwrap());
    let desired = desired_slices(&service, &[pod("a", "10.244.0.1", 80, true)]).unwrap();

    let change = change(empty, desired);

    assert_eq!((change.create.len(), change.update.len(), change.delete.len()), (0, 1, 0));
    assert_eq!(change.update[0].name_any(), "httpbin-0");
    assert_eq!(change.update[0].resource_version().as_deref(), Some("0"));
}

#[test]
fn a_slice_too_many_is_deleted_and_a_missing_one_created() {
    let service = service(&json!({"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}));
    let one = desired_slices(&service, &[pod("b", "10.244.0.2", 9090, true)]).unwrap();
    let pods = [pod("a", "10.244.0.1", 8080, true), pod("b", "10.244.0.2", 9090, true)];
    let two = desired_slices(&service, &pods).unwrap();

    let fewer = change(stored(two.clone()), one.clone());
    assert_eq!(fewer, Change { delete: vec!["httpbin-0".to_owned()], ..Change::default() });
    let more = change(stored(one), two.clone());
    assert_eq!(more, Change { create: vec![two[0].clone()], ..Change::default() });
}
