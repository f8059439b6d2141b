//! What planning and reading documents cost: `cargo bench -p iter8-core`; `scripts/bench` for the table.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "as in tests: a figure of what is not as it should be is none"
)]

mod parse;
mod plan;
mod releases;

use divan::AllocProfiler;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// One run of what is measured, by a name that callgrind can be told.
#[inline(never)]
fn measured<R>(run: impl FnOnce() -> R) -> R {
    run()
}
