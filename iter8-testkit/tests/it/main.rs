//! Integration tests of the testkit.
#![cfg_attr(
    feature = "simulator",
    expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::needless_pass_by_value,
        reason = "a test that cannot go on has failed, and helpers take literals as the tests write them"
    )
)]

#[cfg(feature = "simulator")]
mod conformance;
#[cfg(feature = "apiserver")]
mod differential;
#[cfg(feature = "mesh")]
mod mesh;
#[cfg(feature = "simulator")]
mod simulator;
