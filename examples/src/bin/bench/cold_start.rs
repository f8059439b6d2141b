//! Many ready releases without routes, and how long it takes until all have them.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::floor::Writes;
use crate::process::Process;
use crate::routes::Routes;
use crate::{Error, Part, say};

/// Without a request for this long, a controller has done all that is to be done now. The longest pause of its own
/// is that until a route without a report counts as accepted: five seconds.
pub(crate) const QUIET: Duration = Duration::from_secs(7);

/// What a cold start was like.
#[derive(Debug)]
pub(crate) struct ColdStart {
    /// Until the last route was seen.
    pub(crate) routed: Duration,
    /// Processor time of the controller until then.
    pub(crate) cpu: Duration,
    /// What else was written until then.
    pub(crate) writes: Writes,
}

/// Lets a controller make all objects, and stops it; then every version becomes ready.
pub(crate) async fn prepare(fleet: &Fleet, kubeconfig: &Path) -> Result<(), Error> {
    let mut controller = Process::start(Part::Controller, kubeconfig)?;
    say("declaring the releases");
    fleet.declare().await?;
    loop {
        let counts = controller.counts().await?;
        if counts.get("create deployments").copied().unwrap_or(0) >= 2 * fleet.size() as u64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    controller.until_quiet(Duration::from_secs(2)).await?;
    controller.stop().await?;
    say("making every version ready");
    fleet.make_ready().await
}

/// Starts a controller and waits until everything is routed and reported.
pub(crate) async fn start(
    fleet: &Fleet,
    routes: &Routes,
    kubeconfig: &Path,
) -> Result<(ColdStart, Process), Error> {
    say("cold start");
    let names: Vec<_> = (0..fleet.size()).map(Fleet::name).collect();
    let begun = Instant::now();
    let mut controller = Process::start(Part::Controller, kubeconfig)?;
    let routed = routes.until_all(&names, 2).await?.duration_since(begun);
    let (counts, cpu) = (controller.counts().await?, controller.cpu()?);
    say(&format!("until then: {counts:?}"));
    let count = |wanted: &str| counts.get(wanted).copied().unwrap_or(0);
    let writes = Writes { statuses: count("patch releases/status"), events: count("create events") };
    controller.until_quiet(QUIET).await?;
    Ok((ColdStart { routed, cpu, writes }, controller))
}
