//! A client that sends requests all the time and keeps what became of each. It never asks twice.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::cluster::Cluster;

/// Connections of the client; every other one sends the header.
const CONNECTIONS: usize = 16;
/// From one request of a connection to its next, unless an answer takes longer.
const PERIOD: Duration = Duration::from_millis(25);

/// A request and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// When it was sent.
    pub(crate) sent: Instant,
    /// Whether it had header `traffic: test`.
    pub(crate) with_header: bool,
    /// The image that answered it with 200, or what came instead.
    pub(crate) outcome: Result<String, String>,
}

/// A client at work.
pub(crate) struct Load {
    begin: Instant,
    stop: watch::Sender<()>,
    connections: JoinSet<Vec<Exchange>>,
}

impl Load {
    /// Starts to send requests to the application through the cluster's mesh.
    pub(crate) fn start(cluster: &Cluster) -> Self {
        Self::at(&cluster.world.mesh().url(), &format!("httpbin.{}", cluster.world.namespace()))
    }

    /// Starts to send requests to a host at this URL.
    pub(crate) fn at(url: &str, host: &str) -> Self {
        let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let (stop, stopped) = watch::channel(());
        let mut connections = JoinSet::new();
        for number in 0..CONNECTIONS {
            connections.spawn(send_all(address, host.to_owned(), number % 2 == 1, stopped.clone()));
        }
        Self { begin: Instant::now(), stop, connections }
    }

    /// Ends the client after the requests that are under way.
    pub(crate) async fn stop(self) -> Report {
        self.stop.send_replace(());
        let exchanges = self.connections.join_all().await.into_iter().flatten().collect();
        Report { begin: self.begin, end: Instant::now(), exchanges }
    }
}

async fn send_all(
    address: SocketAddr,
    host: String,
    with_header: bool,
    mut stopped: watch::Receiver<()>,
) -> Vec<Exchange> {
    let header = if with_header { "traffic: test\r\n" } else { "" };
    let request = format!("GET /get HTTP/1.1\r\nhost: {host}\r\n{header}\r\n");
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut exchanges = Vec::new();
    let mut connection = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.changed() => return exchanges,
        }
        let sent = Instant::now();
        let outcome = exchange(&mut connection, address, &request).await;
        let outcome = outcome.unwrap_or_else(|error| {
            connection = None; // the next request has a connection of its own
            Err(format!("no answer: {error}"))
        });
        exchanges.push(Exchange { sent, with_header, outcome });
    }
}

async fn exchange(
    connection: &mut Option<BufStream<TcpStream>>,
    address: SocketAddr,
    request: &str,
) -> io::Result<Result<String, String>> {
    let stream = match connection {
        Some(stream) => stream,
        None => connection.insert(BufStream::new(TcpStream::connect(address).await?)),
    };
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let (mut status, mut image, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut status).await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim().split_once(": ") {
            Some(("x-image", value)) => value.clone_into(&mut image),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(Ok(image));
    }
    Ok(Err(format!("{} {}", status.trim(), String::from_utf8_lossy(&body))))
}

/// What became of all requests.
pub(crate) struct Report {
    begin: Instant,
    end: Instant,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Report {
    /// Requests that were not answered with 200: when, and what came instead.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.told(|exchange| exchange.outcome.is_err())
    }

    /// The same of those sent before a moment.
    pub(crate) fn lost_before(&self, moment: Instant) -> Vec<String> {
        self.told(|exchange| exchange.outcome.is_err() && exchange.sent < moment)
    }

    /// Requests with the header, sent in this time, that another image than this one answered.
    pub(crate) fn strayed(&self, image: &str, from: Instant, until: Instant) -> Vec<String> {
        self.told(|exchange| {
            exchange.with_header
                && (from..until).contains(&exchange.sent)
                && exchange.outcome.as_ref().is_ok_and(|answered| answered != image)
        })
    }

    fn told(&self, is_wanted: impl Fn(&Exchange) -> bool) -> Vec<String> {
        let wanted = self.exchanges.iter().filter(|exchange| is_wanted(exchange));
        let told = wanted.map(|exchange| {
            let header = if exchange.with_header { "with" } else { "without" };
            format!("{:?} {header} header: {:?}", exchange.sent - self.begin, exchange.outcome)
        });
        told.collect()
    }

    /// Requests of each whole second.
    pub(crate) fn per_second(&self) -> Vec<usize> {
        let whole = usize::try_from((self.end - self.begin).as_secs()).unwrap();
        let mut seconds = vec![0; whole];
        for exchange in &self.exchanges {
            let second = usize::try_from((exchange.sent - self.begin).as_secs()).unwrap();
            if let Some(count) = seconds.get_mut(second) {
                *count += 1;
            }
        }
        seconds
    }

    /// Requests a second, on the average.
    pub(crate) fn rate(&self) -> usize {
        let milliseconds = usize::try_from((self.end - self.begin).as_millis()).unwrap_or(usize::MAX);
        self.exchanges.len() * 1000 / milliseconds.max(1)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.per_second();
        let with_header = self.exchanges.iter().filter(|exchange| exchange.with_header).count();
        write!(
            f,
            "{} requests in {:.1} s, {with_header} with the header; {} a second, {} in the slowest; {} failed",
            self.exchanges.len(),
            (self.end - self.begin).as_secs_f64(),
            self.rate(),
            seconds.iter().min().unwrap_or(&0),
            self.lost().len(),
        )
    }
}
