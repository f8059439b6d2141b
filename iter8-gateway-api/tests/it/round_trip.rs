//! What is rendered reads back as it was planned.

use iter8_core::{ObservedBackend, ObservedMirror, ObservedRule, PlannedRoute, PlannedRule};

use serde_json::json;

use crate::api_server::stored;
use crate::release::{observe, routed};

const DOCUMENTS: [&str; 8] = [
    "environment: deployment-gtw
application: {strategy: canary, versions: [{image: web:1}]}",
    "environment: deployment-gtw
gateway: [{name: public, namespace: infra, sectionName: https, port: 443}]
application:
  strategy: canary
  versions:
  - image: web:1
  - image: web:2
    matches:
    - headers: [{name: traffic, value: test}, {type: RegularExpression, name: cookie, value: .+}]
    - path: {type: Exact, value: /v2}
      method: POST
    - path: {value: /v2}
      queryParams: [{name: a, value: b}, {type: RegularExpression, name: c, value: d}]
    - path: {type: RegularExpression, value: '/v[0-9]+'}",
    "environment: deployment-gtw
application:
  strategy: canary
  versions:
  - image: web:1
  - image: web:2
    matches: [{path: {type: PathPrefix, value: /}}, {method: GET, path: {}}]
  - image: web:3
    matches: [{}]",
    "environment: deployment-gtw
application:
  strategy: blue-green
  versions: [{image: web:1, weight: 0}, {image: web:2, weight: 1000000, port: 8080}, {image: web:3}]",
    "environment: deployment-gtw
application:
  strategy: mirror
  versions: [{image: web:1}, {image: web:2}, {image: web:3, mirrorPercent: 7}]",
    "environment: deployment-gtw
application:
  strategy: mirror
  versions: [{image: web:1}, {image: web:2, mirrorPercent: 0}]",
    OPTIONS,
    "environment: deployment-gtw
application:
  strategy: mirror
  route:
    timeouts: {backendRequest: 500ms}
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [cookie]}}]
  versions: [{image: web:1}, {image: web:2}]",
];

const OPTIONS: &str = "environment: deployment-gtw
gateway: public
application:
  metadata: {labels: {team: a, tier: web}, annotations: {note: b}}
  strategy: canary
  route:
    labels: {team: b}
    annotations: {retry.linkerd.io/http: 5xx}
    timeouts: {request: 90s, backendRequest: 1m}
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [e]}
    - type: RequestHeaderModifier
      requestHeaderModifier: {set: [{name: a, value: b}]}
  versions: [{image: web:1}, {image: web:2}]";

pub(crate) fn observed(route: &PlannedRoute, planned: &PlannedRule) -> ObservedRule {
    let backends = planned.backends.iter().map(|backend| ObservedBackend {
        service: backend.service.clone(),
        port: backend.port,
        weight: backend.weight,
    });
    let mirrors = planned.mirrors.iter().map(|mirror| ObservedMirror {
        service: mirror.service.clone(),
        port: mirror.port,
        percent: mirror.percent,
    });
    ObservedRule {
        matches: planned.matches.clone(),
        backends: backends.collect(),
        mirrors: mirrors.collect(),
        timeouts: route.timeouts,
        filters: route.filters.clone(),
        altered: false,
    }
}

#[test]
fn rendered_routes_read_back_as_they_were_planned() {
    for document in DOCUMENTS {
        let (plan, routes) = routed(document);
        let route = plan.route.as_ref().unwrap();
        let planned: Vec<_> = route.rules.iter().map(|rule| observed(route, rule)).collect();
        assert_eq!(observe(&routes).unwrap().rules, planned, "{document}");
    }
}

#[test]
fn the_defaults_of_the_api_server_are_no_difference() {
    for document in DOCUMENTS {
        let (_, routes) = routed(document);
        let live: Vec<_> = routes.iter().map(stored).collect();
        assert_ne!(live, routes, "the API server fills something in");
        assert_eq!(observe(&live), observe(&routes), "{document}");
    }
}

#[test]
fn the_order_of_the_objects_does_not_matter() {
    let (_, routes) = routed(DOCUMENTS[1]);
    let reversed: Vec<_> = routes.iter().rev().cloned().collect();
    assert_eq!(reversed.len(), 2);
    assert_eq!(observe(&reversed).unwrap().rules, observe(&routes).unwrap().rules);
}

#[test]
fn labels_and_annotations_of_the_application_go_on_every_route() {
    let (_, routes) = routed(
        "environment: deployment-gtw
gateway: public
application:
  metadata: {labels: {team: a}, annotations: {note: b}}
  strategy: canary
  versions: [{image: web:1}]",
    );
    assert_eq!(routes.len(), 2);
    for route in &routes {
        assert_eq!(route.metadata.labels.as_ref().unwrap()["team"], "a");
        assert_eq!(route.metadata.annotations.as_ref().unwrap()["note"], "b");
    }
}

#[test]
fn the_users_own_on_the_routes_is_in_every_rule_of_every_route() {
    let (_, routes) = routed(OPTIONS);
    assert_eq!(routes.len(), 2);
    for route in &routes {
        let labels: Vec<_> =
            route.metadata.labels.iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(labels, ["team=b", "tier=web"]);
        let annotations = route.metadata.annotations.as_ref().unwrap();
        let own = annotations.keys().filter(|key| !key.starts_with("iter8.tools/"));
        assert_eq!(own.collect::<Vec<_>>(), ["note", "retry.linkerd.io/http"]);
        let rules = route.spec.rules.as_ref().unwrap();
        assert_eq!(rules.len(), 2);
        for rule in rules {
            let rule = serde_json::to_value(rule).unwrap();
            assert_eq!(rule["timeouts"], json!({"request": "90s", "backendRequest": "1m"}));
            let filters = json!([
                {
                    "type": "ResponseHeaderModifier",
                    "responseHeaderModifier": {
                        "set": [{"name": "a", "value": "b"}],
                        "add": [{"name": "c", "value": "d"}],
                        "remove": ["e"],
                    },
                },
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}},
            ]);
            assert_eq!(rule["filters"], filters);
        }
    }
}

#[test]
fn a_release_without_a_route_renders_nothing_and_nothing_reads_as_no_route() {
    let (_, routes) = routed("environment: deployment-gtw\napplication: {versions: [{image: web:1}]}");
    assert!(routes.is_empty());
    assert_eq!(observe(&routes), None);
}
