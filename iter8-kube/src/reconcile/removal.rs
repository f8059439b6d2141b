//! What is not needed any more: first it drains, then it is deleted.

use std::sync::atomic::Ordering;

use iter8_core::{ObjectRole, Removal, RoutePlan, RoutingBackend, Timestamp, ValidRelease};
use kube::ResourceExt;
use kube::api::DynamicObject;
use tracing::info;

use super::Reconciliation;
use super::live::{is_draining, is_of};
use crate::applier::Target;
use crate::cache::Owned;
use crate::error::Error;
use crate::workload::{self, Desired};
use crate::{labels, observe};

impl<B: RoutingBackend> Reconciliation<'_, B> {
    /// Takes away what is not planned any more, and brings the removal of versions one step further.
    pub(super) async fn take_away(
        &self,
        declared: &ValidRelease,
        plan: &RoutePlan,
        objects: &[Owned],
        desired: &[Desired],
        now: Timestamp,
    ) -> Result<(), Error> {
        let is_kept =
            |owned: &&Owned| plan.keeps_other_routes && self.context.backend.kinds().contains(&owned.kind);
        let is_left_over = |owned: &&Owned| self.is_left_over(declared, owned, desired) && !is_kept(owned);
        for owned in objects.iter().filter(is_left_over) {
            self.delete(owned).await?;
        }
        let belonging = observe::belonging(declared, objects);
        for (version, removal) in plan.removed() {
            let is_of_version = |owned: &&Owned| {
                observe::version_of(declared, &belonging, owned).as_ref() == Some(&version.name)
            };
            let of_version = objects.iter().filter(is_of_version);
            match removal {
                Removal::DrainBegins => {
                    // The Deployment, too: who brings the version back has to write both, so that a delete that was
                    // decided before finds both changed. The Service is the last, for the plan goes by its mark.
                    let mut of_version: Vec<_> = of_version.collect();
                    of_version.sort_by_key(|owned| owned.kind == workload::SERVICE);
                    for owned in of_version {
                        let target = self.target(&owned.kind, &owned.object.name_any());
                        self.mark_draining(&target, &owned.object, Some(now)).await?;
                    }
                }
                Removal::Due => {
                    for owned in of_version {
                        self.delete(owned).await?;
                    }
                }
                removal if removal.drains() => {}
                _ => {
                    for owned in of_version.filter(|owned| is_draining(&owned.object)) {
                        let target = self.target(&owned.kind, &owned.object.name_any());
                        self.mark_draining(&target, &owned.object, None).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Owned and not planned any more.
    fn is_left_over(&self, declared: &ValidRelease, owned: &Owned, desired: &[Desired]) -> bool {
        let role = match observe::marked(declared, owned) {
            Some(_) => ObjectRole::Version,
            None => self.role(&owned.kind, &owned.object),
        };
        role.goes_when_not_planned() && !desired.iter().any(|desired| is_of(desired, owned))
    }

    /// Notes on an object since when its version drains, or that it does not.
    pub(super) async fn mark_draining(
        &self,
        target: &Target,
        live: &DynamicObject,
        since: Option<Timestamp>,
    ) -> Result<(), Error> {
        let since = since.map(|since| since.as_millis().to_string());
        let (applier, key) = (&self.context.applier, labels::DRAINING_SINCE);
        let marked = applier.annotate(target, live, key, since.as_deref()).await.inspect_err(|error| {
            if error.is_not_found() {
                self.context.cache.deleted(&target.kind, live);
            }
        })?;
        info!(object = %target, draining = since.is_some(), "marked");
        self.take_in(&target.kind, marked);
        Ok(())
    }

    async fn delete(&self, owned: &Owned) -> Result<(), Error> {
        let target = self.target(&owned.kind, &owned.object.name_any());
        if owned.object.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        // A version that has come back into the document may not be marked yet by whoever knows of it.
        if !self.is_current(self.release.metadata.generation).await? {
            return Err(Error::Outdated(format!("Release {}/{}", target.namespace, self.release.name_any())));
        }
        self.context.applier.delete(&target, &owned.object).await?;
        self.context.unwanted(&target);
        self.has_written.store(true, Ordering::Relaxed);
        self.context.cache.deleted(&owned.kind, &owned.object);
        info!(object = %target, "deleted");
        Ok(())
    }

    /// Whether the Release is there, and is of this generation if one is given, by the API server and not by the watch.
    pub(super) async fn is_current(&self, generation: Option<i64>) -> Result<bool, Error> {
        let metadata = &self.release.metadata;
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        let uid = metadata.uid.as_deref().unwrap_or_default();
        self.context.applier.is_current(namespace, name, uid, generation).await
    }
}
