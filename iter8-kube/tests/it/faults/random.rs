//! Random numbers from a seed: the same on every machine.

use std::time::Duration;

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap())).unwrap()
    }

    pub(crate) fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    /// A rate up to `highest` of 1000, often 0.
    pub(crate) fn rate(&mut self, highest: u64) -> u16 {
        if self.one_in(2) { 0 } else { u16::try_from(self.below(highest + 1)).unwrap() }
    }

    /// Often short, up to `seconds`.
    pub(crate) fn seconds(&mut self, seconds: u64) -> Duration {
        let end = if self.one_in(2) { 3000 } else { seconds * 1000 };
        Duration::from_millis(self.below(end.max(1)))
    }
}
