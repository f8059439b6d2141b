//! Runs the program as its users do.

#![cfg(test)]

mod explain;
mod golden;
mod grpc;
mod install;
mod offline;
mod program;
mod yaml;
