//! A real API server on which iter8 is installed, and the controller as a process of its own there.

use std::fmt::Debug;
use std::fs::Permissions;
use std::fs::{self, File};
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iter8_core::Document;
use iter8_kube::{Release, ReleaseSpec};
use iter8_testkit::control_plane::{AuditedRequest, ControlPlane};
use iter8_testkit::world::World;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::run;
use crate::yaml;

/// How long anything may take. Far more than it takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, in the folder of the installation.
const PROGRAM: &str = "iter8";

/// Runs a program with what a container with this user and group, `readOnlyRootFilesystem`, no capabilities and no way to
/// get any has. The process stays the same.
const CONFINED: &str = r#"
mount --make-rprivate / && mount -o remount,bind,ro / || exit 1
user=$1 group=$2
shift 2
exec setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"#;

/// The name of all that `iter8 install` installs.
pub(crate) const NAME: &str = "iter8-controller";

pub(crate) struct Installation {
    pub(crate) control_plane: ControlPlane,
    /// The world around the Releases.
    pub(crate) world: World,
    /// What `iter8 install` printed.
    pub(crate) objects: Vec<Value>,
    folder: TempDir,
}

impl Installation {
    /// Installs what `iter8 install` prints with these arguments. Releases will be in this namespace.
    pub(crate) async fn new(args: &[&str], namespace: &str) -> Self {
        let assets = ControlPlane::assets_from_env().expect("KUBEBUILDER_ASSETS");
        let control_plane = ControlPlane::start(&assets).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        // The container's user has to get at both.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_iter8"), folder.path().join(PROGRAM)).unwrap();
        let printed = run(&[&["install", "--image", "registry.example/iter8:1"], args].concat(), "").done();
        let objects = yaml::stream(&printed);
        let manifest = folder.path().join("install.yaml");
        fs::write(&manifest, printed).unwrap();
        control_plane.install(&manifest).await.unwrap();
        // Last, since it makes the garbage collector take note of all new kinds.
        control_plane.install(&assets.join("crds")).await.unwrap();
        let world = World::on(control_plane.client(), namespace).await.unwrap();
        Self { control_plane, world, objects, folder }
    }

    /// The user that the account of the installation is to the API server, and its groups.
    pub(crate) fn account(&self) -> (String, Vec<String>) {
        let account = yaml::of_kind(&self.objects, "ServiceAccount")[0];
        let namespace = account["metadata"]["namespace"].as_str().unwrap();
        let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        (format!("system:serviceaccount:{namespace}:{NAME}"), groups.into())
    }

    /// Starts the program with the arguments of the installed Deployment and these besides, as this user of the API
    /// server, and as the Deployment's container would run: as its user without rights, with a file system that nobody
    /// can write to.
    pub(crate) fn start(&self, name: &str, user: &str, groups: &[String], more: &[&str]) -> Controller {
        let deployment = yaml::of_kind(&self.objects, "Deployment")[0];
        let namespace = deployment["metadata"]["namespace"].as_str().unwrap();
        let installed = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
        // All replicas are on one machine here, and nobody scrapes them.
        let args =
            installed.iter().filter_map(Value::as_str).filter(|arg| !arg.starts_with("--metrics-addr"));
        let log = self.folder.path().join(format!("{name}.log"));
        let context = &deployment["spec"]["template"]["spec"]["securityContext"];
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-c", CONFINED, "sh"])
            .args([context["runAsUser"].to_string(), context["runAsGroup"].to_string()])
            .arg(self.folder.path().join(PROGRAM))
            .args(args)
            .args(["--identity", name])
            .args(more)
            .arg("--kubeconfig")
            .arg(self.kubeconfig(name, user, groups, namespace))
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let controller = Controller { child, log };
        controller.assert_confined(context["runAsUser"].as_u64().unwrap());
        controller
    }

    /// The control plane's kubeconfig for another user.
    fn kubeconfig(&self, name: &str, user: &str, groups: &[String], namespace: &str) -> PathBuf {
        let text = fs::read_to_string(self.control_plane.kubeconfig()).unwrap();
        let mut kubeconfig: Value = serde_saphyr::from_str(&text).unwrap();
        kubeconfig["users"][0]["user"]["as"] = user.into();
        kubeconfig["users"][0]["user"]["as-groups"] = json!(groups);
        kubeconfig["contexts"][0]["context"]["namespace"] = namespace.into();
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, kubeconfig.to_string()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.world.client(), self.world.namespace())
    }

    /// Declares the Release `httpbin`.
    pub(crate) async fn declare(&self, document: &str) {
        let spec = ReleaseSpec::from_document(&Document::from_yaml(document).unwrap()).unwrap();
        let release = json!({
            "apiVersion": "iter8.tools/v1alpha1",
            "kind": "Release",
            "metadata": { "name": "httpbin" },
            "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        self.api::<Release>().patch("httpbin", &params, &Patch::Apply(release)).await.unwrap();
    }

    /// Declares the Release and waits until it is ready.
    pub(crate) async fn release(&self, document: &str) {
        self.declare(document).await;
        let ready = || async {
            let release = self.api::<Release>().get("httpbin").await.unwrap();
            let conditions = release.status.unwrap_or_default().conditions;
            let condition = conditions.into_iter().find(|condition| condition.type_ == "Ready");
            condition.filter(|condition| condition.observed_generation == release.metadata.generation)
        };
        let is_ready = |condition: &Option<_>| {
            condition.as_ref().is_some_and(
                |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
                    condition.status == "True"
                },
            )
        };
        until("condition Ready", ready, is_ready).await;
    }

    /// The Deployments of Releases, by name.
    pub(crate) async fn deployments(&self) -> Vec<String> {
        // The controller's own is in the same namespace, or may be.
        let of_releases = ListParams::default().labels("iter8.tools/release");
        let deployments = self.api::<Deployment>().list(&of_releases).await.unwrap();
        deployments.iter().map(ResourceExt::name_any).collect()
    }

    /// The identity of the replica that holds the Lease.
    pub(crate) async fn holder(&self) -> Option<String> {
        let lease = self.api::<Lease>().get_opt(NAME).await.unwrap()?;
        let holder = lease.spec?.holder_identity.filter(|holder| !holder.is_empty())?;
        holder.rsplit_once('_').map(|(name, _)| name.to_owned())
    }

    /// Waits until this replica holds the Lease; how long that took.
    pub(crate) async fn until_held_by(&self, name: &str) -> Duration {
        let begun = Instant::now();
        until("the Lease", || self.holder(), |holder| holder.as_deref() == Some(name)).await;
        begun.elapsed()
    }

    /// What this user has asked of the API server.
    pub(crate) fn requests_of(&self, user: &str) -> Vec<AuditedRequest> {
        let mut requests = self.control_plane.audit().unwrap();
        requests.retain(|request| request.user == user);
        requests
    }
}

/// The controller as a process; dropping it kills it.
pub(crate) struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// Waits until the process is the program, and checks what it may do.
    fn assert_confined(&self, user: u64) {
        let proc = PathBuf::from(format!("/proc/{}", self.child.id()));
        let begun = Instant::now();
        while fs::read_link(proc.join("exe"))
            .unwrap_or_default()
            .file_name()
            .is_none_or(|name| name != PROGRAM)
        {
            assert!(begun.elapsed() < PATIENCE, "is this root? the log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = fs::read_to_string(proc.join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().to_owned()
        };
        assert_eq!(field("Uid:"), user.to_string());
        assert_eq!((field("CapEff:"), field("CapBnd:")), ("0".repeat(16), "0".repeat(16)));
        assert_eq!(field("NoNewPrivs:"), "1");
        let mounts = fs::read_to_string(proc.join("mounts")).unwrap();
        let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
        assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    }

    /// Sends a signal, by the name that `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "SIG{name}; the log of the controller:\n{}", self.log());
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM");
        let ended = tokio::task::spawn_blocking(move || (self.child.wait().unwrap(), self.log()));
        let (status, log) = tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap();
        assert!(status.success(), "{status}:\n{log}");
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until the answer is a wanted one; panics with the last answer when patience ends.
pub(crate) async fn until<T: Debug, F: Future<Output = T>>(
    what: &str,
    ask: impl Fn() -> F,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if is_wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}; last seen: {answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
