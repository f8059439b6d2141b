//! What a run has done, for whoever runs it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use iter8_testkit::fault::Faults;

use super::schedule::Schedule;

#[derive(Debug, Default)]
struct Figures {
    begun: Option<Instant>,
    schedules: u64,
    requests: u64,
    routes: usize,
    /// By kind.
    faults: BTreeMap<String, u64>,
    parts: u8,
}

/// With so many schedules chance has no excuse.
const MANY: u64 = 100;

static FIGURES: Mutex<Figures> = Mutex::new(Figures {
    begun: None,
    schedules: 0,
    requests: 0,
    routes: 0,
    faults: BTreeMap::new(),
    parts: 0,
});

fn with<T>(change: impl FnOnce(&mut Figures) -> T) -> T {
    change(&mut FIGURES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A part of the random schedules begins.
pub(crate) fn begin() {
    with(|figures| {
        figures.begun.get_or_insert_with(Instant::now);
    });
}

/// A schedule has been played, with this many writes of routes.
pub(crate) fn add(schedule: &Schedule, faults: &[Faults], routes: usize) {
    with(|figures| {
        figures.schedules += 1;
        figures.routes += routes;
        for faults in faults {
            figures.requests += faults.requests();
            for injected in faults.injected() {
                let kind = format!("{:?}", injected.fault);
                let kind = kind.split('(').next().unwrap_or_default().to_owned();
                *figures.faults.entry(kind).or_default() += 1;
            }
        }
        for (_, disturbance) in &schedule.disturbances {
            let kind = format!("{disturbance:?}");
            let kind = kind.split('(').next().unwrap_or_default().to_owned();
            *figures.faults.entry(kind).or_default() += 1;
        }
    });
}

/// All that can go wrong.
const KINDS: [&str; 17] = [
    "AnswerLost",
    "Compaction",
    "Conflict",
    "Gone",
    "InternalError",
    "Killed",
    "Outage",
    "Paused",
    "Restart",
    "Slow",
    "TimedOut",
    "TooManyRequests",
    "Unreachable",
    "WatchCut",
    "WatchEnded",
    "WatchGone",
    "WatchStalled",
];

/// A part of the random schedules is done; the figures of all after the last one. Then everything has to have gone wrong
/// somewhere.
#[expect(clippy::print_stdout, reason = "the figures are for whoever runs the test")]
pub(crate) fn end(parts: u8) {
    let text = with(|figures| {
        figures.parts += 1;
        (figures.parts == parts).then(|| {
            let seconds = figures.begun.map_or(0, |begun| begun.elapsed().as_secs());
            let mut text = format!(
                "{} random schedules in {seconds} s, {} requests, {} writes of routes judged; faults:",
                figures.schedules, figures.requests, figures.routes
            );
            for (kind, count) in &figures.faults {
                let _ = write!(text, " {kind} {count}");
            }
            (text, figures.schedules, figures.faults.keys().cloned().collect::<Vec<_>>())
        })
    });
    if let Some((text, schedules, kinds)) = text {
        println!("{text}");
        assert!(schedules < MANY || kinds == KINDS, "{kinds:?} are not {KINDS:?}");
    }
}
