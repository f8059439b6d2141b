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

/// Serves in the background from now on.
pub(super) async fn start(address: SocketAddr, health: Health, metrics: Metrics) -> Result<(), Error> {
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
    Ok(())
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
}
