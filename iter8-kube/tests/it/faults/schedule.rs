//! Random schedules of faults.

use std::fmt;
use std::time::Duration;

use iter8_testkit::fault::{Faults, Moment, Rates};
use k8s_openapi::jiff::SignedDuration;

use super::history::History;
use super::random::Random;
use super::world::{LATENCY, Process, Replica, SLOW};

/// What happens, and what goes wrong meanwhile.
pub(crate) struct Schedule {
    seed: u64,
    pub(crate) history: History,
    rates: Rates,
    pub(crate) writers: Writers,
    /// The processes of each replica.
    replicas: Vec<Vec<Life>>,
    /// What happens to the API server, each so long after the one before.
    pub(crate) disturbances: Vec<(Duration, Disturbance)>,
}

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Writers {
    /// One process after the other.
    One,
    /// Two replicas without an election, all the time.
    Both,
    /// The leader of two replicas, whose Leases last so long.
    Leader(Duration),
}

/// A process of the controller.
#[derive(Debug)]
struct Life {
    /// How wrong its clock is.
    skew: SignedDuration,
    /// The write before which it is stopped, and how long.
    pause: Option<(u64, Duration)>,
    /// The request at which it ends, and how long none runs then; none for the last one.
    end: Option<(u64, Moment, Duration)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Disturbance {
    Restart,
    /// For so long the controller reaches nobody.
    Outage(Duration),
    Compaction,
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let history = History::random(&mut random);
        let mut rates = rates(&mut random);
        // Two writers that undo each other's writes cost ten times as much.
        let writers = match random.below(8) {
            0 => Writers::Both,
            1 | 2 => Writers::Leader(Duration::from_secs(3 + random.below(13))),
            _ => Writers::One,
        };
        if matches!(writers, Writers::Both) {
            rates.latency = SLOW;
            rates.longest_stall /= 3;
        }
        let replicas = match writers {
            Writers::One => vec![lives(&mut random, writers, 4)],
            Writers::Both | Writers::Leader(_) => (0..2).map(|_| lives(&mut random, writers, 3)).collect(),
        };
        let disturbances = (0..random.below(4)).map(|_| {
            let what = match random.below(3) {
                0 => Disturbance::Restart,
                1 => Disturbance::Outage(random.seconds(40)),
                _ => Disturbance::Compaction,
            };
            (random.seconds(60), what)
        });
        let disturbances = disturbances.collect();
        Self { seed, history, rates, writers, replicas, disturbances }
    }

    /// The replicas of the controller.
    pub(crate) fn replicas(&self) -> Vec<Replica> {
        let mut number = 0_u64;
        let mut process = |life: &Life| {
            let mut faults = Faults::seeded(self.seed ^ number << 32, self.rates.clone());
            number += 1;
            if let Some((request, moment, _)) = life.end {
                faults = faults.kill_at(request, moment);
            }
            if let Some((write, duration)) = life.pause {
                faults = faults.pause_at_write(write, duration);
            }
            let lease = match self.writers {
                Writers::Leader(lease) => Some(lease),
                Writers::One | Writers::Both => None,
            };
            let downtime = life.end.map(|(_, _, downtime)| downtime).unwrap_or_default();
            Process { downtime, skew: life.skew, lease, ..Process::with(faults) }
        };
        self.replicas.iter().map(|lives| lives.iter().map(&mut process).collect()).collect()
    }
}

/// The processes of a replica: fewer than this that are killed, and one that is not.
fn lives(random: &mut Random, writers: Writers, most: u64) -> Vec<Life> {
    let killed = random.below(most);
    let skewed = match writers {
        Writers::Leader(lease) => 3 * lease.as_secs(),
        Writers::One | Writers::Both => 10,
    };
    let life = |last: bool| {
        let moment = if random.one_in(2) { Moment::Before } else { Moment::After };
        let end = (1 + random.below(60), moment, random.seconds(30));
        let skew = i64::try_from(random.below(2 * skewed + 1)).unwrap() - i64::try_from(skewed).unwrap();
        let pause = (1 + random.below(30), random.seconds(60));
        let is_paused = !matches!(writers, Writers::One) && !random.one_in(3);
        Life {
            skew: SignedDuration::from_secs(skew),
            pause: is_paused.then_some(pause),
            end: (!last).then_some(end),
        }
    };
    (0..=killed).map(|number| number == killed).map(life).collect()
}

fn rates(random: &mut Random) -> Rates {
    Rates {
        conflict: random.rate(150),
        gone: random.rate(100),
        too_many_requests: random.rate(150),
        internal_error: random.rate(150),
        timed_out: random.rate(50),
        timeout: random.seconds(10),
        answer_lost: random.rate(150),
        slow: random.rate(200),
        slowest: random.seconds(5),
        watch_cut: random.rate(80),
        watch_ended: random.rate(80),
        watch_gone: random.rate(80),
        lag: if random.one_in(3) { Duration::ZERO } else { random.seconds(5) },
        watch_stalled: random.rate(80),
        longest_stall: random.seconds(30),
        latency: LATENCY,
        skip_states: random.one_in(2),
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}{:?}", self.history, self.rates)?;
        writeln!(f, "writers: {:?}", self.writers)?;
        for (replica, lives) in self.replicas.iter().enumerate() {
            for Life { skew, pause, end } in lives {
                write!(f, "a process of replica {replica}, whose clock is {skew:#} wrong")?;
                if let Some((number, duration)) = pause {
                    write!(f, ", stopped for {duration:?} before write {number}")?;
                }
                match end {
                    Some((number, moment, downtime)) => {
                        writeln!(f, ", killed {moment:?} request {number}; the next one {downtime:?} later")?;
                    }
                    None => writeln!(f)?,
                }
            }
        }
        for (after, what) in &self.disturbances {
            writeln!(f, "after {after:?}: {what:?}")?;
        }
        Ok(())
    }
}
