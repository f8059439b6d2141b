//! The answers of an API server that does not do what it is asked.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::BoxError;

use super::Fault;

/// What the answer `429 Too Many Requests` of [`Rates::too_many_requests`](super::Rates::too_many_requests) asks for in
/// its header `Retry-After`; priority and fairness of kube-apiserver asks for the same.
///
/// ```
/// assert_eq!(iter8_testkit::fault::RETRY_AFTER.as_secs(), 1);
/// ```
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An answer instead of the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    message: &'static str,
}

impl Refusal {
    /// The refusal that a fault is, if it is one.
    pub(super) fn of(fault: Fault) -> Option<Self> {
        let (code, reason, message) = match fault {
            Fault::Conflict => (
                StatusCode::CONFLICT,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
            Fault::Gone => return Some(Self::gone()),
            Fault::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "too many requests, please try again later",
            ),
            Fault::InternalError => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "etcdserver: leader changed")
            }
            _ => return None,
        };
        Some(Self { code, reason, message })
    }

    pub(super) fn gone() -> Self {
        Self {
            code: StatusCode::GONE,
            reason: "Expired",
            message: "The resourceVersion for the provided list or watch is too old.",
        }
    }

    pub(super) fn status(self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        })
    }

    pub(super) fn response(self) -> Response<UnsyncBoxBody<Bytes, BoxError>> {
        let body = Full::from(self.status().to_string()).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.code;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.code == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER.as_secs()));
        }
        response
    }
}
