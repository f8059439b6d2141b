//! From an HTTP request to its response.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use serde_json::{Value, json};
use tower::BoxError;

use super::call::{self, Asked, Call, Verb};
use super::failure::Failure;
use super::state::State;
use super::watch::{self, Watch};
use super::{RecordedRequest, Shared, delete, discovery, options, read, scale, write};

pub(super) type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;

enum Answer {
    Json(u16, Value),
    Text(u16, String),
    Watch(Box<Watch>),
}

/// Answers a request.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Body>) -> Result<Reply, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let mut state = shared.lock();
    let before = state.store.version();
    let asked = call::read(&state.kinds, &parts, body);
    let answer = match asked {
        Ok(Asked::Objects(call)) => {
            state.user_agent.clone_from(&call.user_agent);
            let answer = perform(&shared, &mut state, &call).unwrap_or_else(|failure| failed(&failure));
            state.requests.push(record(&call, &answer));
            answer
        }
        Ok(Asked::Nothing) => nothing(),
        Ok(Asked::Other(path)) => discovery::answer(&state, &path).map_or_else(
            |failure| failed(&failure),
            |document| match document {
                discovery::Document::Json(value) => Answer::Json(200, value),
                discovery::Document::Text(text) => Answer::Text(200, text),
                discovery::Document::Nothing => nothing(),
            },
        ),
        Err(failure) => failed(&failure),
    };
    let after = state.store.version();
    drop(state);
    if after != before {
        shared.changed.send_replace(after);
    }
    Ok(response(answer))
}

fn nothing() -> Answer {
    Answer::Text(404, "404 page not found\n".to_owned())
}

fn failed(failure: &Failure) -> Answer {
    Answer::Json(failure.code, failure.status())
}

fn perform(shared: &Arc<Shared>, state: &mut State, call: &Call) -> Result<Answer, Failure> {
    options::check(call)?;
    let (code, object) = match call.verb {
        Verb::Get if call.subresource == "scale" => (200, scale::get(state, call)?),
        Verb::Update | Verb::Patch | Verb::Apply if call.subresource == "scale" => scale::write(state, call)?,
        Verb::Get => (200, read::get(state, call)?),
        Verb::List => (200, read::list(state, call)?),
        Verb::Watch => return Ok(Answer::Watch(Box::new(watch::open(shared, state, call)?))),
        Verb::Create => write::create(state, call)?,
        Verb::Update => write::update(state, call)?,
        Verb::Patch => write::patch(state, call)?,
        Verb::Apply => write::apply(state, call)?,
        Verb::Delete => delete::delete(state, call)?,
        Verb::DeleteCollection => delete::delete_collection(state, call)?,
    };
    Ok(Answer::Json(code, if call.wants_metadata() { only_metadata(object) } else { object }))
}

/// The object, or the list, without anything but metadata.
pub(super) fn only_metadata(object: Value) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    match object.get("items").and_then(Value::as_array) {
        Some(items) => {
            let items: Vec<_> = items.iter().cloned().map(only_metadata).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
        }
        None if object.get("kind") == Some(&json!("Status")) => object,
        None => {
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
        }
    }
}

fn record(call: &Call, answer: &Answer) -> RecordedRequest {
    RecordedRequest {
        verb: call.verb.as_str().to_owned(),
        resource: call.kind.plural.clone(),
        subresource: call.subresource.clone(),
        namespace: call.namespace.clone(),
        name: call.name.clone(),
        user_agent: call.user_agent.clone(),
        status: match answer {
            Answer::Json(code, _) | Answer::Text(code, _) => *code,
            Answer::Watch(_) => 200,
        },
    }
}

fn whole(text: String) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::from(text).map_err(|never| match never {}).boxed_unsync()
}

fn response(answer: Answer) -> Reply {
    let (code, content, body) = match answer {
        Answer::Json(code, value) => (code, "application/json", whole(value.to_string())),
        Answer::Text(code, text) => (code, "text/plain; charset=utf-8", whole(text)),
        Answer::Watch(watch) => {
            let frames = watch.lines().map(|line| Ok(http_body::Frame::data(line)));
            (200, "application/json", StreamBody::new(frames).boxed_unsync())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content));
    response
}
