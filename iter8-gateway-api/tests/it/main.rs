//! Rendering and observing routes, from the outside.

#![cfg(test)]

mod api_server;
mod golden;
mod grpc;
mod lowering;
mod observe;
mod release;
mod round_trip;
