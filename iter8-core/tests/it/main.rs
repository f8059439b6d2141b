//! The core from the outside: documents, plans and their laws.

#![cfg(test)]

#[expect(clippy::disallowed_types, reason = "the bans are on the crate, not on a test that takes the time")]
mod bounds;
mod choice;
mod declare;
mod filters;
mod front;
mod gateways;
mod golden;
mod grpc;
mod held;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "the bans are on the crate, not on a test that takes the time and speaks to its parent process"
)]
mod hostile;
mod laws;
mod left_over;
mod notices;
mod oracle;
mod planner;
mod promotion;
mod reach;
mod readiness;
mod snapshots;
mod specifications;
mod world;
mod written;
