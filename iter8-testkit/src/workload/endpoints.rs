//! The `EndpointSlice` controller.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, PostParams};
use tokio::time::Instant;

use super::driver::Driver;
use super::slices::{SERVICE_NAME, desired_slices, is_ours, says_the_same, selector_of};

impl Driver {
    /// Make the Service's slices those it should have. Those of a deleted Service are the garbage collector's.
    pub(super) async fn reconcile_service(&mut self, name: &str) -> kube::Result<Option<Instant>> {
        let Some(service) = self.services.get_opt(name).await? else {
            self.forget_service(name);
            return Ok(None);
        };
        let Some(selector) = selector_of(&service) else { return Ok(None) };
        if service.metadata.deletion_timestamp.is_some() {
            return Ok(None);
        }
        let selector: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let pods: Vec<Pod> = self.pods.list(&ListParams::default().labels(&selector.join(","))).await?.items;
        let Some(desired) = desired_slices(&service, &pods) else { return Ok(None) };
        let live = self.slices_of(name, &service.uid().unwrap_or_default()).await?;

        for slice in &desired {
            match live.iter().find(|live| live.metadata.name == slice.metadata.name) {
                Some(live) => self.update_slice(live, slice).await?,
                None => drop(self.slices.create(&PostParams::default(), slice).await?),
            }
        }
        // Only now: an endpoint that moves between slices is never in none.
        for slice in
            live.iter().filter(|live| desired.iter().all(|slice| slice.name_any() != live.name_any()))
        {
            self.delete_slice(&slice.name_any()).await?;
        }
        Ok(None)
    }

    async fn slices_of(&self, service: &str, uid: &str) -> kube::Result<Vec<EndpointSlice>> {
        let of_service = ListParams::default().labels(&format!("{SERVICE_NAME}={service}"));
        let mut slices = self.slices.list(&of_service).await?.items;
        slices
            .retain(|slice| is_ours(slice) && slice.owner_references().iter().any(|owner| owner.uid == uid));
        Ok(slices)
    }

    async fn update_slice(&self, live: &EndpointSlice, desired: &EndpointSlice) -> kube::Result<()> {
        if says_the_same(live, desired) {
            return Ok(());
        }
        let mut slice = desired.clone();
        slice.metadata.resource_version.clone_from(&live.metadata.resource_version);
        slice.metadata.annotations.clone_from(&live.metadata.annotations);
        self.slices.replace(&slice.name_any(), &PostParams::default(), &slice).await.map(drop)
    }

    async fn delete_slice(&self, name: &str) -> kube::Result<()> {
        match self.slices.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}
