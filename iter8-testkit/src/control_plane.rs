//! A real Kubernetes control plane on loopback: etcd, kube-apiserver and the garbage collector.
//!
//! It runs the programs of a `KUBEBUILDER_ASSETS` folder as ordinary processes. There is no node, no scheduler and
//! no controller but those that clean up (garbage collector, namespaces); the workload runner of this crate plays
//! the rest. It needs a Unix system.

mod audit;
mod commands;
mod compact;
mod install;
mod process;
mod service_account;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::time::{Instant, sleep};

pub use audit::AuditedRequest;
use commands::Layout;
use process::Process;

/// How long one program may take until it serves.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two looks at a program that starts.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Free ports are found, released and taken again by the programs: somebody else may be faster.
const START_ATTEMPTS: u32 = 3;

/// A running control plane with an empty cluster.
///
/// Dropping it kills its processes and removes their files. The processes also end when the program that started
/// them ends without dropping it.
///
/// ```no_run
/// use iter8_testkit::control_plane::ControlPlane;
///
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// let assets = ControlPlane::assets_from_env().ok_or("KUBEBUILDER_ASSETS is not set")?;
/// let cluster = ControlPlane::start(&assets).await?;
/// cluster.install(&assets.join("crds")).await?;
/// let version = cluster.client().apiserver_version().await?;
/// # Ok(()) }
/// ```
pub struct ControlPlane {
    // Fields are dropped in this order: the processes before the folder they write to, etcd last.
    controller_manager: Mutex<Process>,
    api_server: Option<Process>,
    etcd: Process,
    client: Client,
    layout: Layout,
}

/// Why the control plane could not be started or used.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use iter8_testkit::control_plane::{ControlPlane, ControlPlaneError};
///
/// let error = ControlPlane::start("/no/such/folder".as_ref()).await.unwrap_err();
/// assert!(matches!(error, ControlPlaneError::Run { .. }));
/// assert_eq!(error.to_string(), "cannot run `/no/such/folder/etcd`");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlPlaneError {
    /// A file of the control plane or of a manifest could not be read or written.
    #[error("cannot use `{path}`")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A program of the assets folder could not be run.
    #[error("cannot run `{program}`")]
    Run {
        /// The program's path.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// No loopback port could be had.
    #[error("no free loopback port")]
    Port(#[source] std::io::Error),
    /// The key that signs service account tokens could not be generated.
    #[error("cannot generate a service account key")]
    ServiceAccountKey,
    /// A program ended while it started.
    #[error("`{program}` ended while it started; the end of its log:\n{log_tail}")]
    Ended {
        /// The program's name.
        program: &'static str,
        /// The last lines it wrote.
        log_tail: String,
    },
    /// A program runs but does not serve in time.
    #[error("`{program}` did not become ready in {seconds} s; the end of its log:\n{log_tail}")]
    NotReady {
        /// The program's name.
        program: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// The last lines it wrote.
        log_tail: String,
    },
    /// The kubeconfig of the control plane is not usable.
    #[error("cannot use the kubeconfig of the control plane")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// A manifest is not a Kubernetes object.
    #[error("`{path}` is not a Kubernetes manifest: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The API server refused a request.
    #[error("the API server refused `{what}`")]
    Api {
        /// What was asked.
        what: String,
        /// Its answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// A custom resource definition was not established in time.
    #[error("custom resource definition `{name}` is not established")]
    NotEstablished {
        /// Its name.
        name: String,
    },
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("layout", &self.layout)
            .field("etcd", &self.etcd)
            .field("api_server", &self.api_server)
            .field("controller_manager", &self.controller_manager)
            .finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// The folder that the environment variable `KUBEBUILDER_ASSETS` names, if it is set.
    ///
    /// ```
    /// use iter8_testkit::control_plane::ControlPlane;
    ///
    /// let is_set = std::env::var_os("KUBEBUILDER_ASSETS").is_some_and(|folder| !folder.is_empty());
    /// assert_eq!(ControlPlane::assets_from_env().is_some(), is_set, "without it, leave the test out");
    /// ```
    #[must_use]
    pub fn assets_from_env() -> Option<PathBuf> {
        std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Start etcd, kube-apiserver and kube-controller-manager of the folder `assets` and wait until the API
    /// server is ready. Folders made for envtest lack the last of the three, which collects the garbage: add it.
    ///
    /// # Errors
    /// A program is missing, ends, or does not become ready in a minute; the error carries the end of its log.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_testkit::control_plane::ControlPlane;
    ///
    /// if let Some(assets) = ControlPlane::assets_from_env() {
    ///     let cluster = ControlPlane::start(&assets).await?;
    ///     assert_eq!(cluster.client().apiserver_version().await?.major, "1");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(assets: &Path) -> Result<Self, ControlPlaneError> {
        let mut attempt = 1;
        loop {
            match Self::try_start(assets).await {
                Err(ControlPlaneError::Ended { log_tail, .. })
                    if attempt < START_ATTEMPTS && log_tail.contains("address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_start(assets: &Path) -> Result<Self, ControlPlaneError> {
        let layout = Layout::new(assets)?;
        let etcd = layout.start_etcd()?;
        let mut api_server = layout.start_api_server()?;
        let client = connect(config_for(layout.kubeconfig()).await?)?;
        wait_until_ready(&client, &mut api_server).await?;
        let controller_manager = Mutex::new(layout.start_controller_manager()?);
        Ok(Self { controller_manager, api_server: Some(api_server), etcd, client, layout })
    }

    /// A client with all rights.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::Node;
    /// use kube::api::{Api, ListParams};
    ///
    #[doc = include_str!("example_control_plane.txt")]
    /// let nodes: Api<Node> = Api::all(cluster.client());
    /// assert_eq!(nodes.list(&ListParams::default()).await?.items.len(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client that acts as this user, with the rights of these groups (`system:masters` has all).
    ///
    /// # Errors
    /// The kubeconfig of the control plane cannot be used.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::Secret;
    /// use kube::api::{Api, ListParams};
    ///
    #[doc = include_str!("example_control_plane.txt")]
    /// let secrets: Api<Secret> = Api::all(cluster.client_as("nobody", &[]).await?);
    /// assert!(secrets.list(&ListParams::default()).await.is_err(), "no role allows it");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Result<Client, ControlPlaneError> {
        let mut config = config_for(self.kubeconfig()).await?;
        config.auth_info.impersonate = Some(user.to_owned());
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        config.auth_info.impersonate_groups = Some(groups);
        connect(config)
    }

    /// The requests for resources that the API server has answered so far, in the order of the answers; watches that
    /// still run are not among them.
    ///
    /// # Errors
    /// The audit log cannot be read.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kube::api::{Api, ListParams};
    ///
    #[doc = include_str!("example_control_plane.txt")]
    /// let client = cluster.client_as("shop", &["system:masters"]).await?;
    /// Api::<ConfigMap>::all(client).list(&ListParams::default()).await?;
    /// let audit = cluster.audit()?;
    /// let own: Vec<_> = audit.iter().filter(|request| request.user == "shop").collect();
    /// assert_eq!((own.len(), own[0].verb.as_str()), (1, "list"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn audit(&self) -> Result<Vec<AuditedRequest>, ControlPlaneError> {
        audit::read(&self.layout.audit_log())
    }

    /// A kubeconfig file with one context, `testkit`, whose user has all rights.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_control_plane.txt")]
    /// // For programs that read a file, such as kubectl.
    /// let text = std::fs::read_to_string(cluster.kubeconfig())?;
    /// assert!(text.contains("testkit"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        self.layout.kubeconfig()
    }

    /// Apply every manifest of a file or a folder (`.yaml`, `.yml`, `.json`; subfolders are left out), custom
    /// resource definitions first, and wait until the API server serves their kinds.
    ///
    /// The garbage collector learns of new kinds every 30 seconds only. It is restarted here after custom resource
    /// definitions, so that it follows their objects from the start.
    ///
    /// # Errors
    /// A file cannot be read, is not a manifest, or the API server refuses it.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use gateway_api::httproutes::HttpRoute;
    /// use kube::api::{Api, ListParams};
    ///
    #[doc = include_str!("example_control_plane.txt")]
    /// cluster.install(&assets.join("crds")).await?;
    /// let routes: Api<HttpRoute> = Api::all(cluster.client());
    /// assert!(routes.list(&ListParams::default()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn install(&self, manifests: &Path) -> Result<(), ControlPlaneError> {
        let new_kinds = install::install(&self.client, manifests).await?;
        if new_kinds {
            let mut running = self.lock_controller_manager();
            running.kill();
            *running = self.layout.start_controller_manager()?;
        }
        Ok(())
    }

    /// Kill the API server; what is stored stays. Clients and their watches see the connection break.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_control_plane.txt")]
    /// cluster.stop_api_server();
    /// assert!(cluster.client().apiserver_version().await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Start the API server again on its old port and wait until it is ready. Does nothing while it runs.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_control_plane.txt")]
    /// cluster.stop_api_server();
    /// cluster.start_api_server().await?;
    /// assert!(cluster.client().apiserver_version().await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_api_server(&mut self) -> Result<(), ControlPlaneError> {
        if self.api_server.is_none() {
            let mut api_server = self.layout.start_api_server()?;
            wait_until_ready(&self.client, &mut api_server).await?;
            self.api_server = Some(api_server);
        }
        Ok(())
    }

    /// Make etcd forget all former states of objects, as the API server does every five minutes. Whatever the API
    /// server still has in its own cache it goes on telling.
    ///
    /// # Errors
    /// etcd does not answer, or refuses.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("example_control_plane.txt")]
    /// cluster.stop_api_server();
    /// cluster.compact().await?;
    /// cluster.start_api_server().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn compact(&self) -> Result<(), ControlPlaneError> {
        compact::compact(&self.layout.etcd_url()).await
    }

    fn lock_controller_manager(&self) -> MutexGuard<'_, Process> {
        self.controller_manager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn config_for(kubeconfig: &Path) -> Result<Config, ControlPlaneError> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}

fn connect(config: Config) -> Result<Client, ControlPlaneError> {
    Client::try_from(config)
        .map_err(|source| ControlPlaneError::Api { what: "client".to_owned(), source: Box::new(source) })
}

async fn wait_until_ready(client: &Client, api_server: &mut Process) -> Result<(), ControlPlaneError> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !is_ready(client).await {
        if api_server.has_ended() {
            return Err(ControlPlaneError::Ended {
                program: api_server.program(),
                log_tail: api_server.log_tail(),
            });
        }
        if Instant::now() >= deadline {
            return Err(ControlPlaneError::NotReady {
                program: api_server.program(),
                seconds: START_TIMEOUT.as_secs(),
                log_tail: api_server.log_tail(),
            });
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else { return false };
    matches!(tokio::time::timeout(Duration::from_secs(5), client.request_text(request)).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests;
