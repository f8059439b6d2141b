//! Which versions count as ready where there is no cluster to ask.

use std::str::FromStr;

use iter8_core::{Observation, ValidRelease, VersionName};

use crate::error::Error;

/// The value of `--ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadySet {
    All,
    None,
    Primary,
    Named(Vec<VersionName>),
}

/// `all`, `none`, `primary`, or names separated by commas.
impl FromStr for ReadySet {
    type Err = iter8_core::InvalidNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "all" => Self::All,
            "none" => Self::None,
            "primary" => Self::Primary,
            names => Self::Named(names.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>()?),
        })
    }
}

impl ReadySet {
    /// A cluster in which these versions are ready and the others do not exist.
    pub(crate) fn observe(&self, release: &ValidRelease) -> Result<Observation, Error> {
        Ok(match self {
            Self::All => Observation::all_ready(release),
            Self::None => Observation::ready_where(release, |_| false),
            Self::Primary => {
                Observation::ready_where(release, |version| version.name == release.primary().name)
            }
            Self::Named(names) => {
                if let Some(unknown) = names.iter().find(|name| release.version(name).is_none()) {
                    let known: Vec<_> = release.versions().map(|version| version.name.as_str()).collect();
                    return Err(Error::Usage(format!(
                        "--ready names `{unknown}`, which is no version of the release; its versions are {}",
                        known.join(", ")
                    )));
                }
                Observation::ready_where(release, |version| names.contains(&version.name))
            }
        })
    }
}
