//! The core from the outside: documents, plans and their laws.

#![cfg(test)]

mod declare;
mod golden;
mod grpc;
mod planner;
mod promotion;
mod properties;
mod world;
