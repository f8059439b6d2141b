//! `/healthz`, `/readyz` and `/metrics`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use iter8_kube::{Health, Metrics};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::error::Error;

/// The content type of what [`Metrics::encode`] returns.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reads an address; without a host it is every one of this machine.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let every = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(every, port)),
        None => text.parse().ok(),
    }
    .ok_or_else(|| "write an IP address and a port, or a port alone as in `:8080`".to_owned())
}

/// Serves in the background from now on; at which address.
pub(super) async fn start(
    address: SocketAddr,
    health: Health,
    metrics: Metrics,
) -> Result<SocketAddr, Error> {
    let listener = match TcpListener::bind(address).await {
        // A machine without IPv6.
        Err(_) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    let cannot = |error| Error::Failed(format!("cannot listen on {address}: {error}"));
    let listener = listener.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    info!(address = %bound, "serving /healthz, /readyz and /metrics");
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes(health, metrics)).await {
            warn!(%error, "health and metrics are not served any more");
        }
    });
    Ok(bound)
}

fn routes(health: Health, metrics: Metrics) -> Router {
    let ready = move || async move {
        if health.is_ready() {
            (StatusCode::OK, "ok\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "the caches are not yet filled\n")
        }
    };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).route(
        "/metrics",
        get(move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.encode()) }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        assert_eq!(address(":8080"), Ok("[::]:8080".parse().unwrap()));
        assert_eq!(address("127.0.0.1:0"), Ok("127.0.0.1:0".parse().unwrap()));
        for text in ["8080", ":", ":80808", "localhost:80"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    /// The answer to a request.
    async fn get(address: SocketAddr, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn probes_and_metrics_are_served_before_and_after_the_caches_are_filled() {
        use gateway_api::httproutes::HttpRoute;
        use iter8_gateway_api::GatewayApiBackend;
        use iter8_kube::{Options, Release, Scope};
        use kube::CustomResourceExt;

        let (health, metrics) = (Health::new(), Metrics::new());
        let local = "127.0.0.1:0".parse().unwrap();
        let address = start(local, health.clone(), metrics.clone()).await.unwrap();
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
        let unready = get(address, "/readyz").await;
        assert!(unready.starts_with("HTTP/1.1 503 ") && unready.ends_with("not yet filled\n"), "{unready}");

        let server = iter8_testkit::apiserver::ApiServer::new();
        iter8_testkit::world::install(&server.client(), &[Release::crd(), HttpRoute::crd()]).await.unwrap();
        let options = Options::new(Scope::Cluster).health(health).metrics(metrics);
        tokio::spawn(iter8_kube::run(
            server.client(),
            GatewayApiBackend::default(),
            options,
            std::future::pending(),
        ));
        let begun = std::time::Instant::now();
        while !get(address, "/readyz").await.starts_with("HTTP/1.1 200 ") {
            assert!(begun.elapsed() < std::time::Duration::from_secs(30));
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let answer = get(address, "/metrics").await;
        assert!(answer.contains("application/openmetrics-text"), "{answer}");
        for metric in ["iter8_reconciles_total", "iter8_queue_depth", "iter8_leader 1", "# EOF"] {
            assert!(answer.contains(metric), "no {metric}: {answer}");
        }
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404 "));
    }
}
