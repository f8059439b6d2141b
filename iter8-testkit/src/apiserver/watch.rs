//! Watches: a stream of the changes that a client selected.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Shared;
use super::call::Call;
use super::failure::Failure;
use super::read;
use super::select::Selector;
use super::state::{self, State};
use super::store::{self, Change, Key};

/// A client with `allowWatchBookmarks` hears about the current version this often.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);
/// The last one comes this long before the watch ends.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// An open watch.
pub(super) struct Watch {
    shared: Arc<Shared>,
    changed: tokio::sync::watch::Receiver<u64>,
    /// As many as there had been when it was opened.
    restarts: u64,
    call: Call,
    selector: Selector,
    /// Changes up to this version have been sent.
    seen: u64,
    ready: VecDeque<Value>,
    bookmarks: bool,
    next_bookmark: Option<Instant>,
    deadline: Option<Instant>,
    finished: bool,
}

/// Opens a watch.
pub(super) fn open(shared: &Arc<Shared>, state: &State, call: &Call) -> Result<Watch, Failure> {
    let selector = read::selector(call)?;
    let bookmarks = call.flag("allowWatchBookmarks");
    let initial = call.param("sendInitialEvents");
    check_initial(call, initial)?;
    let asked = read::version(call)?.filter(|version| *version != 0);
    // Who starts from nothing and hears bookmarks is told where the initial events end.
    let initial = if initial.is_empty() && asked.is_none() && bookmarks { "true" } else { initial };
    let current = state.store.version();
    let timeout = call.param("timeoutSeconds").parse().ok().filter(|seconds| *seconds > 0);
    let now = Instant::now();
    let deadline = timeout.map(|seconds| now + Duration::from_secs(seconds));
    let mut watch = Watch {
        shared: shared.clone(),
        changed: shared.changed.subscribe(),
        restarts: state.restarts,
        call: call.clone(),
        selector,
        seen: asked.unwrap_or(current),
        ready: VecDeque::new(),
        bookmarks,
        next_bookmark: next_bookmark(now, deadline),
        deadline,
        finished: false,
    };
    if initial == "true" || (initial.is_empty() && asked.is_none()) {
        if let Some(asked) = asked.filter(|asked| *asked > current) {
            return Err(Failure::version_from_the_future(asked, current));
        }
        watch.seen = current;
        watch.send_initial(state);
        if initial == "true" {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            watch.ready.push_back(watch.bookmark(&annotations));
        }
    } else if state.store.changes_after(watch.seen).is_err() {
        let message = format!("too old resource version: {} ({})", watch.seen, state.store.forgotten());
        watch.fail(&Failure::expired(&message));
    }
    Ok(watch)
}

fn check_initial(call: &Call, initial: &str) -> Result<(), Failure> {
    let matching = call.param("resourceVersionMatch");
    let refuse = |field: &str, detail: &str| {
        let cause = super::failure::Cause::forbidden(field, detail);
        Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[cause]))
    };
    if initial.is_empty() {
        if !matching.is_empty() {
            return refuse(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
    } else if matching != "NotOlderThan" {
        return refuse(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
    }
    Ok(())
}

/// Regularly, and shortly before the end.
fn next_bookmark(now: Instant, deadline: Option<Instant>) -> Option<Instant> {
    let regular = now + BOOKMARK_INTERVAL;
    let last = deadline.and_then(|deadline| deadline.checked_sub(LAST_BOOKMARK));
    let next = last.map_or(regular, |last| regular.min(last));
    (next > now).then_some(next)
}

impl Watch {
    /// The lines of the watch, each an event.
    pub(super) fn lines(self) -> impl Stream<Item = Bytes> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            let mut event = watch.next().await?;
            if watch.call.wants_metadata()
                && let Some(object) = event.get_mut("object")
            {
                *object = super::service::only_metadata(object.take());
            }
            // The type first, as kube-apiserver writes it: who reads the line then knows what the object is.
            let part = |name| event.get(name).unwrap_or(&Value::Null);
            let line = format!("{{\"type\":{},\"object\":{}}}\n", part("type"), part("object"));
            Some((Bytes::from(line), watch))
        })
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.finished {
                return None;
            }
            self.changed.mark_unchanged();
            self.catch_up();
            if self.ready.is_empty() && !self.finished {
                self.wait().await;
            }
        }
    }

    /// Waits for a change, the time for a bookmark, or the end.
    async fn wait(&mut self) {
        let at = |time: Option<Instant>| async move {
            match time {
                Some(time) => tokio::time::sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        let (bookmark, end) = (at(self.next_bookmark.filter(|_| self.bookmarks)), at(self.deadline));
        tokio::select! {
            changed = self.changed.changed() => self.finished = changed.is_err(),
            () = bookmark => {
                self.next_bookmark = next_bookmark(Instant::now(), self.deadline);
                self.ready.push_back(self.bookmark(&Value::Null));
            }
            () = end => self.finished = true,
        }
    }

    fn catch_up(&mut self) {
        let shared = self.shared.clone();
        let state = shared.lock();
        if self.restarts != state.restarts {
            self.finished = true;
            return;
        }
        if state.kinds.find(&self.call.kind.group, &self.call.kind.version, &self.call.kind.plural).is_none()
        {
            self.finished = true;
        }
        match state.store.changes_after(self.seen) {
            Err(store::TooOld) => {
                let message =
                    format!("too old resource version: {} ({})", self.seen, state.store.forgotten());
                self.fail(&Failure::expired(&message));
            }
            Ok(changes) => {
                let events: Vec<_> = changes.filter_map(|change| self.event(change)).collect();
                self.ready.extend(events);
                self.seen = self.seen.max(state.store.version());
            }
        }
    }

    fn fail(&mut self, failure: &Failure) {
        self.ready.push_back(json!({"type": "ERROR", "object": failure.status()}));
        self.finished = true;
    }

    fn send_initial(&mut self, state: &State) {
        let namespace = Some(self.call.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        for (key, object) in state.store.list(&self.call.kind.resource(), namespace) {
            if self.concerns(key) && self.selector.matches(object) {
                let object = state::present(&self.call.kind, object);
                self.ready.push_back(json!({"type": "ADDED", "object": object}));
            }
        }
    }

    fn concerns(&self, key: &Key) -> bool {
        key.resource == self.call.kind.resource()
            && (self.call.namespace.is_empty() || key.namespace == self.call.namespace)
            && (self.call.name.is_empty() || key.name == self.call.name)
    }

    /// What a change looks like through the selector.
    fn event(&self, change: &Change) -> Option<Value> {
        if !self.concerns(&change.key) {
            return None;
        }
        let selected =
            |object: &Option<Arc<Value>>| object.clone().filter(|object| self.selector.matches(object));
        let (kind, object) = match (selected(&change.before), selected(&change.after)) {
            (None, None) => return None,
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", before),
        };
        let mut object = state::present(&self.call.kind, &object);
        store::set_version(&mut object, change.version);
        Some(json!({"type": kind, "object": object}))
    }

    fn bookmark(&self, annotations: &Value) -> Value {
        let kind = &self.call.kind;
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if let (Value::Object(fields), Value::Object(_)) = (&mut metadata, annotations) {
            fields.insert("annotations".to_owned(), annotations.clone());
        }
        // A bookmark is an otherwise empty object of its type.
        let mut object = match kind.custom {
            Some(_) => json!({}),
            None => super::stored::zero(&kind.schema),
        };
        if let Some(fields) = object.as_object_mut() {
            fields.insert("kind".to_owned(), kind.name.clone().into());
            fields.insert("apiVersion".to_owned(), kind.api_version().into());
            fields.insert("metadata".to_owned(), metadata);
        }
        json!({"type": "BOOKMARK", "object": object})
    }
}
