//! One run: all measurements with one number of releases.

use std::path::Path;
use std::time::Duration;

use iter8_kube::Release;
use iter8_testkit::control_plane::ControlPlane;
use iter8_testkit::world;
use kube::CustomResourceExt;

use crate::cold_start::{self, ColdStart, QUIET};
use crate::fleet::Fleet;
use crate::floor::Floor;
use crate::news::{self, Both};
use crate::no_news::{self, Idle, NoNews};
use crate::process::Process;
use crate::routes::Routes;
use crate::{Error, Part, say};

/// What one run has measured.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) releases: usize,
    pub(crate) cold: ColdStart,
    /// The writes of the cold start by the bare client.
    pub(crate) cold_floor: Duration,
    pub(crate) failed: Both,
    pub(crate) ready: Both,
    /// How many candidates became ready at once, and how long it took.
    pub(crate) burst: (usize, Both),
    pub(crate) no_news: NoNews,
    pub(crate) idle: Idle,
    pub(crate) memory: Memory,
}

/// Resident memory of the controller in KiB.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Without a release.
    pub(crate) empty: u64,
    /// What of it is code that has run.
    pub(crate) empty_code: u64,
    /// With all releases routed.
    pub(crate) routed: u64,
    /// What of it is code that has run.
    pub(crate) routed_code: u64,
    /// The same after the idle time, in which connections end that nobody uses.
    pub(crate) rested: u64,
    /// The most until then.
    pub(crate) most: u64,
    /// At the end of the run.
    pub(crate) last: u64,
}

/// Measures with this many releases in a cluster of their own.
pub(crate) async fn run(assets: &Path, releases: usize, idle_seconds: u64) -> Result<Figures, Error> {
    say(&format!("{releases} releases"));
    let cluster = ControlPlane::start(assets).await?;
    world::install(&cluster.client(), &[Release::crd()]).await?;
    cluster.install(&assets.join("crds")).await?;
    let kubeconfig = cluster.kubeconfig();

    let (empty, empty_code) = empty_controller(kubeconfig).await?;
    let fleet = Fleet::new(crate::client(kubeconfig).await?, releases);
    let routes = Routes::watch(crate::client(kubeconfig).await?);
    cold_start::prepare(&fleet, kubeconfig).await?;
    let (cold, mut controller) = cold_start::start(&fleet, &routes, kubeconfig).await?;
    let (routed, routed_code, most) = (controller.memory()?, controller.code()?, controller.peak_memory()?);

    let mut watches = Process::start(Part::Watches, kubeconfig)?;
    let idle = no_news::idle(&mut controller, &mut watches, idle_seconds).await?;
    let rested = controller.memory()?;
    let no_news = no_news::events(&fleet, &mut controller, &watches).await?;
    watches.stop().await?;

    let floor = Floor::new(crate::client(kubeconfig).await?).await?;
    let sample = news::sample(&fleet);
    let following = floor.follow(&fleet, &sample).await?;
    controller.until_quiet(QUIET).await?;
    let (failed, ready) = news::one_at_a_time(&fleet, &routes, &sample).await?;
    let burst = (sample.len(), news::in_a_burst(&fleet, &routes, &sample).await?);
    following.abort();
    let memory = Memory { empty, empty_code, routed, routed_code, rested, most, last: controller.memory()? };
    controller.stop().await?;
    // Without the controller, which would answer to statuses that are not its own.
    let cold_floor = floor.cold_start(releases, cold.writes).await?;
    Ok(Figures { releases, cold, cold_floor, failed, ready, burst, no_news, idle, memory })
}

/// Resident memory of a controller without releases, and what of it is code, in KiB.
async fn empty_controller(kubeconfig: &Path) -> Result<(u64, u64), Error> {
    let mut controller = Process::start(Part::Controller, kubeconfig)?;
    controller.until_quiet(Duration::from_secs(3)).await?;
    let memory = (controller.memory()?, controller.code()?);
    controller.stop().await?;
    Ok(memory)
}
