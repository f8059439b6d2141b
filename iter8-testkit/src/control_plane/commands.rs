//! The files, ports and command lines of one control plane.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::ControlPlaneError;
use super::process::Process;
use super::service_account::ServiceAccountKey;

/// The API server listens on loopback only and its cluster is thrown away: the token guards nothing.
const TOKEN: &str = "testkit";

/// Who asked for what and when, without the objects; one line for each request that has been answered. Watches are
/// left out: they are answered when they end.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: None, userGroups: ['system:apiserver']}
- {level: None, users: ['system:apiserver', 'system:anonymous']}
- {level: Metadata}
";

/// Where everything of one control plane is.
#[derive(Debug)]
pub(super) struct Layout {
    assets: PathBuf,
    folder: TempDir,
    kubeconfig: PathBuf,
    api_port: u16,
    etcd_port: u16,
    etcd_peer_port: u16,
}

impl Layout {
    /// Choose free ports and write the files that the programs read.
    pub(super) fn new(assets: &Path) -> Result<Self, ControlPlaneError> {
        let folder = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .map_err(|source| ControlPlaneError::File { path: std::env::temp_dir(), source })?;
        let [api_port, etcd_port, etcd_peer_port] = free_ports().map_err(ControlPlaneError::Port)?;
        let kubeconfig = folder.path().join("kubeconfig");
        let layout =
            Self { assets: assets.to_owned(), folder, kubeconfig, api_port, etcd_port, etcd_peer_port };

        let key = ServiceAccountKey::generate().ok_or(ControlPlaneError::ServiceAccountKey)?;
        layout.write("service-account.key", &key.private_pem)?;
        layout.write("service-account.pub", &key.public_pem)?;
        layout.write("tokens.csv", &format!("{TOKEN},testkit,testkit,system:masters\n"))?;
        layout.write("audit-policy.yaml", AUDIT_POLICY)?;
        layout.write("kubeconfig", &kubeconfig_text(api_port))?;
        Ok(layout)
    }

    /// The kubeconfig that clients use.
    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(super) fn start_etcd(&self) -> Result<Process, ControlPlaneError> {
        let client_url = self.etcd_url();
        let peer_url = format!("http://127.0.0.1:{}", self.etcd_peer_port);
        self.spawn(
            "etcd",
            &[
                self.flag("--data-dir", "etcd"),
                format!("--listen-client-urls={client_url}").into(),
                format!("--advertise-client-urls={client_url}").into(),
                format!("--listen-peer-urls={peer_url}").into(),
                format!("--initial-advertise-peer-urls={peer_url}").into(),
                format!("--initial-cluster=default={peer_url}").into(),
                "--unsafe-no-fsync".into(),
            ],
        )
    }

    /// Where etcd listens.
    pub(super) fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    /// Where the API server writes its audit log to.
    pub(super) fn audit_log(&self) -> PathBuf {
        self.file("audit.log")
    }

    pub(super) fn start_api_server(&self) -> Result<Process, ControlPlaneError> {
        self.spawn(
            "kube-apiserver",
            &[
                format!("--etcd-servers={}", self.etcd_url()).into(),
                format!("--secure-port={}", self.api_port).into(),
                "--bind-address=127.0.0.1".into(),
                // Without these two it looks for an address of the machine's network, which there may not be.
                "--advertise-address=127.0.0.1".into(),
                "--endpoint-reconciler-type=none".into(),
                self.flag("--cert-dir", "certs"),
                "--service-account-issuer=https://kubernetes.default.svc".into(),
                self.flag("--service-account-key-file", "service-account.pub"),
                self.flag("--service-account-signing-key-file", "service-account.key"),
                self.flag("--token-auth-file", "tokens.csv"),
                self.flag("--audit-policy-file", "audit-policy.yaml"),
                self.flag("--audit-log-path", "audit.log"),
                "--authorization-mode=RBAC".into(),
                "--service-cluster-ip-range=10.96.0.0/12".into(),
                // Nobody creates the default ServiceAccount of a namespace here, and Pods need none.
                "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".into(),
            ],
        )
    }

    pub(super) fn start_controller_manager(&self) -> Result<Process, ControlPlaneError> {
        self.spawn(
            "kube-controller-manager",
            &[
                self.flag("--kubeconfig", "kubeconfig"),
                "--leader-elect=false".into(),
                "--secure-port=0".into(),
                "--controllers=garbage-collector-controller,namespace-controller".into(),
            ],
        )
    }

    fn spawn(&self, program: &'static str, args: &[OsString]) -> Result<Process, ControlPlaneError> {
        Process::spawn(program, &self.assets, args, self.file(&format!("{program}.log")))
    }

    fn flag(&self, name: &str, file: &str) -> OsString {
        let mut flag = OsString::from(name);
        flag.push("=");
        flag.push(self.file(file));
        flag
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> Result<(), ControlPlaneError> {
        let path = self.file(name);
        fs::write(&path, content).map_err(|source| ControlPlaneError::File { path, source })
    }
}

/// Ports that nobody listens on now. All are held until the last is known, so that they differ.
fn free_ports() -> std::io::Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (first, second, third) = (listen()?, listen()?, listen()?);
    Ok([first.local_addr()?.port(), second.local_addr()?.port(), third.local_addr()?.port()])
}

fn kubeconfig_text(api_port: u16) -> String {
    // The API server signs its own certificate at its first start.
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: testkit
  cluster: {{server: 'https://127.0.0.1:{api_port}', insecure-skip-tls-verify: true}}
users:
- name: testkit
  user: {{token: {TOKEN}}}
contexts:
- name: testkit
  context: {{cluster: testkit, user: testkit}}
current-context: testkit
"
    )
}
