//! The program `iter8`: release documents in, objects of a cluster out.
//!
//! Commands are in `command`, one file each; what they print is formatted in `output`. Exit codes: 0 done,
//! 1 failed, 2 wrong usage or an invalid document.

mod args;
mod cli;
mod cluster;
mod command;
mod document;
mod duration;
mod error;
mod input;
mod output;
mod ready;

use std::process::ExitCode;

use clap::Parser;

/// A controller of thousands of Releases makes and drops trees of values all the time. With the C library's allocator that
/// is a third of its time, and a third more memory.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match command::run(cli::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error),
    }
}
