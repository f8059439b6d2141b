//! Planning in the steady state: every version is ready and the live route is the planned one.

use divan::Bencher;
use divan::counter::ItemsCount;
use iter8_core::{Capabilities, Observation, ValidRelease, plan};

use crate::measured;
use crate::releases::{canary, declared, steady};

fn bench(bencher: Bencher<'_, '_>, release: &ValidRelease, observation: &Observation) {
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| measured(|| plan(release, observation)));
}

fn sixteen() -> ValidRelease {
    let mut capabilities = Capabilities::specification();
    capabilities.limits.rules = 17;
    declared(&canary(16, 4), &capabilities)
}

#[divan::bench]
fn two_version_canary(bencher: Bencher<'_, '_>) {
    let release = declared(&canary(1, 1), &Capabilities::specification());
    bench(bencher, &release, &steady(&release));
}

#[divan::bench]
fn sixteen_candidates(bencher: Bencher<'_, '_>) {
    let release = sixteen();
    bench(bencher, &release, &steady(&release));
}

/// What was arranged in advance does not fit as it is.
#[divan::bench]
fn sixteen_candidates_one_missing(bencher: Bencher<'_, '_>) {
    let release = sixteen();
    let mut observation = steady(&release);
    observation.versions.remove(&release.candidates()[7].name);
    bench(bencher, &release, &observation);
}
