//! What must hold for every single request of a client that never stops.

use std::time::{Duration, Instant};

use iter8_testkit::mesh::View;

use crate::cluster::Cluster;
use crate::histories::{Change, Declared, Dice};
use crate::load::{Load, Report};
use crate::servers::Scenario;

/// How many histories; without it only a few, and the rate of each run's requests is printed, not asserted: the
/// machine may be busy with other tests.
const HISTORIES: &str = "ITER8_LOAD_HISTORIES";
/// Requests a second.
const RATE: usize = 500;
/// Changes of a history.
const LENGTH: usize = 8;

/// What must hold for every single request.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "the_tutorial_loses_no_request_and_sends_nobody_back",
        run: |cluster| Box::pin(the_tutorial_loses_no_request_and_sends_nobody_back(cluster)),
    },
    Scenario {
        name: "histories_of_changes_lose_no_request_and_send_nobody_back",
        run: |cluster| Box::pin(histories_of_changes_lose_no_request_and_send_nobody_back(cluster)),
    },
    Scenario {
        name: "a_version_that_fails_by_itself_is_left_at_once",
        run: |cluster| Box::pin(a_version_that_fails_by_itself_is_left_at_once(cluster)),
    },
];

fn histories() -> Option<u64> {
    std::env::var(HISTORIES).ok().map(|count| count.parse().unwrap())
}

/// A promotion: until the next change everybody with the header gets this image.
struct Promotion {
    image: String,
    from: Instant,
    until: Instant,
}

/// The run says what it has counted.
#[expect(clippy::print_stdout, reason = "the counts are for whoever runs the test")]
fn say(text: &str) {
    println!("{text}");
}

fn assert_nothing_lost(what: &str, report: &Report, promotions: &[Promotion]) {
    say(&format!("{what}: {report}; {} promotions", promotions.len()));
    let rate = report.rate();
    assert!(
        histories().is_none() || rate >= RATE,
        "{what}: this machine sends only {rate} requests a second"
    );
    let lost = report.lost();
    assert!(lost.is_empty(), "{what}: {} requests failed: {lost:#?}", lost.len());
    for Promotion { image, from, until } in promotions {
        let strayed = report.strayed(image, *from, *until);
        assert!(strayed.is_empty(), "{what}: answered by another image than {image}: {strayed:#?}");
    }
}

async fn until_gone(cluster: &Cluster) {
    cluster.delete().await;
    let is_gone = |(deployments, services): &(Vec<_>, Vec<_>)| deployments.is_empty() && services.is_empty();
    cluster.until("workloads to be gone", || cluster.workloads(), is_gone).await;
    cluster.until("the route to be gone", || cluster.route(), Option::is_none).await;
}

async fn the_tutorial_loses_no_request_and_sends_nobody_back(cluster: Cluster) {
    let document = |versions: &[&str]| {
        let versions =
            versions.iter().map(|image| format!("  - image: {image}\n")).collect::<Vec<_>>().concat();
        format!(
            "environment: deployment-gtw\napplication:\n  strategy: canary\n  drainSeconds: 1\n  versions:\n{versions}"
        )
    };
    cluster.world.workloads().set_start_delay(Duration::from_millis(300));
    cluster.declare(&document(&["web:1"])).await;
    cluster.until_ready().await;
    let load = Load::start(&cluster);
    cluster.declare(&document(&["web:1", "web:2"])).await;
    cluster.until_ready().await;
    let routed = || cluster.get(&[("traffic", "test")]);
    let second = |answer: &(u16, Option<String>)| answer.1.as_deref() == Some("httpbin-1");
    cluster.until("the candidate's answer", routed, second).await;

    let from = Instant::now();
    cluster.declare(&document(&["web:2"])).await;
    cluster.until_ready().await;
    let promotion = Promotion { image: "web:2".to_owned(), from, until: Instant::now() };
    assert_nothing_lost("tutorial", &load.stop().await, &[promotion]);
    until_gone(&cluster).await;
}

async fn histories_of_changes_lose_no_request_and_send_nobody_back(cluster: Cluster) {
    let (mut count, mut requests, mut promotions) = (0, 0, 0);
    for seed in 0..histories().unwrap_or(2) {
        let (report, promoted) = history(&cluster, seed).await;
        (count, requests, promotions) = (count + 1, requests + report.exchanges.len(), promotions + promoted);
        until_gone(&cluster).await;
    }
    say(&format!("{count} histories: {requests} requests, {promotions} promotions"));
    assert!(promotions > 0, "without a promotion nobody could be sent back");
}

/// What became of the requests, and how many promotions there were that everybody with the header must follow.
async fn history(cluster: &Cluster, seed: u64) -> (Report, usize) {
    let mut dice = Dice::new(seed);
    let mut declared = Declared::new();
    let mut before = declared.clone();
    cluster.declare(&declared.document()).await;
    cluster.until_ready().await;
    // Their routes are accepted at once.
    let mesh = cluster.world.mesh();
    let _gateways = (mesh.open_gateway("edge").await.unwrap(), mesh.open_gateway("other").await.unwrap());
    let load = Load::start(cluster);
    let (mut settled, mut promotions, mut told) = (true, Vec::new(), Vec::new());
    for step in 0..LENGTH {
        let start = Duration::from_millis(100 * u64::try_from(dice.roll(4)).unwrap());
        cluster.world.workloads().set_start_delay(start);
        // Chance alone promotes what everybody follows in few histories only.
        let is_promotion = step == LENGTH / 2;
        let is_rollback = !is_promotion && dice.roll(5) == 0;
        if is_promotion {
            cluster.until_ready().await;
            settled = true;
        }
        let change = if is_rollback {
            std::mem::swap(&mut declared, &mut before);
            declared.forget_no_name_of(&before);
            None
        } else {
            before = declared.clone();
            let change = if is_promotion { declared.promote() } else { declared.change(&mut dice) };
            let Some(change) = change else { continue };
            Some(change)
        };
        let tested = (settled && before.tested() == declared.tested()).then(|| declared.tested()).flatten();
        let from = Instant::now();
        cluster.declare(&declared.document()).await;
        settled = dice.roll(2) == 0;
        let change_told = change.map_or_else(|| "Rollback".to_owned(), |change| format!("{change:?}"));
        told.push(change_told + if settled { "." } else { "," });
        if settled {
            cluster.until_ready().await;
        } else {
            let pause = 50 * u64::try_from(dice.roll(12)).unwrap();
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        if let (Some(Change::Promote), Some(image)) = (change, tested) {
            promotions.push(Promotion { image, from, until: Instant::now() });
        }
    }
    cluster.until_ready().await;
    let report = load.stop().await;
    assert_nothing_lost(&format!("history {seed}: {}", told.join(" ")), &report, &promotions);
    (report, promotions.len())
}

/// Exempt from "nothing is lost": what is lost until the route leaves the version is counted and printed.
async fn a_version_that_fails_by_itself_is_left_at_once(cluster: Cluster) {
    let document = "environment: deployment-gtw\napplication: {strategy: canary, versions: [{image: web:1}, {image: web:2}]}";
    cluster.declare(document).await;
    cluster.until_answers("httpbin-0", "httpbin-1").await;
    cluster.until_ready().await;
    let load = Load::start(&cluster);
    let mut views = cluster.world.mesh().routes_in_force();
    let rules = |view: &View| {
        let rules = view.route("httpbin").and_then(|route| route.spec.rules.as_ref());
        rules.map_or(0, Vec::len)
    };

    cluster.world.workloads().fail("httpbin-1");
    views.wait_for(|view| view.ready_endpoints("httpbin-1", 80).is_empty()).await.unwrap();
    let unready = Instant::now();
    views.wait_for(|view| rules(view) == 1).await.unwrap();
    let left = unready.elapsed();
    cluster.world.workloads().recover("httpbin-1");
    views.wait_for(|view| !view.ready_endpoints("httpbin-1", 80).is_empty()).await.unwrap();
    let ready = Instant::now();
    views.wait_for(|view| rules(view) == 2).await.unwrap();
    let routed = ready.elapsed();
    cluster.until_answers("httpbin-0", "httpbin-1").await;

    let report = load.stop().await;
    say(&format!(
        "a version fails by itself: {report}; endpoints unready to route in force {left:?}, and back {routed:?}"
    ));
    let without_header = report.exchanges.iter().filter(|exchange| !exchange.with_header);
    let lost = without_header.filter(|exchange| exchange.outcome.is_err()).count();
    assert_eq!(lost, 0, "who does not ask for the candidate notices nothing");
}
