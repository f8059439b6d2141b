//! Promotion and everything like it: what serves now serves until what replaces it is ready.

use iter8_core::{Removal, Rollout, RoutePlan, Timestamp, Verdict};

use crate::world::{World, document, planned, release, removal, rules};

const DEFAULT: &str = "* → web-0*1";
const TEST: &str = "header traffic=test → web-1*1";

const OLD: &str = "{image: web:1}";
const NEW: &str = "{image: web:2}";

/// The documents of the tutorial: versions differ in a label only.
fn tutorial(versions: &[u32]) -> iter8_core::ValidRelease {
    let version =
        |v: &u32| format!("{{image: httpbin, metadata: {{labels: {{app.kubernetes.io/version: v{v}}}}}}}");
    let versions: Vec<_> = versions.iter().map(version).collect();
    release("canary", &versions.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_tutorial_from_an_empty_cluster_to_the_promoted_candidate() {
    let mut world = World::new();
    let initial = tutorial(&[0]);
    world.write(&initial);
    assert!(world.step(&initial).route.is_none(), "initial, not ready");
    world.finish("web-0");
    assert_eq!(rules(&world.step(&initial)), [DEFAULT], "initial, ready");

    let candidate = tutorial(&[0, 1]);
    world.write(&candidate);
    assert_eq!(rules(&world.step(&candidate)), [DEFAULT], "candidate not ready");
    world.finish("web-1");
    assert_eq!(rules(&world.step(&candidate)), [TEST, DEFAULT], "candidate ready");

    // Only labels change: no Pod is replaced, and the Deployment is current as soon as its status says so.
    let promoted = tutorial(&[1]);
    world.write(&promoted);
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT], "the new primary has not been seen whole");
    world.finish("web-0");
    assert_eq!(rules(&world.step(&promoted)), [DEFAULT], "promoted");
    world.wait(5);
    assert_eq!(removal(&world.step(&promoted), "web-1"), Some(Removal::DrainBegins));
    world.wait(5);
    assert_eq!(removal(&world.step(&promoted), "web-1"), Some(Removal::Due));
    assert_eq!(removal(&world.step(&promoted), "web-1"), None);
}

/// A release whose candidate is being promoted: the new primary is declared, its rollout has begun.
fn promoting() -> (World, iter8_core::ValidRelease) {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    let promoted = release("canary", &[NEW]);
    world.write(&promoted);
    (world, promoted)
}

#[test]
fn the_candidate_keeps_its_rule_and_its_pods_while_the_new_primary_is_updating() {
    let (mut world, promoted) = promoting();
    let plan = world.step(&promoted);
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), Some(Removal::Retained));
    assert_eq!(
        planned(&plan, "web-1").reason.to_string(),
        "removed, but keeps its rule until then: the primary web-0 is updating: its rollout has not begun"
    );
    let deployment = world.version("web-0").deployment.as_mut().unwrap();
    deployment.status_is_current = true;
    (deployment.replicas, deployment.updated) = (2, 1);
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT], "an old Pod remains");
    world.finish("web-0");
    world.version("web-0").endpoints.ready = 2;
    assert_eq!(
        rules(&world.step(&promoted)),
        [TEST, DEFAULT],
        "an old Pod serves that the Deployment counts no more"
    );
    world.finish("web-0");
    world.version("web-0").endpoints.terminating = 1;
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT], "an old Pod is terminating");
}

fn rollout(text: &str) -> Option<Rollout> {
    let rollout = Rollout::from_label(text);
    assert!(rollout.is_some(), "{text}");
    rollout
}

/// A promotion whose new primary is complete by its Deployment's status, which is at this rollout.
fn complete_at(present: &str) -> (World, iter8_core::ValidRelease) {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    world.version("web-0").deployment.as_mut().unwrap().rollout = rollout(present);
    (world, promoted)
}

#[test]
fn endpoints_computed_before_the_rollout_was_complete_may_be_old_pods_alone() {
    let (mut world, promoted) = complete_at("u.2");
    let plan = world.step(&promoted);
    assert_eq!(rules(&plan), [TEST, DEFAULT], "one endpoint is ready, but it may be the old one");
    assert_eq!(
        planned(&plan, "web-0").readiness.to_string(),
        "updating: its endpoints may still be those of before the rollout"
    );
    assert_eq!(planned(&plan, "web-0").rollout, rollout("u.2"), "the Service is to name the rollout");
    world.version("web-0").service.as_mut().unwrap().rollout = rollout("u.2");
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT], "the endpoints are not computed anew yet");
    world.version("web-0").endpoints_rollout = rollout("u.1");
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT]);
    world.version("web-0").endpoints_rollout = rollout("u.2");
    assert_eq!(rules(&world.step(&promoted)), [DEFAULT]);
    assert_eq!(planned(&world.plan(&promoted), "web-0").rollout, rollout("u.2"), "the label stays");
}

#[test]
fn a_rollout_is_named_only_once_it_is_complete() {
    let (mut world, promoted) = complete_at("u.3");
    world.version("web-0").service.as_mut().unwrap().rollout = rollout("u.2");
    world.version("web-0").deployment.as_mut().unwrap().updated = 0;
    assert_eq!(planned(&world.plan(&promoted), "web-0").rollout, rollout("u.2"), "rolling out");
    world.finish("web-0");
    world.version("web-0").deployment.as_mut().unwrap().digest = None;
    assert_eq!(planned(&world.plan(&promoted), "web-0").rollout, rollout("u.2"), "not as declared");
}

#[test]
fn a_change_that_replaces_no_pod_waits_for_no_endpoints() {
    let (mut world, promoted) = complete_at("u.1");
    assert_eq!(planned(&world.plan(&promoted), "web-0").rollout, None, "the first template has no old Pods");
    assert_eq!(rules(&world.step(&promoted)), [DEFAULT]);

    let (mut world, promoted) = complete_at("u.2");
    let live = world.version("web-0");
    live.service.as_mut().unwrap().rollout = rollout("u.2");
    live.endpoints_rollout = rollout("u.2");
    assert_eq!(rules(&world.step(&promoted)), [DEFAULT], "named by the rollout before, which is the same");
}

#[test]
fn a_template_that_comes_back_and_a_deployment_made_anew_are_rollouts_of_their_own() {
    for present in ["u.4", "other.1", "other.3"] {
        let (mut world, promoted) = complete_at(present);
        let live = world.version("web-0");
        live.service.as_mut().unwrap().rollout = rollout("u.3");
        live.endpoints_rollout = rollout("u.3");
        let plan = world.step(&promoted);
        assert_eq!(rules(&plan), [TEST, DEFAULT], "{present}");
        assert_eq!(planned(&plan, "web-0").rollout, rollout(present));
    }
}

#[test]
fn nothing_moves_before_the_new_declaration_is_written() {
    let world = World::running(&release("canary", &[OLD, NEW]));
    let plan = world.plan(&release("canary", &[NEW]));
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), Some(Removal::Retained));
}

/// The steps of a removal, each with its plan's time to look again in milliseconds from now.
fn next(world: &mut World, release: &iter8_core::ValidRelease) -> (Option<Removal>, Option<u64>) {
    let plan = world.step(release);
    let now = world.observation.now.as_millis();
    (removal(&plan, "web-1"), plan.look_again.map(|at| at.as_millis() - now))
}

#[test]
fn a_promoted_candidate_leaves_then_drains_then_is_due() {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Leaving), None), "the route is being written");
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Leaving), Some(5000)), "not yet accepted");
    world.wait(4);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Leaving), Some(1000)));
    world.wait(1);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::DrainBegins), Some(5000)));
    let until = world.observation.now.plus_seconds(5);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Draining { until }), Some(5000)));
    world.wait(3);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Draining { until }), Some(2000)));
    world.wait(2);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Due), None));
    assert_eq!(next(&mut world, &promoted), (None, None));
}

fn leaving_with(verdict: Verdict) -> (Option<Removal>, Option<u64>) {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    world.step(&promoted);
    world.observation.route.as_mut().unwrap().parents[0].verdict = verdict;
    next(&mut world, &promoted)
}

#[test]
fn a_removal_goes_on_when_every_parent_has_accepted_the_route() {
    assert_eq!(leaving_with(Verdict::Accepted), (Some(Removal::DrainBegins), Some(5000)));
    assert_eq!(leaving_with(Verdict::AcceptedUnversioned), (Some(Removal::Leaving), Some(5000)));
    assert_eq!(leaving_with(Verdict::Silent), (Some(Removal::Leaving), Some(5000)));
    assert_eq!(leaving_with(Verdict::Stale), (Some(Removal::Leaving), None));
    let refused = Verdict::Refused { reason: "NoMatchingParent".into(), message: "no such port".into() };
    assert_eq!(leaving_with(refused), (Some(Removal::Leaving), None));
}

#[test]
fn the_drain_is_as_long_as_declared() {
    let text = |versions: &str| {
        document(&format!(
            "environment: deployment-gtw
application: {{strategy: canary, drainSeconds: 30, versions: [{versions}]}}"
        ))
    };
    let mut world = World::running(&text("{image: web:1}, {image: web:2}"));
    let promoted = text("{image: web:1}");
    world.step(&promoted);
    world.wait(5);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::DrainBegins), Some(30_000)));
}

#[test]
fn a_rollback_while_the_candidate_drains_brings_its_rule_back() {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    world.step(&promoted);
    world.wait(5);
    assert_eq!(next(&mut world, &promoted).0, Some(Removal::DrainBegins));
    let before = release("canary", &[OLD, NEW]);
    let plan = world.step(&before);
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), None);
}

#[test]
fn a_drain_that_begins_in_the_second_of_the_write_is_not_begun_again() {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    world.step(&promoted);
    let now = world.observation.now;
    let route = world.observation.route.as_mut().unwrap();
    // The API has whole seconds: all that is known is that the write was not after the second's end.
    route.written = Some(Timestamp::from_millis(now.as_millis() + 900));
    route.parents[0].verdict = Verdict::Accepted;
    assert_eq!(next(&mut world, &promoted), (Some(Removal::DrainBegins), Some(5000)));
    world.wait(5);
    assert_eq!(next(&mut world, &promoted), (Some(Removal::Due), None));
}

#[test]
fn a_drain_that_a_rollback_ended_does_not_count_for_the_next_promotion() {
    let (mut world, promoted) = promoting();
    world.finish("web-0");
    world.step(&promoted);
    world.wait(5);
    assert_eq!(next(&mut world, &promoted).0, Some(Removal::DrainBegins));
    let before = release("canary", &[OLD, NEW]);
    let drained_since = world.version("web-1").service.as_ref().unwrap().draining_since;
    world.write(&before);
    world.finish("web-0");
    world.version("web-1").service.as_mut().unwrap().draining_since = drained_since;
    world.wait(60);
    world.step(&before);
    world.wait(60);
    world.write(&promoted);
    world.finish("web-0");
    assert_eq!(next(&mut world, &promoted).0, Some(Removal::Leaving));
    world.wait(5);
    assert_eq!(next(&mut world, &promoted).0, Some(Removal::DrainBegins));
}

#[test]
fn a_new_primary_that_never_becomes_ready_keeps_the_candidate_and_says_why() {
    let (mut world, promoted) = promoting();
    let deployment = world.version("web-0").deployment.as_mut().unwrap();
    deployment.status_is_current = true;
    deployment.stalled = Some("ImagePullBackOff".into());
    for _ in 0..10 {
        let plan = world.step(&promoted);
        assert_eq!(rules(&plan), [TEST, DEFAULT]);
        assert_eq!(
            planned(&plan, "web-1").reason.to_string(),
            "removed, but keeps its rule until then: the primary web-0 is updating: its rollout is stuck: \
             ImagePullBackOff"
        );
        assert_eq!(plan.look_again, None, "the Deployment's next change says when");
        world.wait(3600);
    }
}

#[test]
fn a_retained_candidate_that_fails_loses_its_rule_and_keeps_its_objects() {
    let (mut world, promoted) = promoting();
    world.crash("web-1");
    let plan = world.step(&promoted);
    assert_eq!(rules(&plan), [DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), Some(Removal::Retained));
    world.finish("web-1");
    assert_eq!(rules(&world.step(&promoted)), [TEST, DEFAULT], "and gets it back");
}

#[test]
fn a_removed_version_whose_service_is_gone_is_due() {
    let (mut world, promoted) = promoting();
    world.version("web-1").service = None;
    assert_eq!(removal(&world.plan(&promoted), "web-1"), Some(Removal::Due));
}

pub(crate) fn app(plan: &RoutePlan) -> &str {
    plan.front.as_ref().unwrap().selector["app"].as_str()
}

#[test]
fn a_renamed_primary_takes_over_when_it_is_ready_and_the_front_moves_in_the_same_step() {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    let renamed = release("canary", &["{image: web:1, metadata: {name: main}}", NEW]);
    let plan = world.step(&renamed);
    assert_eq!((rules(&plan), app(&plan)), (vec![TEST.into(), DEFAULT.into()], "web-0"), "not yet written");
    world.write(&renamed);
    let plan = world.step(&renamed);
    assert_eq!((rules(&plan), app(&plan)), (vec![TEST.into(), DEFAULT.into()], "web-0"));
    assert_eq!(removal(&plan, "web-0"), Some(Removal::Retained));
    world.finish("main");
    let plan = world.step(&renamed);
    assert_eq!((rules(&plan), app(&plan)), (vec![TEST.into(), "* → main*1".into()], "main"));
    assert_eq!(removal(&plan, "web-0"), Some(Removal::Leaving));
}

#[test]
fn a_renamed_primary_that_has_been_ready_once_is_not_replaced_by_the_one_before_it() {
    let mut world = World::running(&release("canary", &[OLD]));
    let renamed = release("canary", &["{image: web:1, metadata: {name: main}}"]);
    world.write(&renamed);
    world.finish("main");
    world.step(&renamed);
    world.crash("main");
    assert_eq!(rules(&world.step(&renamed)), ["* → main*1"]);
}

#[test]
fn a_renamed_primary_takes_over_early_from_one_that_cannot_serve() {
    let mut world = World::running(&release("canary", &[OLD]));
    let renamed = release("canary", &["{image: web:1, metadata: {name: main}}"]);
    world.write(&renamed);
    world.crash("web-0");
    assert_eq!(rules(&world.step(&renamed)), [DEFAULT], "neither can");
    world.finish("main");
    world.version("main").endpoints.terminating = 1;
    assert_eq!(rules(&world.step(&renamed)), ["* → main*1"]);
}

#[test]
fn a_candidate_that_becomes_the_primary_under_its_name_moves_at_once() {
    let (old, new) = ("{image: web:1, metadata: {name: old}}", "{image: web:2, metadata: {name: new}}");
    let mut world = World::running(&release("canary", &[old, new]));
    let swapped = release("canary", &[new, old]);
    world.write(&swapped);
    let plan = world.step(&swapped);
    assert_eq!(rules(&plan), ["header traffic=test → old*1", "* → new*1"]);
    assert_eq!(app(&plan), "new");
}

#[test]
fn a_renamed_candidate_keeps_its_rule_under_the_old_name_until_the_new_one_is_ready() {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    let renamed = release("canary", &[OLD, "{image: web:2, metadata: {name: fast}}"]);
    world.write(&renamed);
    let plan = world.step(&renamed);
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert_eq!(
        planned(&plan, "web-1").reason.to_string(),
        "removed, but keeps its rule until then: fast, which replaces it, is not ready: no Pod is ready"
    );
    world.finish("fast");
    let plan = world.step(&renamed);
    assert_eq!(rules(&plan), ["header traffic=test → fast*1", DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), Some(Removal::Leaving));
}

#[test]
fn a_redefined_candidate_keeps_its_previous_rule_until_it_is_ready() {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    let beta = "{image: web:3, matches: [{headers: [{name: beta, value: b}]}]}";
    let redefined = release("canary", &[OLD, beta]);
    assert_eq!(rules(&world.step(&redefined)), [TEST, DEFAULT], "not yet written");
    world.write(&redefined);
    assert_eq!(rules(&world.step(&redefined)), [TEST, DEFAULT], "updating");
    world.finish("web-1");
    assert_eq!(rules(&world.step(&redefined)), ["header beta=b → web-1*1", DEFAULT]);
}

#[test]
fn a_redefined_version_keeps_its_previous_weight_until_it_is_ready() {
    let mut world =
        World::running(&release("blue-green", &["{image: web:1, weight: 90}", "{image: web:2, weight: 10}"]));
    let redefined = release("blue-green", &["{image: web:1, weight: 50}", "{image: web:3, weight: 50}"]);
    assert_eq!(rules(&world.step(&redefined)), ["* → web-0*90, web-1*10"]);
    world.write(&redefined);
    assert_eq!(rules(&world.step(&redefined)), ["* → web-0*50, web-1*10"]);
    world.finish("web-1");
    assert_eq!(rules(&world.step(&redefined)), ["* → web-0*50, web-1*50"]);
}

#[test]
fn a_removed_version_keeps_its_weight_until_the_redefined_primary_is_ready() {
    let mut world =
        World::running(&release("blue-green", &["{image: web:1, weight: 30}", "{image: web:2, weight: 70}"]));
    let promoted = release("blue-green", &[NEW]);
    world.write(&promoted);
    assert_eq!(rules(&world.step(&promoted)), ["* → web-0*30, web-1*70"]);
    world.finish("web-0");
    assert_eq!(rules(&world.step(&promoted)), ["* → web-0*50"]);
}

#[test]
fn a_version_that_is_left_alone_in_its_split_keeps_no_weight() {
    let mut world =
        World::running(&release("blue-green", &["{image: web:1, weight: 30}", "{image: web:2, weight: 70}"]));
    let promoted = release("blue-green", &[NEW]);
    world.write(&promoted);
    world.crash("web-1");
    for _ in 0..2 {
        assert_eq!(rules(&world.step(&promoted)), ["* → web-0*50"], "of which the route would tell nothing");
    }
}

#[test]
fn a_version_alone_in_its_split_keeps_its_weight_until_it_is_ready() {
    let mut world = World::running(&release("blue-green", &["{image: web:1, weight: 30}"]));
    let redefined = release("blue-green", &["{image: web:2, weight: 60}"]);
    world.write(&redefined);
    for _ in 0..2 {
        assert_eq!(rules(&world.step(&redefined)), ["* → web-0*30"]);
    }
    world.finish("web-0");
    assert_eq!(rules(&world.step(&redefined)), ["* → web-0*60"]);
}

#[test]
fn the_front_waits_for_a_blue_green_version_that_becomes_the_primary_before_it_was_ever_ready() {
    let (old, new) = ("{image: web:1, metadata: {name: old}}", "{image: web:2, metadata: {name: new}}");
    let before = release("blue-green", &[old, new]);
    let mut world = World::running(&release("blue-green", &[old]));
    world.write(&before);
    assert_eq!(rules(&world.step(&before)), ["* → old*50, new*0"]);
    let swapped = release("blue-green", &[new, old]);
    for _ in 0..2 {
        let plan = world.step(&swapped);
        assert_eq!((rules(&plan), app(&plan)), (vec!["* → old*50, new*0".into()], "old"));
    }
    world.finish("new");
    let plan = world.step(&swapped);
    assert_eq!((rules(&plan), app(&plan)), (vec!["* → new*50, old*50".into()], "new"));
    world.crash("new");
    let plan = world.step(&swapped);
    assert_eq!((rules(&plan), app(&plan)), (vec!["* → new*0, old*50".into()], "new"), "it was ready once");
}

#[test]
fn a_candidate_that_is_broken_anyway_holds_up_no_removal() {
    let other = "{image: web:3, metadata: {name: other}, matches: [{method: POST}]}";
    let mut world = World::running(&release("canary", &[OLD, NEW, other]));
    world.crash("other");
    world.step(&release("canary", &[OLD, NEW, other]));
    let plan = world.step(&release("canary", &[OLD, other]));
    assert_eq!(rules(&plan), [DEFAULT]);
    assert_eq!(removal(&plan, "web-1"), Some(Removal::Leaving));
}

#[test]
fn a_removed_version_leaves_though_the_document_has_no_route_any_more() {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    let none = release("none", &[OLD]);
    assert_eq!(next(&mut world, &none).0, Some(Removal::Leaving), "the route still names it");
    assert!(world.observation.route.is_none());
    assert_eq!(next(&mut world, &none).0, Some(Removal::DrainBegins));
}

#[test]
fn a_strategy_held_for_an_unknown_primary_still_sends_requests_somewhere() {
    let mut world = World::running(&release("canary", &[OLD, NEW]));
    world.observation.versions.retain(|name, _| name.as_str() == "web-1");
    let renamed = release("blue-green", &["{image: web:1, metadata: {name: main}}", NEW]);
    world.write(&renamed);
    let plan = world.step(&renamed);
    for rule in plan.rules() {
        assert!(rule.backends.iter().any(|backend| backend.weight.get() > 0), "{:?}", rules(&plan));
    }
    assert_eq!(rules(&plan), [TEST, "* → main*1"]);
}
