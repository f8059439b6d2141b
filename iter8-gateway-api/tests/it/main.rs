//! Rendering and observing routes, from the outside.

#![cfg(test)]

mod api_server;
mod conformance;
mod equivalence;
mod gateways;
mod golden;
mod grpc;
mod lowering;
mod observe;
mod reach;
mod release;
mod round_trip;
mod snapshots;
