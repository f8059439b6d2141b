//! Statuses that are written and that the watch of Releases has not told of yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::runtime::events::Event;

use crate::resource::{Release, ReleaseStatus};

/// What this process has reported of late. By an older status of the watch it would say the same a second time: in an
/// Event, and with another time since when it holds.
#[derive(Default)]
pub(crate) struct Reported {
    statuses: Mutex<HashMap<(String, String), Written>>,
    /// Events that the API server had no time for.
    owed: Mutex<HashMap<(String, String), Vec<Event>>>,
    /// What of its document was announced of a Release.
    announced: Mutex<HashMap<(String, String), Announced>>,
}

/// The generation of a Release, and what was announced of it.
type Announced = (Option<i64>, Vec<String>);

/// How many Events of a Release are kept until the API server has time for them.
const OWED: usize = 16;

/// A status, and the state of the Release that it has led to.
struct Written {
    uid: Option<String>,
    version: u64,
    status: ReleaseStatus,
}

impl Reported {
    fn statuses(&self) -> MutexGuard<'_, HashMap<(String, String), Written>> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the status of a Release was written, which has led to this resourceVersion.
    pub(crate) fn note(&self, release: &Release, status: &ReleaseStatus, version: Option<&str>) {
        let Some(version) = version.and_then(|version| version.parse().ok()) else { return };
        let written = Written { uid: release.uid(), version, status: status.clone() };
        self.statuses().insert(key(release), written);
    }

    /// The status of a Release, for all that is known: of a Release that is told of later than it was written, its own.
    pub(crate) fn of(&self, release: &Release) -> Option<ReleaseStatus> {
        let mut statuses = self.statuses();
        let told = release.resource_version().and_then(|version| version.parse::<u64>().ok());
        let known = statuses.get(&key(release));
        let newer = known.filter(|known| known.uid == release.uid() && told < Some(known.version));
        if let Some(known) = newer {
            return Some(known.status.clone());
        }
        statuses.remove(&key(release));
        release.status.clone()
    }

    /// The Events that are still to be published, which are forgotten here.
    pub(crate) fn take_owed(&self, release: &Release) -> Vec<Event> {
        self.owed().remove(&key(release)).unwrap_or_default()
    }

    /// Keeps Events for later, the last ones if there are many.
    pub(crate) fn owe(&self, release: &Release, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut all = self.owed();
        let owed = all.entry(key(release)).or_default();
        owed.extend(events);
        owed.drain(..owed.len().saturating_sub(OWED));
    }

    fn owed(&self) -> MutexGuard<'_, HashMap<(String, String), Vec<Event>>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this is announced of the present document of a Release; whether that is news.
    pub(crate) fn announce(&self, release: &Release, message: &str) -> bool {
        let generation = release.metadata.generation;
        let mut announced = self.announced();
        let (of, messages) = announced.entry(key(release)).or_insert_with(|| (generation, Vec::new()));
        if *of != generation {
            (*of, *messages) = (generation, Vec::new());
        }
        let is_news = !messages.iter().any(|known| known == message);
        messages.extend(is_news.then(|| message.to_owned()));
        is_news
    }

    fn announced(&self) -> MutexGuard<'_, HashMap<(String, String), Announced>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new list of Releases is there: what was reported is in it, or is not there any more (after a restore of older
    /// data), and of a Release that is not in it nothing is to be kept.
    pub(crate) fn listed(&self, is_there: impl Fn(&str, &str) -> bool) {
        self.statuses().clear();
        self.owed().retain(|(namespace, name), _| is_there(namespace, name));
        self.announced().retain(|(namespace, name), _| is_there(namespace, name));
    }

    /// Forgets a Release that is gone.
    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        self.statuses().remove(&key);
        self.owed().remove(&key);
        self.announced().remove(&key);
    }
}

fn key(release: &Release) -> (String, String) {
    (release.namespace().unwrap_or_default(), release.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ReleaseSpec;

    fn release(uid: &str, version: &str, primary: &str) -> Release {
        let mut release = Release::new("web", ReleaseSpec::default());
        release.metadata.uid = Some(uid.to_owned());
        release.metadata.resource_version = Some(version.to_owned());
        release.status = Some(status(primary));
        release
    }

    fn status(primary: &str) -> ReleaseStatus {
        ReleaseStatus { primary: Some(primary.to_owned()), ..ReleaseStatus::default() }
    }

    #[test]
    fn a_new_list_is_the_last_word() {
        let (reported, web) = (Reported::default(), release("1", "7", "listed"));
        reported.note(&web, &status("written"), Some("9"));
        reported.announce(&web, "a");
        reported.listed(|_, name| name == "web");
        assert_eq!(reported.of(&web), Some(status("listed")), "the data is that of before, after a restore");
        assert!(!reported.announce(&web, "a"));
        reported.listed(|_, _| false);
        assert!(reported.announce(&web, "a"), "another one of the name");
    }

    #[test]
    fn what_a_document_changes_is_announced_once() {
        let (reported, mut web) = (Reported::default(), release("1", "1", "web-0"));
        assert!(reported.announce(&web, "a") && reported.announce(&web, "b"));
        assert!(!reported.announce(&web, "a"));
        web.metadata.generation = Some(2);
        assert!(reported.announce(&web, "a") && !reported.announce(&web, "a"));
    }

    #[test]
    fn the_last_events_are_kept_once() {
        let (reported, web) = (Reported::default(), release("1", "1", "web-0"));
        let event = |number: usize| Event {
            type_: kube::runtime::events::EventType::Normal,
            reason: format!("Number{number}"),
            note: None,
            action: String::new(),
            secondary: None,
        };
        reported.owe(&web, (0..5).map(event).collect());
        reported.owe(&web, (5..20).map(event).collect());
        let reasons: Vec<_> = reported.take_owed(&web).into_iter().map(|event| event.reason).collect();
        assert_eq!(reasons, (4..20).map(|number| format!("Number{number}")).collect::<Vec<_>>());
        assert!(reported.take_owed(&web).is_empty());
    }

    #[test]
    fn what_is_written_holds_until_the_watch_tells_of_it() {
        let reported = Reported::default();
        let old = release("1", "99", "old");
        assert_eq!(reported.of(&old), Some(status("old")));
        reported.note(&old, &status("new"), Some("100"));
        assert_eq!(reported.of(&old), Some(status("new")), "99 is before 100");
        assert_eq!(reported.of(&release("2", "99", "another's")), Some(status("another's")));

        reported.note(&old, &status("new"), Some("100"));
        assert_eq!(reported.of(&release("1", "100", "told")), Some(status("told")));
        assert_eq!(reported.of(&old), Some(status("old")), "and is forgotten then");
        reported.note(&old, &status("new"), None);
        assert_eq!(
            reported.of(&old),
            Some(status("old")),
            "nothing is known of an applier that does not say"
        );
    }
}
