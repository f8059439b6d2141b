use k8s_openapi::api::apps::v1::{DeploymentStrategy, RollingUpdateDeployment};

use super::*;

fn rolling(replicas: i32, surge: Option<IntOrString>, unavailable: Option<IntOrString>) -> Strategy {
    Strategy::of(&DeploymentSpec {
        replicas: Some(replicas),
        strategy: Some(DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment { max_surge: surge, max_unavailable: unavailable }),
        }),
        ..Default::default()
    })
}

fn recreate(replicas: i32) -> Strategy {
    Strategy { replicas, max_surge: 0, max_unavailable: 0, recreate: true, paused: false }
}

/// Pods from a picture, oldest first: `O` old and available, `o` old, `N` updated and available, `n` updated.
fn pods(picture: &str) -> Vec<Replica> {
    let replica = |(index, kind): (usize, char)| Replica {
        name: format!("{kind}{index}"),
        updated: kind.eq_ignore_ascii_case(&'n'),
        ready: kind.is_ascii_uppercase(),
        available: kind.is_ascii_uppercase(),
    };
    picture.chars().enumerate().map(replica).collect()
}

#[track_caller]
fn check(strategy: &Strategy, picture: &str, create: usize, delete: &[&str]) {
    let step = next_step(strategy, &pods(picture), false);
    assert_eq!(
        (step.create, step.delete.as_slice()),
        (create, &delete.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
    );
}

#[test]
fn surge_rounds_up_and_unavailable_rounds_down() {
    let bounds = |replicas| {
        let strategy = rolling(replicas, None, None);
        (strategy.max_surge, strategy.max_unavailable)
    };
    assert_eq!(bounds(1), (1, 0));
    assert_eq!(bounds(4), (1, 1));
    assert_eq!(bounds(5), (2, 1));
    assert_eq!(bounds(10), (3, 2));
    let percent = |text: &str| Some(IntOrString::String(text.to_owned()));
    assert_eq!(rolling(3, percent("0%"), percent("10%")).max_unavailable, 1, "both would round to zero");
    assert_eq!(rolling(3, Some(IntOrString::Int(2)), Some(IntOrString::Int(9))).max_unavailable, 3);
}

#[test]
fn a_new_deployment_creates_all_its_pods() {
    check(&rolling(3, None, None), "", 3, &[]);
    check(&recreate(3), "", 3, &[]);
}

#[test]
fn a_single_pod_is_replaced_only_when_the_new_one_is_available() {
    let strategy = rolling(1, None, None);
    check(&strategy, "O", 1, &[]);
    check(&strategy, "On", 0, &[]);
    check(&strategy, "ON", 0, &["O0"]);
    check(&strategy, "N", 0, &[]);
}

#[test]
fn a_rolling_update_keeps_within_its_bounds_until_it_is_done() {
    for replicas in 1..=12 {
        let strategy = rolling(replicas, None, None);
        let mut state = pods(&"O".repeat(size(replicas)));
        let mut steps = 0;
        loop {
            let step = next_step(&strategy, &state, false);
            if step == Step::default() && state.iter().all(|replica| replica.available) {
                break;
            }
            state.retain(|replica| !step.delete.contains(&replica.name));
            let available = count(state.iter().filter(|replica| replica.available).count());
            assert!(available >= strategy.min_available(), "{replicas} replicas: {available} available");
            for index in 0..step.create {
                state.push(Replica {
                    name: format!("{steps}-{index}"),
                    updated: true,
                    ready: false,
                    available: false,
                });
            }
            assert!(count(state.len()) <= replicas + strategy.max_surge);
            // One Pod at a time becomes available, the slowest way there is.
            if let Some(replica) = state.iter_mut().find(|replica| !replica.available) {
                (replica.ready, replica.available) = (true, true);
            }
            steps += 1;
            assert!(steps < 100, "{replicas} replicas: no end");
        }
        assert_eq!(count(state.len()), replicas);
        assert!(state.iter().all(|replica| replica.updated));
    }
}

#[test]
fn unavailable_old_pods_go_first_because_that_costs_nothing() {
    check(&rolling(2, None, None), "oOnn", 0, &[]);
    check(&rolling(2, None, None), "oO", 1, &[]);
    check(&rolling(2, None, None), "oON", 0, &["o0"]);
    check(&rolling(4, None, None), "OOoO", 1, &["o2"]);
}

#[test]
fn a_failed_rollout_is_given_up_for_the_previous_template() {
    // The template is the old one again: its living Pod is updated, the failed one is old.
    check(&rolling(1, None, None), "No", 0, &["o1"]);
}

#[test]
fn scaling_down_takes_pods_that_are_not_ready_then_the_youngest() {
    check(&rolling(1, None, None), "NnN", 0, &["n1", "N2"]);
    check(&rolling(0, None, None), "NN", 0, &["N1", "N0"]);
}

#[test]
fn recreate_waits_for_the_end_of_every_old_pod() {
    check(&recreate(2), "OO", 0, &["O0", "O1"]);
    assert_eq!(next_step(&recreate(2), &[], true), Step::default());
    assert_eq!(next_step(&recreate(2), &[], false).create, 2);
}

#[test]
fn a_paused_deployment_keeps_its_pods() {
    let strategy = Strategy { paused: true, ..rolling(3, None, None) };
    check(&strategy, "OO", 0, &[]);
}
