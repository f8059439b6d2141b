//! How long it takes from a candidate that becomes ready, or fails, to its route.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::Error;
use crate::fleet::{Fleet, bulk};
use crate::floor::Floor;
use crate::routes::Routes;

/// Candidates that become ready one at a time.
const ONE_AT_A_TIME: usize = 50;
/// Candidates that become ready at the same time, and how often.
const BURST: usize = 100;
const BURSTS: usize = 3;

/// Between two measurements, in which what is reported later is written.
const PAUSE: Duration = Duration::from_millis(100);

/// Latencies in order of size.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    fn new(mut latencies: Vec<Duration>) -> Self {
        latencies.sort();
        Self(latencies)
    }

    /// The latency that this share of all does not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// Of the controller and of the bare client.
#[derive(Debug, Default)]
pub(crate) struct Both {
    pub(crate) ours: Latencies,
    pub(crate) floor: Latencies,
}

/// What a change is about: a release of the fleet, or the bare client's slice and route of the same number.
#[derive(Debug, Clone, Copy)]
enum Side {
    Ours,
    Floor,
}

impl Side {
    fn slice(self, index: usize) -> String {
        match self {
            Self::Ours => Fleet::candidate(index),
            Self::Floor => Floor::route_name(index),
        }
    }

    fn route(self, index: usize) -> String {
        match self {
            Self::Ours => Fleet::name(index),
            Self::Floor => Floor::route_name(index),
        }
    }
}

/// The releases whose candidates change: spread over all.
pub(crate) fn sample(fleet: &Fleet) -> Vec<usize> {
    let count = BURST.min(fleet.size());
    (0..count).map(|number| number * fleet.size() / count).collect()
}

/// Candidates that fail and become ready again, one after the other: the latencies of both changes.
pub(crate) async fn one_at_a_time(
    fleet: &Fleet,
    routes: &Routes,
    releases: &[usize],
) -> Result<(Both, Both), Error> {
    crate::say("candidates that fail and become ready");
    let (mut failed, mut ready) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for index in releases.iter().take(ONE_AT_A_TIME) {
        for is_ready in [false, true] {
            let both = if is_ready { &mut ready } else { &mut failed };
            both.0.push(change(fleet, routes, Side::Ours, *index, is_ready).await?);
            both.1.push(change(fleet, routes, Side::Floor, *index, is_ready).await?);
        }
    }
    let both = |(ours, floor)| Both { ours: Latencies::new(ours), floor: Latencies::new(floor) };
    Ok((both(failed), both(ready)))
}

async fn change(
    fleet: &Fleet,
    routes: &Routes,
    side: Side,
    index: usize,
    ready: bool,
) -> Result<Duration, Error> {
    tokio::time::sleep(PAUSE).await;
    fleet.set_endpoint(index, &side.slice(index), ready).await?;
    let begun = Instant::now();
    let routed = routes.until(&side.route(index), rules(ready)).await?;
    Ok(routed.saturating_duration_since(begun))
}

/// Candidates that become ready at the same time.
pub(crate) async fn in_a_burst(fleet: &Fleet, routes: &Routes, releases: &[usize]) -> Result<Both, Error> {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..BURSTS {
        ours.extend(burst(fleet, routes, Side::Ours, releases).await?);
        floor.extend(burst(fleet, routes, Side::Floor, releases).await?);
    }
    Ok(Both { ours: Latencies::new(ours), floor: Latencies::new(floor) })
}

async fn burst(
    fleet: &Fleet,
    routes: &Routes,
    side: Side,
    releases: &[usize],
) -> Result<Vec<Duration>, Error> {
    let begun = Mutex::new(Vec::new());
    for ready in [false, true] {
        begun.lock().map_err(|_| "poisoned")?.clear();
        bulk(releases.len(), |number| {
            let (index, begun) = (releases.get(number).copied().unwrap_or_default(), &begun);
            async move {
                fleet.set_endpoint(index, &side.slice(index), ready).await?;
                begun.lock().map_err(|_| "poisoned")?.push((index, Instant::now()));
                Ok::<(), Error>(())
            }
        })
        .await?;
        let names: Vec<_> = releases.iter().map(|index| side.route(*index)).collect();
        routes.until_all(&names, rules(ready)).await?;
        // Until what is reported after the routes is written, too.
        tokio::time::sleep(20 * PAUSE).await;
    }
    let mut latencies = Vec::new();
    for (index, begun) in begun.into_inner().map_err(|_| "poisoned")? {
        let routed = routes.until(&side.route(index), rules(true)).await?;
        latencies.push(routed.saturating_duration_since(begun));
    }
    Ok(latencies)
}

/// The candidate's rule, if it is ready, and the default rule.
const fn rules(ready: bool) -> usize {
    if ready { 2 } else { 1 }
}
