//! Reading and validating documents.

use divan::Bencher;
use divan::counter::BytesCount;
use iter8_core::{Capabilities, Document, ReleaseKey, declare};

use crate::measured;
use crate::releases::canary;

#[divan::bench]
fn document(bencher: Bencher<'_, '_>) {
    let text = canary(4, 2);
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let capabilities = Capabilities::specification();
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        measured(|| declare(&key, &Document::from_yaml(&text).unwrap(), &capabilities).unwrap())
    });
}
#[divan::bench]
fn only_parse(bencher: Bencher<'_, '_>) {
    let text = canary(4, 2);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| measured(|| Document::from_yaml(&text).unwrap()));
}
