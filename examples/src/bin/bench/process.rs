//! The processes under test, and what they use.
//!
//! A part is started with the kubeconfig in its environment. For each line on its standard input it answers with its
//! counts of requests in JSON; it ends when standard input is closed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use iter8_core::{ObjectKind, RoutingBackend};
use iter8_gateway_api::GatewayApiBackend;
use iter8_kube::workload::{DEPLOYMENT, SERVICE};
use iter8_kube::{LeaderElection, Options, Release, Scope, labels};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::counting::{Counter, is_of_lease};
use crate::{Error, Part};

const KUBECONFIG: &str = "ITER8_BENCH_KUBECONFIG";

/// A part that runs as a process of its own; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(part: Part, kubeconfig: &Path) -> Result<Self, Error> {
        let name = match part {
            Part::Controller => "controller",
            Part::Watches => "watches",
        };
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .env(KUBECONFIG, kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let requests = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        Ok(Self { child, requests, answers })
    }

    /// The requests that it has sent so far.
    pub(crate) async fn counts(&mut self) -> Result<BTreeMap<String, u64>, Error> {
        self.requests.write_all(b"\n").await?;
        let answer = self.answers.next_line().await?.ok_or("the process has ended")?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Waits until it has sent nothing but renewed watches, and renewals of its Lease, for this long.
    pub(crate) async fn until_quiet(&mut self, quiet: Duration) -> Result<(), Error> {
        let mut before = self.counts().await?;
        loop {
            tokio::time::sleep(quiet).await;
            let after = self.counts().await?;
            let is_news = |name: &str| !name.starts_with("watch ") && !is_of_lease(name);
            if crate::counting::since(&before, &after, is_news) == 0 {
                return Ok(());
            }
            before = after;
        }
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        drop(self.requests);
        self.child.wait().await?;
        Ok(())
    }

    /// Processor time of all its threads, to the nanosecond.
    pub(crate) fn cpu(&self) -> Result<Duration, Error> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(self.proc("task")?)? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += schedstat.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> Result<u64, Error> {
        self.status("VmRSS:")
    }

    /// What of the program itself is resident, in KiB: code that has run.
    pub(crate) fn code(&self) -> Result<u64, Error> {
        self.status("RssFile:")
    }

    /// The most memory in KiB that was ever resident.
    pub(crate) fn peak_memory(&self) -> Result<u64, Error> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Result<u64, Error> {
        let status = fs::read_to_string(self.proc("status")?)?;
        let value = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
        Ok(value.trim().trim_end_matches(" kB").parse()?)
    }

    fn proc(&self, file: &str) -> Result<String, Error> {
        Ok(format!("/proc/{}/{file}", self.child.id().ok_or("the process has ended")?))
    }
}

/// Plays a part in this process, until standard input is closed.
pub(crate) async fn play(part: Part) -> Result<(), Error> {
    let kubeconfig = std::env::var_os(KUBECONFIG).ok_or("started by hand")?;
    let counter = Counter::default();
    let client = counter.counted(crate::client(Path::new(&kubeconfig)).await?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) }.boxed().shared();
    let part = tokio::spawn(async move {
        match part {
            Part::Controller => {
                let election = LeaderElection::new("default");
                let options = Options::new(Scope::Cluster).leader_election(election);
                iter8_kube::run(client, GatewayApiBackend::default(), options, shutdown).await;
            }
            Part::Watches => tokio::select! {
                () = watches(client) => {}
                () = shutdown => {}
            },
        }
    });
    let mut requests = BufReader::new(tokio::io::stdin()).lines();
    let mut answers = tokio::io::stdout();
    while requests.next_line().await?.is_some() {
        let answer = serde_json::to_string(&counter.counts())? + "\n";
        answers.write_all(answer.as_bytes()).await?;
        answers.flush().await?;
    }
    drop(stop);
    part.await?;
    Ok(())
}

/// The least that a controller has to do: the same watches, whose events are read and dropped.
async fn watches(client: Client) {
    let ours = || watcher::Config::default().labels(labels::RELEASE);
    let backend = GatewayApiBackend::default();
    let mut watches = tokio::task::JoinSet::new();
    for kind in [DEPLOYMENT, SERVICE].iter().chain(backend.kinds()) {
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource(kind));
        watches.spawn(watcher(objects, ours()).default_backoff().for_each(|_| async {}));
    }
    let slices: Api<EndpointSlice> = Api::all(client.clone());
    watches.spawn(watcher(slices, ours()).default_backoff().for_each(|_| async {}));
    let releases: Api<Release> = Api::all(client);
    watches.spawn(watcher(releases, watcher::Config::default()).default_backoff().for_each(|_| async {}));
    watches.join_all().await;
}

pub(crate) fn resource(kind: &ObjectKind) -> ApiResource {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    ApiResource::from_gvk_with_plural(&gvk, kind.plural)
}
