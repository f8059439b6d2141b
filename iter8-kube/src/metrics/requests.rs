//! Counts requests to the API server, and heeds what it says of their pace.

use http::{Method, Request, Response, StatusCode, Uri};
use kube::Client;
use kube::client::Body;
use serde_json::json;

use super::Metrics;
use crate::pace::Pace;

/// The client with every request counted, that asks for nothing while the API server wants to be left alone: watches, and
/// the lists that they begin with, wait; what a reconciliation asks for is given up, so that it may end.
pub(crate) fn metered(client: Client, metrics: Metrics, pace: Pace) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, metrics, pace) = (client.clone(), metrics.clone(), pace.clone());
        async move {
            let verb = verb(&request);
            // The Lease has a pace of its own.
            if !request.uri().path().starts_with("/apis/coordination.k8s.io/") {
                if is_of_a_watch(verb, request.uri()) {
                    pace.passed().await;
                } else if pace.rest().is_some() {
                    return Ok(too_early());
                }
            }
            let answer = client.send(request).await;
            let code = answer.as_ref().map_or_else(
                // As client-go counts requests that have had no answer.
                |_| "<error>".to_owned(),
                |answer| answer.status().as_str().to_owned(),
            );
            metrics.requested(verb, code);
            if let Ok(answer) = &answer {
                pace.note(answer);
            }
            answer
        }
    });
    Client::new(service, namespace)
}

/// Whether this is a watch or the list that one begins with; a reconciliation lists by a name.
fn is_of_a_watch(verb: &str, uri: &Uri) -> bool {
    let is_by_name = uri.query().is_some_and(|query| query.contains("fieldSelector="));
    verb == "watch" || verb == "list" && !is_by_name
}

/// The answer to a request that is not sent. Whoever planned it plans anew.
fn too_early() -> Response<Body> {
    let code = StatusCode::TOO_MANY_REQUESTS;
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code.as_u16(),
        "reason": "TooManyRequests", "message": "the API server has asked to wait",
    });
    let mut answer = Response::new(Body::from(status.to_string().into_bytes()));
    *answer.status_mut() = code;
    answer
}

/// The verb in the terms of Kubernetes.
fn verb(request: &Request<Body>) -> &'static str {
    let is_apply = || {
        let format = request.headers().get(http::header::CONTENT_TYPE);
        format.is_some_and(|format| format.as_bytes().starts_with(b"application/apply-patch"))
    };
    match *request.method() {
        Method::GET if is_watch(request.uri()) => "watch",
        Method::GET if is_collection(request.uri().path()) => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH if is_apply() => "apply",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"))
}

/// `/api/VERSION/...` or `/apis/GROUP/VERSION/...`, then `[namespaces/NAMESPACE/]KIND[/NAME]`.
fn is_collection(path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    let prefix = match parts.next() {
        Some("api") => 1,
        Some("apis") => 2,
        _ => return false,
    };
    let rest: Vec<_> = parts.skip(prefix).collect();
    match rest.as_slice() {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest.len() == 1,
        rest => rest.len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_the_verbs_of_kubernetes() {
        let verb_of = |method: &str, uri: &str| {
            verb(&Request::builder().method(method).uri(uri).body(Body::empty()).unwrap())
        };
        let routes = "/apis/gateway.networking.k8s.io/v1/namespaces/test/httproutes";
        assert_eq!(verb_of("GET", routes), "list");
        assert_eq!(verb_of("GET", &format!("{routes}?limit=5&watch=true")), "watch");
        assert_eq!(verb_of("GET", &format!("{routes}/web")), "get");
        assert_eq!(verb_of("GET", "/api/v1/services?limit=5"), "list");
        assert_eq!(verb_of("GET", "/api/v1/namespaces/test"), "get");
        assert_eq!(verb_of("GET", "/version"), "get");
        assert_eq!(verb_of("POST", routes), "create");
        assert_eq!(verb_of("PATCH", &format!("{routes}/web")), "patch");
        assert_eq!(verb_of("DELETE", &format!("{routes}/web")), "delete");
        let apply = Request::builder().method("PATCH").uri(format!("{routes}/web"));
        let apply = apply.header("content-type", "application/apply-patch+yaml").body(Body::empty()).unwrap();
        assert_eq!(verb(&apply), "apply");
    }
}
