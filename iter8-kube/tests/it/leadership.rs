//! Several replicas, of which one writes at a time.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::load::Load;
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
    a_leader_that_cannot_renew_its_lease_stops_before_it_ends,
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

/// The leader and another one, whose Leases are short, and a Release that is ready.
async fn two_replicas(cluster: &Cluster, writes: &Writes) -> (Replica, Replica) {
    let first = Replica::start(cluster, "first", SHORT, writes).await;
    cluster.until_held_by("first").await;
    let second = Replica::start(cluster, "second", SHORT, writes).await;
    cluster.declare(INITIAL).await;
    cluster.until_ready().await;
    (first, second)
}

async fn a_leader_that_is_killed_is_followed_when_its_lease_ends(cluster: Cluster) {
    let writes = Writes::default();
    let (first, _second) = two_replicas(&cluster, &writes).await;

    first.running.kill().await;
    let begun = Instant::now();
    cluster.until_held_by("second").await;
    let took = begun.elapsed();
    // The last renewal was before it was killed; a quarter is for looking.
    assert!(took < SHORT + SHORT / 4, "{took:?}");
    cluster.declare(CANDIDATE).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

async fn a_leader_that_is_cut_off_stops_before_the_next_one_begins(cluster: Cluster) {
    let writes = Writes::default();
    let (first, second) = two_replicas(&cluster, &writes).await;

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

/// All its other requests go on: nothing but its own gate stops it.
async fn a_leader_that_cannot_renew_its_lease_stops_before_it_ends(cluster: Cluster) {
    let writes = Writes::default();
    let (first, second) = two_replicas(&cluster, &writes).await;

    first.sever_lease();
    let changes = async {
        for number in 0.. {
            cluster.declare(&INITIAL.replace("kennethreitz/httpbin", &format!("web:{number}"))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = changes => {}
        () = cluster.until_held_by("second") => {}
    }
    let (renewed, wrote) = (first.renewed(), first.wrote());
    assert!(wrote > renewed + SHORT / 2, "it has gone on for a while: {:?}", wrote - renewed);
    assert!(wrote < renewed + SHORT, "its last write ended {:?} after the renewal", wrote - renewed);
    let tries = first.writes();
    cluster.declare(&INITIAL.replace("kennethreitz/httpbin", "web:last")).await;
    cluster.until_ready().await;
    assert!(second.leads() && !first.leads());
    assert_eq!(first.writes(), tries, "it looks on");
    cluster.assert_one_writer();
    assert_one_at_a_time(&writes);
}

async fn a_rolling_restart_in_the_middle_of_a_promotion_loses_nothing(cluster: Cluster) {
    let writes = Writes::default();
    let old = [
        Replica::start(&cluster, "old-0", LONG, &writes).await,
        Replica::start(&cluster, "old-1", LONG, &writes).await,
    ];
    let document = |versions: &str| {
        let head = "environment: deployment-gtw\napplication:\n  strategy: canary\n  drainSeconds: 1\n";
        format!("{head}  versions: {versions}")
    };
    cluster.declare(&document("[{image: 'web:1'}, {image: 'web:2'}]")).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    // The promotion must not be over before all have been replaced.
    cluster.world.workloads().set_start_delay(Duration::from_secs(4));

    let load = Load::start(&cluster);
    let from = Instant::now();
    cluster.declare(&document("[{image: 'web:2'}]")).await;
    let mut new = Vec::new();
    for (old, name) in old.into_iter().zip(["new-0", "new-1"]) {
        let replica = Replica::start(&cluster, name, LONG, &writes).await;
        let ready = || async { replica.health.is_ready() };
        cluster.until("the new replica", ready, |ready| *ready).await;
        let versions = cluster.condition("VersionsReady").await;
        assert!(versions.is_none_or(|(status, _)| status == "False"), "the promotion is under way");
        old.running.stop().await;
        new.push(replica);
    }
    cluster.until_answers("httpbin-0", "httpbin-0").await;
    cluster.until_ready().await;
    let report = load.stop().await;
    assert!(report.lost().is_empty(), "{:#?}", report.lost());
    let strayed = report.strayed("web:2", from, Instant::now());
    assert!(strayed.is_empty(), "sent back: {strayed:#?}");
    assert!(new.iter().any(Replica::leads), "one of the new replicas leads");
    assert_eq!(cluster.workloads().await, (names(&["httpbin-0"]), names(&["httpbin", "httpbin-0"])));
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
