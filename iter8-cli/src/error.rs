//! Why the program ends without having done what was asked.

use std::io;

use iter8_core::Violation;

/// Each says in a sentence what is wrong and, where it can be told, what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// The release document cannot be planned.
    #[error("{origin} is not a valid release document: {}", count(violations.len()))]
    Invalid {
        /// Where the document comes from.
        origin: String,
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
    },
    /// A file of objects is not what it should be; the message says where.
    #[error("{0}")]
    Unreadable(String),
    /// What was asked could not be done.
    #[error("{0}")]
    Failed(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// The exit code of the program.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Invalid { .. } | Self::Unreadable(_) => 2,
            // A reader that has seen enough (`iter8 crd | head`) is no failure.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Failed(_) | Self::Output(_) => 1,
        }
    }
}

fn count(violations: usize) -> String {
    if violations == 1 { "1 error".to_owned() } else { format!("{violations} errors") }
}
