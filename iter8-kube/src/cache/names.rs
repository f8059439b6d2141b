//! Names that are there once, however many maps hold them: of thousands of Releases they would be most of the cache.

use std::collections::HashSet;
use std::sync::Arc;

use iter8_core::ObjectKind;

/// Namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

impl Key {
    /// A key to look something up by.
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// The names and kinds that are in use.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashSet<Arc<str>>,
    kinds: Vec<Arc<ObjectKind>>,
    /// How many names there may be before those are looked for that nobody has any more.
    enough: usize,
}

/// Below this nothing is looked for.
const FEW: usize = 1024;

impl Names {
    pub(super) fn key(&mut self, namespace: &str, name: &str) -> Key {
        Key { namespace: self.name(namespace), name: self.name(name) }
    }

    /// The same key, of names that others have, too.
    pub(super) fn shared(&mut self, key: &Key) -> Key {
        self.key(&key.namespace, &key.name)
    }

    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.known.get(text) {
            return Arc::clone(name);
        }
        if self.known.len() >= self.enough.max(FEW) {
            self.known.retain(|name| Arc::strong_count(name) > 1);
            self.enough = self.known.len().saturating_mul(2);
        }
        let name: Arc<str> = text.into();
        self.known.insert(Arc::clone(&name));
        name
    }

    pub(super) fn kind(&mut self, kind: &ObjectKind) -> Arc<ObjectKind> {
        if let Some(known) = self.kinds.iter().find(|known| ***known == *kind) {
            return Arc::clone(known);
        }
        let kind = Arc::new(kind.clone());
        self.kinds.push(Arc::clone(&kind));
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_there_once_and_no_longer_than_somebody_has_it() {
        let mut names = Names::default();
        let (one, other) = (names.key("test", "web"), names.key("test", "web"));
        assert!(Arc::ptr_eq(&one.name, &other.name) && Arc::ptr_eq(&one.namespace, &other.namespace));
        for number in 0..10 * FEW {
            names.name(&number.to_string());
        }
        assert!(names.known.len() <= FEW + 2, "{} names", names.known.len());
        assert!(Arc::ptr_eq(&names.name("web"), &one.name), "it is in use");
    }
}
