//! Random numbers that depend on the seed and on what they are for, not on when they are asked for.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    seed: u64,
}

/// The random numbers of one occasion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    state: u64,
}

impl Chance {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { seed }
    }

    /// The numbers of the `nth` occasion of this name.
    pub(super) fn draw(self, name: &str, nth: u64) -> Draw {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Draw { state: mix(mix(self.seed) ^ hash ^ mix(nth).rotate_left(17)) }
    }
}

impl Draw {
    /// The next number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state) % end.max(1)
    }

    /// Some time up to `longest`.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.below(millis.saturating_add(1)))
    }
}

/// The finalizer of `SplitMix64`.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
