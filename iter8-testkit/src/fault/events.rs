//! The events of a watch: late, cut off, or skipped.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tower::BoxError;

use super::log::Metadata;
use super::{Fault, Refusal, Shared};

type Line = Result<Bytes, BoxError>;

/// A watch on its way to the client.
pub(super) struct Events {
    shared: Arc<Shared>,
    number: u64,
    name: String,
    source: BodyStream<UnsyncBoxBody<Bytes, BoxError>>,
    /// The beginning of a line.
    begun: BytesMut,
    late: VecDeque<Late>,
    /// Nothing arrives before this.
    not_before: Instant,
    ended: bool,
}

/// A line that is on its way.
struct Late {
    due: Instant,
    line: Line,
    event: Option<Event>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    kind: String,
    metadata: Metadata,
}

impl Events {
    pub(super) fn new(
        shared: Arc<Shared>,
        number: u64,
        name: String,
        body: UnsyncBoxBody<Bytes, BoxError>,
    ) -> Self {
        Self {
            shared,
            number,
            name,
            source: BodyStream::new(body),
            begun: BytesMut::new(),
            late: VecDeque::new(),
            not_before: Instant::now(),
            ended: false,
        }
    }

    pub(super) fn into_body(self) -> UnsyncBoxBody<Bytes, BoxError> {
        let lines = futures::stream::unfold(self, |mut events| async move {
            let line = events.next().await?;
            Some((line.map(Frame::data), events))
        });
        StreamBody::new(lines).boxed_unsync()
    }

    async fn next(&mut self) -> Option<Line> {
        loop {
            let awake = self.shared.paused_until();
            let due = self.late.front().map(|late| awake.map_or(late.due, |awake| awake.max(late.due)));
            if due.is_some_and(|due| due <= Instant::now()) && !self.shared.is_dead() {
                let late = self.late.pop_front()?;
                if let Some(Event { metadata: it, .. }) = late.event {
                    self.shared.told(&self.name, Some((it.namespace, it.name)), &it.resource_version);
                }
                return Some(late.line);
            }
            if self.shared.is_dead() {
                return std::future::pending().await;
            }
            if self.ended && due.is_none() {
                return None;
            }
            let due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                line = next_line(&mut self.source, &mut self.begun), if !self.ended => match line {
                    Some(line) => self.take(line),
                    None => self.ended = true,
                },
                () = due => {}
            }
        }
    }

    fn take(&mut self, line: Line) {
        let Ok(line) = line else {
            self.ended = true;
            return self.push(line, None);
        };
        let Some(mut draw) = self.shared.draw(&format!("event of {}", self.name)) else {
            let event = Event::read(&line);
            return self.push(Ok(line), event);
        };
        let fault = self.shared.rates.event(&mut draw);
        if let Some(fault) = fault {
            self.shared.note(self.number, &self.name, fault);
        }
        let lag = draw.up_to(self.shared.rates.lag);
        self.not_before = self.not_before.max(Instant::now() + lag);
        match fault {
            Some(Fault::WatchCut) => {
                let half = line.slice(..line.len() / 2);
                self.push(Ok(half), None);
                self.push(Err("connection reset by peer".into()), None);
                self.ended = true;
            }
            Some(Fault::WatchEnded) => self.ended = true,
            Some(Fault::WatchGone) => {
                let error = json!({"type": "ERROR", "object": Refusal::gone().status()});
                self.push(Ok(Bytes::from(format!("{error}\n"))), None);
                self.ended = true;
            }
            Some(Fault::WatchStalled(delay)) => {
                self.not_before += delay;
                self.push_event(line);
            }
            _ => self.push_event(line),
        }
    }

    fn push(&mut self, line: Line, event: Option<Event>) {
        self.late.push_back(Late { due: self.not_before, line, event });
    }

    /// An event, in whose favour earlier ones of its object may be skipped.
    fn push_event(&mut self, line: Bytes) {
        let Some(mut event) = Event::read(&line) else { return self.push(Ok(line), None) };
        let mut line = line;
        if self.shared.rates.skip_states {
            let is_same =
                |late: &Late| late.event.as_ref().is_some_and(|other| other.is_about_that_of(&event));
            let first = self.late.iter().find(|late| is_same(late)).and_then(|late| late.event.clone());
            self.late.retain(|late| !is_same(late));
            let was_unknown = first.is_some_and(|first| first.kind == "ADDED");
            // No API server keeps quiet about the end of an object that has come after the watch: the client may know it
            // from elsewhere.
            if was_unknown && event.kind != "DELETED" {
                "ADDED".clone_into(&mut event.kind);
                let parsed = serde_json::from_slice::<Value>(&line).unwrap_or_default();
                line = Bytes::from(format!("{}\n", json!({"type": "ADDED", "object": parsed.get("object")})));
            }
        }
        self.push(Ok(line), Some(event));
    }
}

impl Event {
    /// None for bookmarks and errors.
    fn read(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            r#type: String,
            object: Object,
        }
        #[derive(Deserialize)]
        struct Object {
            #[serde(default)]
            metadata: Metadata,
        }
        let Line { r#type: kind, object } = serde_json::from_slice(line).ok()?;
        let is_change = matches!(kind.as_str(), "ADDED" | "MODIFIED" | "DELETED");
        is_change.then_some(Self { kind, metadata: object.metadata })
    }

    fn is_about_that_of(&self, other: &Self) -> bool {
        let names = |event: &Self| (event.metadata.namespace.clone(), event.metadata.name.clone());
        names(self) == names(other)
    }
}

/// The next line with its end, however the body is cut into frames. Can be dropped at any time.
async fn next_line(
    source: &mut BodyStream<UnsyncBoxBody<Bytes, BoxError>>,
    begun: &mut BytesMut,
) -> Option<Line> {
    loop {
        if let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            return Some(Ok(begun.split_to(end + 1).freeze()));
        }
        match source.next().await {
            Some(Ok(frame)) => begun.extend(frame.into_data().iter().flatten()),
            Some(Err(error)) => return Some(Err(error)),
            None => return None,
        }
    }
}
