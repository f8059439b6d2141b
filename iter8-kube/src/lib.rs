//! The controller of iter8: observes, applies and reports.
//!
//! It is generic over the [`RoutingBackend`](iter8_core::RoutingBackend) and knows no route itself; every
//! decision is made by [`iter8_core`]. This is the only crate of iter8 with input and output.
//!
//! ```no_run
//! use iter8_kube::{Options, Scope};
//! # async fn embed<B: iter8_core::RoutingBackend>(backend: B) -> Result<(), kube::Error> {
//! let client = kube::Client::try_default().await?;
//! let options = Options::new(Scope::Namespace("test".into()));
//! iter8_kube::run(client, backend, options, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # A tour
//! - [`run`] is the controller; [`Options`] say which Releases it looks after and with what clock, applier, metrics,
//!   health and [`LeaderElection`].
//! - [`Release`] is the custom resource; [`ReleaseSpec::document`] gives the core what a user wrote.
//! - [`workload::desired`] are the objects of a release, without a cluster: what `iter8 template` prints.
//! - [`Applier`] is whatever writes: [`ServerSideApplier`] unless a test or a dry run has one of its own.
//! - [`labels`] are the names by which the objects of a release are known.
//!
//! There are no cargo features.
//!
//! # What it needs to be allowed
//! - `releases.iter8.tools`: list, watch; `releases/status`: patch
//! - Deployments, Services and the kinds of the routing backend: get, list, watch, create, patch, delete
//! - EndpointSlices: list, watch
//! - Events (`events.k8s.io`): create, patch
//! - with leader election, Leases: create; its own Lease: get, list, watch, patch
//!
//! # What this crate does not do
//! It does not decide anything, deploy itself (the program `iter8` prints manifests), or route requests.

mod applied;
mod applier;
mod cache;
mod context;
mod controller;
mod drift;
mod error;
mod event;
mod health;
pub mod labels;
mod leader;
mod metrics;
mod observe;
mod options;
mod pace;
mod reconcile;
mod recorder;
mod reported;
mod resource;
mod retry;
mod status;
mod task;
pub mod workload;

pub use applier::{Applier, Created, ServerSideApplier, Target};
pub use context::{Clock, system_clock};
pub use controller::run;
pub use error::Error;
pub use health::Health;
pub use leader::LeaderElection;
pub use metrics::Metrics;
pub use options::{Options, Scope};
pub use resource::{NoticeStatus, Release, ReleaseSpec, ReleaseStatus, VersionStatus, WatchedRelease};
