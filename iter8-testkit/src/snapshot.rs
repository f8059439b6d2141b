//! Snapshots of plans and routes with [`insta`]: YAML, one file for each document.
//!
//! ```
//! use iter8_core::{Capabilities, Observation, plan};
//! # use iter8_core::{Application, Environment, Release, Strategy, Version, validate};
//! use iter8_testkit::snapshot;
//!
//! # let folder = std::env::temp_dir().join(format!("iter8-snapshot-example-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # std::fs::write(folder.join("one-version.snap"), "---\nsource: example\n---\n- \"* → web-0\"\n")?;
//! # let versions = vec![Version { image: Some("web:1".into()), ..Version::default() }];
//! # let release = Release {
//! #     environment: Some(Environment::DeploymentGtw),
//! #     application: Application { strategy: Some(Strategy::Canary), versions, ..Application::default() },
//! #     ..Release::default()
//! # };
//! # let key = iter8_core::ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
//! # let release = validate(&key, &release, &Capabilities::specification())?;
//! // `folder` is `concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots")` in a test of yours.
//! let plan = plan(&release, &Observation::all_ready(&release));
//! let rules: Vec<_> = plan.rules().iter().map(|rule| format!("* → {}", rule.backends[0].service)).collect();
//! snapshot::settings(&folder).bind(|| insta::assert_yaml_snapshot!("one-version", rules));
//!
//! assert_eq!(snapshot::orphans(&folder, ["one-version"])?, Vec::<std::path::PathBuf>::new());
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A whole plan can be a snapshot, too: it serializes with the reason of each decision.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use insta::Settings;

/// How a snapshot is stored: in this folder, under its own name, without the expression that made it.
///
/// Run the tests with `INSTA_UPDATE=no` where nobody reviews snapshots, as in CI: then nothing is written, and a
/// snapshot that is new or differs is a failure.
///
/// ```
/// let settings = iter8_testkit::snapshot::settings("tests/snapshots");
/// assert_eq!(settings.snapshot_path(), "tests/snapshots");
/// assert!(!settings.prepend_module_to_snapshot(), "the file is called as the snapshot");
/// ```
#[must_use]
pub fn settings(folder: impl AsRef<Path>) -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// The files in a folder of snapshots that belong to none of these names: orphans, and those that wait for review.
///
/// # Errors
/// The folder cannot be read.
///
/// ```
/// use iter8_testkit::snapshot::orphans;
///
/// # let folder = std::env::temp_dir().join(format!("iter8-orphans-example-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// for file in ["canary.snap", "renamed.snap"] {
///     std::fs::write(folder.join(file), "")?;
/// }
/// assert_eq!(orphans(&folder, ["canary"])?, [folder.join("renamed.snap")]);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn orphans<'a>(
    folder: impl AsRef<Path>,
    names: impl IntoIterator<Item = &'a str>,
) -> io::Result<Vec<PathBuf>> {
    let known: BTreeSet<_> = names.into_iter().map(|name| format!("{name}.snap")).collect();
    let mut orphans = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !known.contains(&*entry.file_name().to_string_lossy()) {
            orphans.push(entry.path());
        }
    }
    orphans.sort();
    Ok(orphans)
}
