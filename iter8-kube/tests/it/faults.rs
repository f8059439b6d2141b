//! What goes wrong, in a world without sockets whose time is simulated.
//!
//! After every schedule of faults the final state has to be the one without faults, the laws of the plan have to
//! have held at every write of a route, and nothing may be written any more.

mod events;
mod figures;
mod history;
mod knowledge;
mod laws;
mod missing_kind;
mod noting;
mod pace;
mod random;
mod schedule;
mod state;
mod terms;
mod world;

use std::time::Duration;

use iter8_kube::workload::SERVICE;
use iter8_kube::{Applier, Created, Error, Release, ReleaseStatus, ServerSideApplier, Target};
use iter8_testkit::fault::{Fault, Faults, Moment, Rates};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::SignedDuration;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use libtest_mimic::{Failed, Trial};
use serde_json::json;

use self::history::History;
use self::schedule::Schedule;
use self::world::{NAMESPACE, Process, RELEASE, SLOW, Simulation, simulated, sound};

/// Random schedules in a usual test run. `ITER8_FAULT_SCHEDULES` sets another number, and means a long run.
const SCHEDULES: u64 = 100;
/// Of the leader that is stopped for longer.
const LEASE: Duration = Duration::from_secs(15);
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
        Trial::test("faults::what_is_repaired_twice_is_ready_again", what_is_repaired_twice_is_ready_again),
        Trial::test(
            "faults::a_status_is_written_to_no_other_release_of_the_name",
            a_status_is_written_to_no_other_release_of_the_name,
        ),
        Trial::test(
            "faults::what_has_changed_meanwhile_is_neither_applied_nor_deleted",
            what_has_changed_meanwhile_is_neither_applied_nor_deleted,
        ),
        Trial::test(
            "faults::a_missing_kind_of_route_is_told_once_and_left_alone",
            missing_kind::a_missing_kind_of_route_is_told_once_and_left_alone,
        ),
        Trial::test(
            "faults::the_tutorial_is_told_by_these_events",
            events::the_tutorial_is_told_by_these_events,
        ),
        Trial::test(
            "faults::the_same_is_told_where_watches_are_late",
            events::the_same_is_told_where_watches_are_late,
        ),
        Trial::test(
            "faults::no_event_is_lost_where_the_api_server_is_busy",
            events::no_event_is_lost_where_the_api_server_is_busy,
        ),
    ];
    for (name, lease) in [
        ("faults::two_controllers_of_which_one_was_stopped_do_no_harm", None),
        ("faults::a_leader_that_was_stopped_until_its_lease_was_over_does_no_harm", Some(LEASE)),
    ] {
        trials.push(Trial::test(name, move || stopped_before_writes(lease)));
    }
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

/// Whoever has decided by an earlier state is refused.
fn what_has_changed_meanwhile_is_neither_applied_nor_deleted() -> Result<(), Failed> {
    simulated(async {
        let simulation = Simulation::new().await;
        let services: Api<Service> = Api::namespaced(simulation.server.client_as("test"), NAMESPACE);
        let applier = ServerSideApplier::new(simulation.server.client_as("iter8"));
        let target = Target { kind: SERVICE, namespace: NAMESPACE.to_owned(), name: RELEASE.to_owned() };
        let object = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": RELEASE },
            "spec": { "selector": { "app": "a" }, "ports": [{ "port": 80 }] },
        });
        let mut object: DynamicObject = serde_json::from_value(object).unwrap();
        let created = applier.create(&target, &object).await?;
        let Created::New(seen) = created else { panic!("{created:?}") };
        let present = applier.annotate(&target, &seen, "iter8.tools/draining-since", Some("1")).await?;
        for (state, is_current) in [(&*seen, false), (&present, true)] {
            object.metadata.resource_version = state.metadata.resource_version.clone();
            object.data["spec"]["selector"]["app"] = json!(if is_current { "c" } else { "b" });
            let applied = applier.apply(&target, &object, state).await;
            assert_eq!(applied.is_ok(), is_current, "{applied:?}");
            let stored = services.get(RELEASE).await.unwrap().spec.unwrap().selector.unwrap();
            assert_eq!(stored["app"], if is_current { "c" } else { "a" });
        }
        assert!(applier.delete(&target, &present).await.is_err(), "it was applied since");
        let present = services.get(RELEASE).await.unwrap();
        let present: DynamicObject = serde_json::from_value(json!(present)).unwrap();
        applier.delete(&target, &present).await?;
        applier.delete(&target, &present).await?;
        assert!(services.get_opt(RELEASE).await.unwrap().is_none());
        Ok::<_, Error>(())
    })?;
    Ok(())
}

/// What is repaired makes the status what it was, and that is no event.
fn what_is_repaired_twice_is_ready_again() -> Result<(), Failed> {
    simulated(async {
        let simulation = Simulation::new().await;
        let slow = Faults::seeded(0, Rates { latency: SLOW, ..Rates::default() });
        simulation.supervise(vec![vec![Process::with(slow)]]);
        simulation.step(&History::tutorial().steps[0].what).await;
        simulation.stays_quiet_after(Duration::from_mins(1)).await?;
        let services: Api<Service> = Api::namespaced(simulation.server.client_as("rival"), NAMESPACE);
        let releases: Api<Release> = Api::namespaced(simulation.server.client_as("test"), NAMESPACE);
        let edit = json!({ "metadata": { "annotations": { "iter8.tools/digest": "another" } } });
        for gap in 0..40 {
            for _ in 0..2 {
                services.patch("httpbin-0", &PatchParams::default(), &Patch::Merge(&edit)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(gap * 10)).await;
            }
            simulation.stays_quiet_after(Duration::from_mins(15)).await?;
            let status = releases.get(RELEASE).await.unwrap().status.unwrap_or_default();
            let ready = status.conditions.into_iter().find(|it| it.type_ == "Ready").unwrap();
            assert_eq!(ready.status, "True", "{gap}: {}", ready.message);
        }
        Ok::<_, String>(())
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
        simulation.supervise(vec![vec![Process::with(sound())]]);
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
        let played = simulation.play(&history, vec![vec![Process::with(faults.clone())]]).await?;
        Ok::<_, String>((played.states, faults.requests()))
    })?;
    assert!(calls > 40, "the tutorial takes more than {calls} calls");
    let mine = |index: u64| index % u64::from(PARTS) == u64::from(part);
    for call in (1..=calls).filter(|call| mine(*call)) {
        let outcome = simulated(async {
            let simulation = Simulation::new().await;
            let faults = sound().kill_at(call, moment);
            let processes = vec![Process::with(faults.clone()), Process::with(sound())];
            let killed = simulation.play(&history, vec![processes]).await?;
            if !faults.injected().iter().any(|injected| matches!(injected.fault, Fault::Killed(_))) {
                return Err(format!("it was not killed: {:?}", faults.injected()));
            }
            state::compare(&wanted, &killed.states)?;
            simulation.stays_quiet().await
        });
        outcome.map_err(|why| format!("killed {moment:?} call {call}: {why}"))?;
    }
    Ok(())
}

/// Two controllers, of which the one is stopped once, between a decision and its write, while the history and the other
/// one go on. With Leases the other one has taken over by then; without, both write all the time.
fn stopped_before_writes(lease: Option<Duration>) -> Result<(), Failed> {
    const STOPPED: Duration = Duration::from_secs(25);
    let history = History::hurried();
    let rates = Rates { latency: SLOW, ..Rates::default() };
    let replicas = |stopped: &Faults| {
        let rates = Rates { lag: Duration::from_secs(1), ..rates.clone() };
        let process = |faults: Faults, skew: i64| {
            vec![Process { lease, skew: SignedDuration::from_secs(skew), ..Process::with(faults) }]
        };
        vec![process(stopped.clone(), 0), process(Faults::seeded(1, rates), 20)]
    };
    let wanted = simulated(async {
        let simulation = Simulation::new().await;
        simulation.play(&history, Vec::new()).await.map(|played| played.states)
    })?;
    let writes = simulated(async {
        let (faults, simulation) = (Faults::seeded(0, rates.clone()), Simulation::new().await);
        simulation.play(&history, replicas(&faults)).await.map(|_| writes_of_objects(&faults))
    })?;
    assert!(writes.len() > 10, "{writes:?}");
    for write in writes {
        let stopped = Faults::seeded(0, rates.clone()).pause_at_write(write, STOPPED);
        let outcome = simulated(async {
            let simulation = Simulation::new().await;
            let played = simulation.play(&history, replicas(&stopped)).await?;
            state::compare(&wanted, &played.states)
        });
        let what = || stopped.injected().first().map(ToString::to_string).unwrap_or_default();
        outcome.map_err(|why| format!("stopped before write {write} ({}): {why}", what()))?;
    }
    Ok(())
}

/// The numbers of a client's writes, but for those that only report.
fn writes_of_objects(faults: &Faults) -> Vec<u64> {
    let exchanges = faults.exchanges();
    let writes = exchanges.iter().map(|exchange| &exchange.request);
    let writes = (1..).zip(writes.filter(|it| !it.starts_with("GET") && !it.starts_with("WATCH")));
    let of_objects = writes.filter(|(_, it)| {
        ["/deployments", "/services", "/httproutes"].iter().any(|resource| it.contains(resource))
    });
    of_objects.map(|(number, _)| number).collect()
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
        let replicas = schedule.replicas();
        let faults: Vec<_> = replicas.iter().flatten().map(|process| process.faults.clone()).collect();
        let outcome = simulated(async {
            let simulation = Simulation::new().await;
            let played = simulation.play_disturbed(&schedule, replicas).await?;
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
