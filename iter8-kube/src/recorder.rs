//! Publishes Events.
//!
//! kube's own recorder remembers every Event for six minutes and looks through all of them for each new one, which is
//! too much where thousands of Releases change at once; and it takes the same thing said of two versions for one. This
//! one remembers the last few.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iter8_core::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event as Written;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff;
use kube::Client;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::events::Event;
use serde_json::json;
use tokio::time::Instant;

use crate::event;
use crate::labels::MANAGER;

/// How many Events can be said to have occurred again.
const REMEMBERED: usize = 256;

/// For how long the same Event counts as one that occurs again (as in client-go).
const SERIES: Duration = Duration::from_mins(6);

/// The longest beginning of a Release's name in the name of an Event, which ends with 17 characters more.
const NAME: usize = 253 - 17;

/// An Event of late.
#[derive(Debug, Clone)]
struct Recent {
    /// What it says of whom.
    content: u64,
    name: String,
    count: i32,
    at: Instant,
}

/// Publishes Events of one controller.
pub(crate) struct Recorder {
    client: Client,
    instance: String,
    /// The oldest first.
    recent: Mutex<VecDeque<Recent>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Recorder {
    pub(crate) const fn new(client: Client, instance: String) -> Self {
        Self { client, instance, recent: Mutex::new(VecDeque::new()) }
    }

    /// Writes an Event on an object, or that it has occurred again.
    pub(crate) async fn publish(
        &self,
        event: &Event,
        on: &ObjectReference,
        now: Timestamp,
    ) -> Result<(), kube::Error> {
        let events = Api::namespaced(self.client.clone(), on.namespace.as_deref().unwrap_or("default"));
        let content = content(event, on);
        if let Some(known) = self.known(content) {
            let again = Recent { count: known.count.saturating_add(1), at: Instant::now(), ..known.clone() };
            match continued(&events, &again, now).await {
                Ok(true) => {
                    self.remember(again);
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => {
                    self.remember(known);
                    return Err(error);
                }
            }
        }
        let name = name(on.name.as_deref().unwrap_or_default(), content, now);
        let written = self.written(event, on, &name, now);
        match events.create(&PostParams::default(), &written).await {
            // Another controller has said the same of the same moment.
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => return Err(error),
        }
        self.remember(Recent { content, name, count: 1, at: Instant::now() });
        Ok(())
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Event of late that has this content; it is taken out.
    fn known(&self, content: u64) -> Option<Recent> {
        let mut recent = self.recent();
        let index = recent.iter().position(|known| known.content == content)?;
        recent.remove(index).filter(|known| known.at.elapsed() < SERIES)
    }

    fn remember(&self, event: Recent) {
        let mut recent = self.recent();
        if recent.len() >= REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(event);
    }

    fn written(&self, event: &Event, on: &ObjectReference, name: &str, now: Timestamp) -> Written {
        Written {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: on.namespace.clone(),
                ..ObjectMeta::default()
            },
            action: Some(event.action.clone()),
            event_time: Some(moment(now)),
            note: event.note.clone(),
            reason: Some(event.reason.clone()),
            regarding: Some(on.clone()),
            related: event.secondary.clone(),
            reporting_controller: Some(format!("{MANAGER}.tools/controller")),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(event::kind(event).to_owned()),
            ..Written::default()
        }
    }
}

/// Says that an Event has occurred again; `false` if it is gone.
async fn continued(events: &Api<Written>, again: &Recent, now: Timestamp) -> Result<bool, kube::Error> {
    let series = json!({ "series": { "count": again.count, "lastObservedTime": moment(now) } });
    match events.patch(&again.name, &PatchParams::default(), &Patch::Merge(series)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

fn content(event: &Event, on: &ObjectReference) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&on.uid, &on.namespace, &on.name).hash(&mut hasher);
    (event::kind(event), &event.action, &event.reason, &event.note).hash(&mut hasher);
    hasher.finish()
}

/// A name that no other Event has: that of the object, and what and when.
fn name(of: &str, content: u64, now: Timestamp) -> String {
    let mut hasher = DefaultHasher::new();
    (content, now.as_millis()).hash(&mut hasher);
    let mut end = of.len().min(NAME);
    while !of.is_char_boundary(end) {
        end -= 1;
    }
    let beginning = of.get(..end).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{beginning}.{:016x}", hasher.finish())
}

pub(crate) fn moment(now: Timestamp) -> MicroTime {
    let millis = i64::try_from(now.as_millis()).unwrap_or_default();
    MicroTime(jiff::Timestamp::from_millisecond(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests;
