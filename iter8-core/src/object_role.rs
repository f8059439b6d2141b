//! What an object is to its release.

/// What an object is to its release, which says when it may be written and when it goes.
///
/// ```
/// use iter8_core::ObjectRole;
///
/// // The front Service is somebody else's, so the requests to it are not ours to route.
/// assert!(!ObjectRole::Route.may_be_written(&[ObjectRole::Front]));
/// assert!(ObjectRole::Route.may_be_written(&[ObjectRole::Version]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectRole {
    /// A Deployment or Service of a version.
    Version,
    /// The Service that carries the application's name.
    Front,
    /// A route.
    Route,
}

impl ObjectRole {
    /// Whether it may be written while objects of these roles could not be.
    ///
    /// ```
    /// use iter8_core::ObjectRole;
    ///
    /// assert!(ObjectRole::Front.may_be_written(&[ObjectRole::Version]));
    /// ```
    #[must_use]
    pub fn may_be_written(self, blocked: &[Self]) -> bool {
        match self {
            Self::Route => !blocked.contains(&Self::Front),
            Self::Version | Self::Front => true,
        }
    }

    /// Whether nobody else has anything to put beside our fields. Clouds and autoscalers write Services and Deployments,
    /// too.
    ///
    /// ```
    /// assert!(iter8_core::ObjectRole::Route.is_ours_alone());
    /// ```
    #[must_use]
    pub const fn is_ours_alone(self) -> bool {
        match self {
            Self::Version | Self::Front => false,
            Self::Route => true,
        }
    }

    /// Whether it says where requests go. Of such an object only the state that was planned from is changed: whoever was
    /// stopped between a plan and its write, and goes on when another one has routed anew, must not take that back.
    ///
    /// ```
    /// use iter8_core::ObjectRole;
    ///
    /// assert!(ObjectRole::Route.leads_requests() && !ObjectRole::Version.leads_requests());
    /// ```
    #[must_use]
    pub const fn leads_requests(self) -> bool {
        match self {
            Self::Version => false,
            Self::Front | Self::Route => true,
        }
    }

    /// Whether an object of ours that is not planned any more goes at once. What belongs to a version goes when its
    /// [`Removal`](crate::Removal) is due.
    ///
    /// ```
    /// assert!(!iter8_core::ObjectRole::Version.goes_when_not_planned());
    /// ```
    #[must_use]
    pub const fn goes_when_not_planned(self) -> bool {
        match self {
            Self::Version => false,
            Self::Front | Self::Route => true,
        }
    }
}
