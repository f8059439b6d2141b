//! The proxy: takes requests, asks the routes, calls Pods.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::balance::Balancer;
use super::endpoints::service_port;
use super::exchange;
use super::view::View;
use crate::pod_network::PodNetwork;
use crate::simulator::{self, Effect, HeaderChanges, Outcome, Parent};

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Headers that concern one connection and are not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Serves until it is aborted; its connections end with it.
pub(super) async fn serve(
    listener: TcpListener,
    namespace: String,
    network: PodNetwork,
    view: watch::Receiver<Arc<View>>,
) {
    let proxy = Arc::new(Proxy { namespace, network, view, balancer: Balancer::default() });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, proxy.clone()));
                }
                Err(error) => tracing::debug!(%error, "connection not accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, proxy: Arc<Proxy>) {
    let service = service_fn(move |request| {
        let proxy = proxy.clone();
        async move { Ok::<_, Infallible>(proxy.answer(request).await.unwrap_or_else(Refusal::into_answer)) }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "client connection broke off");
    }
}

#[derive(Debug)]
struct Proxy {
    namespace: String,
    network: PodNetwork,
    view: watch::Receiver<Arc<View>>,
    balancer: Balancer,
}

/// An answer that the proxy gives itself, with the reason as its body.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn into_answer(self) -> Answer {
        tracing::debug!(status = self.status.as_u16(), self.message, "request not forwarded");
        let mut answer = Response::new(text(self.message));
        *answer.status_mut() = self.status;
        answer
    }
}

impl Proxy {
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let view = self.view.borrow().clone();
        if !view.is_complete() {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the mesh does not know the namespace yet",
            ));
        }
        let (service, port) = self.destination(&request)?;
        let known = view.service(&service).and_then(|known| service_port(known, port));
        if known.is_none() {
            let message =
                format!("there is no Service `{service}` with port {port} in namespace `{}`", self.namespace);
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, message));
        }
        let parent = Parent::service(&self.namespace, &service);
        let asked = question(&request, &service, port)?;
        let outcome = view.rules().route(&parent, &asked);
        let chosen = self.choose(&outcome);
        let Some((name, port, effect)) = chosen else {
            return answer_of_proxy(&outcome);
        };
        if let Some(redirect) = effect.redirect {
            return redirected(redirect.status, &redirect.location, &effect.response_headers);
        }
        let endpoints = self.endpoints(&view, &name, port)?;
        let changes = effect.response_headers.clone();
        let stream = self.connect(&name, endpoints).await?;
        let response = exchange::send(stream, outgoing(request, &effect)?).await.map_err(|error| {
            Refusal::new(StatusCode::BAD_GATEWAY, format!("Service `{name}` broke the exchange off: {error}"))
        })?;
        let mut response = response.map(BodyExt::boxed);
        remove_hop_by_hop(response.headers_mut());
        change(response.headers_mut(), &changes)?;
        Ok(response)
    }

    /// The Service and port that the `Host` header names.
    fn destination(&self, request: &Request<Incoming>) -> Result<(String, u16), Refusal> {
        let refuse = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
        let host = host(request).ok_or_else(|| refuse("the request has no Host header".into()))?;
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => {
                (name, port.parse().map_err(|_| refuse(format!("`{host}` has no valid port")))?)
            }
            None => (host, 80),
        };
        let service = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let namespace = self.namespace.as_str();
        let forms = [
            service.clone(),
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ];
        if forms.iter().any(|form| form.eq_ignore_ascii_case(name.trim_end_matches('.'))) {
            Ok((service, port))
        } else {
            let message = format!("host `{name}` is no Service of namespace `{namespace}`");
            Err(Refusal::new(StatusCode::BAD_GATEWAY, message))
        }
    }

    /// The backend whose turn it is, unless the proxy has to answer itself.
    fn choose(&self, outcome: &Outcome) -> Option<(String, u16, Effect)> {
        let mut shares: Vec<f64> = outcome.backends.iter().map(|backend| backend.share).collect();
        if outcome.failing_share > 0.0 {
            shares.push(outcome.failing_share);
        }
        let key = match &outcome.route {
            Some(rule) => format!("{}/{}/{}", rule.namespace, rule.name, rule.rule),
            None => String::new(),
        };
        let chosen = self.balancer.next_by_share(&key, &shares);
        let backend = outcome.backends.get(chosen)?;
        Some((backend.name.clone(), backend.port?, outcome.effect_on(backend)))
    }

    /// The ready endpoints of a backend, beginning with the one whose turn it is.
    fn endpoints(&self, view: &View, name: &str, port: u16) -> Result<Vec<(Ipv4Addr, u16)>, Refusal> {
        let endpoints = view.ready_endpoints(name, port);
        if endpoints.is_empty() {
            let message = format!("Service `{name}` has no ready endpoint");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        }
        Ok(self.balancer.in_turn(name, endpoints))
    }

    /// A connection to the first endpoint that takes one. Nothing has been sent yet, so trying the next is safe.
    async fn connect(&self, name: &str, endpoints: Vec<(Ipv4Addr, u16)>) -> Result<TcpStream, Refusal> {
        for (address, port) in endpoints {
            let Some(socket) = self.network.resolve(address, port) else { continue };
            match TcpStream::connect::<SocketAddr>(socket).await {
                Ok(stream) => return Ok(stream),
                Err(error) => tracing::debug!(%address, port, %error, "endpoint refused, trying another"),
            }
        }
        let message = format!("no endpoint of Service `{name}` takes connections");
        Err(Refusal::new(StatusCode::BAD_GATEWAY, message))
    }
}

/// The request as the routes see it. Header values that are no text cannot be matched and are passed on as they are.
fn question(request: &Request<Incoming>, service: &str, port: u16) -> Result<simulator::Request, Refusal> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let url = format!("http://{service}:{port}{target}");
    let question = simulator::Request::new(request.method().as_str(), &url);
    let mut question = question.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    question = question.header("host", host(request).unwrap_or(service));
    for (name, value) in request.headers() {
        if let (Ok(value), true) = (value.to_str(), name != header::HOST) {
            question = question.header(name.as_str(), value);
        }
    }
    Ok(question)
}

fn host(request: &Request<Incoming>) -> Option<&str> {
    let authority = request.uri().authority().map(Authority::as_str);
    authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

/// The request that the backend gets.
fn outgoing(request: Request<Incoming>, effect: &Effect) -> Result<Request<Incoming>, Refusal> {
    let (mut head, body) = request.into_parts();
    head.uri = effect.request.path.parse::<Uri>().map_err(|error| invalid(&error))?;
    let names: Vec<HeaderName> = head.headers.keys().cloned().collect();
    for name in names {
        let values: Option<Vec<&str>> =
            head.headers.get_all(&name).iter().map(|value| value.to_str().ok()).collect();
        let Some(values) = values else { continue };
        match effect.request.headers.get(name.as_str()) {
            Some(delivered) if *delivered == values.join(",") => {}
            Some(delivered) => {
                let value = HeaderValue::from_str(delivered).map_err(|error| invalid(&error))?;
                head.headers.insert(name, value);
            }
            None => {
                head.headers.remove(name);
            }
        }
    }
    let added: BTreeMap<_, _> =
        effect.request.headers.iter().filter(|(name, _)| !head.headers.contains_key(name.as_str())).collect();
    for (name, value) in added {
        insert(&mut head.headers, name, value)?;
    }
    remove_hop_by_hop(&mut head.headers);
    insert(&mut head.headers, header::HOST.as_str(), &effect.request.host)?;
    Ok(Request::from_parts(head, body))
}

/// The answer to a request that goes to no backend.
fn answer_of_proxy(outcome: &Outcome) -> Result<Answer, Refusal> {
    if let Some(redirect) = &outcome.redirect {
        return redirected(redirect.status, &redirect.location, &outcome.response_headers);
    }
    // A rule with usable backends beside others fails for those others' share.
    let status = if outcome.status == 200 { 500 } else { outcome.status };
    let status = StatusCode::from_u16(status).map_err(|error| invalid(&error))?;
    let mut answer = Refusal::new(status, outcome.why.join("\n")).into_answer();
    change(answer.headers_mut(), &outcome.response_headers)?;
    Ok(answer)
}

fn redirected(status: u16, location: &str, changes: &HeaderChanges) -> Result<Answer, Refusal> {
    let mut answer = Response::new(text(String::new()));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(|error| invalid(&error))?;
    insert(answer.headers_mut(), header::LOCATION.as_str(), location)?;
    change(answer.headers_mut(), changes)?;
    Ok(answer)
}

fn change(headers: &mut HeaderMap, changes: &HeaderChanges) -> Result<(), Refusal> {
    for (name, value) in &changes.set {
        insert(headers, name, value)?;
    }
    for (name, value) in &changes.add {
        let name = HeaderName::try_from(name).map_err(|error| invalid(&error))?;
        headers.append(name, HeaderValue::from_str(value).map_err(|error| invalid(&error))?);
    }
    for name in &changes.remove {
        headers.remove(name.as_str());
    }
    Ok(())
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let name = HeaderName::try_from(name).map_err(|error| invalid(&error))?;
    headers.insert(name, HeaderValue::from_str(value).map_err(|error| invalid(&error))?);
    Ok(())
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The route asks for something that HTTP cannot carry.
fn invalid(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("the route's filters give no valid message: {error}"),
    )
}

fn text(message: String) -> BoxBody<Bytes, hyper::Error> {
    Full::new(Bytes::from(message)).map_err(|never| match never {}).boxed()
}
