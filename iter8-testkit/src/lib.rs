//! Test your own routes, plans and controllers: request simulator, API servers, workload runner and mesh

#[cfg(feature = "apiserver")]
pub mod apiserver;
#[cfg(feature = "apiserver")]
pub mod control_plane;
#[cfg(feature = "mesh")]
pub mod mesh;
#[cfg(feature = "mesh")]
pub mod pod_network;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "mesh")]
pub mod workload;
