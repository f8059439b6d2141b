use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::*;

async fn get(server: &PodServer, path: &str) -> (StatusCode, HeaderMap, Value) {
    request(server.address(), Method::GET, path).await
}

async fn request(address: SocketAddr, method: Method, path: &str) -> (StatusCode, HeaderMap, Value) {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("host", "httpbin")
        .header("traffic", "test")
        .body(Empty::new())
        .unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn healthy() -> PodServer {
    let server = PodServer::start("httpbin-1", "httpbin:2").await.unwrap();
    server.set_healthy(true);
    server
}

#[tokio::test]
async fn get_describes_the_request_and_the_pod() {
    let (status, headers, body) = get(&healthy().await, "/get?a=1&b").await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&headers["x-pod"], &headers["x-image"]),
        (&"httpbin-1".parse().unwrap(), &"httpbin:2".parse().unwrap())
    );
    assert_eq!((&body["pod"], &body["image"]), (&json!("httpbin-1"), &json!("httpbin:2")));
    assert_eq!(body["args"], json!({"a": "1", "b": ""}));
    assert_eq!((&body["headers"]["Traffic"], &body["headers"]["Host"]), (&json!("test"), &json!("httpbin")));
    assert_eq!(body["url"], "http://httpbin/get?a=1&b");
}

#[tokio::test]
async fn paths_of_httpbin_have_their_status() {
    let server = healthy().await;
    for (path, expected) in [
        ("/headers", 200),
        ("/status/418", 418),
        ("/status/100", 400),
        ("/status/x", 400),
        ("/delay/0", 200),
        ("/delay/-1", 400),
        ("/", 404),
        ("/anything", 404),
    ] {
        assert_eq!(get(&server, path).await.0.as_u16(), expected, "{path}");
    }
    assert_eq!(request(server.address(), Method::POST, "/get").await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(request(server.address(), Method::POST, "/status/201").await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_server_that_is_not_healthy_answers_503() {
    let server = PodServer::start("httpbin-1", "httpbin:2").await.unwrap();
    assert_eq!(get(&server, "/get").await.0, StatusCode::SERVICE_UNAVAILABLE);
    server.set_healthy(true);
    assert_eq!(get(&server, "/get").await.0, StatusCode::OK);
    server.set_healthy(false);
    assert_eq!(get(&server, "/status/200").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_stopped_server_finishes_the_requests_it_has() {
    let server = healthy().await;
    let address = server.address();
    let slow = tokio::spawn(request(address, Method::GET, "/delay/1"));
    sleep(Duration::from_millis(300)).await;

    server.stop();

    assert_eq!(slow.await.unwrap().0, StatusCode::OK);
    assert!(TcpStream::connect(address).await.is_err(), "it accepts nothing more");
}
