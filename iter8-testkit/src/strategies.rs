//! Releases, clusters, requests and histories made up at random, for property tests with [`proptest`].
//!
//! The vocabulary is small on purpose (few names, images and matches), so that two releases have much in common and
//! a request often meets a match.
//!
//! ```
//! use iter8_core::{Capabilities, Observation, plan};
//! use iter8_testkit::strategies::{config, valid_releases};
//! use proptest::test_runner::TestRunner;
//!
//! TestRunner::new(config()).run(&valid_releases(&Capabilities::specification()), |release| {
//!     let plan = plan(&release, &Observation::all_ready(&release));
//!     proptest::prop_assert_eq!(plan.removed().count(), 0);
//!     Ok(())
//! })?;
//! # Ok::<(), proptest::test_runner::TestError<iter8_core::ValidRelease>>(())
//! ```

mod cluster;
mod edit;
mod gateways;
mod history;
mod observation;
mod protocol;
mod release;
mod request;

use proptest::test_runner::Config;

pub use cluster::{Cluster, Progress, planned_rules};
pub use edit::{Edit, VersionEdit, edits};
pub use gateways::planned_gateways;
pub use history::{History, Moment, Step, histories};
pub use observation::{Situation, observations, situations};
pub use release::{key, releases, releases_of, route_matches, valid_releases};
pub use request::{Request, every_request, requests, requests_of};

/// The number of cases where the environment does not say otherwise.
const CASES: u32 = 256;

/// How a property test runs: 256 cases, or as many as the environment variable `ITER8_PROPTEST_CASES` says.
///
/// Everything else is proptest's own, such as `PROPTEST_RNG_SEED` for a run that can be repeated.
///
/// # Panics
/// The variable is set and is no number: a long run must not be a short one by a slip.
///
/// ```
/// assert!(iter8_testkit::strategies::config().cases > 0);
/// ```
#[must_use]
pub fn config() -> Config {
    let cases = std::env::var("ITER8_PROPTEST_CASES").ok().map(|text| text.parse());
    #[expect(clippy::expect_used, reason = "a long run must not be a short one by a slip")]
    let cases = cases.transpose().expect("ITER8_PROPTEST_CASES is a number");
    let cases = cases.unwrap_or(CASES);
    let default = Config::default();
    // Documents that a mesh cannot have are thrown away: the more cases, the more of them.
    let max_local_rejects = default.max_local_rejects.max(cases.saturating_mul(100));
    Config { cases, max_local_rejects, ..default }
}
