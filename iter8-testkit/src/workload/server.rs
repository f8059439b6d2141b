//! The HTTP server of one Pod: a little of httpbin.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// The longest delay `/delay/{n}` obeys, as in httpbin.
const LONGEST_DELAY: u64 = 10;
/// How long a stopped server may take to finish the requests it has.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// After a connection could not be accepted: most likely too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropping it cuts its connections; [`PodServer::stop`] lets them finish.
#[derive(Debug)]
pub(super) struct PodServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: AbortHandle,
    finish: bool,
}

#[derive(Debug)]
struct Shared {
    pod: String,
    image: String,
    healthy: AtomicBool,
}

impl PodServer {
    /// Listen on a free loopback port, as the Pod `pod` that runs `image`. It answers 503 until it is healthy.
    pub(super) async fn start(pod: &str, image: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            pod: pod.to_owned(),
            image: image.to_owned(),
            healthy: AtomicBool::new(false),
        });
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(serve(listener, Arc::clone(&shared), stopped)).abort_handle();
        Ok(Self { address, shared, stop, task, finish: false })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answer requests from now on, or refuse them with 503.
    pub(super) fn set_healthy(&self, healthy: bool) {
        self.shared.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Accept nothing more and finish what there is in the background.
    pub(super) fn stop(mut self) {
        self.finish = true;
        self.stop.send_replace(());
    }
}

impl Drop for PodServer {
    fn drop(&mut self) {
        if !self.finish {
            self.task.abort();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    // Aborting this task drops the set, which ends every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&shared), stopped.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    let _timed_out = timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    // Without it small answers may wait for acknowledgements; it is only about speed.
    let _slower = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(&request).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // A connection that breaks is the client's to notice.
    tokio::select! {
        _broken = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _broken = connection.await;
        }
    }
}

impl Shared {
    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !self.healthy.load(Ordering::Relaxed) {
            return self.say(StatusCode::SERVICE_UNAVAILABLE, json!({"error": "the Pod is not ready"}));
        }
        let path: Vec<_> = request.uri().path().trim_matches('/').split('/').collect();
        match (path.as_slice(), request.method()) {
            (["get"], &Method::GET | &Method::HEAD) => self.say(StatusCode::OK, describe(request)),
            (["headers"], &Method::GET | &Method::HEAD) => {
                self.say(StatusCode::OK, json!({"headers": headers(request.headers())}))
            }
            (["get" | "headers"], _) => {
                self.say(StatusCode::METHOD_NOT_ALLOWED, json!({"error": "only GET is allowed"}))
            }
            (["status", code], _) => match code.parse().ok().and_then(final_status) {
                Some(code) => self.say(code, json!({})),
                None => self.say(StatusCode::BAD_REQUEST, json!({"error": "invalid status code"})),
            },
            (["delay", seconds], _) => match seconds.parse::<u64>() {
                Ok(seconds) => {
                    sleep(Duration::from_secs(seconds.min(LONGEST_DELAY))).await;
                    self.say(StatusCode::OK, describe(request))
                }
                Err(_) => self.say(StatusCode::BAD_REQUEST, json!({"error": "invalid delay"})),
            },
            _ => self.say(StatusCode::NOT_FOUND, json!({"error": "not found"})),
        }
    }

    /// Every answer says which Pod and image gave it.
    fn say(&self, status: StatusCode, mut body: Value) -> Response<Full<Bytes>> {
        if let Value::Object(fields) = &mut body {
            fields.insert("pod".to_owned(), json!(self.pod));
            fields.insert("image".to_owned(), json!(self.image));
        }
        let mut response = Response::new(Full::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [("x-pod", &self.pod), ("x-image", &self.image)] {
            // Both come from names the API server has checked; an image may be anything.
            headers.extend(
                HeaderValue::from_str(value).ok().map(|value| (http::HeaderName::from_static(name), value)),
            );
        }
        response
    }
}

/// A code of 1xx is no answer to a request.
fn final_status(code: u16) -> Option<StatusCode> {
    StatusCode::from_u16(code).ok().filter(|status| !status.is_informational())
}

fn describe<B>(request: &Request<B>) -> Value {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let args: Map<_, _> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    json!({
        "args": args,
        "headers": headers(request.headers()),
        "method": request.method().as_str(),
        "url": format!("http://{host}{}", request.uri()),
    })
}

/// Headers with names as httpbin writes them: `X-Forwarded-For`.
fn headers(headers: &HeaderMap) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        fields.insert(title_case(name.as_str()), json!(values.join(",")));
    }
    Value::Object(fields)
}

fn title_case(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|letter| {
            let letter = if start { letter.to_ascii_uppercase() } else { letter };
            start = letter == '-';
            letter
        })
        .collect()
}

#[cfg(test)]
mod tests;
