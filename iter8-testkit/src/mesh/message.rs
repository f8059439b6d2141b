//! Requests and responses on their way through the proxy.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode, Uri};

use crate::simulator::{self, Effect, HeaderChanges, Outcome};

/// What a client gets.
pub(super) type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Headers that concern one connection and are not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// An answer that the proxy gives itself, with the reason as its body.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn into_answer(self) -> Answer {
        tracing::debug!(status = self.status.as_u16(), self.message, "request not forwarded");
        let mut answer = Response::new(text(self.message));
        *answer.status_mut() = self.status;
        answer
    }
}

/// The request as the routes see it. Header values that are no text cannot be matched and are passed on as they are.
pub(super) fn question(
    request: &Request<Incoming>,
    service: &str,
    port: u16,
) -> Result<simulator::Request, Refusal> {
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

pub(super) fn host(request: &Request<Incoming>) -> Option<&str> {
    let authority = request.uri().authority().map(Authority::as_str);
    authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

/// The request that the backend gets.
pub(super) fn outgoing(request: Request<Incoming>, effect: &Effect) -> Result<Request<Incoming>, Refusal> {
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
pub(super) fn answer_of_proxy(outcome: &Outcome) -> Result<Answer, Refusal> {
    if let Some(redirect) = &outcome.redirect {
        return redirected(redirect.status, &redirect.location, &outcome.response_headers);
    }
    // A rule with usable backends beside others fails for those others' share.
    let status = if outcome.status == 200 { 500 } else { outcome.status };
    let status = StatusCode::from_u16(status).map_err(|error| invalid(&error))?;
    // The answer to a CORS preflight is a success, and has nothing to say.
    let message = if status.is_success() { String::new() } else { outcome.why.join("\n") };
    let mut answer = Refusal::new(status, message).into_answer();
    change(answer.headers_mut(), &outcome.response_headers)?;
    Ok(answer)
}

pub(super) fn redirected(status: u16, location: &str, changes: &HeaderChanges) -> Result<Answer, Refusal> {
    let mut answer = Response::new(text(String::new()));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(|error| invalid(&error))?;
    insert(answer.headers_mut(), header::LOCATION.as_str(), location)?;
    change(answer.headers_mut(), changes)?;
    Ok(answer)
}

pub(super) fn change(headers: &mut HeaderMap, changes: &HeaderChanges) -> Result<(), Refusal> {
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

pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
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
