//! The laws of planning, one scenario each: which rules there are, and why.

use iter8_core::{
    ConditionStatus, ConditionType, Notice, Readiness, RoutePlan, Strategy, ValidRelease, Weight, conditions,
};

use crate::world::{World, document, for_linkerd, notices, planned, release, removal, rules, valid};

const PRIMARY: &str = "{image: web:1}";
const CANDIDATE: &str = "{image: web:2}";
/// With matches of its own.
const BETA: &str = "{image: web:3, matches: [{headers: [{name: beta, value: yes}]}]}";

const DEFAULT: &str = "* → web-0*1";
const TEST: &str = "header traffic=test → web-1*1";
const BETA_RULE: &str = "header beta=yes → web-2*1";

#[test]
fn there_is_no_rule_before_the_primary_has_been_ready_once() {
    for strategy in ["canary", "blue-green", "mirror"] {
        let release = release(strategy, &[PRIMARY, CANDIDATE]);
        let mut world = World::new();
        assert!(world.plan(&release).route.is_none(), "{strategy}: nothing exists");
        world.write(&release);
        world.finish("web-1");
        let plan = world.plan(&release);
        assert!(plan.route.is_none(), "{strategy}: only the candidate is ready");
        assert_eq!(
            planned(&plan, "web-1").reason.to_string(),
            "no requests yet: the primary web-0 is not ready: no Pod is ready"
        );
        world.finish("web-0");
        assert!(world.plan(&release).route.is_some(), "{strategy}");
    }
}

#[test]
fn a_first_rollout_that_is_not_available_is_not_ready() {
    for strategy in ["canary", "blue-green", "mirror"] {
        let release = release(strategy, &[PRIMARY, CANDIDATE]);
        let mut world = World::running(&release);
        world.observation.versions.remove(&valid(&release, "web-1").name);
        world.step(&release);
        world.write(&release);
        world.step(&release);
        world.version("web-1").endpoints.ready = 1;
        let plan = world.plan(&release);
        assert!(!planned(&plan, "web-1").readiness.is_routable(), "{strategy}");
        let words = rules(&plan).concat();
        assert!(!words.contains("web-1") || words.contains("web-1*0"), "{strategy}: {words}");
    }
}

#[test]
fn strategy_none_has_a_front_and_no_route() {
    let release = release("none", &[PRIMARY, CANDIDATE]);
    let plan = World::running(&release).plan(&release);
    assert!(plan.route.is_none());
    assert_eq!(plan.front.unwrap().selector["app"], "web-0");
}

#[test]
fn a_candidate_is_reached_by_its_matches_while_it_is_ready_and_only_then() {
    let release = release("canary", &[PRIMARY, CANDIDATE]);
    let mut world = World::running(&release);
    assert_eq!(rules(&world.step(&release)), [TEST, DEFAULT]);
    world.crash("web-1");
    let plan = world.step(&release);
    assert_eq!(rules(&plan), [DEFAULT], "failing");
    assert_eq!(planned(&plan, "web-1").reason.to_string(), "no requests: not ready: no Pod is ready");
    world.finish("web-1");
    assert_eq!(rules(&world.step(&release)), [TEST, DEFAULT], "recovering");
}

#[test]
fn the_primary_keeps_its_rule_though_it_is_not_ready() {
    let release = release("canary", &[PRIMARY, CANDIDATE]);
    let mut world = World::running(&release);
    world.crash("web-0");
    let plan = world.step(&release);
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert_eq!(
        planned(&plan, "web-0").reason.to_string(),
        "the primary keeps its rule though it is not ready: no Pod is ready"
    );
    world.observation.versions.clear();
    assert_eq!(rules(&world.plan(&release)), [DEFAULT], "even with its objects gone");
}

#[test]
fn a_candidates_readiness_never_changes_the_default_rule() {
    let release = release("canary", &[PRIMARY, CANDIDATE, BETA]);
    let mut world = World::running(&release);
    for crashed in [&["web-1"][..], &["web-2"], &["web-1", "web-2"]] {
        for name in crashed {
            world.crash(name);
        }
        let plan = world.step(&release);
        assert_eq!(rules(&plan).last().unwrap(), DEFAULT, "{crashed:?}");
        for name in crashed {
            world.finish(name);
        }
    }
}

#[test]
fn candidates_rules_follow_the_list_and_the_default_rule_is_last() {
    let release = release("canary", &[PRIMARY, CANDIDATE, BETA]);
    assert_eq!(rules(&World::running(&release).plan(&release)), [TEST, BETA_RULE, DEFAULT]);
}

#[test]
fn in_linkerd_an_exact_path_goes_ahead_of_the_equal_prefix_before_it() {
    let versions = [PRIMARY, "{image: web:2, matches: [{path: {value: /ab}}]}", BETA];
    let exact = "{image: web:4, matches: [{path: {type: Exact, value: /ab}}]}";
    let release = for_linkerd("canary", &[&versions[..], &[exact]].concat());
    let mut world = World::running(&release);
    let plan = world.step(&release);
    assert_eq!(rules(&plan), ["path /ab → web-3*1", "path prefix /ab → web-1*1", BETA_RULE, DEFAULT]);
    assert_eq!(
        notices(&plan).iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "the rule of web-3 comes ahead of that of web-1: in list order the mesh would choose web-1 (path prefix /ab) \
             over web-3 (path /ab), and the Gateway API says otherwise"
        ]
    );
    assert_eq!(world.step(&release), plan, "nothing moves again");
}

#[test]
fn what_no_order_can_mend_is_a_notice_of_the_plan() {
    let method = "{image: web:4, matches: [{method: GET}, {}]}";
    let release = for_linkerd("canary", &[PRIMARY, CANDIDATE, method]);
    let mut world = World::running(&release);
    let plan = world.plan(&release);
    let words: Vec<_> = notices(&plan).iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "a request that meets both web-2 (method GET) and web-1 (header traffic=test) may go to web-1: the \
             Gateway API says web-2, but the mesh chooses otherwise, and no order of the rules is \
             right for all of their matches",
            "no request reaches the primary web-0: web-2 takes every request that no other candidate takes",
        ]
    );
    world.crash("web-2");
    assert_eq!(notices(&world.plan(&release)), [], "the notices are about the rules there are");
}

#[test]
fn the_users_own_on_the_routes_is_planned_and_has_no_effect_without_one() {
    let text = |strategy: &str| {
        format!(
            "environment: deployment-gtw\napplication: {{strategy: {strategy}, metadata: {{labels: {{a: b, c: d}}}}, \
             route: {{labels: {{a: x}}, timeouts: {{request: 3s}}}}, versions: [{{image: web:1}}]}}"
        )
    };
    let release = document(&text("canary"));
    let plan = World::running(&release).plan(&release);
    assert!(!plan.repair);
    assert_eq!(notices(&plan), []);
    let (route, front) = (plan.route.unwrap(), plan.front.unwrap());
    assert_eq!((route.labels["a"].as_str(), route.labels["c"].as_str()), ("x", "d"));
    assert_eq!((front.labels["a"].as_str(), front.labels["c"].as_str()), ("b", "d"));
    assert_eq!(route.timeouts.request, "3s".parse().ok());
    let without = World::running(&release).plan(&document(&text("none")));
    assert_eq!(notices(&without), [Notice::NoEffect { field: "application.route" }]);
}

#[test]
fn a_changed_timeout_is_a_repair_and_not_yet_programmed() {
    let text = |seconds: &str| {
        document(&format!(
            "environment: deployment-gtw\napplication: {{strategy: canary, route: {{timeouts: {{request: {seconds}}}}}, \
             versions: [{{image: web:1}}]}}"
        ))
    };
    let (before, after) = (text("3s"), text("4s"));
    let mut world = World::running(&before);
    let plan = world.plan(&after);
    assert!(plan.repair);
    let programmed = |plan: &RoutePlan, world: &World| {
        let conditions = conditions(plan, &world.observation, &[]);
        conditions.iter().any(|found| {
            found.kind == ConditionType::RouteProgrammed && found.status == ConditionStatus::True
        })
    };
    assert!(!programmed(&plan, &world));
    world.step(&after);
    world.wait(60);
    let plan = world.plan(&after);
    assert!(!plan.repair && programmed(&plan, &world));
}

#[test]
fn a_version_seen_with_another_digest_is_not_ready() {
    let release = release("canary", &[PRIMARY, CANDIDATE]);
    let old = crate::world::release("canary", &["{image: web:0}", CANDIDATE]);
    let world = World::running(&old);
    let plan = world.plan(&release);
    let Readiness::Updating(_) = planned(&plan, "web-0").readiness else {
        panic!("an old rollout passes for the new one: {:?}", planned(&plan, "web-0"));
    };
    assert_eq!(
        planned(&plan, "web-0").reason.to_string(),
        "the primary, updating: its Deployment is not yet as declared"
    );
}

#[test]
fn blue_green_splits_by_weight_with_fifty_as_the_default() {
    let release = release("blue-green", &["{image: web:1, weight: 30}", CANDIDATE]);
    let plan = World::running(&release).plan(&release);
    assert_eq!(rules(&plan), ["* → web-0*30, web-1*50"]);
    assert_eq!(planned(&plan, "web-1").weight, Some(Weight::DEFAULT));
}

#[test]
fn blue_green_gives_a_version_that_is_not_ready_weight_zero() {
    let release = release("blue-green", &["{image: web:1, weight: 30}", "{image: web:2, weight: 70}"]);
    let mut world = World::running(&release);
    for (crashed, expected) in [("web-0", "* → web-0*0, web-1*70"), ("web-1", "* → web-0*30, web-1*0")] {
        world.crash(crashed);
        assert_eq!(rules(&world.step(&release)), [expected]);
        world.finish(crashed);
    }
    assert_eq!(rules(&world.step(&release)), ["* → web-0*30, web-1*70"]);
}

#[test]
fn an_all_zero_split_becomes_primary_one() {
    let release = release("blue-green", &["{image: web:1, weight: 0}", "{image: web:2, weight: 0}"]);
    let mut world = World::running(&release);
    assert_eq!(rules(&world.step(&release)), ["* → web-0*1, web-1*0"]);
    world.crash("web-0");
    world.crash("web-1");
    assert_eq!(rules(&world.step(&release)), ["* → web-0*1, web-1*0"]);
}

#[test]
fn sums_of_the_greatest_weights_do_not_overflow() {
    let version = "{image: web:1, weight: 1000000}";
    let release = release("blue-green", &[version; 16]);
    let plan = World::running(&release).plan(&release);
    let sum: u64 = plan.rules()[0].backends.iter().map(|backend| u64::from(backend.weight.get())).sum();
    assert_eq!(sum, 16_000_000);
}

#[test]
fn mirror_copies_to_every_ready_candidate() {
    let release = release("mirror", &[PRIMARY, "{image: web:2, mirrorPercent: 10}", CANDIDATE]);
    let mut world = World::running(&release);
    assert_eq!(rules(&world.step(&release)), ["* → web-0*1 + web-1 10% + web-2 100%"]);
    world.crash("web-1");
    assert_eq!(rules(&world.step(&release)), ["* → web-0*1 + web-2 100%"]);
}

#[test]
fn planning_twice_changes_nothing() {
    for strategy in ["none", "canary", "blue-green", "mirror"] {
        let release = release(strategy, &[PRIMARY, CANDIDATE]);
        let mut world = World::running(&release);
        let first = world.step(&release);
        assert_eq!(world.step(&release), first, "{strategy}");
    }
}

#[test]
fn labels_of_the_objects_change_no_rule() {
    let plain = release("canary", &[PRIMARY, CANDIDATE]);
    let labelled = release("canary", &["{image: web:1, metadata: {labels: {team: a}}}", CANDIDATE]);
    let mut world = World::running(&plain);
    world.write(&labelled);
    world.finish("web-0");
    assert_eq!(rules(&world.plan(&labelled)), rules(&World::running(&plain).plan(&plain)));
}

#[test]
fn reordered_candidates_change_places_and_nothing_leaves() {
    let before = release(
        "canary",
        &[PRIMARY, "{image: web:2, metadata: {name: a}}", "{image: web:3, metadata: {name: b}}"],
    );
    let after = release(
        "canary",
        &[PRIMARY, "{image: web:3, metadata: {name: b}}", "{image: web:2, metadata: {name: a}}"],
    );
    let world = World::running(&before);
    let plan = world.plan(&after);
    assert_eq!(rules(&plan), ["header traffic=test → b*1", "header traffic=test → a*1", DEFAULT]);
    assert_eq!(plan.removed().count(), 0);
}

#[test]
fn the_route_never_has_more_rules_than_the_mesh_allows() {
    let named = |prefix: char| -> Vec<String> {
        let candidates = (1..16).map(|n| format!("{{image: web:2, metadata: {{name: {prefix}{n}}}}}"));
        std::iter::once(PRIMARY.to_owned()).chain(candidates).collect()
    };
    let texts =
        |versions: &[String]| release("canary", &versions.iter().map(String::as_str).collect::<Vec<_>>());
    let (old, new) = (texts(&named('a')), texts(&named('b')));
    let mut world = World::running(&old);
    world.write(&new);
    for n in 1..15 {
        world.finish(&format!("b{n}"));
    }
    let plan = world.step(&new);
    assert_eq!(plan.rules().len(), 16);
    assert!(plan.rules().iter().all(|rule| !rule.backends[0].service.as_str().starts_with('b')));
    assert!(planned(&plan, "b1").reason.to_string().starts_with("waits: the route has 16 rules already"));
    world.finish("b15");
    let plan = world.step(&new);
    assert!(plan.rules().iter().all(|rule| !rule.backends[0].service.as_str().starts_with('a')));
    assert!(removal(&plan, "a1").is_some());
}

#[test]
fn where_old_and_new_backends_do_not_fit_together_the_new_ones_wait() {
    let named = |prefix: char| {
        let versions: Vec<_> =
            (0..16).map(|n| format!("{{image: web:1, metadata: {{name: {prefix}{n}}}}}")).collect();
        release("blue-green", &versions.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (old, new) = (named('a'), named('b'));
    let mut world = World::running(&old);
    world.write(&new);
    for n in 1..16 {
        world.finish(&format!("b{n}"));
    }
    let plan = world.step(&new);
    let services: Vec<_> = plan.rules()[0].backends.iter().map(|b| b.service.as_str().to_owned()).collect();
    assert!(services.len() == 16 && services.iter().all(|service| service.starts_with('a')), "{services:?}");
    assert_eq!(services[0], "a0");
    assert!(planned(&plan, "b1").reason.to_string().starts_with("waits: the route has 16 backends already"));
    world.finish("b0");
    world.version("b9").endpoints.terminating = 1;
    let plan = world.plan(&new);
    assert!(rules(&plan)[0].starts_with("* → b0*50, a0*50, a1*50"), "b9 is updating: {:?}", rules(&plan));
    assert_eq!(plan.rules()[0].backends.len(), 16);
    world.finish("b9");
    let plan = world.step(&new);
    assert!(rules(&plan)[0].starts_with("* → b0*50, b1*50"), "{:?}", rules(&plan));
    assert_eq!(plan.rules()[0].backends.len(), 16);
}

#[test]
fn a_changed_strategy_takes_effect_at_once_where_every_version_is_ready() {
    let canary = release("canary", &[PRIMARY, CANDIDATE]);
    let blue_green = release("blue-green", &[PRIMARY, CANDIDATE]);
    let mut world = World::running(&canary);
    world.write(&blue_green);
    let plan = world.step(&blue_green);
    assert_eq!((plan.strategy, rules(&plan)), (Strategy::BlueGreen, vec!["* → web-0*50, web-1*50".into()]));
}

#[test]
fn a_changed_strategy_waits_for_a_redefined_primary() {
    let canary = release("canary", &[PRIMARY, CANDIDATE]);
    let blue_green = release("blue-green", &["{image: web:9}", CANDIDATE]);
    let mut world = World::running(&canary);
    world.write(&blue_green);
    let plan = world.step(&blue_green);
    assert_eq!(rules(&plan), [TEST, DEFAULT]);
    assert!(
        planned(&plan, "web-1")
            .reason
            .to_string()
            .starts_with("the rules of the strategy before are kept until then")
    );
    world.crash("web-1");
    assert_eq!(rules(&world.plan(&blue_green)).last().unwrap(), "* → web-0*50, web-1*0");
    world.finish("web-1");
    world.finish("web-0");
    assert_eq!(rules(&world.step(&blue_green)), ["* → web-0*50, web-1*50"]);
}

#[test]
fn a_regular_expression_may_lose_to_the_default_rule_where_nothing_is_known_but_the_specification() {
    let pattern = "{image: web:2, matches: [{method: GET}, {path: {type: RegularExpression, value: /a.*}}]}";
    let said = |release: &ValidRelease| {
        let plan = World::running(release).plan(release);
        let is_said = |notice: &Notice| matches!(notice, Notice::LeftOpenToDefault(_));
        notices(&plan).into_iter().filter(is_said).map(|notice| notice.to_string()).collect::<Vec<_>>()
    };
    let words = "a request that meets web-1 (path ~ /a.*) may go to the primary all the same: the Gateway API does not say \
                 whether a regular expression comes before the prefix `/` of the default rule";
    let versions = [PRIMARY, pattern];
    assert_eq!(said(&release("canary", &versions)), [words]);
    assert_eq!(said(&for_linkerd("canary", &versions)), [""; 0], "it is known to go by length");
    assert_eq!(said(&release("blue-green", &versions)), [""; 0]);
    assert_eq!(said(&release("canary", &[pattern, CANDIDATE])), [""; 0], "the primary's matches do nothing");
}
