//! Test your own routes, plans and controllers: request simulator, API servers, workload runner and mesh

#[cfg(feature = "apiserver")]
pub mod apiserver;
