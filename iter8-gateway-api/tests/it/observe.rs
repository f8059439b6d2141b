//! Live routes that somebody else had a hand in.

use gateway_api::httproutes::HttpRoute;
use iter8_core::{Observation, RouteObservation, Timestamp, Verdict, plan};
use serde_json::{Value, json};

use crate::api_server::stored;
use crate::release::{self, routed};

const CANARY: &str = "environment: deployment-gtw
application: {strategy: canary, versions: [{image: web:1}, {image: web:2}]}";

const GATEWAY: &str = "environment: deployment-gtw
gateway: public
application: {strategy: canary, versions: [{image: web:1}, {image: web:2}]}";

/// The stored route of [`CANARY`], edited.
fn edited(edit: impl Fn(&mut Value)) -> HttpRoute {
    let mut object = serde_json::to_value(stored(&routed(CANARY).1[0])).unwrap();
    edit(&mut object);
    serde_json::from_value(object).unwrap()
}

fn observe(edit: impl Fn(&mut Value)) -> RouteObservation {
    release::observe(&[edited(edit)]).unwrap()
}

/// The verdict of the only parent, by the parent's status.
fn verdict(generation: u32, parents: &Value) -> Verdict {
    let observation = observe(|route| {
        route["metadata"]["generation"] = json!(generation);
        route["status"] = json!({ "parents": parents });
    });
    let [report] = observation.parents.as_slice() else { panic!("{:?}", observation.parents) };
    assert_eq!(report.parent, "Service test/web:80");
    report.verdict.clone()
}

/// A parent's status as Linkerd writes the reference.
fn status(kind: &str, accepted: &str, generation: Option<u32>) -> Value {
    json!({
        "controllerName": "example.com/controller",
        "parentRef": {"group": "core", "kind": "Service", "name": "web", "namespace": "test", "port": 80},
        "conditions": [{
            "type": kind,
            "status": accepted,
            "observedGeneration": generation,
            "reason": "Because",
            "message": "so it is",
            "lastTransitionTime": "2026-08-01T00:00:00Z",
        }],
    })
}

fn refused() -> Verdict {
    Verdict::Refused { reason: "Because".into(), message: "so it is".into() }
}

#[test]
fn what_no_plan_has_makes_a_rule_altered_and_keeps_what_can_be_said_of_it() {
    let header = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}});
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {"port": 8080}});
    let edits: [(&str, Value); 9] = [
        ("/name", json!("mine")),
        ("/timeouts", json!({"request": "soon"})),
        ("/filters", json!([redirect])),
        ("/backendRefs/0/filters", json!([header])),
        ("/backendRefs/0/filters", json!([])),
        ("/backendRefs/1", json!({"name": "web-9", "namespace": "other", "port": 80})),
        (
            "/backendRefs/1",
            json!({"name": "web-9", "kind": "ServiceImport", "group": "multicluster.x-k8s.io"}),
        ),
        ("/backendRefs/1", json!({"name": "web-9", "port": null})),
        ("/backendRefs/1", json!({"name": "web-9", "port": 80, "weight": -1})),
    ];
    for (place, value) in edits {
        let observation = observe(|route| put(&mut route["spec"]["rules"][1], place, &value));
        let [candidate, default] = observation.rules.as_slice() else { panic!("{observation:?}") };
        assert!(!candidate.altered, "{place}");
        assert!(default.altered, "{place}: {value}");
        assert!(default.matches.is_empty(), "{place}");
        assert_eq!(default.backends[0].service.as_str(), "web-0", "{place}");
        assert_eq!(default.backends.len(), 1, "{place}");
    }
}

/// Sets the value at a JSON pointer, appending to a list where the index is its length.
fn put(object: &mut Value, place: &str, value: &Value) {
    let (parent, field) = place.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Array(entries) if field.parse() == Ok(entries.len()) => entries.push(value.clone()),
        parent => parent[field] = value.clone(),
    }
}

#[test]
fn a_mirror_that_no_plan_has_is_read_and_repaired_and_its_service_named() {
    for mirror in [
        json!({"backendRef": {"name": "web-9", "port": 80}, "fraction": {"numerator": 1}}),
        json!({"backendRef": {"name": "web-9"}}),
    ] {
        let filter = json!([{"type": "RequestMirror", "requestMirror": mirror}]);
        let observation = observe(|route| route["spec"]["rules"][1]["filters"] = filter.clone());
        assert!(
            observation.rules[1].filters.len() == 1 && observation.rules[1].mirrors.is_empty(),
            "{mirror}"
        );
        assert!(observation.named.iter().any(|service| service.as_str() == "web-9"), "{mirror}");
        let live =
            Observation { route: Some(observation), ..Observation::all_ready(&release::release(CANARY)) };
        assert!(plan(&release::release(CANARY), &live).repair, "{mirror}");
    }
}

#[test]
fn timeouts_and_headers_changed_by_hand_are_read_and_repaired() {
    let header = json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x"]}});
    for (place, value) in [("/timeouts", json!({"request": "1s"})), ("/filters", json!([header]))] {
        let observation = observe(|route| put(&mut route["spec"]["rules"][1], place, &value));
        assert!(observation.rules.iter().all(|rule| !rule.altered), "{place}");
        assert_ne!(observation, observe(|_| {}), "{place}");
        let live =
            Observation { route: Some(observation), ..Observation::all_ready(&release::release(CANARY)) };
        assert!(plan(&release::release(CANARY), &live).repair, "{place}");
    }
}

#[test]
fn a_changed_match_weight_or_order_reads_as_changed() {
    let untouched = observe(|_| {}).rules;
    for (place, value) in [
        ("/0/matches/0/headers/0/type", json!("RegularExpression")),
        ("/0/matches/0/path/value", json!("/x")),
        ("/0/matches", json!([{}])),
        ("/1/matches/0/method", json!("GET")),
        ("/1/backendRefs/0/weight", json!(2)),
        ("/1/backendRefs/0/port", json!(8080)),
    ] {
        let rules = observe(|route| put(&mut route["spec"]["rules"], place, &value)).rules;
        assert_ne!(rules, untouched, "{place}");
    }
    let reversed = observe(|route| route["spec"]["rules"].as_array_mut().unwrap().reverse());
    assert_ne!(reversed.rules, untouched);
}

#[test]
fn only_the_last_rule_can_be_the_default_rule() {
    let rules = observe(|route| route["spec"]["rules"].as_array_mut().unwrap().reverse()).rules;
    assert!(!rules[0].matches.is_empty(), "a rule that takes every request before its turn: {rules:?}");
}

#[test]
fn a_route_without_rules_still_says_that_there_is_one() {
    for empty in [json!([]), Value::Null] {
        let observation = observe(|route| route["spec"]["rules"] = empty.clone());
        assert_eq!(observation.rules.len(), 1);
        assert!(observation.rules[0].altered && observation.rules[0].backends.is_empty());
    }
}

#[test]
fn a_gateway_route_with_other_rules_alters_the_rules_that_differ() {
    let (_, routes) = routed(GATEWAY);
    let altered = |edit: fn(&mut Vec<Value>)| -> Vec<bool> {
        let mut gateway = serde_json::to_value(&routes[1]).unwrap();
        edit(gateway["spec"]["rules"].as_array_mut().unwrap());
        let live = [routes[0].clone(), serde_json::from_value(gateway).unwrap()];
        release::observe(&live).unwrap().rules.iter().map(|rule| rule.altered).collect()
    };
    assert_eq!(altered(|_| {}), [false, false]);
    assert_eq!(altered(|rules| rules[1]["timeouts"] = json!({"request": "1s"})), [false, true]);
    assert_eq!(altered(|rules| rules.truncate(1)), [false, true]);
    assert_eq!(altered(|rules| rules.insert(0, rules[0].clone())), [false, true]);
    assert_eq!(altered(|rules| rules.push(rules[1].clone())), [false, true]);
}

#[test]
fn services_of_every_route_are_named_whatever_their_weight() {
    let (_, routes) = routed(GATEWAY);
    let mut gateway = serde_json::to_value(&routes[1]).unwrap();
    gateway["spec"]["rules"][1]["backendRefs"][0] = json!({"name": "web-8", "port": 80, "weight": 0});
    let live = [routes[0].clone(), serde_json::from_value(gateway).unwrap()];
    let named = release::observe(&live).unwrap().named;
    assert_eq!(named.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["web-0", "web-1", "web-8"]);
}

#[test]
fn while_an_application_is_renamed_the_newer_route_speaks() {
    let older = edited(|route| route["metadata"]["creationTimestamp"] = json!("2026-08-01T00:00:00Z"));
    let newer = edited(|route| {
        route["metadata"]["name"] = json!("shop");
        route["metadata"]["creationTimestamp"] = json!("2026-08-01T00:00:01Z");
        route["spec"]["rules"][1]["backendRefs"][0]["weight"] = json!(7);
    });
    for live in [[older.clone(), newer.clone()], [newer, older]] {
        let rules = release::observe(&live).unwrap().rules;
        assert_eq!(rules[1].backends[0].weight.get(), 7);
        assert!(rules[1].altered, "the older route does not have this rule");
    }
}

#[test]
fn a_route_was_written_when_its_own_manager_touched_it_last() {
    let entry = |manager: &str, subresource: Option<&str>, time: &str| json!({"manager": manager, "operation": "Apply", "subresource": subresource, "time": time});
    let observation = observe(|route| {
        route["metadata"]["managedFields"] = json!([
            entry("iter8", None, "1970-01-01T00:00:07Z"),
            entry("iter8", None, "1970-01-01T00:00:03Z"),
            entry("iter8", Some("status"), "1970-01-01T00:00:08Z"),
            entry("kubectl-edit", None, "1970-01-01T00:00:09Z"),
        ]);
    });
    assert_eq!(observation.written, Some(Timestamp::from_millis(8000)));
    assert_eq!(observe(|_| {}).written, None);
}

#[test]
fn a_parent_that_accepts_the_present_generation_accepts_the_route() {
    assert_eq!(verdict(3, &json!([status("Accepted", "True", Some(3))])), Verdict::Accepted);
}

#[test]
fn a_parent_that_names_no_generation_accepts_unversioned_or_refuses() {
    assert_eq!(verdict(3, &json!([status("Accepted", "True", None)])), Verdict::AcceptedUnversioned);
    assert_eq!(verdict(3, &json!([status("Accepted", "False", None)])), refused());
}

#[test]
fn a_verdict_on_an_older_generation_is_stale() {
    for accepted in ["True", "False", "Unknown"] {
        assert_eq!(verdict(3, &json!([status("Accepted", accepted, Some(2))])), Verdict::Stale, "{accepted}");
    }
    assert_eq!(verdict(3, &json!([status("Accepted", "False", Some(3))])), refused());
}

#[test]
fn a_parent_without_a_verdict_is_silent() {
    assert_eq!(verdict(3, &json!([])), Verdict::Silent);
    assert_eq!(verdict(3, &json!([status("ResolvedRefs", "True", Some(3))])), Verdict::Silent);
    assert_eq!(verdict(3, &json!([status("Accepted", "Unknown", Some(3))])), Verdict::Silent);
}

#[test]
fn parents_compare_after_defaulting() {
    let about = |reference: Value| {
        let mut status = status("Accepted", "True", Some(3));
        status["parentRef"] = reference;
        verdict(3, &json!([status]))
    };
    for same in [
        json!({"group": "", "kind": "Service", "name": "web", "port": 80}),
        json!({"group": "core", "kind": "Service", "name": "web", "namespace": "test"}),
    ] {
        assert_eq!(about(same.clone()), Verdict::Accepted, "{same}");
    }
    for other in [
        json!({"name": "web", "port": 80}),
        json!({"group": "", "kind": "Service", "name": "web", "namespace": "other"}),
        json!({"group": "", "kind": "Service", "name": "web", "port": 8080}),
        json!({"group": "", "kind": "Service", "name": "web-0"}),
        json!({"group": "", "kind": "Service", "name": "web", "sectionName": "a"}),
    ] {
        assert_eq!(about(other.clone()), Verdict::Silent, "{other}");
    }
}

#[test]
fn of_several_controllers_for_one_parent_the_worst_verdict_counts() {
    let [accepted, unversioned, stale] =
        [("True", Some(3)), ("True", None), ("True", Some(2))].map(|(a, g)| status("Accepted", a, g));
    let refusal = status("Accepted", "False", Some(3));
    assert_eq!(verdict(3, &json!([accepted, unversioned])), Verdict::AcceptedUnversioned);
    assert_eq!(verdict(3, &json!([stale, unversioned])), Verdict::Stale);
    assert_eq!(verdict(3, &json!([accepted, refusal, stale])), refused());
}

#[test]
fn every_parent_of_every_route_reports() {
    let (_, routes) = routed(GATEWAY);
    let parents = release::observe(&routes).unwrap().parents;
    let names: Vec<_> = parents.iter().map(|report| report.parent.as_str()).collect();
    assert_eq!(names, ["Service test/web:80", "Gateway test/public"]);
}
