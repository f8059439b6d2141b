//! The watches on what Releases own: each fills the cache, and says which Releases that concerns.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::unfold;
use futures::{Stream, StreamExt};
use iter8_core::ObjectKind;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use tracing::{debug, info, warn};

use crate::cache::{Cache, Watched};
use crate::metrics::Queue;
use crate::resource::Release;

/// How long at most until the API server is asked again for a kind that it does not know.
const KIND_UNKNOWN: Duration = Duration::from_secs(5);

/// How long to wait before a kind that has just gone is asked for: API servers may differ for a while.
const KIND_GONE: Duration = Duration::from_secs(1);

/// Where a watch puts what it sees.
#[derive(Clone)]
pub(super) struct Sink {
    pub(super) cache: Arc<Cache>,
    pub(super) sender: mpsc::UnboundedSender<ObjectRef<Release>>,
    pub(super) queue: Arc<Queue>,
    pub(super) progress: tokio::sync::watch::Sender<()>,
    /// Puts every Release into the queue.
    pub(super) all: mpsc::UnboundedSender<()>,
}

impl Sink {
    /// A kind has come or gone: no object tells which Releases that concerns.
    fn trigger_all(&self) {
        self.queue.added_all();
        let _ = self.all.unbounded_send(());
    }

    fn trigger(&self, releases: Vec<ObjectRef<Release>>) {
        for release in releases {
            self.queue.added(&release);
            // The queue is gone only when the controller is stopping.
            let _ = self.sender.unbounded_send(release);
        }
        self.progress.send_replace(());
    }
}

/// Follows a kind by the watch that `watch` begins.
pub(super) async fn follow_objects<S>(kind: ObjectKind, watch: impl Fn() -> S + Send, sink: Sink)
where
    S: Stream<Item = watcher::Result<Event<Watched>>> + Send,
{
    // A watch goes on where it was when its kind has come back, and tells nothing until an object changes. So each time
    // that the kind goes, another one begins, with a list. kube-apiserver lets a watch go on for up to two minutes where
    // the kind is gone; who writes is told before.
    loop {
        tokio::select! {
            () = follow_until_unknown(&kind, watch(), &sink) => tokio::time::sleep(KIND_GONE).await,
            () = sink.cache.doubted(kind.kind) => {}
        }
    }
}

/// Follows a kind until its watch, having told what there is, finds that the API server does not know it any more.
async fn follow_until_unknown(
    kind: &ObjectKind,
    stream: impl Stream<Item = watcher::Result<Event<Watched>>> + Send,
    sink: &Sink,
) {
    let mut stream = std::pin::pin!(unhurried(stream));
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if has_told(&event) && sink.cache.set_missing(kind.kind, false) {
                    info!(kind = kind.kind, "the API server knows this kind now");
                    sink.trigger_all();
                }
                sink.trigger(sink.cache.object_event(kind, unwrapped(event)));
            }
            Err(error) => {
                debug!(kind = kind.kind, %error, "watch interrupted");
                let is_unknown = is_unknown_kind(&error);
                if is_unknown && sink.cache.set_missing(kind.kind, true) {
                    warn!(kind = kind.kind, "the API server does not know this kind; is its CRD installed?");
                    sink.trigger_all();
                }
                sink.trigger(Vec::new());
                if is_unknown && !matches!(error, watcher::Error::InitialListFailed(_)) {
                    return;
                }
            }
        }
    }
}

pub(super) async fn follow_slices(
    stream: impl Stream<Item = watcher::Result<Event<EndpointSlice>>> + Send,
    sink: Sink,
) {
    let mut stream = std::pin::pin!(unhurried(stream));
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => sink.trigger(sink.cache.slice_event(event)),
            Err(error) => debug!(kind = "EndpointSlice", %error, "watch interrupted"),
        }
    }
}

/// A watch that waits after an error, longer each time until the API server has told something.
///
/// kube's own waiting starts over whenever a list is tried, and so it never gets longer where lists fail.
pub(super) fn unhurried<K>(
    stream: impl Stream<Item = watcher::Result<Event<K>>> + Send,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Send,
{
    let state = (Box::pin(stream), watcher::DefaultBackoff::default(), None);
    unfold(state, |(mut stream, mut backoff, pause)| async move {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let event = stream.next().await?;
        let pause = match &event {
            Ok(event) if has_told(event) => {
                backoff.reset();
                None
            }
            Ok(_) => None,
            Err(error) if is_unknown_kind(error) => backoff.next().map(|pause| pause.min(KIND_UNKNOWN)),
            Err(_) => backoff.next(),
        };
        Some((event, (stream, backoff, pause)))
    })
}

/// Whether the API server has told something: a list that is about to be asked for is an event, too.
const fn has_told<K>(event: &Event<K>) -> bool {
    !matches!(event, Event::Init)
}

/// The event with the objects themselves.
pub(super) fn unwrapped<W: Into<K>, K>(event: Event<W>) -> Event<K> {
    match event {
        Event::Apply(object) => Event::Apply(object.into()),
        Event::Delete(object) => Event::Delete(object.into()),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(object.into()),
        Event::InitDone => Event::InitDone,
    }
}

/// A list or a watch of a kind that the API server does not know is answered with 404.
fn is_unknown_kind(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    let (InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error)) = error else {
        return false;
    };
    // By the code: for an unknown kind kube-apiserver answers with bare text, of which kube makes no reason.
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_whose_lists_fail_asks_less_and_less_often() {
        let failures = stream::iter(0..20)
            .flat_map(|_| stream::iter([Ok(Event::<()>::Init), Err(watcher::Error::NoResourceVersion)]));
        let mut stream = std::pin::pin!(unhurried(failures));
        let mut begins = Vec::new();
        while let Some(event) = stream.next().await {
            begins.extend(event.is_ok().then(Instant::now));
        }
        let pauses: Vec<_> = begins.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        assert!(pauses[0] < 2 && pauses[18] >= 30, "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_api_server_tells_starts_over() {
        let failure = || Err(watcher::Error::NoResourceVersion);
        let events =
            (0..9).map(|_| failure()).chain([Ok(Event::<()>::InitDone)]).chain([failure(), Ok(Event::Init)]);
        let mut stream = std::pin::pin!(unhurried(stream::iter(events.collect::<Vec<_>>())));
        for _ in 0..11 {
            stream.next().await;
        }
        let begin = Instant::now();
        stream.next().await;
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
}
