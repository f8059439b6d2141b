//! A cluster without sockets, whose time passes as soon as nobody has anything to do.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use iter8_core::{Document, Timestamp};
use iter8_kube::{LeaderElection, Options, Release, ReleaseSpec, Scope};
use iter8_testkit::apiserver::ApiServer;
use iter8_testkit::clock::Clock;
use iter8_testkit::fault::{Faults, Rates};
use iter8_testkit::workload::WorkloadRunner;
use iter8_testkit::world;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::jiff::{self, SignedDuration};
use kube::CustomResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::history::{History, What};
use super::knowledge::Knowledge;
use super::laws;
use super::noting::{Noting, Plans};
use super::pace;
use super::schedule::{Disturbance, Schedule};
use super::state::{self, State};
use super::terms;

pub(crate) const NAMESPACE: &str = "test";
pub(crate) const RELEASE: &str = "httpbin";
/// Nothing changes for so long: then nothing will, for no backoff and no fault is longer.
const QUIET: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_secs(10);
/// How many changes there may be after a step until there are none any more. The longest way takes less than half.
const MOST_CHANGES: usize = 400;
/// How long it may take until there are no changes any more.
const PATIENCE: Duration = Duration::from_mins(15);

/// How long a request of the controller takes.
pub(crate) const LATENCY: Duration = Duration::from_millis(1);
/// And where another one may undo what it does: they go on with that as fast as requests are.
pub(crate) const SLOW: Duration = Duration::from_millis(50);

/// No faults.
pub(crate) fn sound() -> Faults {
    Faults::seeded(0, Rates { latency: LATENCY, ..Rates::default() })
}

/// Runs in a time of its own.
pub(crate) fn simulated<T>(run: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(run)
}

/// A process of the controller.
pub(crate) struct Process {
    pub(crate) faults: Faults,
    /// How long none runs after it has ended.
    pub(crate) downtime: Duration,
    /// How wrong its clock is.
    pub(crate) skew: SignedDuration,
    /// How long its Leases last, if it takes part in an election.
    pub(crate) lease: Option<Duration>,
    pub(crate) plans: Plans,
}

impl Process {
    pub(crate) fn with(faults: Faults) -> Self {
        Self {
            faults,
            downtime: Duration::ZERO,
            skew: SignedDuration::ZERO,
            lease: None,
            plans: Plans::default(),
        }
    }
}

/// A replica of the controller: processes, one after the other, each until it is killed.
pub(crate) type Replica = Vec<Process>;

/// How a process is called; the field manager of what names none is the part before the slash.
fn user_agent(number: usize) -> String {
    format!("iter8/{number}")
}

/// The number of the process that is called so, if it is one of the controller.
pub(crate) fn number_of(user_agent: &str) -> Option<usize> {
    user_agent.strip_prefix("iter8/")?.parse().ok()
}

/// What has come of a history.
pub(crate) struct Played {
    pub(crate) states: Vec<State>,
    /// How many writes of routes kept the laws.
    pub(crate) routes: usize,
}

pub(crate) struct Simulation {
    pub(crate) server: ApiServer,
    clock: Clock,
    /// The same moment on Tokio's clock and on the simulated one.
    begin: (Instant, jiff::Timestamp),
    workloads: WorkloadRunner,
}

/// A server with everything installed, for copies.
static TEMPLATE: OnceCell<ApiServer> = OnceCell::const_new();

async fn template() -> ApiServer {
    let server = ApiServer::new();
    let client = server.client_as("test");
    world::install(&client, &[Release::crd(), HttpRoute::crd(), GrpcRoute::crd()]).await.unwrap();
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(NAMESPACE.to_owned());
    Api::all(client).create(&PostParams::default(), &namespace).await.unwrap();
    server
}

impl Simulation {
    pub(crate) async fn new() -> Self {
        let begin = (Instant::now(), jiff::Timestamp::from_second(1_800_000_000).unwrap());
        let clock = Clock::of_tokio(begin.1);
        let server = TEMPLATE.get_or_init(template).await.copy_with_clock(clock.clone());
        let workloads =
            WorkloadRunner::start_objects(server.client_as("workloads"), NAMESPACE, clock.clone())
                .await
                .unwrap();
        server.record_changes();
        Self { server, clock, begin, workloads }
    }

    /// The state after each step that waits until all is settled, with these replicas, or one without faults. The laws
    /// have held until then.
    pub(crate) async fn play(&self, history: &History, mut replicas: Vec<Replica>) -> Result<Played, String> {
        if replicas.is_empty() {
            replicas.push(vec![Process::with(sound())]);
        }
        let processes = || replicas.iter().flatten();
        let noted: Vec<_> =
            processes().map(|process| (process.faults.clone(), Arc::clone(&process.plans))).collect();
        let skews: Vec<_> = processes().map(|process| process.skew).collect();
        let is_elected = processes().all(|process| process.lease.is_some());
        // Two writers of which one knows less undo each other's writes until both know the same: no number of changes
        // bounds that, but the time does in which whatever is late arrives.
        let most = if replicas.len() == 1 || is_elected { MOST_CHANGES } else { usize::MAX };
        self.supervise(replicas);
        self.workloads.set_start_delay(history.start_delay);
        let mut states = Vec::new();
        for step in &history.steps {
            self.step(&step.what).await;
            if let Some(wait) = step.then {
                tokio::time::sleep(wait).await;
            } else {
                for (faults, _) in &noted {
                    faults.stop();
                }
                self.settle(most).await?;
                states.push(state::present(&self.server.changes())?);
            }
        }
        let skew = skews.iter().max().zip(skews.iter().min()).map(|(most, least)| *most - *least);
        let skew = skew.unwrap_or_default().unsigned_abs();
        let (changes, knowledge) = (self.server.changes(), Knowledge::new(&noted, self.begin, skew));
        if is_elected {
            terms::check(&changes, &knowledge)?;
        }
        noted.iter().try_for_each(|(faults, _)| pace::check(faults))?;
        let routes = laws::check(&changes, &knowledge)?;
        Ok(Played { states, routes })
    }

    /// The same, while the API server is disturbed; nothing goes wrong any more after the last step.
    pub(crate) async fn play_disturbed(
        &self,
        schedule: &Schedule,
        replicas: Vec<Replica>,
    ) -> Result<Played, String> {
        let (server, disturbances) = (self.server.clone(), schedule.disturbances.clone());
        let clients: Vec<_> = replicas.iter().flatten().map(|process| process.faults.clone()).collect();
        let disturbing = tokio::spawn(async move {
            for (after, what) in disturbances {
                tokio::time::sleep(after).await;
                match what {
                    Disturbance::Restart => server.restart(),
                    Disturbance::Outage(duration) => {
                        for client in &clients {
                            client.disconnect(duration);
                        }
                        server.restart();
                    }
                    Disturbance::Compaction => server.compact(),
                }
            }
        });
        let played = self.play(&schedule.history, replicas).await;
        disturbing.abort();
        played
    }

    /// After so long nothing is written for ten minutes.
    pub(crate) async fn stays_quiet_after(&self, settled: Duration) -> Result<(), String> {
        tokio::time::sleep(settled).await;
        self.stays_quiet().await
    }

    /// Nothing is written for ten minutes more, not even what changes nothing.
    pub(crate) async fn stays_quiet(&self) -> Result<(), String> {
        let before = (self.count(), self.written());
        tokio::time::sleep(Duration::from_mins(10)).await;
        if (self.count(), self.written()) == before {
            return Ok(());
        }
        Err(format!("still written after the end: {}", self.last_changes()))
    }

    /// How many changes there were. A Lease that is held is renewed all the time.
    fn count(&self) -> usize {
        self.server.changes().iter().filter(|change| change.resource != "leases").count()
    }

    /// How many writes the controllers have tried, those of Leases apart.
    fn written(&self) -> usize {
        let requests = self.server.requests();
        let is_write = |request: &&iter8_testkit::apiserver::RecordedRequest| {
            request.user_agent.starts_with("iter8")
                && !matches!(&*request.verb, "get" | "list" | "watch")
                && request.resource != "leases"
        };
        requests.iter().filter(is_write).count()
    }

    /// Waits until nothing changes any more, after at most so many changes.
    async fn settle(&self, most: usize) -> Result<(), String> {
        let (first, end) = (self.count(), Instant::now() + PATIENCE);
        let (mut last, mut quiet) = (first, Duration::ZERO);
        while quiet < QUIET {
            tokio::time::sleep(LOOK).await;
            let now = self.count();
            quiet = if now == last { quiet + LOOK } else { Duration::ZERO };
            last = now;
            if now - first > most || Instant::now() > end {
                return Err(format!("it is never done: {}", self.last_changes()));
            }
        }
        Ok(())
    }

    fn last_changes(&self) -> String {
        let (changes, requests) = (self.server.changes(), self.server.requests());
        let changes =
            changes.iter().rev().filter(|change| change.resource != "leases").take(20).map(|change| {
                format!(
                    "{} {} {} {} by {}",
                    change.time, change.version, change.resource, change.name, change.user_agent
                )
            });
        let writes = requests.iter().rev().filter(|request| {
            !matches!(&*request.verb, "get" | "list" | "watch") && request.resource != "leases"
        });
        let writes = writes.take(20).map(|request| {
            format!(
                "{} {} {} {}: {}",
                request.user_agent, request.verb, request.resource, request.name, request.status
            )
        });
        let lines: Vec<_> = changes.chain(writes).collect();
        format!("the last changes and writes, latest first:\n{}", lines.join("\n"))
    }

    pub(crate) async fn step(&self, what: &What) {
        let releases: Api<Release> = Api::namespaced(self.server.client_as("test"), NAMESPACE);
        match what {
            What::Declare(document) => {
                let spec = ReleaseSpec::from_document(&Document::from_yaml(document).unwrap()).unwrap();
                let release = json!({
                    "apiVersion": "iter8.tools/v1alpha1",
                    "kind": "Release",
                    "metadata": { "name": RELEASE },
                    "spec": spec,
                });
                let params = PatchParams::apply("test").force();
                releases.patch(RELEASE, &params, &Patch::Apply(release)).await.unwrap();
            }
            What::Delete => {
                // It may have been deleted before.
                let _ = releases.delete(RELEASE, &DeleteParams::default()).await;
            }
            What::Fail(deployment) => self.workloads.fail(deployment),
            What::Recover(deployment) => self.workloads.recover(deployment),
        }
    }

    /// Runs replicas side by side. Whoever is not killed runs on after the end, and has nothing to do.
    pub(crate) fn supervise(&self, replicas: Vec<Replica>) {
        let mut number = 0;
        for replica in replicas {
            let numbered: Vec<_> = (number..).zip(replica).collect();
            number += numbered.len();
            let (server, clock) = (self.server.clone(), self.clock.clone());
            tokio::spawn(async move {
                for (number, process) in numbered {
                    let client = process.faults.client(&server, &user_agent(number));
                    let options = options(number, &process, &clock);
                    let running = world::run(client, |client, shutdown| {
                        let shutdown = futures::FutureExt::shared(shutdown);
                        iter8_kube::run(client, Noting::new(&process.plans), options, shutdown)
                    });
                    process.faults.killed().await;
                    running.kill().await;
                    tokio::time::sleep(process.downtime).await;
                }
            });
        }
    }
}

fn options(number: usize, process: &Process, clock: &Clock) -> Options {
    let own = clock.skewed(process.skew);
    let now = move || Timestamp::from_millis(own.now().as_millisecond().unsigned_abs());
    let options = Options::new(Scope::Namespace(NAMESPACE.to_owned())).clock(Arc::new(now));
    match process.lease {
        None => options,
        Some(lease) => options
            .identity(number.to_string())
            .leader_election(LeaderElection::new(NAMESPACE).lease_duration(lease)),
    }
}
