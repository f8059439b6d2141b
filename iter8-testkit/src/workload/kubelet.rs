//! The kubelet: a server for every Pod, and the Pod's status.

use std::net::Ipv4Addr;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::Instant;

use super::driver::{Driver, Servers};
use super::pod::{
    FINALIZER, Health, container_ports, containers, deployment_of, is_finished, is_terminating, pod_status,
};
use super::server::PodServer;
use super::slices::names_pod;
use crate::pod_network::PodNetwork;

/// How long a deleted Pod is seen as terminating before its container ends.
const TERMINATION: Duration = Duration::from_millis(200);
/// How long a Pod goes on serving after it has left the `EndpointSlices`: whoever follows them is a little behind.
const GRACE: Duration = Duration::from_secs(1);
/// Between two looks whether it has left them.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A Pod that runs here.
#[derive(Debug)]
pub(super) struct LocalPod {
    uid: String,
    address: Address,
    /// None where Pods are objects only.
    server: Option<PodServer>,
    ready_from: Instant,
    /// It has pulled its image, and passed its readiness probe at least once.
    was_ready: bool,
    deleted_since: Option<Instant>,
    unlisted_since: Option<Instant>,
}

/// An address of the Pod network that is withdrawn when it is dropped.
#[derive(Debug)]
struct Address {
    ip: Ipv4Addr,
    network: PodNetwork,
}

impl Drop for Address {
    fn drop(&mut self) {
        self.network.withdraw(self.ip);
    }
}

impl Driver {
    /// Run the Pod, or end it, and write its status if that changed. Returns when to look at it again.
    pub(super) async fn reconcile_pod(&mut self, name: &str) -> kube::Result<Option<Instant>> {
        let pod = self.pods.get_opt(name).await?;
        let uid = pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref());
        if self.local.get(name).is_some_and(|local| Some(local.uid.as_str()) != uid)
            && let Some(time) = self.end_removed_pod(name, pod.is_none())
        {
            return Ok(Some(time));
        }
        let Some(pod) = pod else { return Ok(None) };
        if is_terminating(&pod) {
            return self.end_pod(&pod).await;
        }
        if is_finished(&pod) {
            return Ok(None);
        }
        if !self.local.contains_key(name) {
            let local = self.start_pod(&pod).await.map_err(|error| kube::Error::Service(error.into()))?;
            self.local.insert(name.to_owned(), local);
        }
        let Some(local) = self.local.get_mut(name) else { return Ok(None) };
        let fails = deployment_of(&pod).is_some_and(|deployment| self.faults.deployment_fails(deployment));
        let has_image = containers(&pod)
            .iter()
            .filter_map(|container| container.image.as_deref())
            .all(|image| !self.faults.image_fails(image));
        let starting = Instant::now() < local.ready_from;
        let health = if !local.was_ready && !has_image {
            Health::NoImage
        } else if fails || starting {
            Health::NotReady
        } else {
            Health::Ready
        };
        local.was_ready |= health == Health::Ready;
        if let Some(server) = &local.server {
            server.set_healthy(health == Health::Ready);
        }
        let (ip, ready_from) = (local.address.ip, local.ready_from);
        self.write_status(pod, ip, health).await?;
        // By the clock that decided above: it may be past by now.
        Ok(starting.then_some(ready_from))
    }

    async fn start_pod(&self, pod: &Pod) -> std::io::Result<LocalPod> {
        let image = containers(pod).first().and_then(|container| container.image.as_deref());
        let server = match self.servers {
            Servers::Real => Some(PodServer::start(&pod.name_any(), image.unwrap_or_default()).await?),
            Servers::None => None,
        };
        let address = Address { ip: self.network.allocate(), network: self.network.clone() };
        if let Some(server) = &server {
            for port in container_ports(pod) {
                self.network.expose(address.ip, port, server.address());
            }
        }
        Ok(LocalPod {
            uid: pod.uid().unwrap_or_default(),
            address,
            server,
            ready_from: Instant::now() + self.faults.start_delay(),
            was_ready: false,
            deleted_since: None,
            unlisted_since: None,
        })
    }

    /// A deleted Pod serves until nobody can be sending it requests, then its object goes.
    async fn end_pod(&mut self, pod: &Pod) -> kube::Result<Option<Instant>> {
        let name = pod.name_any();
        let now = Instant::now();
        if let Some(local) = self.local.get_mut(&name) {
            let container_ends = *local.deleted_since.get_or_insert(now) + TERMINATION;
            let ip = local.address.ip;
            if now < container_ends {
                return Ok(Some(container_ends));
            }
            // An ended Pod is no endpoint: this is what makes it leave the slices.
            self.write_status(pod.clone(), ip, Health::Ended).await?;
            let slices = self.slices.list(&ListParams::default()).await?;
            let listed =
                slices.iter().any(|slice| names_pod(slice, pod.metadata.uid.as_deref().unwrap_or("")));
            let Some(local) = self.local.get_mut(&name) else { return Ok(None) };
            if listed {
                local.unlisted_since = None;
                return Ok(Some(now + POLL_INTERVAL));
            }
            let server_stops = *local.unlisted_since.get_or_insert(now) + GRACE;
            if now < server_stops {
                return Ok(Some(server_stops));
            }
        }
        self.remove_finalizer(pod).await?;
        self.stop_local(&name);
        Ok(None)
    }

    /// The object of a local Pod went without a word (somebody else's Pod has no finalizer). It serves a little
    /// longer, unless its name is needed for another Pod.
    fn end_removed_pod(&mut self, name: &str, name_is_free: bool) -> Option<Instant> {
        let now = Instant::now();
        let local = self.local.get_mut(name)?;
        let server_stops = *local.unlisted_since.get_or_insert(now) + GRACE;
        if name_is_free && now < server_stops {
            return Some(server_stops);
        }
        self.stop_local(name);
        None
    }

    fn stop_local(&mut self, name: &str) {
        if let Some(local) = self.local.remove(name) {
            drop(local.address);
            if let Some(server) = local.server {
                server.stop();
            }
        }
    }

    async fn write_status(&self, mut pod: Pod, ip: Ipv4Addr, health: Health) -> kube::Result<()> {
        let status = pod_status(&pod, ip, health, self.clock.now());
        if pod.status.as_ref() != Some(&status) {
            pod.status = Some(status);
            self.pods.replace_status(&pod.name_any(), &PostParams::default(), &pod).await?;
        }
        Ok(())
    }

    async fn remove_finalizer(&self, pod: &Pod) -> kube::Result<()> {
        let others: Vec<_> = pod.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
        if others.len() == pod.finalizers().len() {
            return Ok(());
        }
        // With its version, so that a finalizer somebody added meanwhile is not lost.
        let metadata = json!({"finalizers": others, "resourceVersion": pod.resource_version()});
        let patch = Patch::Merge(json!({"metadata": metadata}));
        match self.pods.patch(&pod.name_any(), &PatchParams::default(), &patch).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}
