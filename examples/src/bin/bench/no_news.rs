//! What it costs when nothing has changed.

use std::time::Duration;

use crate::counting::{is_of_lease, is_write, since};
use crate::fleet::{Fleet, bulk};
use crate::process::Process;
use crate::{Error, say};

/// Updates of the status of Deployments that change nothing but a time.
pub(crate) const EVENTS: usize = 3000;

/// Longer than the events take from the API server to the processes.
const SETTLED: Duration = Duration::from_secs(1);

/// The cost of events without news.
#[derive(Debug)]
pub(crate) struct NoNews {
    /// Processor time of the controller for an event.
    pub(crate) ours: Duration,
    /// Processor time of bare watches for the same event.
    pub(crate) floor: Duration,
    /// Writes of the controller, all in all.
    pub(crate) writes: u64,
}

/// Requests while nothing happened at all.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) seconds: u64,
    pub(crate) ours: u64,
    pub(crate) floor: u64,
    /// By which the controller leads; they are not among the others.
    pub(crate) renewals: u64,
}

/// Waits, and counts the requests of the controller and of bare watches.
pub(crate) async fn idle(
    controller: &mut Process,
    watches: &mut Process,
    seconds: u64,
) -> Result<Idle, Error> {
    watches.until_quiet(Duration::from_secs(2)).await?;
    say("nothing");
    let before = (controller.counts().await?, watches.counts().await?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = (controller.counts().await?, watches.counts().await?);
    let others = |name: &str| !is_of_lease(name);
    Ok(Idle {
        seconds,
        ours: since(&before.0, &after.0, others),
        floor: since(&before.1, &after.1, others),
        renewals: since(&before.0, &after.0, is_of_lease),
    })
}

/// Updates statuses while the controller and, beside it, bare watches follow them.
pub(crate) async fn events(
    fleet: &Fleet,
    controller: &mut Process,
    watches: &Process,
) -> Result<NoNews, Error> {
    say("events without news");
    let (before, ours, floor) = (controller.counts().await?, controller.cpu()?, watches.cpu()?);
    bulk(EVENTS, |number| {
        let (index, round) = (number % fleet.size(), 1 + number / fleet.size());
        async move { fleet.report_deployment(index, &Fleet::candidate(index), round).await }
    })
    .await?;
    tokio::time::sleep(SETTLED).await;
    let after = controller.counts().await?;
    let each = |time: Duration| time / u32::try_from(EVENTS).unwrap_or(u32::MAX);
    Ok(NoNews {
        ours: each(controller.cpu()?.saturating_sub(ours)),
        floor: each(watches.cpu()?.saturating_sub(floor)),
        writes: since(&before, &after, is_write),
    })
}
