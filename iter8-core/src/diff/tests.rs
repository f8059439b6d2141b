use super::*;
use crate::plan::{PlannedMirror, PlannedRule};
use crate::reason::{Reason, RuleReason};
use crate::release::{Protocol, Strategy};
use crate::shared::Labels;
use crate::weight::Port;

fn backend(service: &str, weight: i128) -> PlannedBackend {
    PlannedBackend {
        service: service.parse().unwrap(),
        port: Port::HTTP,
        weight: Weight::try_from(weight).unwrap(),
    }
}

/// A rule for header `x: VALUE`, or the default rule.
fn rule(value: Option<&str>, backends: &[PlannedBackend]) -> PlannedRule {
    let matches = value.map(|value| RouteMatch::header("x", value)).into_iter().collect();
    PlannedRule {
        matches,
        backends: backends.to_vec(),
        mirrors: Vec::new(),
        reason: RuleReason { version: None, reason: Reason::Kept },
    }
}

fn default(service: &str) -> PlannedRule {
    rule(None, &[backend(service, 1)])
}

fn candidate(service: &str, value: &str) -> PlannedRule {
    rule(Some(value), &[backend(service, 1)])
}

fn version(name: &str, role: Role, readiness: Readiness) -> PlannedVersion {
    PlannedVersion {
        name: name.parse().unwrap(),
        service: name.parse().unwrap(),
        deployment: name.parse().unwrap(),
        role,
        readiness,
        weight: None,
        matches: List::default(),
        reason: Reason::Kept,
        rollout: None,
    }
}

fn plan(versions: Vec<PlannedVersion>, rules: Vec<PlannedRule>) -> RoutePlan {
    RoutePlan {
        strategy: Strategy::Canary,
        route: (!rules.is_empty()).then(|| PlannedRoute {
            protocol: Protocol::Http,
            name: "web".parse().unwrap(),
            namespace: "test".parse().unwrap(),
            port: Port::HTTP,
            gateways: List::default(),
            hostnames: List::default(),
            leaving: None,
            labels: Labels::default(),
            annotations: Labels::default(),
            timeouts: crate::Timeouts::default(),
            filters: List::default(),
            rules,
        }),
        front: None,
        keeps_other_routes: false,
        repair: false,
        versions,
        notices: Vec::new(),
        look_again: None,
    }
}

fn words(before: &RoutePlan, after: &RoutePlan) -> Vec<String> {
    assert_eq!(diff(before, before), []);
    assert_eq!(diff(after, after), []);
    diff(before, after).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check_rules(before: &[PlannedRule], after: &[PlannedRule], expected: &[&str]) {
    assert_eq!(words(&plan(Vec::new(), before.to_vec()), &plan(Vec::new(), after.to_vec())), expected);
}

#[test]
fn rules_come_and_go() {
    let with = [candidate("b", "1"), default("a")];
    let without = [default("a")];
    check_rules(&without, &with, &["new rule: header x=1 → b:80"]);
    check_rules(&with, &without, &["no rule any more: header x=1"]);
    check_rules(&[], &without, &["new rule: all other requests → a:80"]);
    check_rules(&without, &[], &["no rule any more: all other requests"]);
}

#[test]
fn a_rule_that_moves_says_which_ones_it_has_overtaken() {
    let [b, c, d] = [("b", "1"), ("c", "2"), ("d", "3")].map(|(name, value)| candidate(name, value));
    check_rules(
        &[b.clone(), c.clone(), d.clone(), default("a")],
        &[d, b, c, default("a")],
        &["the rule for header x=3 comes before the one for header x=1; header x=2 now"],
    );
}

#[test]
fn a_rule_that_is_overtaken_by_a_new_one_has_not_moved() {
    let before = [candidate("b", "1"), default("a")];
    let after = [candidate("c", "2"), candidate("b", "1"), default("a")];
    check_rules(&before, &after, &["new rule: header x=2 → c:80"]);
}

#[test]
fn a_rule_is_known_by_its_service_and_else_by_its_matches() {
    let [one, two, other] = [("b", "1"), ("b", "2"), ("c", "1")].map(|(name, value)| candidate(name, value));
    check_rules(
        &[one.clone(), default("a")],
        &[two, default("a")],
        &["b gets header x=2 instead of header x=1"],
    );
    check_rules(&[one, default("a")], &[other, default("a")], &["header x=1 → c:80 instead of b:80"]);
}

#[test]
fn a_promotion_changes_the_backend_of_the_default_rule() {
    check_rules(
        &[candidate("b", "1"), default("a")],
        &[default("b")],
        &["all other requests → b:80 instead of a:80", "no rule any more: header x=1"],
    );
}

#[test]
fn weights_and_backends_of_a_split_change_one_by_one() {
    let split = |weights: &[(&str, i128)]| {
        rule(None, &weights.iter().map(|(service, weight)| backend(service, *weight)).collect::<Vec<_>>())
    };
    check_rules(
        &[split(&[("a", 50), ("b", 0), ("c", 7)])],
        &[split(&[("a", 10), ("b", 0), ("d", 9)])],
        &[
            "all other requests → d:80 (weight 9) instead of c:80 (weight 7)",
            "all other requests → a: weight 10 instead of 50",
        ],
    );
    check_rules(
        &[split(&[("a", 1)])],
        &[split(&[("a", 1), ("b", 1)])],
        &["all other requests → b:80 besides"],
    );
    check_rules(
        &[split(&[("a", 1), ("b", 1)])],
        &[split(&[("a", 1)])],
        &["all other requests → b:80 no longer"],
    );
}

#[test]
fn shares_of_copies_change() {
    let copied = |percent: &[(&str, i128)]| {
        let mirrors = percent.iter().map(|(service, percent)| PlannedMirror {
            service: service.parse().unwrap(),
            port: Port::HTTP,
            percent: Percent::try_from(*percent).unwrap(),
        });
        PlannedRule { mirrors: mirrors.collect(), ..default("a") }
    };
    check_rules(
        &[copied(&[("b", 10), ("c", 5), ("d", 1)])],
        &[copied(&[("c", 5), ("d", 2), ("e", 3)])],
        &[
            "b gets copies of 0 % instead of 10 %",
            "d gets copies of 2 % instead of 1 %",
            "e gets copies of 3 % instead of 0 %",
        ],
    );
}

#[test]
fn versions_come_change_and_go() {
    let unready = Readiness::NotReady(crate::Missing::Deployment);
    let before = [
        version("a", Role::Primary, Readiness::Ready),
        version("b", Role::Candidate, unready.clone()),
        version("c", Role::Removed(Removal::Due), Readiness::Ready),
    ];
    let after = [
        version("b", Role::Primary, Readiness::Ready),
        version("d", Role::Candidate, unready),
        version("a", Role::Removed(Removal::Leaving), Readiness::Ready),
    ];
    assert_eq!(
        words(&plan(before.to_vec(), Vec::new()), &plan(after.to_vec(), Vec::new())),
        [
            "b is the primary now",
            "b is ready; it was not ready: its Deployment does not exist",
            "d is new",
            "a leaves the route",
            "c is gone",
        ]
    );
}

#[test]
fn the_front_and_the_rest_of_the_route_are_compared_too() {
    let front = |app: &str| FrontService {
        name: "web".parse().unwrap(),
        port: Port::HTTP,
        target_port: Some(crate::TargetPort::Name("http".into())),
        app_protocol: None,
        selector: [("app".to_owned(), app.to_owned())].into(),
        labels: Labels::default(),
        annotations: Labels::default(),
    };
    let before = RoutePlan { front: Some(front("a")), ..plan(Vec::new(), vec![default("a")]) };
    let mut after = RoutePlan { front: Some(front("b")), ..before.clone() };
    after.route.as_mut().unwrap().timeouts.request = "1s".parse().ok();
    assert_eq!(
        words(&before, &after),
        [
            "the route differs in its timeouts",
            "the front Service: web:80 → app=b on port http instead of web:80 → app=a on port http",
        ]
    );
    let none = RoutePlan { front: None, ..before.clone() };
    assert_eq!(words(&before, &none), ["there is no front Service any more"]);
    assert_eq!(words(&none, &before), ["new front Service: web:80 → app=a on port http"]);
}
