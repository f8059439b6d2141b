//! From a Service and its port to the Pods behind it.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The port of a Service with this number, if it has one.
pub(super) fn service_port(service: &Service, number: u16) -> Option<&ServicePort> {
    let ports = service.spec.as_ref()?.ports.as_deref()?;
    ports.iter().find(|port| port.port == i32::from(number))
}

/// The ready endpoints behind a port of the Service that the slices belong to, in a stable order.
pub(super) fn ready_endpoints<'a>(
    slices: impl Iterator<Item = &'a EndpointSlice>,
    port: &ServicePort,
) -> Vec<(Ipv4Addr, u16)> {
    let mut endpoints = Vec::new();
    for slice in slices {
        let Some(target) = target_port(slice, port) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            // An endpoint that does not say is ready.
            let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
            if ready {
                let addresses = endpoint.addresses.iter().filter_map(|address| address.parse().ok());
                endpoints.extend(addresses.map(|address| (address, target)));
            }
        }
    }
    endpoints.sort_unstable();
    endpoints.dedup();
    endpoints
}

/// The port of the slice that carries the name of the Service's port; else the one that it targets by number.
fn target_port(slice: &EndpointSlice, port: &ServicePort) -> Option<u16> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let name = port.name.as_deref().unwrap_or_default();
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(_)) => None,
        None => Some(port.port),
    };
    let named = ports.iter().find(|other| other.name.as_deref().unwrap_or_default() == name);
    let found = named.or_else(|| ports.iter().find(|other| target.is_some() && other.port == target))?;
    found.port.and_then(|number| u16::try_from(number).ok())
}
