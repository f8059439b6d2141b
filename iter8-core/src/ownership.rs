//! Whose an object is that stands where one of ours should be.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

/// A Release as the owner of objects.
///
/// ```
/// use iter8_core::{Claim, Owner};
///
/// let release = |uid: &str| Owner {
///     group: "iter8.tools".into(), kind: "Release".into(), name: "web".into(), uid: uid.into(), controls: true,
/// };
/// let before = Claim::of(&release("2"), &[release("1")], false);
/// assert_eq!(before, Claim::Collecting, "of the same name, but made before");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The API group of the owner; empty for the core group.
    pub group: String,
    /// The kind of the owner.
    pub kind: String,
    /// The name of the owner.
    pub name: String,
    /// The uid of the owner.
    pub uid: String,
    /// Whether it controls the object; an object has at most one controller.
    pub controls: bool,
}

impl Owner {
    fn is_named_like(&self, other: &Self) -> bool {
        (&self.group, &self.kind, &self.name) == (&other.group, &other.kind, &other.name)
    }
}

/// What the controller may do with an object that it has not made.
///
/// ```
/// use iter8_core::{Claim, Owner};
///
/// let ours = Owner {
///     group: "iter8.tools".into(), kind: "Release".into(), name: "web".into(), uid: "1".into(), controls: true,
/// };
/// match Claim::of(&ours, &[], false) {
///     Claim::Ours | Claim::Adoptable => unreachable!("it has no ownerReference and no annotation"),
///     Claim::Collecting => unreachable!("no earlier Release owns it"),
///     Claim::Foreign { owner } => assert_eq!(owner, "nobody that we know"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: it has our ownerReference.
    Ours,
    /// Its owner allows us to adopt it.
    Adoptable,
    /// It belongs to an earlier Release of the same name: garbage collection is under way, wait.
    Collecting,
    /// It is somebody else's: do not touch it.
    Foreign {
        /// Whose, in words.
        owner: String,
    },
}

impl Claim {
    /// What `ours` may do with an object of these owners. Ownership is told by uid, never by labels.
    ///
    /// `adopt` is whether the object carries annotation `iter8.tools/adopt: "true"`; an object that
    /// another controller owns cannot be adopted all the same.
    ///
    /// ```
    /// use iter8_core::{Claim, Owner};
    ///
    /// let owner = |group: &str, kind: &str, uid: &str| Owner {
    ///     group: group.into(), kind: kind.into(), name: "web".into(), uid: uid.into(), controls: true,
    /// };
    /// let (ours, other) = (owner("iter8.tools", "Release", "1"), owner("apps", "Deployment", "2"));
    /// assert_eq!(Claim::of(&ours, &[ours.clone()], false), Claim::Ours);
    /// assert_eq!(Claim::of(&ours, &[], true), Claim::Adoptable);
    /// assert!(matches!(Claim::of(&ours, &[other], true), Claim::Foreign { .. }));
    /// ```
    #[must_use]
    pub fn of(ours: &Owner, owners: &[Owner], adopt: bool) -> Self {
        if owners.iter().any(|owner| owner.uid == ours.uid) {
            return Self::Ours;
        }
        if owners.iter().any(|owner| ours.is_named_like(owner)) {
            return Self::Collecting;
        }
        match owners.iter().find(|owner| owner.controls) {
            Some(other) => Self::Foreign { owner: format!("{} `{}`", other.kind, other.name) },
            None if adopt => Self::Adoptable,
            None => Self::Foreign { owner: "nobody that we know".to_owned() },
        }
    }
}

/// Who has written an object.
///
/// ```
/// use iter8_core::{Writer, scaler};
///
/// let writers = [Writer { manager: "iter8", subresource: "" }, Writer { manager: "kubectl", subresource: "scale" }];
/// assert_eq!(scaler(writers), Some("kubectl"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// The subresource that it has written by; empty for the object itself.
    pub subresource: &'a str,
}

/// Who has set the number of Pods by the subresource `scale` (an autoscaler, `kubectl scale`): the number is not ours
/// then, whatever the document declares.
///
/// ```
/// use iter8_core::{Writer, scaler};
///
/// assert_eq!(scaler([Writer { manager: "kubectl-edit", subresource: "" }]), None, "an edit is repaired");
/// ```
#[must_use]
pub fn scaler<'a>(writers: impl IntoIterator<Item = Writer<'a>>) -> Option<&'a str> {
    writers.into_iter().find(|writer| writer.subresource == "scale").map(|writer| writer.manager)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(kind: &str, name: &str, uid: &str) -> Owner {
        let group = if kind == "Release" { "iter8.tools" } else { "apps" }.to_owned();
        Owner { group, kind: kind.to_owned(), name: name.to_owned(), uid: uid.to_owned(), controls: true }
    }

    #[test]
    fn only_the_uid_makes_an_object_ours() {
        let ours = owner("Release", "web", "1");
        assert_eq!(Claim::of(&ours, &[owner("Release", "web", "1")], false), Claim::Ours);
        assert_eq!(Claim::of(&ours, &[owner("Release", "web", "0")], true), Claim::Collecting);
        let of_helm = Owner { group: "helm.crossplane.io".to_owned(), ..owner("Release", "web", "0") };
        assert_eq!(Claim::of(&ours, &[of_helm], true), Claim::Foreign { owner: "Release `web`".to_owned() });
    }

    #[test]
    fn an_object_of_another_controller_is_never_adopted() {
        let ours = owner("Release", "web", "1");
        let foreign = Claim::Foreign { owner: "Deployment `x`".to_owned() };
        assert_eq!(Claim::of(&ours, &[owner("Deployment", "x", "2")], true), foreign);
        assert_eq!(Claim::of(&ours, &[], true), Claim::Adoptable);
        assert!(matches!(Claim::of(&ours, &[], false), Claim::Foreign { .. }));
    }
}
