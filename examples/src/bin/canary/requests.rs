//! Real HTTP requests to the mesh.

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The name under which the application is asked for.
pub(crate) const HOST: &str = "httpbin.test";

/// Sends requests to wherever the mesh listens.
#[derive(Debug)]
pub(crate) struct Requests {
    url: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// What the tutorial looks at in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status line.
    pub(crate) status: String,
    /// Header `app-version`.
    pub(crate) app_version: Option<String>,
}

impl Requests {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// `GET /get`, with header `traffic: test` or without.
    pub(crate) async fn get(&self, with_header: bool) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut request = http::Request::get(format!("{}/get", self.url)).header(http::header::HOST, HOST);
        if with_header {
            request = request.header("traffic", "test");
        }
        let response = self.client.request(request.body(Empty::new())?).await?;
        let app_version = response.headers().get("app-version").and_then(|value| value.to_str().ok());
        let app_version = app_version.map(str::to_owned);
        Ok(Answer { status: format!("{:?} {}", response.version(), response.status()), app_version })
    }
}

/// The request as one would type it.
pub(crate) fn command(with_header: bool) -> String {
    let header = if with_header { " -H 'traffic: test'" } else { "" };
    format!("curl http://{HOST}/get -s -D -{header} | grep -e HTTP -e app-version")
}
