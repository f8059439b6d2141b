//! The golden releases: which documents are accepted, and what their versions are called.

use std::fs;
use std::path::Path;

use iter8_core::{
    Capabilities, Document, FilterType, InvalidReleaseError, Precedence, ReleaseKey, RouteCapabilities,
    ValidRelease, declare,
};
use serde_json::{Value, json};

/// What linkerd can do, for which the golden files were written.
const LINKERD: Capabilities = Capabilities {
    mesh: "linkerd",
    http: RouteCapabilities {
        precedence: Precedence::PathLengthFirst,
        filters: &[FilterType::RequestHeaderModifier, FilterType::ResponseHeaderModifier],
        ..RouteCapabilities::HTTP
    },
    ..Capabilities::specification()
};

#[expect(clippy::disallowed_methods, reason = "the ban is on the crate, not on its tests")]
pub(crate) fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
}

pub(crate) fn declared(case: &Value) -> Result<ValidRelease, InvalidReleaseError> {
    let document = Document::from_yaml(case["values_yaml"].as_str().unwrap()).unwrap();
    let metadata = document.root().get("application").and_then(|application| application.get("metadata"));
    let namespace = metadata.and_then(|metadata| metadata.get("namespace")).and_then(|value| value.as_str());
    // A document that names a namespace is applied there.
    let namespace = namespace.filter(|name| !name.is_empty()).or_else(|| case["namespace"].as_str());
    let key = ReleaseKey {
        name: case["release"].as_str().unwrap().parse().unwrap(),
        namespace: namespace.unwrap().parse().unwrap(),
    };
    declare(&key, &document, &LINKERD)
}

#[test]
fn every_valid_golden_release_has_its_versions() {
    for case in cases().iter().filter(|case| case["error"].is_null()) {
        let name = case["case"].as_str().unwrap();
        let release = declared(case).unwrap_or_else(|error| panic!("{name} is refused: {error}"));
        let versions: Vec<_> = release
            .versions()
            .map(|version| {
                json!({
                    "service": version.service.as_str(),
                    "deployment": version.deployment.as_str(),
                    "port": version.port.get(),
                    "weight": version.weight.get(),
                })
            })
            .collect();
        assert_eq!(json!(versions), case["versions"], "{name}");
    }
}

#[test]
fn every_invalid_golden_release_is_refused_at_the_field_that_is_wrong() {
    let places = [
        ("err-application-missing", "application"),
        ("err-application-not-a-map", "application"),
        ("err-bg-versions-empty", "application.versions"),
        ("err-canary-17-versions", "application.versions"),
        ("err-canary-versions-missing", "application.versions"),
        ("err-dspec-without-spec", "application.versions[0].deploymentSpecification.spec"),
        ("err-environment-missing", "environment"),
        ("err-environment-unknown", "environment"),
        ("err-image-missing", "application.versions[0].image"),
        ("err-label-not-a-string", "application.versions[0].metadata.labels.build"),
        ("err-match-in-blue-green", "application.versions[0].match"),
        ("err-match-instead-of-matches", "application.versions[1].match"),
        ("err-none-versions-missing", "application.versions"),
        ("err-port-null-service", "application.versions[0].port"),
        ("err-port-null", "application.versions[0].port"),
        ("err-port-string", "application.versions[0].port"),
        ("err-port-too-large", "application.versions[0].port"),
        ("err-port-zero", "application.versions[0].port"),
        ("err-sspec-misplaced-ports", "application.versions[0].serviceSpecification.ports"),
        ("err-sspec-named-like-application", "application.versions[0].serviceSpecification.metadata.name"),
        ("err-sspec-names-duplicate", "application.versions[1].serviceSpecification.metadata.name"),
        ("err-sspec-without-spec", "application.versions[0].serviceSpecification.spec"),
        ("err-strategy-boolean", "application.strategy"),
        ("err-strategy-case", "application.strategy"),
        ("err-strategy-mirror", "application.strategy"),
        ("err-strategy-unknown", "application.strategy"),
        ("err-unknown-application-field", "application.stratgy"),
        ("err-unknown-dspec-field", "application.versions[0].deploymentSpecification.replicas"),
        ("err-unknown-metadata-field", "application.versions[0].metadata.finalizers"),
        ("err-unknown-top-level", "gatway"),
        ("err-unknown-version-field", "application.versions[0].wieght"),
        ("err-version-named-like-application", "application.versions[0].metadata.name"),
        ("err-version-names-duplicate", "application.versions[1].metadata.name"),
        ("err-version-null-entry", "application.versions[1]"),
        (
            "err-watch-label-in-dspec",
            "application.versions[0].deploymentSpecification.metadata.labels[iter8.tools/watch]",
        ),
        ("err-watch-label-on-version", "application.versions[0].metadata.labels[iter8.tools/watch]"),
        ("err-weight-negative", "application.versions[1].weight"),
        ("err-weight-too-large", "application.versions[0].weight"),
        ("err-weight-word", "application.versions[0].weight"),
        ("ns-version-own", "application.versions[1].metadata.namespace"),
        ("specs-own-namespace", "application.versions[1].metadata.namespace"),
    ];
    let found: Vec<_> = cases()
        .iter()
        .filter(|case| !case["error"].is_null())
        .map(|case| {
            let name = case["case"].as_str().unwrap().to_owned();
            let error = declared(case).err().unwrap_or_else(|| panic!("{name} is accepted"));
            let first = &error.violations()[0];
            assert!(first.position.is_some(), "{name}: {first}");
            (name, first.path.to_string())
        })
        .collect();
    let places: Vec<_> = places.into_iter().map(|(name, path)| (name.to_owned(), path.to_owned())).collect();
    assert_eq!(found, places);
}
