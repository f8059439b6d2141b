//! Reading and validating documents.

use std::fmt::Write;

use divan::Bencher;
use divan::counter::BytesCount;
use iter8_core::{Capabilities, Document, ReleaseKey, ValidRelease, declare};

use crate::measured;

/// Documents as people write them, of an application `cart`: no two of one kind.
const DOCUMENTS: [&str; 20] = [
    include_str!("documents/01-initial.yaml"),
    include_str!("documents/02-candidate.yaml"),
    include_str!("documents/03-promoted.yaml"),
    include_str!("documents/04-without-routing.yaml"),
    include_str!("documents/05-blue-green.yaml"),
    include_str!("documents/06-blue-green-of-three.yaml"),
    include_str!("documents/07-probed.yaml"),
    include_str!("documents/08-in-production.yaml"),
    include_str!("documents/09-cookie.yaml"),
    include_str!("documents/10-api.yaml"),
    include_str!("documents/11-query.yaml"),
    include_str!("documents/12-own-deployment.yaml"),
    include_str!("documents/13-own-objects.yaml"),
    include_str!("documents/14-gateway.yaml"),
    include_str!("documents/15-gateways.yaml"),
    include_str!("documents/16-mirror.yaml"),
    include_str!("documents/17-grpc.yaml"),
    include_str!("documents/18-many-candidates.yaml"),
    include_str!("documents/19-null-and-defaults.yaml"),
    include_str!("documents/20-default-match.yaml"),
];

const APPLICATIONS: [&str; 5] = ["cart", "search", "checkout", "recommendations", "login"];

/// One file with every document of every application.
fn hundred() -> String {
    let mut file = String::new();
    for application in APPLICATIONS {
        for document in DOCUMENTS {
            write!(file, "---\n{}", document.replace("cart", application)).unwrap();
        }
    }
    file
}

/// As `iter8 validate` and the controller have it: all that is declared, or all that is wrong.
fn read_and_validate(text: &str, key: &ReleaseKey, capabilities: &Capabilities) -> Vec<ValidRelease> {
    let documents = Document::all_from_yaml(text).unwrap();
    documents.iter().map(|document| declare(key, document, capabilities).unwrap()).collect()
}

fn bench_file(bencher: Bencher<'_, '_>, text: &str) {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let capabilities = Capabilities::specification();
    // Once before, for what is done once in a process only.
    read_and_validate(text, &key, &capabilities);
    bencher
        .counter(BytesCount::of_str(text))
        .bench_local(|| measured(|| read_and_validate(text, &key, &capabilities)));
}

#[divan::bench]
fn hundred_documents(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &hundred());
}

/// What the fast reader leaves to the slow one: an anchor is enough.
#[divan::bench]
fn hundred_unusual_documents(bencher: Bencher<'_, '_>) {
    bench_file(bencher, &hundred().replace("environment: ", "environment: &here "));
}

#[divan::bench]
fn one_small_document(bencher: Bencher<'_, '_>) {
    bench_file(bencher, DOCUMENTS[1]);
}

#[divan::bench]
fn one_large_document(bencher: Bencher<'_, '_>) {
    bench_file(bencher, DOCUMENTS[7]);
}

#[divan::bench]
fn hundred_documents_unvalidated(bencher: Bencher<'_, '_>) {
    let text = hundred();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench_local(|| measured(|| Document::all_from_yaml(&text).unwrap()));
}
