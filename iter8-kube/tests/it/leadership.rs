//! Several replicas, of which one writes at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, from};
use crate::replicas::{Replica, Writes, assert_one_at_a_time};
use crate::scenarios::{CANDIDATE, INITIAL, PROMOTED, brisk, names};
use crate::servers::{Scenario, scenarios};

/// Long enough that nobody gets a Lease because it has ended.
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_secs(2);
/// A Lease that is handed over must be with the next replica in this time.
const HANDOVER: Duration = Duration::from_secs(1);

/// What must hold for replicas; the scenarios begin without a controller.
pub(crate) const ALL: &[Scenario] = scenarios![
    a_leader_that_stops_hands_over_at_once,
    a_leader_that_is_killed_is_followed_when_its_lease_ends,
    a_leader_that_is_cut_off_stops_before_the_next_one_begins,
    a_rolling_restart_in_the_middle_of_a_promotion_loses_nothing,
    controllers_without_an_election_do_each_other_no_harm,
];

async fn a_leader_that_stops_hands_over_at_once(cluster: Cluster) {
    let writes = Writes::default();
    let first = Replica::start(&cluster, "first", LONG, &writes).await;
    cluster.until_held_by("first").await;
    let second = Replica::start(&cluster, "second", LONG, &writes).await;
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    let ready = || async { second.health.is_ready() };
    cluster.until("the second replica", ready, |ready| *ready).await;
    assert!(first.leads() && !second.leads());
    assert_eq!(second.writes(), 0, "who does not lead writes nothing");

    let begun = Instant::now();
    first.running.stop().await;
    cluster.until_held_by("second").await;
    let took = begun.elapsed();
    assert!(took < HANDOVER, "{took:?}");
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

async fn a_leader_that_is_killed_is_followed_when_its_lease_ends(cluster: Cluster) {
    let writes = Writes::default();
    let first = Replica::start(&cluster, "first", SHORT, &writes).await;
    cluster.until_held_by("first").await;
    let _second = Replica::start(&cluster, "second", SHORT, &writes).await;
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;

    first.running.kill().await;
    let begun = Instant::now();
    cluster.until_held_by("second").await;
    let took = begun.elapsed();
    assert!(took < SHORT + HANDOVER, "{took:?}");
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

async fn a_leader_that_is_cut_off_stops_before_the_next_one_begins(cluster: Cluster) {
    let writes = Writes::default();
    let first = Replica::start(&cluster, "first", SHORT, &writes).await;
    cluster.until_held_by("first").await;
    let second = Replica::start(&cluster, "second", SHORT, &writes).await;
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;

    first.sever();
    cluster.declare(CANDIDATE).await;
    cluster.until_held_by("second").await;
    assert!(!first.leads(), "it knows that its term is over");
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;

    let before = first.writes();
    first.mend();
    second.running.stop().await;
    cluster.until_held_by("first").await;
    cluster.declare(&brisk(PROMOTED)).await;
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
    assert!(first.writes() > before, "it leads again");
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

async fn a_rolling_restart_in_the_middle_of_a_promotion_loses_nothing(cluster: Cluster) {
    let writes = Writes::default();
    let old = [
        Replica::start(&cluster, "old-0", LONG, &writes).await,
        Replica::start(&cluster, "old-1", LONG, &writes).await,
    ];
    cluster.declare(&brisk(CANDIDATE).replace("kennethreitz/httpbin", "web:1")).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    cluster.world.workloads().set_start_delay(Duration::from_millis(500));

    let done = AtomicBool::new(false);
    let load = async {
        let (mut sent, mut lost) = (0_usize, Vec::new());
        while !done.load(Ordering::Relaxed) {
            let (plain, with_header) = cluster.answers().await;
            sent += 2;
            lost.extend([plain, with_header].into_iter().filter(|(status, _)| *status != 200));
        }
        (sent, lost)
    };
    let restart = async {
        cluster.declare(&brisk(PROMOTED).replace("kennethreitz/httpbin", "web:2")).await;
        let mut new = Vec::new();
        for (old, name) in old.into_iter().zip(["new-0", "new-1"]) {
            let replica = Replica::start(&cluster, name, LONG, &writes).await;
            let ready = || async { replica.health.is_ready() };
            cluster.until("the new replica", ready, |ready| *ready).await;
            old.running.stop().await;
            new.push(replica);
        }
        cluster.until_answers("httpbin-0", "httpbin-0").await;
        cluster.until_ready().await;
        done.store(true, Ordering::Relaxed);
        new
    };
    let ((sent, lost), new) = futures::join!(load, restart);
    assert_eq!(lost, [], "of {sent} requests");
    assert!(new.iter().any(Replica::leads), "one of the new replicas leads");
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));
    assert_eq!(cluster.answers().await, (from("httpbin-0"), from("httpbin-0")));
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

/// The worst that a process that was paused, or a clock that runs slower, can do: two leaders all the time. The laws are
/// judged under faults, on the in-memory API server; this is how the real one takes it.
async fn controllers_without_an_election_do_each_other_no_harm(mut cluster: Cluster) {
    cluster.start();
    let _another = cluster.another();
    for (document, answers) in [
        (INITIAL, ("httpbin-0", "httpbin-0")),
        (CANDIDATE, ("httpbin-0", "httpbin-1")),
        (PROMOTED, ("httpbin-0", "httpbin-0")),
    ] {
        cluster.declare(&brisk(document)).await;
        cluster.until_answers(answers.0, answers.1).await;
        cluster.until_ready().await;
    }
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));
    cluster.delete().await;
    cluster.until("the route to be gone", || cluster.route(), Option::is_none).await;
}
