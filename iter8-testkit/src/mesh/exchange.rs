//! HTTP messages: the client that tests use, and the one that calls Pods.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::http::HeaderMap;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::MeshError;

/// An answer, read to its end.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
#[doc = include_str!("../example_world.txt")]
/// let response = world.mesh().get("web", "/get", &[]).await?;
/// assert_eq!(response.status, 200);
/// assert_eq!(serde_json::from_str::<serde_json::Value>(&response.body)?["image"], "web:1");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; bytes that are no UTF-8 are replaced.
    pub body: String,
}

impl Response {
    /// The first value of a header.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[doc = include_str!("../example_world.txt")]
    /// let response = world.mesh().get("web", "/get", &[]).await?;
    /// assert_eq!(response.header("X-Image"), Some("web:1"));
    /// assert_eq!(response.header("x-route"), None, "there is no route that adds it");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(super) async fn get(
    proxy: SocketAddr,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Response, MeshError> {
    let mut request = Request::get(path).header(header::HOST, host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|source| MeshError::InvalidRequest {
        host: host.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let stream = TcpStream::connect(proxy).await.map_err(MeshError::Connect)?;
    let response = send(stream, request).await.map_err(MeshError::Exchange)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(MeshError::Exchange)?.to_bytes();
    Ok(Response {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Sends one request on a connection of its own.
pub(super) async fn send<B>(
    stream: TcpStream,
    request: Request<B>,
) -> Result<hyper::Response<Incoming>, hyper::Error>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The connection carries the body after the head has been answered, so it outlives this call. It ends with the
    // body, or when the other side goes away.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection broke off");
        }
    });
    sender.send_request(request).await
}
