//! The proxy: takes requests, asks the routes, calls Pods.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::balance::Balancer;
use super::endpoints::service_port;
use super::exchange;
use super::message::{
    Answer, Refusal, answer_of_proxy, change, host, outgoing, question, redirected, remove_hop_by_hop,
};
use super::view::View;
use crate::pod_network::PodNetwork;
use crate::simulator::{self, Effect, Outcome, Parent};

/// Serves until it is aborted; its connections end with it.
pub(super) async fn serve(listener: TcpListener, proxy: Proxy) {
    let proxy = Arc::new(proxy);
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

/// By what the routes of a request are found.
#[derive(Debug)]
pub(super) enum Entry {
    /// By the Service that it names as its host.
    Services,
    /// By the Gateway to which it is sent.
    Gateway(Parent),
}

#[derive(Debug)]
pub(super) struct Proxy {
    entry: Entry,
    namespace: String,
    network: PodNetwork,
    view: watch::Receiver<Arc<View>>,
    balancer: Balancer,
}

impl Proxy {
    pub(super) fn new(
        entry: Entry,
        namespace: &str,
        network: PodNetwork,
        view: watch::Receiver<Arc<View>>,
    ) -> Self {
        Self { entry, namespace: namespace.to_owned(), network, view, balancer: Balancer::default() }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let view = self.view.borrow().clone();
        if !view.is_complete() {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the mesh does not know the namespace yet",
            ));
        }
        let (parent, asked) = match &self.entry {
            Entry::Services => self.of_service(&view, &request)?,
            Entry::Gateway(parent) => {
                let host = host(&request).and_then(|host| host.split(':').next()).unwrap_or("-");
                (parent.clone(), question(&request, host, 80)?)
            }
        };
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
        let stream = connect(&self.network, &name, endpoints).await?;
        let request = self.mirror(&view, &outcome, outgoing(request, &effect)?).await?;
        let response = exchange::send(stream, request).await.map_err(|error| {
            Refusal::new(StatusCode::BAD_GATEWAY, format!("Service `{name}` broke the exchange off: {error}"))
        })?;
        let mut response = response.map(BodyExt::boxed);
        remove_hop_by_hop(response.headers_mut());
        change(response.headers_mut(), &changes)?;
        Ok(response)
    }

    fn of_service(
        &self,
        view: &View,
        request: &Request<Incoming>,
    ) -> Result<(Parent, simulator::Request), Refusal> {
        let (service, port) = self.destination(request)?;
        let known = view.service(&service).and_then(|known| service_port(known, port));
        if known.is_none() {
            let message =
                format!("there is no Service `{service}` with port {port} in namespace `{}`", self.namespace);
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, message));
        }
        Ok((Parent::service(&self.namespace, &service), question(request, &service, port)?))
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
        let chosen = self.balancer.next_by_share(&rule_of(outcome), &shares);
        let backend = outcome.backends.get(chosen)?;
        Some((backend.name.clone(), backend.port?, outcome.effect_on(backend)))
    }

    /// Sends the copies that the rule asks for, and gives back the request for the backend that answers.
    ///
    /// Whatever becomes of a copy, the client does not notice.
    async fn mirror(
        &self,
        view: &View,
        outcome: &Outcome,
        request: Request<Incoming>,
    ) -> Result<Request<BoxBody<Bytes, hyper::Error>>, Refusal> {
        if outcome.mirrors.is_empty() {
            return Ok(request.map(BodyExt::boxed));
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("the client broke the exchange off: {error}"))
        })?;
        let body = Full::new(body.to_bytes());
        for mirror in &outcome.mirrors {
            let key = format!("mirror {} of {}", mirror.name, rule_of(outcome));
            let shares = [mirror.percent, (100.0 - mirror.percent).max(0.0)];
            let is_due = self.balancer.next_by_share(&key, &shares) == 0;
            let endpoints = mirror.port.and_then(|port| self.endpoints(view, &mirror.name, port).ok());
            let Some(endpoints) = endpoints.filter(|_| is_due) else { continue };
            let (network, name) = (self.network.clone(), mirror.name.clone());
            let copy = Request::from_parts(head.clone(), body.clone());
            tokio::spawn(async move {
                let Ok(stream) = connect(&network, &name, endpoints).await else { return };
                if let Err(error) = exchange::send(stream, copy).await {
                    tracing::debug!(name, %error, "copy not answered");
                }
            });
        }
        Ok(Request::from_parts(head, body.map_err(|never| match never {}).boxed()))
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
}

/// A connection to the first endpoint that takes one. Nothing has been sent yet, so trying the next is safe.
async fn connect(
    network: &PodNetwork,
    name: &str,
    endpoints: Vec<(Ipv4Addr, u16)>,
) -> Result<TcpStream, Refusal> {
    for (address, port) in endpoints {
        let Some(socket) = network.resolve(address, port) else { continue };
        match TcpStream::connect::<SocketAddr>(socket).await {
            Ok(stream) => return Ok(stream),
            Err(error) => tracing::debug!(%address, port, %error, "endpoint refused, trying another"),
        }
    }
    let message = format!("no endpoint of Service `{name}` takes connections");
    Err(Refusal::new(StatusCode::BAD_GATEWAY, message))
}

/// What tells one rule from another where turns are remembered.
fn rule_of(outcome: &Outcome) -> String {
    match &outcome.route {
        Some(rule) => format!("rule {} of {}", rule.rule, rule.name),
        None => String::new(),
    }
}
