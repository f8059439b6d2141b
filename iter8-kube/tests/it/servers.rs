//! The API servers that the scenarios run on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use gateway_api::grpcroutes::GrpcRoute;
use gateway_api::httproutes::HttpRoute;
use iter8_kube::Release;
use iter8_testkit::control_plane::ControlPlane;
use iter8_testkit::world::{self, World};
use kube::CustomResourceExt;
use tokio::runtime::{Builder, Runtime};

use crate::cluster::Cluster;

/// What a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The testkit's API server.
    InMemory,
    /// The testkit's API server, without the CRDs of the Gateway API.
    Bare,
    /// kube-apiserver and etcd.
    Real,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InMemory => "in_memory",
            Self::Bare => "without_gateway_api",
            Self::Real => "real",
        })
    }
}

/// A scenario: a claim, and the function that shows it.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Cluster) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// One runtime for all, and one real API server, started when the first scenario needs it.
#[derive(Clone)]
pub(crate) struct Servers {
    runtime: Arc<Runtime>,
    real: Arc<Mutex<Option<Arc<ControlPlane>>>>,
}

impl Servers {
    pub(crate) fn new() -> Self {
        // More threads than some machines have processors: scenarios hold one up.
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build();
        Self { runtime: Arc::new(runtime.unwrap()), real: Arc::default() }
    }

    pub(crate) fn have_real() -> bool {
        ControlPlane::assets_from_env().is_some()
    }

    pub(crate) fn block_on(&self, future: impl Future<Output = ()>) {
        self.runtime.block_on(future);
    }

    /// Runs a scenario in a namespace of its own, with a controller or without.
    pub(crate) fn run(&self, kind: Kind, scenario: &Scenario, with_controller: bool) {
        let namespace = scenario.name.replace('_', "-");
        let namespace = namespace.get(..63).unwrap_or(&namespace).trim_end_matches('-');
        self.runtime.block_on(async {
            let real = (kind == Kind::Real).then(|| self.real());
            let world = match (kind, &real) {
                (Kind::Bare, _) => World::in_memory(namespace, &[Release::crd()]).await,
                (_, None) => {
                    World::in_memory(namespace, &[Release::crd(), HttpRoute::crd(), GrpcRoute::crd()]).await
                }
                (_, Some(real)) => World::on(real.client(), namespace).await,
            };
            let mut cluster = Cluster::new(world.unwrap(), real);
            if with_controller {
                cluster.start();
            }
            (scenario.run)(cluster).await;
        });
    }

    fn real(&self) -> Arc<ControlPlane> {
        // A scenario that fails to start the server poisons the lock; the others then say so, too.
        let mut real = self.real.lock().unwrap();
        if real.is_none() {
            let assets = ControlPlane::assets_from_env().unwrap();
            let started = self.runtime.spawn(async move {
                let control_plane = ControlPlane::start(&assets).await.unwrap();
                world::install(&control_plane.client(), &[Release::crd()]).await.unwrap();
                // Last, since it makes the garbage collector take note of all new kinds.
                control_plane.install(&assets.join("crds")).await.unwrap();
                control_plane
            });
            *real = Some(Arc::new(futures::executor::block_on(started).unwrap()));
        }
        Arc::clone(real.as_ref().unwrap())
    }

    /// Statics are never dropped; this ends the real server's processes.
    pub(crate) fn stop(&self) {
        drop(self.real.lock().map(|mut real| real.take()));
    }
}

/// Scenarios by the names of their functions.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        &[$(Scenario { name: stringify!($name), run: |cluster| Box::pin($name(cluster)) }),*]
    };
}
pub(crate) use scenarios;
