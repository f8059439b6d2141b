//! Reading and validating documents.

use divan::Bencher;
use divan::counter::BytesCount;
use iter8_core::{Capabilities, Document, ReleaseKey, declare};

use crate::measured;
use crate::releases::canary;

fn key() -> ReleaseKey {
    ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() }
}

#[divan::bench]
fn one_document(bencher: Bencher<'_, '_>) {
    let (text, key, capabilities) = (canary(2, 4), key(), Capabilities::specification());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        measured(|| declare(&key, &Document::from_yaml(&text).unwrap(), &capabilities).unwrap())
    });
}

/// A hundred documents in one file: those of the tutorial, and larger ones between them.
fn hundred() -> String {
    let tutorial = [
        include_str!("../../../testdata/tutorial/1-initial.yaml"),
        include_str!("../../../testdata/tutorial/2-candidate.yaml"),
        include_str!("../../../testdata/tutorial/3-promoted.yaml"),
    ];
    let document = |index: usize| match tutorial.get(index % 4) {
        Some(document) => (*document).to_owned(),
        None => canary(1 + index % 3, 1 + index % 5),
    };
    (0..100).map(document).collect::<Vec<_>>().join("---\n")
}

#[divan::bench]
fn hundred_documents(bencher: Bencher<'_, '_>) {
    let (text, key, capabilities) = (hundred(), key(), Capabilities::specification());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        measured(|| {
            let documents = Document::all_from_yaml(&text).unwrap();
            let releases = documents.iter().map(|document| declare(&key, document, &capabilities).unwrap());
            releases.collect::<Vec<_>>()
        })
    });
}

#[divan::bench]
fn hundred_documents_unvalidated(bencher: Bencher<'_, '_>) {
    let text = hundred();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| measured(|| Document::all_from_yaml(&text).unwrap()));
}
