//! The layer's service: what becomes of a request.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::events::Events;
use super::log::version_of;
use super::{Fault, Moment, Refusal, Shared};

/// A service that meets [`Faults`](super::Faults).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> kube::Result<()> {
/// use iter8_testkit::apiserver::{ApiServer, Endpoint};
/// use iter8_testkit::fault::{Faults, Faulty, Rates};
/// use tower::Layer;
///
/// let faults = Faults::seeded(1, Rates { internal_error: 1000, ..Rates::default() });
/// let service: Faulty<Endpoint> = faults.layer(ApiServer::new().service("shop"));
/// let client = kube::Client::new(service, "default");
/// assert!(client.apiserver_version().await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Faulty<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").finish_non_exhaustive()
    }
}

impl<S> Faulty<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

type Answer = Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

impl<S, B, R> Service<Request<B>> for Faulty<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Answer>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Asked::new(&self.shared, request.method(), request.uri());
        // The clone is not ready; the service that is goes into the future.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let ask = move || {
            let answer = inner.call(request);
            async move {
                let response = answer.await.map_err(Into::into)?;
                Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
            }
        };
        asked.answered(ask).boxed()
    }
}

/// What a request is for.
#[derive(Clone, Copy)]
enum AskedFor {
    Watch,
    List,
    Other,
}

/// A request that was asked.
struct Asked {
    shared: Arc<Shared>,
    number: u64,
    name: String,
    kind: AskedFor,
    fault: Option<Fault>,
}

impl Asked {
    fn new(shared: &Arc<Shared>, method: &Method, uri: &Uri) -> Self {
        let is_watch =
            uri.query().unwrap_or_default().split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let verb = if is_watch { "WATCH" } else { method.as_str() };
        let name = format!("{verb} {}", uri.path());
        let number = shared.sent(&name);
        let fault = shared.kill_or_pause(number, method).or_else(|| {
            let mut draw = shared.draw(&name)?;
            shared.rates.request(&mut draw, method, is_collection(uri.path()))
        });
        let kind = match (is_watch, is_collection(uri.path()) && *method == Method::GET) {
            (true, _) => AskedFor::Watch,
            (false, true) => AskedFor::List,
            (false, false) => AskedFor::Other,
        };
        Self { shared: Arc::clone(shared), number, name, kind, fault }
    }

    async fn answered<F>(self, ask: impl FnOnce() -> F + Send + 'static) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let (shared, number, name) = (Arc::clone(&self.shared), self.number, self.name.clone());
        let noted = Arc::clone(&shared);
        let answer = self.ask(move || {
            noted.reached(number);
            ask()
        });
        let mut answer = answer.await;
        shared.awake().await;
        if answer.is_ok() && shared.is_unreachable() {
            shared.note(number, &name, Fault::Unreachable);
            answer = Err("connection reset by peer".into());
        }
        shared.answered(number, answer.as_ref().ok().map(Response::status));
        answer
    }

    /// Asks, if the request gets through, and answers, if the answer does.
    async fn ask<F>(self, ask: impl FnOnce() -> F + Send + 'static) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        if let Some(fault @ Fault::Paused(duration)) = self.fault {
            self.shared.note(self.number, &self.name, fault);
            let write = tokio::spawn(async move {
                tokio::time::sleep(duration).await;
                ask().await
            });
            return write.await?;
        }
        self.shared.awake().await;
        if !self.shared.rates.latency.is_zero() {
            tokio::time::sleep(self.shared.rates.latency).await;
        }
        if self.shared.is_dead() {
            return std::future::pending().await;
        }
        let is_killed = matches!(self.fault, Some(Fault::Killed(_)));
        if !is_killed && self.shared.is_unreachable() {
            self.shared.note(self.number, &self.name, Fault::Unreachable);
            return Err("connection refused".into());
        }
        let Some(fault) = self.fault else { return self.followed(ask().await?).await };
        self.shared.note(self.number, &self.name, fault);
        if let Some(refusal) = Refusal::of(fault) {
            return Ok(refusal.response());
        }
        match fault {
            Fault::TimedOut => {
                tokio::time::sleep(self.shared.rates.timeout).await;
                Err("operation timed out".into())
            }
            Fault::AnswerLost => {
                ask().await?;
                Err("connection closed before message completed".into())
            }
            Fault::Slow(delay) => {
                let answer = ask().await?;
                tokio::time::sleep(delay).await;
                self.followed(answer).await
            }
            Fault::Killed(moment) => {
                if moment == Moment::After {
                    ask().await?;
                }
                self.shared.killed.send_replace(true);
                std::future::pending().await
            }
            _ => self.followed(ask().await?).await,
        }
    }

    /// The answer, where faults may come later if it is a watch.
    async fn followed(self, answer: Response<UnsyncBoxBody<Bytes, BoxError>>) -> Answer {
        self.shared.awake().await;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        match self.kind {
            AskedFor::Watch => {
                Ok(answer.map(|body| Events::new(self.shared, self.number, self.name, body).into_body()))
            }
            AskedFor::List => {
                let (head, body) = answer.into_parts();
                let list = body.collect().await?.to_bytes();
                self.shared.told(&self.name, None, &version_of(&list));
                let body = Full::from(list).map_err(|never| match never {}).boxed_unsync();
                Ok(Response::from_parts(head, body))
            }
            AskedFor::Other => Ok(answer),
        }
    }
}

impl Shared {
    /// What was asked for at this request.
    fn kill_or_pause(&self, number: u64, method: &Method) -> Option<Fault> {
        let mut state = self.lock();
        state.writes += u64::from(method != Method::GET);
        let kill = state.kill.filter(|(at, _)| *at <= number).map(|(_, moment)| Fault::Killed(moment));
        let is_due = |(at, _): &(u64, Duration)| method != Method::GET && *at == state.writes;
        let pause = state.pause.filter(is_due).map(|(_, duration)| duration);
        if kill.is_some() {
            return kill;
        }
        state.paused_until = pause.map(|duration| Instant::now() + duration).or(state.paused_until);
        pause.map(Fault::Paused)
    }
}

/// Whether a path names all objects of a kind: `/api/v1/pods`, `/apis/apps/v1/namespaces/test/deployments`.
fn is_collection(path: &str) -> bool {
    let segments: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = segments.as_slice() else { return false };
    matches!(rest, [_] | ["namespaces", _, _])
}

#[cfg(test)]
mod tests {
    use super::is_collection;

    #[test]
    fn a_collection_is_told_from_its_objects() {
        for path in ["/api/v1/pods", "/apis/apps/v1/deployments", "/api/v1/namespaces/a/pods"] {
            assert!(is_collection(path), "{path}");
        }
        for path in
            ["/version", "/api/v1/namespaces/a/pods/p", "/apis/apps/v1/namespaces/a/deployments/d/status"]
        {
            assert!(!is_collection(path), "{path}");
        }
    }
}
