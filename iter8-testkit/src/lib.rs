//! Test your own routes, plans and controllers.
//!
//! | module | feature | what it is |
//! |---|---|---|
//! | [`strategies`] | `strategies` | releases, clusters, requests and histories made up at random, for property tests |
//! | [`oracle`] | `oracle` | a naive planner to hold plans against |
//! | [`conformance`] | `conformance` | a suite that every routing backend must pass |
//! | [`snapshot`] | `snapshot` | snapshots of plans and routes, one file for each document |
//! | [`simulator`] | `simulator` | which backend gets a request, from route objects alone |
//! | [`apiserver`] | `apiserver` | a Kubernetes API server in memory behind a real `kube::Client` |
//! | [`fault`] | `apiserver` | what goes wrong between a client and an API server, seeded and reproducible |
//! | [`clock`] | `apiserver` | the time that a test world goes by |
//! | [`control_plane`] | `apiserver` | a launcher of the real one |
//! | [`workload`] | `mesh` | plays the Deployment and EndpointSlice controllers and the kubelet, with a real HTTP server for each Pod |
//! | [`mesh`] | `mesh` | a mesh in this process: proxies real HTTP requests as the HTTPRoutes say |
//! | [`pod_network`] | `mesh` | maps the addresses of Pods to loopback |
//! | [`world`] | `mesh` | all of it around a controller of yours |
//!
//! # What this crate does not do
//! It knows neither the renderer nor the controller of iter8: what it says of a route or of a cluster it
//! has found out by itself, so that it cannot agree with their mistakes. Nothing in it is meant for production.

#[cfg(feature = "apiserver")]
pub mod apiserver;
#[cfg(feature = "apiserver")]
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "apiserver")]
pub mod control_plane;
#[cfg(feature = "apiserver")]
pub mod fault;
#[cfg(feature = "mesh")]
pub mod mesh;
#[cfg(feature = "oracle")]
pub mod oracle;
#[cfg(feature = "mesh")]
pub mod pod_network;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "snapshot")]
pub mod snapshot;
#[cfg(feature = "strategies")]
pub mod strategies;
#[cfg(feature = "mesh")]
pub mod workload;
#[cfg(feature = "mesh")]
pub mod world;
