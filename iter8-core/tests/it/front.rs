//! The front Service and the default rule move in one step, whatever else changes with the primary.

use iter8_core::Removal;

use crate::promotion::app;
use crate::world::{World, release, removal, rules};

fn named(image: u32, name: char) -> String {
    format!("{{image: 'web:{image}', metadata: {{name: {name}}}}}")
}

#[test]
fn the_front_service_waits_with_the_rules_of_the_strategy_before() {
    let (a, b, c) = (named(1, 'a'), named(1, 'b'), named(1, 'c'));
    let mut world = World::running(&release("canary", &[&a, &b, &c]));
    let changed = release("blue-green", &[&b, &named(2, 'c')]);
    world.write(&changed);
    let plan = world.step(&changed);
    assert_eq!(rules(&plan).last().unwrap(), "* → a*1", "c is being updated");
    assert_eq!(plan.front.unwrap().selector["app"], "a", "though b, the new primary, is ready");
    world.finish("c");
    let plan = world.step(&changed);
    assert_eq!(rules(&plan), ["* → b*50, c*50"]);
    assert_eq!(plan.front.unwrap().selector["app"], "b");
}

#[test]
fn a_first_split_holds_the_primary_to_which_the_front_service_leads() {
    let (a, b, c) = (named(1, 'a'), named(1, 'b'), named(1, 'c'));
    let before = release("none", &[&a, &b]);
    let mut world = World::running(&before);
    world.observation.front_selector = world.plan(&before).front.map(|front| front.selector);
    let changed = release("blue-green", &[&named(2, 'b'), &c]);
    world.write(&changed);
    let plan = world.plan(&changed);
    assert_eq!(rules(&plan), ["* → a*50, b*50, c*0"], "b is being updated");
    assert_eq!(plan.front.unwrap().selector["app"], "a");
    world.finish("b");
    let plan = world.plan(&changed);
    assert_eq!(rules(&plan), ["* → b*50, c*0"]);
    assert_eq!(plan.front.unwrap().selector["app"], "b");
}

/// A release without routing: only its front Service leads to the primary.
fn without_route(version: &str) -> iter8_core::ValidRelease {
    release("none", &[version])
}

#[test]
fn without_a_route_the_front_stays_with_the_old_primary_until_the_new_one_is_ready() {
    let (before, renamed) =
        (without_route("{image: web:1}"), without_route("{image: web:2, metadata: {name: main}}"));
    let mut world = World::running(&before);
    world.observation.front_selector = Some(world.plan(&before).front.unwrap().selector);
    for _ in 0..2 {
        let plan = world.step(&renamed);
        assert_eq!(app(&plan), "web-0");
        assert!(plan.rules().is_empty(), "a route is not what was declared");
        assert_eq!(removal(&plan, "web-0"), Some(Removal::Retained));
        world.write(&renamed);
    }
    world.finish("main");
    let plan = world.step(&renamed);
    assert_eq!(app(&plan), "main");
    assert_eq!(removal(&plan, "web-0"), Some(Removal::Leaving), "the front still leads to it");
    world.observation.front_selector = Some(plan.front.unwrap().selector);
    assert_eq!(removal(&world.step(&renamed), "web-0"), Some(Removal::DrainBegins));
    world.crash("main");
    assert_eq!(app(&world.step(&renamed)), "main", "it was ready once");
}

#[test]
fn a_front_that_leads_nowhere_moves_at_once() {
    let (before, renamed) =
        (without_route("{image: web:1}"), without_route("{image: web:2, metadata: {name: main}}"));
    let mut world = World::running(&before);
    world.observation.front_selector = Some(world.plan(&before).front.unwrap().selector);
    world.write(&renamed);
    world.crash("web-0");
    assert_eq!(app(&world.step(&renamed)), "main");
}
