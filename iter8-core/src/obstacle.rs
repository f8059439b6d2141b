//! What keeps the controller from writing an object.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use core::fmt;

/// How many bytes of a text of somebody else are shown.
const BRIEF: usize = 1000;

/// A text that may be as long as somebody else likes, cut.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= BRIEF {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(BRIEF);
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// What keeps the controller from writing an object.
///
/// ```
/// use iter8_core::{ObjectRole, Obstacle, conditions};
///
#[doc = include_str!("example_release.txt")]
/// let observation = Observation::all_ready(&release);
/// let obstacle = Obstacle::Refused { object: "Service web".into(), message: "exceeded quota".into() };
/// let conditions = conditions(&plan(&release, &observation), &observation, &[(ObjectRole::Front, obstacle)]);
/// let ready = conditions.last().ok_or("none")?;
/// assert_eq!((ready.status.as_str(), ready.reason), ("False", "Refused"));
/// assert_eq!(ready.message, "the API server refuses Service web: exceeded quota");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// An object of this name is somebody else's.
    NameConflict {
        /// The object.
        object: String,
        /// Whose it is.
        owner: String,
    },
    /// The API server refuses an object for good.
    Refused {
        /// The object.
        object: String,
        /// Why, in the API server's words.
        message: String,
    },
    /// Somebody else changes a field back each time that it is repaired.
    FieldFight {
        /// The object.
        object: String,
        /// The field.
        field: String,
        /// Who writes it besides, if that is known.
        manager: Option<String>,
    },
    /// Somebody else deletes an object each time that it is made.
    DeletionFight {
        /// The object.
        object: String,
        /// Whether it is away just now.
        is_away: bool,
    },
    /// The object of an earlier Release of the same name is not yet gone.
    Collecting {
        /// The object.
        object: String,
    },
}

impl Obstacle {
    /// The reasons by which conditions name obstacles.
    pub const REASONS: [&'static str; 5] =
        ["NameConflict", "Refused", "FieldFight", "DeletionFight", "Collecting"];

    /// Seconds after which to look whether it is still there when it has been seen so many times; nothing tells when it
    /// goes. They double up to a limit.
    ///
    /// ```
    /// use iter8_core::Obstacle;
    ///
    /// let foreign = Obstacle::NameConflict { object: "Service web".into(), owner: "Deployment `x`".into() };
    /// assert_eq!([1, 2, 3, 6, 7, 100].map(|seen| foreign.retry_seconds(seen)), [1, 2, 4, 32, 60, 60]);
    /// let going = Obstacle::Collecting { object: "Service web".into() };
    /// assert_eq!(going.retry_seconds(100), 15, "it goes by itself, which nobody should wait for");
    /// ```
    #[must_use]
    pub const fn retry_seconds(&self, seen: u32) -> u32 {
        let most = match self {
            // As often as it is repaired.
            Self::FieldFight { .. } | Self::DeletionFight { .. } => return 60,
            Self::NameConflict { .. } | Self::Refused { .. } => 60,
            Self::Collecting { .. } => 15,
        };
        match 1_u32.checked_shl(seen.saturating_sub(1)) {
            Some(doubled) if doubled < most => doubled,
            _ => most,
        }
    }

    /// Whether the object cannot be counted on. One that is fought over is ours all the same.
    ///
    /// ```
    /// use iter8_core::Obstacle;
    ///
    /// assert!(Obstacle::Collecting { object: "Service test/web".into() }.blocks());
    /// let fight = Obstacle::FieldFight { object: "Service test/web".into(), field: "spec.ports".into(), manager: None };
    /// assert!(!fight.blocks());
    /// ```
    #[must_use]
    pub const fn blocks(&self) -> bool {
        match self {
            Self::NameConflict { .. }
            | Self::Refused { .. }
            | Self::DeletionFight { is_away: true, .. }
            | Self::Collecting { .. } => true,
            Self::DeletionFight { is_away: false, .. } | Self::FieldFight { .. } => false,
        }
    }

    /// Whether it is somebody else who undoes what is done, which has a rhythm of its own.
    ///
    /// ```
    /// use iter8_core::Obstacle;
    ///
    /// assert!(Obstacle::DeletionFight { object: "Service web".into(), is_away: true }.is_fight());
    /// ```
    #[must_use]
    pub const fn is_fight(&self) -> bool {
        matches!(self, Self::FieldFight { .. } | Self::DeletionFight { .. })
    }

    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::NameConflict { .. } => Self::REASONS[0],
            Self::Refused { .. } => Self::REASONS[1],
            Self::FieldFight { .. } => Self::REASONS[2],
            Self::DeletionFight { .. } => Self::REASONS[3],
            Self::Collecting { .. } => Self::REASONS[4],
        }
    }
}

/// What is in the way, and what to do.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameConflict { object, owner } => write!(
                f,
                "{object} exists and belongs to {owner}; rename the version or application, delete the object, or \
                 annotate it with iter8.tools/adopt: \"true\""
            ),
            Self::Refused { object, message } => {
                write!(f, "the API server refuses {object}: {}", brief(message))
            }
            Self::FieldFight { object, field, manager } => write!(
                f,
                "{field} of {object} is changed back again and again by {}; from now on it is repaired once a minute: \
                 stop the other, or leave the field to it",
                manager.as_deref().unwrap_or("somebody else")
            ),
            Self::DeletionFight { object, .. } => write!(
                f,
                "{object} is deleted again and again by somebody else; from now on it is made once a minute: stop the \
                 other, or take what needs it out of the document"
            ),
            Self::Collecting { object } => {
                write!(f, "{object} of an earlier Release of this name is still being deleted")
            }
        }
    }
}
