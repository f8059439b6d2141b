//! The status of a Release, and Events of what has changed.

use std::time::Duration;

use iter8_core::{Notice, RoutePlan, RoutingBackend, failure};
use kube::runtime::events::Event;
use kube::{Resource, ResourceExt};
use tracing::{debug, warn};

use super::Reconciliation;
use crate::error::Error;
use crate::resource::ReleaseStatus;
use crate::{event, status};

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
        let owed = self.context.reported.take_owed(self.release);
        let has_time = self.publish_all(owed.into_iter().chain(news)).await;
        Ok((!has_time).then(|| self.context.pace.rest().unwrap_or(BUSY)))
    }

    /// Says on the Release that the controller has failed at it.
    pub(super) async fn report_failure(&self, what: &str) -> Result<(), Error> {
        let (before, now) = (self.context.reported.of(self.release), (self.context.clock)());
        let generation = self.release.metadata.generation;
        let status = status::failed(before.as_ref(), generation, &failure(what), now);
        self.report(before.as_ref(), &status).await.map(drop)
    }

    /// Tells of changes that requests may notice, before they are made.
    pub(super) async fn announce(&self, plan: &RoutePlan) {
        let is_news = |notice: &&Notice| self.context.reported.announce(self.release, &notice.to_string());
        let changes = plan.notices.iter().filter(|notice| notice.is_of_change()).filter(is_news);
        let events: Vec<_> =
            changes.map(|notice| event::of_notice(notice.reason(), notice.to_string())).collect();
        self.publish_all(events).await;
    }

    /// Publishes Events; whether the API server has had time for all of them. It is asked for the others later.
    async fn publish_all(&self, events: impl IntoIterator<Item = Event>) -> bool {
        let mut owed = Vec::new();
        for event in events {
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
        let has_time = owed.is_empty();
        self.context.reported.owe(self.release, owed);
        has_time
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
