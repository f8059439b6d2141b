//! What is said of a version's readiness.

use std::collections::BTreeSet;

use iter8_core::{Missing, Readiness, Unfinished};

fn all() -> Vec<Readiness> {
    let unfinished = [
        Unfinished::ServiceOutdated,
        Unfinished::DeploymentOutdated,
        Unfinished::StatusOutdated,
        Unfinished::Unavailable,
        Unfinished::RollingOut { updated: 1, wanted: 2, replicas: 3 },
        Unfinished::Stalled("ProgressDeadlineExceeded".into()),
        Unfinished::Terminating(1),
        Unfinished::Surplus { ready: 2, wanted: 1 },
        Unfinished::EndpointsOutdated,
    ];
    let missing = [
        Missing::Service,
        Missing::ServiceDeleting,
        Missing::Deployment,
        Missing::DeploymentDeleting,
        Missing::Endpoints,
        Missing::Stalled("ProgressDeadlineExceeded".into()),
        Missing::FirstRollout,
    ];
    let unfinished = unfinished.into_iter().map(Readiness::Updating);
    std::iter::once(Readiness::Ready)
        .chain(unfinished)
        .chain(missing.into_iter().map(Readiness::NotReady))
        .collect()
}

fn is_camel_case(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric())
}

#[test]
fn every_readiness_has_a_state_in_one_word_and_a_reason_in_another() {
    let states: BTreeSet<_> = all().iter().map(Readiness::state).collect();
    assert_eq!(
        states,
        BTreeSet::from(["NotReady", "Ready", "Updating"]),
        "as conditions and the status have them"
    );
    for readiness in all() {
        assert!(is_camel_case(readiness.reason()), "{readiness:?}: {}", readiness.reason());
        let state = match readiness {
            Readiness::Ready => "Ready",
            Readiness::Updating(_) => "Updating",
            Readiness::NotReady(_) => "NotReady",
        };
        assert_eq!(readiness.state(), state);
    }
}

#[test]
fn no_two_readinesses_of_a_state_are_told_by_the_same_words() {
    let all = all();
    let reasons: BTreeSet<_> = all.iter().map(|readiness| (readiness.state(), readiness.reason())).collect();
    let sentences: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!((reasons.len(), sentences.len()), (all.len(), all.len()));
}

#[test]
fn of_a_rollout_the_new_pods_and_the_old_ones_are_told() {
    let rollout = |updated, replicas| Unfinished::RollingOut { updated, wanted: 3, replicas };
    let told = |unfinished| Readiness::Updating(unfinished).to_string();
    assert_eq!(told(rollout(1, 4)), "updating: 1 of 3 Pods are new, 3 old ones remain");
    assert_eq!(told(rollout(2, 2)), "updating: 2 of 3 Pods are new, 0 old ones remain");
}
