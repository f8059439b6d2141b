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

/// Candidates and matches in every number that is usual.
#[divan::bench]
fn hundred_documents(bencher: Bencher<'_, '_>) {
    let documents = (0..100).map(|index| canary(1 + index % 4, 1 + index % 3));
    let text = documents.collect::<Vec<_>>().join("---\n");
    let (key, capabilities) = (key(), Capabilities::specification());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
        measured(|| {
            let documents = Document::all_from_yaml(&text).unwrap();
            assert_eq!(documents.len(), 100);
            documents
                .iter()
                .map(|document| declare(&key, document, &capabilities).unwrap())
                .collect::<Vec<_>>()
        })
    });
}

/// The part of the parser alone.
#[divan::bench]
fn hundred_documents_unread(bencher: Bencher<'_, '_>) {
    let documents = (0..100).map(|index| canary(1 + index % 4, 1 + index % 3));
    let text = documents.collect::<Vec<_>>().join("---\n");
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| measured(|| Document::all_from_yaml(&text).unwrap()));
}
