//! Pod addresses that exist in the API alone, and the loopback sockets behind them.
//!
//! A real API server refuses loopback addresses in `EndpointSlices`, and everything here runs on one machine. So
//! a Pod has an address of an ordinary Pod network in its status and its `EndpointSlices`, and whoever connects to
//! it asks the [`PodNetwork`] for the socket that really serves it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The Pod network of one simulated cluster: which loopback socket serves which Pod address and port.
///
/// Clones share the same network. Addresses come from 10.244.0.0/16 and are not given out a second time before
/// the whole range has been used, so that a stale endpoint never reaches a newer Pod.
///
/// ```
/// use iter8_testkit::pod_network::PodNetwork;
///
/// let network = PodNetwork::new();
/// let pod = network.allocate();
/// let socket = "127.0.0.1:40123".parse()?;
/// network.expose(pod, 80, socket);
/// assert_eq!(network.resolve(pod, 80), Some(socket));
///
/// network.withdraw(pod);
/// assert_eq!(network.resolve(pod, 80), None);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PodNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    allocated: u16,
    sockets: BTreeMap<(Ipv4Addr, u16), SocketAddr>,
}

impl PodNetwork {
    /// A network without Pods.
    ///
    /// ```
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// assert_eq!(PodNetwork::new().resolve([10, 244, 0, 1].into(), 80), None);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next free Pod address.
    ///
    /// ```
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// let network = PodNetwork::new();
    /// let (one, other) = (network.allocate(), network.allocate());
    /// assert_ne!(one, other);
    /// assert!(one.octets().starts_with(&[10, 244]) && !one.is_loopback());
    /// ```
    #[must_use]
    pub fn allocate(&self) -> Ipv4Addr {
        let mut state = self.state();
        loop {
            state.allocated = state.allocated.wrapping_add(1);
            let [high, low] = state.allocated.to_be_bytes();
            let address = Ipv4Addr::new(10, 244, high, low);
            let in_use = state.sockets.keys().any(|(pod_ip, _)| *pod_ip == address);
            // Addresses that end in 0 or 255 look like networks and broadcasts to a reader.
            if !in_use && low != 0 && low != 255 {
                return address;
            }
        }
    }

    /// From now on `socket` serves the Pod's `port`; an earlier socket of that port is forgotten.
    ///
    /// ```
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// let network = PodNetwork::new();
    /// let pod = network.allocate();
    /// for socket in ["127.0.0.1:40123", "127.0.0.1:40124"] {
    ///     network.expose(pod, 80, socket.parse()?);
    /// }
    /// assert_eq!(network.resolve(pod, 80), Some("127.0.0.1:40124".parse()?));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn expose(&self, pod_ip: Ipv4Addr, port: u16, socket: SocketAddr) {
        self.state().sockets.insert((pod_ip, port), socket);
    }

    /// The Pod is gone: none of its ports is served any more.
    ///
    /// ```
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// let network = PodNetwork::new();
    /// let (gone, stays) = (network.allocate(), network.allocate());
    /// for pod in [gone, stays] {
    ///     network.expose(pod, 80, "127.0.0.1:40123".parse()?);
    /// }
    /// network.withdraw(gone);
    /// assert!(network.resolve(gone, 80).is_none() && network.resolve(stays, 80).is_some());
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn withdraw(&self, pod_ip: Ipv4Addr) {
        self.state().sockets.retain(|(address, _), _| *address != pod_ip);
    }

    /// The socket that serves the Pod's `port`, if any does.
    ///
    /// ```
    /// use iter8_testkit::pod_network::PodNetwork;
    ///
    /// let network = PodNetwork::new();
    /// let pod = network.allocate();
    /// network.expose(pod, 80, "127.0.0.1:40123".parse()?);
    /// assert_eq!(network.resolve(pod, 80), Some("127.0.0.1:40123".parse()?));
    /// assert_eq!(network.resolve(pod, 8080), None, "the Pod does not listen there");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn resolve(&self, pod_ip: Ipv4Addr, port: u16) -> Option<SocketAddr> {
        self.state().sockets.get(&(pod_ip, port)).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::PodNetwork;

    #[test]
    fn addresses_are_never_loopback_and_never_repeat() {
        let network = PodNetwork::new();
        let addresses: Vec<_> = (0..1000).map(|_| network.allocate()).collect();

        assert!(addresses.iter().all(|address| address.octets().starts_with(&[10, 244])));
        assert!(addresses.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn withdrawing_a_pod_leaves_the_others() {
        let network = PodNetwork::new();
        let (gone, stays) = (network.allocate(), network.allocate());
        let socket = ([127, 0, 0, 1], 4000).into();
        for (pod, port) in [(gone, 80), (gone, 8080), (stays, 80)] {
            network.expose(pod, port, socket);
        }

        network.withdraw(gone);

        assert_eq!(network.resolve(gone, 80), None);
        assert_eq!(network.resolve(gone, 8080), None);
        assert_eq!(network.resolve(stays, 80), Some(socket));
    }

    #[test]
    fn clones_are_the_same_network() {
        let network = PodNetwork::new();
        let same = network.clone();
        let socket = ([127, 0, 0, 1], 4000).into();
        let pod = same.allocate();
        same.expose(pod, 80, socket);

        assert_eq!(network.resolve(pod, 80), Some(socket));
        assert_ne!(network.allocate(), pod);
    }
}
