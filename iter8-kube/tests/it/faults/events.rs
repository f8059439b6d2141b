//! What the controller says in Events.

use std::time::Duration;

use iter8_testkit::apiserver::RecordedChange;
use iter8_testkit::fault::{Faults, Rates};
use libtest_mimic::Failed;
use serde_json::Value;

use super::history::History;
use super::world::{LATENCY, Process, Simulation, simulated};

/// All of the tutorial, with nothing but what is news.
const TUTORIAL: [&str; 21] = [
    "Normal Valid: Accepted: the document is valid",
    "Normal PrimaryNotReady: RouteProgrammed: there is no route before the primary is ready",
    "Normal VersionNotReady: primary httpbin-0 is NotReady: no requests yet: not ready: its Service does not exist",
    "Normal NoReadinessProbe: httpbin-0 has no readinessProbe: ready means started",
    "Normal Pending: RouteProgrammed: the route is being written",
    "Normal VersionReady: primary httpbin-0 is Ready: the primary, ready",
    "Normal Accepted: RouteProgrammed: the parents have accepted the route",
    "Normal Ready: Ready: every version is ready and routed as declared",
    // The candidate.
    "Normal VersionNotReady: candidate httpbin-1 is NotReady: no requests: not ready: its Service does not exist",
    "Normal NoReadinessProbe: httpbin-1 has no readinessProbe: ready means started",
    "Normal Pending again: RouteProgrammed: the route is being written",
    "Normal VersionReady: candidate httpbin-1 is Ready: it is ready",
    "Normal Accepted again: RouteProgrammed: the parents have accepted the route",
    "Normal Ready again: Ready: every version is ready and routed as declared",
    // The promotion.
    "Normal VersionUpdating: primary httpbin-0 is Updating: the primary, updating: its Service is not yet as declared",
    "Normal VersionReady: removed httpbin-1 is Ready: removed, but keeps its rule until then: the primary httpbin-0 \
     is updating: its Service is not yet as declared",
    "Normal Pending again: RouteProgrammed: the route is being written",
    "Normal VersionReady again: primary httpbin-0 is Ready: the primary, ready",
    "Normal Accepted again: RouteProgrammed: the parents have accepted the route",
    "Normal Ready again: Ready: every version is ready and routed as declared",
    "Normal VersionRemoved: version httpbin-1 is removed",
];

/// By then each step has settled.
const STEP: Duration = Duration::from_mins(2);

/// How often the watches are late in another way.
const SEEDS: u64 = 6;

pub(crate) fn the_tutorial_is_told_by_these_events() -> Result<(), Failed> {
    let told = told_with(0, Rates { latency: LATENCY, ..Rates::default() })?;
    assert_eq!(told, TUTORIAL);
    Ok(())
}

/// What has been said is not said again because the watch that tells of it is late.
pub(crate) fn the_same_is_told_where_watches_are_late() -> Result<(), Failed> {
    for seed in 0..SEEDS {
        let longest_stall = Duration::from_secs(20);
        let told = told_with(
            seed,
            Rates { latency: LATENCY, watch_stalled: 200, longest_stall, ..Rates::default() },
        )?;
        assert_eq!(told, TUTORIAL, "seed {seed}");
    }
    Ok(())
}

/// What the API server has no time for is published later. How far a rollout is by then may be another thing.
pub(crate) fn no_event_is_lost_where_the_api_server_is_busy() -> Result<(), Failed> {
    for seed in 0..SEEDS {
        let told = told_with(seed, Rates { latency: LATENCY, too_many_requests: 300, ..Rates::default() })?;
        assert_eq!(results(&told), results(&TUTORIAL), "seed {seed}");
    }
    Ok(())
}

/// What there is to tell whatever was seen of the way.
fn results(told: &[impl AsRef<str>]) -> Vec<String> {
    let results = ["Valid", "Ready: Ready", "VersionReady: candidate", "VersionRemoved"];
    let told = told.iter().map(|event| event.as_ref().replace(" again", ""));
    told.filter(|event| results.iter().any(|result| event.starts_with(&format!("Normal {result}")))).collect()
}

/// The Events of the tutorial, in order.
fn told_with(seed: u64, rates: Rates) -> Result<Vec<String>, String> {
    simulated(async {
        let simulation = Simulation::new().await;
        let process = Process::with(Faults::seeded(seed, rates));
        let mut history = History::tutorial();
        // Faults end where a step waits until all is settled.
        history.steps.iter_mut().for_each(|step| step.then = Some(STEP));
        simulation.play(&history, vec![vec![process]]).await?;
        Ok(told(&simulation))
    })
}

/// All Events until now, in order.
pub(crate) fn told(simulation: &Simulation) -> Vec<String> {
    let changes = simulation.server.changes();
    changes.iter().filter(|change| change.resource == "events").filter_map(written).collect()
}

fn written(change: &RecordedChange) -> Option<String> {
    let event = change.object.as_ref()?;
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let again = if event["series"] == Value::Null { "" } else { " again" };
    Some(format!("{} {}{again}: {}", text("type"), text("reason"), text("message")))
}
