//! What keeps its place while something is pending: the rules of the strategy before, removed versions, and what was
//! there before what is new.

use iter8_core::{Limits, Verdict, Weight};

use crate::world::{World, document, for_linkerd, in_room, planned, release, rules};

const PRIMARY: &str = "{image: web:1, metadata: {name: a}}";
/// Another image, whose rollout is not over.
const REDEFINED: &str = "{image: web:2, metadata: {name: a}}";

fn named(name: &str, rest: &str) -> String {
    format!("{{image: web:1, metadata: {{name: {name}}}, {rest}}}")
}

#[test]
fn a_split_is_held_until_every_version_of_the_canary_is_ready() {
    let split = release("blue-green", &["{image: web:1, weight: 60}", "{image: web:2, weight: 40}"]);
    let canary = release("canary", &["{image: web:1}", "{image: web:3}"]);
    let mut world = World::running(&split);
    world.write(&canary);
    assert_eq!(rules(&world.step(&canary)), ["* → web-0*60, web-1*40"]);
    world.finish("web-0");
    world.finish("web-1");
    assert_eq!(rules(&world.step(&canary)), ["header traffic=test → web-1*1", "* → web-0*1"]);
}

#[test]
fn a_held_split_names_the_primary_in_force_and_services_that_are_there() {
    let split = release("blue-green", &[PRIMARY, &named("b", "weight: 40"), &named("c", "weight: 10")]);
    let mut world = World::running(&split);
    let canary = release("canary", &[REDEFINED, &named("b", ""), &named("c", "")]);
    world.write(&canary);
    world.version("c").service.as_mut().unwrap().deleting = true;
    assert_eq!(rules(&world.plan(&canary)), ["* → a*50, b*40"], "c is about to go");
    world.version("a").service = None;
    assert_eq!(rules(&world.plan(&canary)), ["* → a*0, b*40"]);
}

#[test]
fn a_removed_version_of_a_held_split_is_kept_with_its_share_and_says_so() {
    let split = release("blue-green", &[PRIMARY, &named("b", "weight: 40")]);
    let mut world = World::running(&split);
    let canary = release("canary", &[REDEFINED]);
    world.write(&canary);
    let plan = world.plan(&canary);
    assert_eq!(rules(&plan), ["* → a*50, b*40"]);
    assert!(
        planned(&plan, "b").reason.to_string().starts_with("kept until then"),
        "{}",
        planned(&plan, "b").reason
    );
}

#[test]
fn a_removed_version_that_cannot_serve_is_kept_without_requests_wherever_the_front_leads() {
    let mut world = World::running(&release("canary", &[PRIMARY, &named("b", "")]));
    let selector =
        world.version("b").service.as_ref().unwrap().declaration.as_ref().unwrap().selector.clone();
    let promoted = release("canary", &[REDEFINED]);
    world.write(&promoted);
    world.crash("b");
    for front in [None, Some(selector)] {
        world.observation.front_selector = front;
        let plan = world.plan(&promoted);
        let reason = planned(&plan, "b").reason.to_string();
        assert!(reason.starts_with("kept without requests until then"), "{reason}");
    }
}

#[test]
fn without_a_route_the_version_to_which_the_front_leads_is_kept_with_all_requests() {
    let mut world = World::running(&release("none", &[PRIMARY]));
    let front = world.version("a").service.as_ref().unwrap().declaration.as_ref().unwrap().selector.clone();
    world.observation.front_selector = Some(front);
    let renamed = release("none", &[&named("b", "")]);
    world.write(&renamed);
    let plan = world.plan(&renamed);
    let reason = planned(&plan, "a").reason.to_string();
    assert!(reason.starts_with("kept until then"), "{reason}");
}

#[test]
fn a_removed_version_that_got_copies_only_gets_no_share_of_a_split() {
    let mut world = World::running(&release("mirror", &[PRIMARY, &named("b", "")]));
    let split = release("blue-green", &[REDEFINED, &named("c", "weight: 10")]);
    world.write(&split);
    world.finish("c");
    for _ in 0..2 {
        let plan = world.step(&split);
        assert!(!rules(&plan).concat().contains("b*"), "{:?}", rules(&plan));
    }
}

#[test]
fn where_matches_do_not_all_fit_the_new_ones_wait_and_say_why() {
    let room = Limits { matches: 4, ..Limits::HTTP_ROUTE };
    let two = "matches: [{method: GET}, {method: PUT}]";
    let mut world = World::running(&in_room(room, "canary", &[PRIMARY, &named("b", two)]));
    let fits = in_room(room, "canary", &[REDEFINED, &named("c", "matches: [{method: POST}]")]);
    world.write(&fits);
    world.finish("c");
    assert_eq!(world.plan(&fits).rules().len(), 3, "two of b, one of c, and the default rule");

    let waits = in_room(room, "canary", &[REDEFINED, &named("c", two)]);
    world.write(&waits);
    world.finish("c");
    let plan = world.plan(&waits);
    assert_eq!(rules(&plan), ["method GET | method PUT → b*1", "* → a*1"]);
    let reason = planned(&plan, "c").reason.to_string();
    assert!(reason.starts_with("waits: a route has at most 4 matches"), "{reason}");
}

#[test]
fn where_backends_do_not_all_fit_the_last_new_one_waits_and_says_why() {
    let room = Limits { backends_per_rule: 3, ..Limits::HTTP_ROUTE };
    let mut world = World::running(&in_room(room, "blue-green", &[PRIMARY, &named("b", "")]));
    let after = in_room(room, "blue-green", &[REDEFINED, &named("c", ""), &named("d", "")]);
    world.write(&after);
    world.finish("c");
    world.finish("d");
    let plan = world.plan(&after);
    assert_eq!(rules(&plan), ["* → a*50, c*50, b*50"]);
    let reason = |name: &str| planned(&plan, name).reason.to_string();
    assert!(reason("d").starts_with("waits: the route has 3 backends already"), "{}", reason("d"));
    assert_eq!(reason("c"), "weight 50: it is ready");
}

#[test]
fn a_rule_that_is_kept_is_ordered_by_the_matches_that_it_keeps() {
    let match_of = |kind: &str| format!("matches: [{{path: {{type: {kind}, value: /a}}}}]");
    let (exact, prefix) = (match_of("Exact"), match_of("PathPrefix"));
    // Linkerd takes the first of an exact path and a prefix of its length, the specification the exact path.
    let before = for_linkerd("canary", &[PRIMARY, &named("b", &prefix), &named("c", &exact)]);
    let mut world = World::running(&before);
    let first = |rules: &[String]| rules[0].rsplit(' ').next().unwrap().to_owned();
    assert_eq!(first(&rules(&world.plan(&before))), "c*1");
    // Declared the other way round, but not yet written.
    let after = for_linkerd("canary", &[PRIMARY, &named("b", &exact), &named("c", &prefix)]);
    assert_eq!(first(&rules(&world.plan(&after))), "c*1");
    world.write(&after);
    assert_eq!(first(&rules(&world.step(&after))), "b*1");
}

#[test]
fn a_candidate_without_a_share_holds_up_no_removal() {
    let mut world =
        World::running(&release("blue-green", &[PRIMARY, &named("b", "weight: 0"), &named("c", "")]));
    let other = "{image: web:2, metadata: {name: b}, weight: 0}";
    let after = release("blue-green", &[PRIMARY, other]);
    world.write(&after);
    assert_eq!(rules(&world.step(&after)), ["* → a*50, b*0"], "b is updating, and c need not wait for it");

    let mut world = World::running(&release("blue-green", &[PRIMARY, &named("b", ""), &named("c", "")]));
    let after = release("blue-green", &[PRIMARY, "{image: web:2, metadata: {name: b}}"]);
    world.write(&after);
    assert_eq!(rules(&world.step(&after)), ["* → a*50, b*50, c*50"]);
}

#[test]
fn a_route_that_somebody_has_altered_is_not_the_planned_one_though_its_parents_accept_it() {
    let canary = release("canary", &[PRIMARY, &named("b", "")]);
    let mut world = World::running(&canary);
    let route = world.observation.route.as_mut().unwrap();
    route.parents.iter_mut().for_each(|parent| parent.verdict = Verdict::Accepted);
    let in_force = |world: &World| {
        let found = iter8_core::conditions(&world.plan(&canary), &world.observation, &[]);
        found.iter().any(|found| {
            found.kind == iter8_core::ConditionType::RouteProgrammed
                && found.status == iter8_core::ConditionStatus::True
        })
    };
    assert!(in_force(&world));
    for alter in [
        (|rule| rule.altered = true) as fn(&mut iter8_core::ObservedRule),
        |rule| rule.matches = [iter8_core::RouteMatch::header("x", "y")].into(),
        |rule| rule.backends.clear(),
    ] {
        let mut world = world.clone();
        alter(&mut world.observation.route.as_mut().unwrap().rules[0]);
        assert!(!in_force(&world));
    }
}

#[test]
fn a_share_of_nothing_is_not_kept() {
    let mut world = World::running(&release("blue-green", &["{image: web:1, weight: 30}"]));
    let redefined = release("blue-green", &["{image: web:2, weight: 60}"]);
    world.write(&redefined);
    assert_eq!(rules(&world.plan(&redefined)), ["* → web-0*30"]);
    world.observation.route.as_mut().unwrap().rules[0].backends[0].weight = Weight::ZERO;
    assert_eq!(rules(&world.plan(&redefined)), ["* → web-0*60"]);
}

#[test]
fn copies_that_the_user_declares_make_no_mirror_of_a_split() {
    let split = |versions: &str| {
        document(&format!(
            "environment: deployment-gtw
application:
  strategy: blue-green
  route: {{filters: [{{type: RequestMirror, requestMirror: {{backendRef: {{name: audit, port: 80}}}}}}]}}
  versions: [{versions}]"
        ))
    };
    let mut world = World::running(&split("{image: web:1}, {image: web:2}"));
    assert!(
        !world.observation.route.as_ref().unwrap().rules[0].mirrors.is_empty(),
        "they are in the live rules"
    );
    let redefined = split("{image: web:1, weight: 10}, {image: web:3}");
    world.write(&redefined);
    assert_eq!(
        rules(&world.plan(&redefined)),
        ["* → web-0*10, web-1*50 + audit 100%"],
        "the shares are not held"
    );
    let without = release("blue-green", &["{image: web:1, weight: 10}", "{image: web:3}"]);
    assert_eq!(
        rules(&world.plan(&without)),
        ["* → web-0*10, web-1*50"],
        "whether they are declared any more or not"
    );
}

#[test]
fn two_rules_for_everything_are_no_split() {
    let mut world = World::running(&release("canary", &["{image: web:1}"]));
    let live = &mut world.observation.route.as_mut().unwrap().rules;
    live.push(live[0].clone());
    let redefined = release("canary", &["{image: web:2}"]);
    world.write(&redefined);
    assert_eq!(rules(&world.plan(&redefined)), ["* → web-0*1"]);
}

#[test]
fn a_held_split_that_nobody_can_serve_leads_to_the_primary_with_its_share() {
    let split = release("blue-green", &["{image: web:1, weight: 60}", "{image: web:2, weight: 40}"]);
    let canary = release("canary", &["{image: web:3}", "{image: web:2}"]);
    let mut world = World::running(&split);
    world.write(&canary);
    world.crash("web-0");
    world.crash("web-1");
    assert_eq!(rules(&world.plan(&canary)), ["* → web-0*60, web-1*0"]);
    // Whom nobody was sent to is the last resort all the same.
    let backends = &mut world.observation.route.as_mut().unwrap().rules[0].backends;
    (backends[0].weight, backends[1].weight) = (Weight::ZERO, Weight::ONE);
    assert_eq!(rules(&world.plan(&canary)), ["* → web-0*1, web-1*0"]);
}
