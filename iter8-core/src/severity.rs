//! How a change is told to people.

/// Whether a change is trouble.
///
/// ```
/// use iter8_core::Severity;
///
/// assert_eq!(Severity::of_condition(false, "Pending"), Severity::Normal);
/// assert_eq!(Severity::of_condition(false, "NameConflict"), Severity::Warning);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Severity {
    /// Part of the normal course of a release.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// Of a condition that has come to hold, or not to hold for this reason.
    ///
    /// ```
    /// use iter8_core::Severity;
    ///
    /// assert_eq!(Severity::of_condition(true, "Ready"), Severity::Normal);
    /// assert_eq!(Severity::of_condition(false, "FieldFight"), Severity::Warning);
    /// ```
    #[must_use]
    pub fn of_condition(holds: bool, reason: &str) -> Self {
        if holds || matches!(reason, "Pending" | "Removing" | "PrimaryNotReady") {
            Self::Normal
        } else {
            Self::Warning
        }
    }

    /// Of the readiness of a version, as [`Readiness::state`](crate::Readiness::state) has it: that a new version is not
    /// ready yet is no trouble.
    ///
    /// ```
    /// use iter8_core::Severity;
    ///
    /// assert_eq!(Severity::of_version(false, "NotReady"), Severity::Normal);
    /// assert_eq!(Severity::of_version(true, "NotReady"), Severity::Warning);
    /// ```
    #[must_use]
    pub fn of_version(was_known: bool, state: &str) -> Self {
        if was_known && state == "NotReady" { Self::Warning } else { Self::Normal }
    }

    /// Of a [`Notice`](crate::Notice) with this reason: a warning where requests may not get what somebody expects.
    ///
    /// ```
    /// use iter8_core::Severity;
    ///
    /// assert_eq!(Severity::of_notice("FrontPortChanged"), Severity::Warning);
    /// assert_eq!(Severity::of_notice("NoReadinessProbe"), Severity::Normal);
    /// ```
    #[must_use]
    pub fn of_notice(reason: &str) -> Self {
        match reason {
            "OtherChoice" | "NeverChosen" | "TakesEverything" | "ApplicationRenamed" | "FrontPortChanged"
            | "VersionPortChanged" => Self::Warning,
            _ => Self::Normal,
        }
    }
}
