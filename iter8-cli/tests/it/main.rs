//! Runs the program as its users do.

#![cfg(test)]

mod explain;
mod golden;
mod grpc;
mod install;
mod installed;
mod offline;
mod program;
mod rights;
mod signals;
mod yaml;
