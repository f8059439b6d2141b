//! Names of what routes attach to.

use std::fmt;
use std::str::FromStr;

/// Something that routes attach to and requests are sent to.
///
/// ```
/// use iter8_testkit::simulator::Parent;
///
/// let parent = Parent::service("test", "web");
/// assert_eq!(parent.to_string(), "Service test/web");
/// assert_eq!("Service/test/web".parse(), Ok(parent));
/// ```
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Parent {
    pub(super) kind: ParentKind,
    pub(super) key: ObjectKey,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum ParentKind {
    Service,
    Gateway,
    ListenerSet,
    /// A kind that no route of the supported kinds can have.
    Other,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ObjectKey {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The text names no parent.
///
/// ```
/// use iter8_testkit::simulator::Parent;
///
/// assert!("Pod/test/web".parse::<Parent>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a parent of the form KIND/NAMESPACE/NAME with kind Service, Gateway or ListenerSet")]
pub struct InvalidParentError(String);

impl Parent {
    /// A Service, as the parent of a mesh's routes.
    ///
    /// ```
    /// use iter8_testkit::simulator::Parent;
    ///
    /// assert_eq!(Parent::service("test", "web").to_string(), "Service test/web");
    /// assert_eq!(Ok(Parent::service("test", "web")), "svc/test/web".parse());
    /// ```
    #[must_use]
    pub fn service(namespace: &str, name: &str) -> Self {
        Self { kind: ParentKind::Service, key: ObjectKey::new(namespace, name) }
    }

    /// A Gateway.
    ///
    /// ```
    /// use iter8_testkit::simulator::Parent;
    ///
    /// assert_eq!(Parent::gateway("test", "web").to_string(), "Gateway test/web");
    /// assert_eq!(Ok(Parent::gateway("test", "web")), "gtw/test/web".parse());
    /// ```
    #[must_use]
    pub fn gateway(namespace: &str, name: &str) -> Self {
        Self { kind: ParentKind::Gateway, key: ObjectKey::new(namespace, name) }
    }

    /// A `ListenerSet`.
    ///
    /// ```
    /// use iter8_testkit::simulator::Parent;
    ///
    /// assert_eq!(Parent::listener_set("test", "web").to_string(), "ListenerSet test/web");
    /// assert_eq!(Ok(Parent::listener_set("test", "web")), "lset/test/web".parse());
    /// ```
    #[must_use]
    pub fn listener_set(namespace: &str, name: &str) -> Self {
        Self { kind: ParentKind::ListenerSet, key: ObjectKey::new(namespace, name) }
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ParentKind::Service => "Service",
            ParentKind::Gateway => "Gateway",
            ParentKind::ListenerSet => "ListenerSet",
            ParentKind::Other => "parent",
        };
        write!(formatter, "{kind} {}", self.key)
    }
}

impl FromStr for Parent {
    type Err = InvalidParentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidParentError(text.to_owned());
        let mut parts = text.split('/');
        let (Some(kind), Some(namespace), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let constructor = match kind.to_ascii_lowercase().as_str() {
            "service" | "svc" => Self::service,
            "gateway" | "gtw" => Self::gateway,
            "listenerset" | "lset" => Self::listener_set,
            _ => return Err(invalid()),
        };
        if namespace.is_empty() || name.is_empty() {
            Err(invalid())
        } else {
            Ok(constructor(namespace, name))
        }
    }
}

impl ObjectKey {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}
