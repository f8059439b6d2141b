//! What goes wrong, in a world without sockets whose time is simulated.
//!
//! After every schedule of faults the final state has to be the one without faults, the laws of the plan have to
//! have held at every write of a route, and nothing may be written any more.

mod figures;
mod history;
mod knowledge;
mod laws;
mod random;
mod schedule;
mod state;
mod world;

use iter8_kube::{Applier, Error, Release, ReleaseStatus, ServerSideApplier};
use iter8_testkit::fault::{Faults, Moment};
use kube::api::{Api, DeleteParams};
use libtest_mimic::{Failed, Trial};

use self::history::History;
use self::schedule::Schedule;
use self::world::{NAMESPACE, Process, RELEASE, Simulation, simulated, sound};

/// Random schedules in a usual test run. `ITER8_FAULT_SCHEDULES` sets another number, and means a long run.
const SCHEDULES: u64 = 100;
/// The tests run in parallel.
const PARTS: u8 = 4;

pub(crate) fn trials() -> Vec<Trial> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("ITER8_FAULT_SEED") {
        let trial = move || random_schedules(seed, seed + 1, 1);
        return vec![Trial::test("faults::one_schedule_again", trial)];
    }
    let schedules = number("ITER8_FAULT_SCHEDULES").unwrap_or(SCHEDULES);
    let mut trials = vec![
        Trial::test("faults::a_settled_world_is_left_alone", a_settled_world_is_left_alone),
        Trial::test(
            "faults::a_status_is_written_to_no_other_release_of_the_name",
            a_status_is_written_to_no_other_release_of_the_name,
        ),
    ];
    for part in 0..PARTS {
        let name = format!("faults::a_random_schedule_ends_as_without_faults::{part}");
        trials.push(Trial::test(name, move || random_schedules(part.into(), schedules, PARTS.into())));
    }
    for (moment, name) in [(Moment::Before, "before"), (Moment::After, "after")] {
        for part in 0..PARTS {
            let name = format!("faults::a_controller_killed_{name}_an_api_call_resumes::{part}");
            trials.push(Trial::test(name, move || killed_at_calls(moment, part)));
        }
    }
    trials
}

/// A Release may be deleted and made again before the watch has told.
fn a_status_is_written_to_no_other_release_of_the_name() -> Result<(), Failed> {
    simulated(async {
        let simulation = Simulation::new().await;
        simulation.step(&History::tutorial().steps[0].what).await;
        let releases: Api<Release> = Api::namespaced(simulation.server.client_as("test"), NAMESPACE);
        let applier = ServerSideApplier::new(simulation.server.client_as("iter8"));
        let status = ReleaseStatus { primary: Some("httpbin-test".to_owned()), ..ReleaseStatus::default() };
        let present = releases.get(RELEASE).await?.metadata.uid.unwrap();
        for (uid, is_written) in [("another", false), (present.as_str(), true)] {
            let reported = applier.report(NAMESPACE, RELEASE, uid, &status).await;
            assert_eq!(matches!(reported, Err(Error::ReleaseGone)), !is_written, "{reported:?}");
            assert_eq!(releases.get(RELEASE).await?.status.is_some(), is_written);
        }
        releases.delete(RELEASE, &DeleteParams::default()).await?;
        let reported = applier.report(NAMESPACE, RELEASE, &present, &status).await;
        assert!(matches!(reported, Err(Error::ReleaseGone)), "{reported:?}");
        Ok::<_, kube::Error>(())
    })?;
    Ok(())
}

/// Neither a controller that starts nor one that has to list everything anew writes anything.
fn a_settled_world_is_left_alone() -> Result<(), Failed> {
    let mut history = History::tutorial();
    history.steps.truncate(2);
    let outcome = simulated(async {
        let simulation = Simulation::new().await;
        simulation.play(&history, Vec::new()).await?;
        drop(simulation.supervise(vec![Process::with(sound())]));
        simulation.server.compact();
        simulation.server.restart();
        simulation.stays_quiet().await
    });
    outcome.map_err(Failed::from)
}

/// The tutorial, with the controller killed once, at each of its API calls in turn.
fn killed_at_calls(moment: Moment, part: u8) -> Result<(), Failed> {
    let history = History::tutorial();
    let (wanted, calls) = simulated(async {
        let (faults, simulation) = (sound(), Simulation::new().await);
        let played = simulation.play(&history, vec![Process::with(faults.clone())]).await?;
        Ok::<_, String>((played.states, faults.requests()))
    })?;
    assert!(calls > 40, "the tutorial takes more than {calls} calls");
    let mine = |index: u64| index % u64::from(PARTS) == u64::from(part);
    for call in (1..=calls).filter(|call| mine(*call)) {
        let outcome = simulated(async {
            let simulation = Simulation::new().await;
            let faults = sound().kill_at(call, moment);
            let killed = simulation.play(&history, vec![Process::with(faults)]).await?;
            state::compare(&wanted, &killed.states)?;
            simulation.stays_quiet().await
        });
        outcome.map_err(|why| format!("killed {moment:?} call {call}: {why}"))?;
    }
    Ok(())
}

/// Random histories with random faults.
fn random_schedules(first: u64, end: u64, step: usize) -> Result<(), Failed> {
    figures::begin();
    for seed in (first..end).step_by(step) {
        let schedule = Schedule::random(seed);
        let wanted = simulated(async {
            let simulation = Simulation::new().await;
            simulation.play(&schedule.history, Vec::new()).await.map(|played| played.states)
        });
        let wanted = wanted.map_err(|why| format!("seed {seed}, without faults: {why}\n{schedule}"))?;
        let processes = schedule.processes();
        let faults: Vec<_> = processes.iter().map(|process| process.faults.clone()).collect();
        let outcome = simulated(async {
            let simulation = Simulation::new().await;
            let played = simulation.play_disturbed(&schedule, processes).await?;
            state::compare(&wanted, &played.states)?;
            simulation.stays_quiet().await.map(|()| played.routes)
        });
        let injected = || {
            let all = faults.iter().flat_map(Faults::injected);
            all.map(|injected| format!("  {injected}")).collect::<Vec<_>>().join("\n")
        };
        let routes = outcome.map_err(|why| {
            format!("{why}\nagain with ITER8_FAULT_SEED={seed}\n{schedule}what was done:\n{}", injected())
        })?;
        figures::add(&schedule, &faults, routes);
    }
    figures::end(u8::try_from(step).unwrap_or(1));
    Ok(())
}
