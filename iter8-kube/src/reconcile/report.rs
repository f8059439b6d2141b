//! The status of a Release, and Events of what has changed.

use std::time::Duration;

use iter8_core::RoutingBackend;
use kube::runtime::events::Event;
use kube::{Resource, ResourceExt};
use tracing::{debug, warn};

use super::Reconciliation;
use crate::error::Error;
use crate::event;
use crate::resource::ReleaseStatus;

/// How long to wait where the API server is too busy and does not say how long.
const BUSY: Duration = Duration::from_secs(1);

impl<B: RoutingBackend> Reconciliation<'_, B> {
    /// Writes the status and the Events, if there is news; when to try again to publish those that the API server has
    /// no time for.
    pub(super) async fn report(
        &self,
        before: Option<&ReleaseStatus>,
        status: &ReleaseStatus,
    ) -> Result<Option<Duration>, Error> {
        let mut news = Vec::new();
        if before != Some(status) {
            let (namespace, name) = (self.release.namespace().unwrap_or_default(), self.release.name_any());
            let uid = self.release.uid().unwrap_or_default();
            let version = self.context.applier.report(&namespace, &name, &uid, status).await?;
            self.context.reported.note(self.release, status, version.as_deref());
            news = event::events(before, status);
        }
        let mut owed = Vec::new();
        for event in self.context.reported.take_owed(self.release).into_iter().chain(news) {
            match self.publish(&event).await {
                Ok(()) => self.context.metrics.published(event::kind(&event), &event.reason),
                Err(error) if error.is_busy() => owed.push(event),
                // An Event that is lost changes nothing; the status says the same.
                Err(error) => {
                    let (namespace, release) = (self.release.namespace(), self.release.name_any());
                    warn!(namespace, release, %error, "event not published");
                }
            }
        }
        let again = (!owed.is_empty()).then(|| self.context.pace.rest().unwrap_or(BUSY));
        self.context.reported.owe(self.release, owed);
        Ok(again)
    }

    async fn publish(&self, event: &Event) -> Result<(), Error> {
        let reference = self.release.object_ref(&());
        debug!(release = reference.name, reason = event.reason, note = event.note, "event");
        let published = async {
            let now = (self.context.clock)();
            let published = self.context.recorder.publish(event, &reference, now).await;
            let release = format!(
                "Release {}/{}",
                self.release.namespace().unwrap_or_default(),
                self.release.name_any()
            );
            published.map_err(Error::api("publish an Event on", release))
        };
        self.context.gate.pass(published).await
    }
}
