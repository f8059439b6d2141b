//! The last objects that were told to be gone.

use std::collections::{HashSet, VecDeque};

use kube::ResourceExt;
use kube::api::DynamicObject;

/// More than can go while an answer is on its way.
const REMEMBERED: usize = 4096;

/// By uid: no other object will ever have it.
#[derive(Debug, Default)]
pub(super) struct Gone {
    uids: HashSet<Box<str>>,
    /// The first one that was told first.
    order: VecDeque<Box<str>>,
}

impl Gone {
    pub(super) fn note(&mut self, object: &DynamicObject) {
        let Some(uid) = object.uid().map(String::into_boxed_str) else { return };
        if !self.uids.insert(uid.clone()) {
            return;
        }
        self.order.push_back(uid);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }

    /// It is there, after all: it had only lost the label by which it is watched.
    pub(super) fn forget(&mut self, object: &DynamicObject) {
        if let Some(uid) = object.metadata.uid.as_deref()
            && self.uids.remove(uid)
        {
            self.order.retain(|gone| **gone != *uid);
        }
    }

    pub(super) fn contains(&self, object: &DynamicObject) -> bool {
        object.metadata.uid.as_deref().is_some_and(|uid| self.uids.contains(uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(uid: usize) -> DynamicObject {
        let mut object: DynamicObject =
            serde_json::from_value(serde_json::json!({ "metadata": {} })).unwrap();
        object.metadata.uid = Some(uid.to_string());
        object
    }

    #[test]
    fn the_last_ones_are_remembered() {
        let mut gone = Gone::default();
        for uid in 0..2 * REMEMBERED {
            gone.note(&object(uid));
            gone.note(&object(uid));
        }
        assert!(!gone.contains(&object(REMEMBERED - 1)) && gone.contains(&object(REMEMBERED)));
        assert_eq!((gone.uids.len(), gone.order.len()), (REMEMBERED, REMEMBERED));
        gone.forget(&object(REMEMBERED));
        gone.forget(&object(REMEMBERED));
        assert!(!gone.contains(&object(REMEMBERED)) && gone.contains(&object(REMEMBERED + 1)));
        assert_eq!((gone.uids.len(), gone.order.len()), (REMEMBERED - 1, REMEMBERED - 1));
    }
}
