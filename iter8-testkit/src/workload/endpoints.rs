//! The `EndpointSlice` controller.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, PostParams};
use tokio::time::Instant;

use super::driver::Driver;
use super::pod::random_letters;
use super::slices::{SERVICE_NAME, change, desired_slices, is_ours, selector_of};

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

        // Deleting comes last: an endpoint that moves between slices is never in none.
        let change = change(live, desired);
        for mut slice in change.create {
            slice.metadata.name = Some(format!("{name}-{}", random_letters(5)));
            self.slices.create(&PostParams::default(), &slice).await?;
        }
        for slice in change.update {
            self.slices.replace(&slice.name_any(), &PostParams::default(), &slice).await?;
        }
        for name in change.delete {
            self.delete_slice(&name).await?;
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

    async fn delete_slice(&self, name: &str) -> kube::Result<()> {
        match self.slices.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}
