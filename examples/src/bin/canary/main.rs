//! The canary tutorial.
fn main() {}
