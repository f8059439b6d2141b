//! What a replica does next in the election, given the Lease and the time. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// What matters of a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) holder: Option<String>,
    pub(super) duration: Duration,
    pub(super) transitions: i32,
    pub(super) version: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is known of the Lease yet.
    Watch,
    /// Nothing before this time, unless there is news.
    WaitUntil(Instant),
    /// Create the Lease.
    Create,
    /// Take a Lease that is free or has ended.
    Take { version: String, transitions: i32 },
    /// Renew the Lease that is held.
    Renew { version: String },
}

#[derive(Debug, Clone)]
enum Known {
    Nothing,
    Absent,
    /// The Lease, and since when it is known in this version.
    Lease(Record, Instant),
}

/// One replica in the election.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    identity: String,
    duration: Duration,
    known: Known,
    /// When the last write by which the Lease is held was begun: it was not renewed before that time, and nobody can
    /// have seen it earlier.
    begun: Option<Instant>,
    not_before: Option<Instant>,
}

impl Candidate {
    pub(super) fn new(identity: String, duration: Duration) -> Self {
        Self { identity, duration, known: Known::Nothing, begun: None, not_before: None }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Until when this replica may write: a tenth before the end of the Lease, so that what is then cut off is over
    /// when another replica begins.
    pub(super) fn writes_until(&self) -> Option<Instant> {
        self.begun.map(|begun| begun + self.duration.saturating_mul(9) / 10)
    }

    /// When to give up a write of the Lease that is begun now: there must be time for another attempt, and the end of
    /// the right to write must be noticed.
    pub(super) fn gives_up_at(&self, now: Instant) -> Instant {
        let patience = now + self.duration / 3;
        self.writes_until().filter(|until| now < *until).map_or(patience, |until| until.min(patience))
    }

    /// The version of the Lease, if it is held.
    pub(super) fn held_version(&self) -> Option<&str> {
        match &self.known {
            Known::Lease(record, _) if self.holds(record) => Some(&record.version),
            _ => None,
        }
    }

    fn holds(&self, record: &Record) -> bool {
        record.holder.as_ref() == Some(&self.identity)
    }

    /// Takes note of the Lease as a watch or a get has it.
    pub(super) fn saw(&mut self, record: Option<Record>, now: Instant) {
        let Some(record) = record else {
            self.known = Known::Absent;
            self.begun = None;
            return;
        };
        if matches!(&self.known, Known::Lease(known, _) if !is_newer(&record, known)) {
            return;
        }
        if !self.holds(&record) {
            self.begun = None;
        }
        self.known = Known::Lease(record, now);
    }

    /// Takes note of a write that succeeded and was begun at this time.
    pub(super) fn wrote(&mut self, record: Record, begun: Instant) {
        self.begun = self.holds(&record).then_some(begun);
        self.known = Known::Lease(record, begun);
        self.not_before = None;
    }

    /// Takes note of a write that failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.not_before = Some(now + self.duration / 10);
    }

    pub(super) fn step(&self, now: Instant) -> Step {
        if let Some(later) = self.not_before.filter(|later| now < *later) {
            return Step::WaitUntil(later);
        }
        let (record, since) = match &self.known {
            Known::Nothing => return Step::Watch,
            Known::Absent => return Step::Create,
            Known::Lease(record, since) => (record, *since),
        };
        let version = record.version.clone();
        if self.holds(record) {
            return match self.begun.map(|begun| begun + self.duration / 3) {
                Some(due) if now < due => Step::WaitUntil(due),
                _ => Step::Renew { version },
            };
        }
        let end = since + record.duration;
        if record.holder.is_some() && now < end {
            return Step::WaitUntil(end);
        }
        Step::Take { version, transitions: record.transitions }
    }
}

/// resourceVersions of a kind can be compared as numbers (KEP-5504); any other form is newer when it differs.
fn is_newer(record: &Record, known: &Record) -> bool {
    let number = |record: &Record| record.version.parse::<u64>().ok();
    match (number(record), number(known)) {
        (Some(new), Some(old)) => new > old,
        _ => record.version != known.version,
    }
}

#[cfg(test)]
mod tests;
