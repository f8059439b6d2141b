//! Random schedules of faults.

use std::fmt;
use std::time::Duration;

use iter8_testkit::fault::{Faults, Moment, Rates};
use k8s_openapi::jiff::SignedDuration;

use super::history::History;
use super::random::Random;
use super::world::{LATENCY, Process};

/// What happens, and what goes wrong meanwhile.
pub(crate) struct Schedule {
    seed: u64,
    pub(crate) history: History,
    rates: Rates,
    /// The request at which each process ends, how long none runs then, and how wrong its clock is.
    lives: Vec<(u64, Moment, Duration, SignedDuration)>,
    /// What happens to the API server, each so long after the one before.
    pub(crate) disturbances: Vec<(Duration, Disturbance)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Disturbance {
    Restart,
    Compaction,
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let history = History::random(&mut random);
        let rates = rates(&mut random);
        let lives = (0..random.below(4)).map(|_| {
            let moment = if random.one_in(2) { Moment::Before } else { Moment::After };
            let skew = i64::try_from(random.below(21)).unwrap() - 10;
            (1 + random.below(60), moment, random.seconds(30), SignedDuration::from_secs(skew))
        });
        let lives = lives.collect();
        let disturbances = (0..random.below(4)).map(|_| {
            let what = if random.one_in(2) { Disturbance::Restart } else { Disturbance::Compaction };
            (random.seconds(60), what)
        });
        let disturbances = disturbances.collect();
        Self { seed, history, rates, lives, disturbances }
    }

    /// The processes of the controller, one after the other.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let faults = |number: usize| Faults::seeded(self.seed ^ (number as u64) << 32, self.rates.clone());
        let mut processes: Vec<_> = self
            .lives
            .iter()
            .enumerate()
            .map(|(number, (request, moment, downtime, skew))| Process {
                faults: faults(number).kill_at(*request, *moment),
                downtime: *downtime,
                skew: *skew,
            })
            .collect();
        processes.push(Process::with(faults(self.lives.len())));
        processes
    }
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
        for (request, moment, downtime, skew) in &self.lives {
            writeln!(
                f,
                "killed {moment:?} request {request}, back after {downtime:?}; its clock is {skew:#} wrong"
            )?;
        }
        for (after, what) in &self.disturbances {
            writeln!(f, "after {after:?}: {what:?}")?;
        }
        Ok(())
    }
}
