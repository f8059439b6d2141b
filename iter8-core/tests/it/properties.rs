//! The laws of planning, for releases and clusters made up at random.

mod choice;

use std::collections::BTreeSet;
use std::fmt;

use iter8_core::{
    DeploymentObservation, Observation, RoutePlan, ServiceName, Strategy as Routing, Timestamp, ValidRelease,
    Verdict, VersionObservation, Weight, plan,
};
use proptest::prelude::*;

use crate::world::{World, live_route, observed, release, rules};

const STRATEGIES: [&str; 4] = ["none", "canary", "blue-green", "mirror"];
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A release of one to four versions. Few names, images and matches, so that two releases have much in common.
fn releases() -> impl Strategy<Value = ValidRelease> {
    releases_of(&STRATEGIES)
}

fn releases_of(strategies: &'static [&str]) -> impl Strategy<Value = ValidRelease> {
    let names = proptest::sample::subsequence(&NAMES[..], 1..=4).prop_shuffle();
    let details = proptest::collection::vec((0..3_u32, 0..3_u32, 0..3_usize), 4);
    (proptest::sample::select(strategies), names, details).prop_map(|(strategy, names, details)| {
        let version = |(name, (image, weight, matches)): (&&str, &(u32, u32, usize))| {
            let matches =
                ["", ", matches: [{method: GET}]", ", matches: [{path: {value: /x}}, {}]"][*matches];
            let routing =
                if strategy == "mirror" { String::new() } else { format!(", weight: {weight}{matches}") };
            format!("{{image: 'web:{image}', metadata: {{name: {name}}}{routing}}}")
        };
        let versions: Vec<_> = names.iter().zip(&details).map(version).collect();
        release(strategy, &versions.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

/// The state of one version's objects.
#[derive(Debug, Clone, Copy)]
enum State {
    Absent,
    Starting,
    Ready,
    Crashed,
    RollingOut,
    Deleting,
    WithoutService,
}

fn states() -> impl Strategy<Value = Vec<State>> {
    use State::{Absent, Crashed, Deleting, Ready, RollingOut, Starting, WithoutService};
    let state = prop_oneof![
        4 => Just(Ready),
        1 => proptest::sample::select(vec![Absent, Starting, Crashed, RollingOut, Deleting, WithoutService]),
    ];
    proptest::collection::vec(state, NAMES.len())
}

/// The objects of every version of `releases`, declared by the last that has it, each in its state.
fn cluster(releases: &[&ValidRelease], states: &[State]) -> Observation {
    let mut observation = Observation { now: Timestamp::from_millis(1_000_000), ..Observation::default() };
    for version in releases.iter().flat_map(|release| release.versions()) {
        let mut live = VersionObservation::ready(version);
        let index = NAMES.iter().position(|name| *name == version.name.as_str()).unwrap();
        let deployment: &mut DeploymentObservation = live.deployment.as_mut().unwrap();
        match states[index] {
            State::Ready => {}
            State::Absent => {
                observation.versions.remove(&version.name);
                continue;
            }
            State::Starting => (deployment.available, live.endpoints.ready) = (false, 1),
            State::Crashed => (deployment.available, live.endpoints.ready) = (false, 0),
            State::RollingOut => deployment.replicas = 2,
            State::Deleting => deployment.deleting = true,
            State::WithoutService => live.service = None,
        }
        observation.versions.insert(version.name.clone(), live);
    }
    observation
}

struct History {
    release: ValidRelease,
    observation: Observation,
}

/// What a person needs of a counterexample.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "strategy {}", self.release.strategy)?;
        let plan = plan(&self.release, &self.observation);
        for version in &plan.versions {
            writeln!(f, "{} {:?}: {}", version.name, version.role, version.readiness)?;
        }
        for rule in self.observation.route.iter().flat_map(|route| &route.rules) {
            let backends: Vec<_> =
                rule.backends.iter().map(|b| format!("{}*{}", b.service, b.weight)).collect();
            writeln!(f, "live {:?} → {backends:?} + {:?}", rule.matches, rule.mirrors)?;
        }
        writeln!(f, "planned {:#?}", rules(&plan))
    }
}

/// A release, and a cluster in which another one ran before it.
fn histories() -> impl Strategy<Value = History> {
    (releases(), releases(), states(), states(), any::<bool>()).prop_map(
        |(before, after, states_before, states_after, is_written)| {
            let was = plan(&before, &cluster(&[&before], &states_before));
            // The later document's objects may not be written yet.
            let declared: &[_] = if is_written { &[&before, &after] } else { &[&before] };
            let mut observation = cluster(declared, &states_after);
            let rules = observed(&was);
            observation.route = (!rules.is_empty()).then(|| live_route(rules, Timestamp::from_millis(0)));
            History { release: after, observation }
        },
    )
}

/// The Services that the default rule may name though they are not ready.
fn primaries(release: &ValidRelease, observation: &Observation) -> BTreeSet<ServiceName> {
    let live =
        observation.route.iter().filter_map(|route| route.rules.last()).flat_map(|rule| &rule.backends);
    live.map(|backend| backend.service.clone()).chain([release.primary().service.clone()]).collect()
}

fn plan_anew(release: &ValidRelease) -> RoutePlan {
    plan(release, &Observation::all_ready(release))
}

fn is_routable(release: &ValidRelease, observation: &Observation, service: &ServiceName) -> bool {
    let plan = plan(release, observation);
    plan.versions.iter().any(|version| version.service == *service && version.readiness.is_routable())
}

/// One step of an update: a rollout goes on, or time passes, or the controller acts.
#[derive(Debug, Clone, Copy)]
enum Step {
    Finish(&'static str),
    Crash(&'static str),
    Wait(u32),
    Reconcile,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || proptest::sample::select(&NAMES[..]);
    let step = prop_oneof![
        2 => name().prop_map(Step::Finish),
        1 => name().prop_map(Step::Crash),
        1 => (1..10_u32).prop_map(Step::Wait),
        3 => Just(Step::Reconcile),
    ];
    proptest::collection::vec(step, 0..20)
}

/// Does what can be done: a version without a Deployment has no rollout.
fn take(world: &mut World, step: Step, release: &ValidRelease) {
    let exists = |world: &World, name: &str| {
        let version = world.observation.versions.get(&name.parse().unwrap());
        version.is_some_and(|version| version.deployment.is_some())
    };
    match step {
        Step::Finish(name) if exists(world, name) => world.finish(name),
        Step::Crash(name) if exists(world, name) => world.crash(name),
        Step::Finish(_) | Step::Crash(_) => {}
        Step::Wait(seconds) => world.wait(seconds),
        Step::Reconcile => {
            world.step(release);
        }
    }
}

proptest! {
    #[test]
    fn every_update_ends_as_if_it_had_been_installed_anew(
        before in releases(), after in releases(), steps in steps(),
    ) {
        let mut world = World::running(&before);
        world.write(&after);
        for step in steps {
            take(&mut world, step, &after);
        }
        for version in after.versions() {
            world.finish(version.name.as_str());
        }
        for _ in 0..10 {
            world.step(&after);
            world.wait(5);
        }
        let plan = world.plan(&after);
        prop_assert_eq!(plan.removed().count(), 0, "{:?}", plan.versions);
        let anew = plan_anew(&after);
        prop_assert_eq!(rules(&plan), rules(&anew));
        prop_assert_eq!(plan.front, anew.front);
        prop_assert_eq!(plan.look_again, None);
    }

    #[test]
    fn while_nothing_fails_every_request_goes_to_a_version_that_can_serve_it(
        before in releases(), after in releases(), steps in steps(),
    ) {
        let mut world = World::running(&before);
        world.write(&after);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Crash(_))) {
            take(&mut world, step, &after);
            let plan = world.plan(&after);
            for rule in plan.rules() {
                for backend in rule.backends.iter().filter(|backend| backend.weight != Weight::ZERO) {
                    let mut versions = plan.versions.iter();
                    let version = versions.find(|version| version.service == backend.service);
                    prop_assert!(version.is_some_and(|version| version.readiness.is_routable()), "{:?}", rules(&plan));
                }
            }
        }
    }

    #[test]
    fn the_weights_of_every_rule_have_a_positive_sum(History { release, observation } in histories()) {
        let plan = plan(&release, &observation);
        for rule in plan.rules() {
            let sum: u64 = rule.backends.iter().map(|backend| u64::from(backend.weight.get())).sum();
            prop_assert!(sum > 0, "{:?}", rules(&plan));
        }
    }

    #[test]
    fn a_version_that_is_not_ready_gets_no_request_unless_it_is_the_primary(History { release, observation } in histories()) {
        let plan = plan(&release, &observation);
        let primaries = primaries(&release, &observation);
        let Some((default, candidates)) = plan.rules().split_last() else { return Ok(()) };
        for backend in candidates.iter().flat_map(|rule| &rule.backends) {
            let is_served = is_routable(&release, &observation, &backend.service);
            prop_assert!(is_served || backend.weight == Weight::ZERO, "{:?}", rules(&plan));
        }
        for backend in &default.backends {
            let is_served = is_routable(&release, &observation, &backend.service);
            let is_alone = default.backends.iter().filter(|backend| backend.weight != Weight::ZERO).count() == 1;
            let is_kept = is_alone && primaries.contains(&backend.service);
            prop_assert!(is_served || is_kept || backend.weight == Weight::ZERO, "{:?}", rules(&plan));
        }
        for mirror in plan.rules().iter().flat_map(|rule| &rule.mirrors) {
            prop_assert!(is_routable(&release, &observation, &mirror.service), "{:?}", rules(&plan));
        }
    }

    #[test]
    fn once_there_is_a_route_the_last_rule_takes_every_request(History { release, observation } in histories()) {
        let plan = plan(&release, &observation);
        if release.strategy != Routing::None && observation.route.is_some() {
            prop_assert!(plan.route.is_some());
        }
        if let Some((last, others)) = plan.rules().split_last() {
            prop_assert!(last.matches.is_empty(), "{:?}", rules(&plan));
            prop_assert!(others.iter().all(|rule| !rule.matches.is_empty()), "{:?}", rules(&plan));
            prop_assert!(plan.rules().len() <= release.limits.rules);
        }
    }

    #[test]
    fn the_planned_route_fed_back_changes_no_rule(History { release, observation } in histories()) {
        let first = plan(&release, &observation);
        let fed_back = observed(&first);
        let route = (!fed_back.is_empty()).then(|| live_route(fed_back, observation.now));
        let second = plan(&release, &Observation { route, ..observation });
        prop_assert_eq!(rules(&first), rules(&second));
        prop_assert_eq!(first.front, second.front);
    }

    #[test]
    fn the_same_input_gives_the_same_plan(History { release, observation } in histories()) {
        let again = Observation { versions: observation.versions.clone().into_iter().rev().collect(), ..observation.clone() };
        prop_assert_eq!(plan(&release, &observation), plan(&release, &again));
    }

    #[test]
    fn what_a_parent_says_changes_no_rule(History { release, observation } in histories(), stale in any::<bool>()) {
        let mut spoken = observation.clone();
        for parent in spoken.route.iter_mut().flat_map(|route| &mut route.parents) {
            parent.verdict = if stale { Verdict::Stale } else { Verdict::Accepted };
        }
        prop_assert_eq!(rules(&plan(&release, &observation)), rules(&plan(&release, &spoken)));
    }

    #[test]
    fn a_candidates_readiness_changes_no_default_rule_of_a_canary(
        release in releases_of(&["canary"]), before in states(), after in states(),
    ) {
        let mut after = after;
        let primary = NAMES.iter().position(|name| *name == release.primary().name.as_str()).unwrap();
        after[primary] = before[primary];
        let last = |states: &[State]| rules(&plan(&release, &cluster(&[&release], states))).last().cloned();
        prop_assert_eq!(last(&before), last(&after));
    }

    #[test]
    fn no_version_is_due_while_it_gets_requests_or_the_primary_is_not_ready(History { release, observation } in histories()) {
        let plan = plan(&release, &observation);
        let primary_is_ready = plan.declared().next().is_some_and(|primary| primary.readiness.is_ready());
        for (version, removal) in plan.removed() {
            let is_named = plan.rules().iter().flat_map(|rule| &rule.backends).any(|backend| backend.service == version.service);
            let has_service = observation.versions[&version.name].service.is_some();
            if removal == iter8_core::Removal::Due {
                prop_assert!(!is_named);
                prop_assert!(primary_is_ready || !has_service, "{}: {}", version.name, version.reason);
            }
        }
    }
}
