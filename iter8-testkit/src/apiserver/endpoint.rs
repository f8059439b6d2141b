//! The server as a [`tower::Service`].

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use kube::client::Body;
use tower::{BoxError, Service};

use super::{Shared, service};

/// What a client of an [`ApiServer`](super::ApiServer) sends its requests to.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use iter8_testkit::apiserver::ApiServer;
/// use kube::client::Body;
/// use tower::ServiceExt;
///
/// let endpoint = ApiServer::new().service("shop");
/// let response = endpoint.oneshot(http::Request::get("/version").body(Body::empty())?).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    pub(super) shared: Arc<Shared>,
    pub(super) agent: HeaderValue,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for Endpoint {
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.headers_mut().insert(header::USER_AGENT, self.agent.clone());
        service::answer(self.shared.clone(), request).boxed()
    }
}
