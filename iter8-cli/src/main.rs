//! The program `iter8`.
fn main() {}
