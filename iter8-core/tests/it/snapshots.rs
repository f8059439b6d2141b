//! A snapshot of every golden document's plan, with its reasons, in the three states of readiness of the case.

use std::collections::BTreeMap;

use iter8_core::{Observation, plan};
use iter8_testkit::snapshot;

use crate::golden::{cases, declared};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots");

/// How many versions are ready in each state of a case, the primary first.
const STATES: [(&str, usize); 3] = [("all_ready", usize::MAX), ("only_primary_ready", 1), ("none_ready", 0)];

#[test]
fn every_golden_document_has_its_plan_and_no_snapshot_is_an_orphan() {
    let cases: Vec<_> = cases().into_iter().filter(|case| case["error"].is_null()).collect();
    let names: Vec<_> = cases.iter().map(|case| case["case"].as_str().unwrap()).collect();
    snapshot::settings(FOLDER).bind(|| {
        for (case, name) in cases.iter().zip(&names) {
            let release = declared(case).unwrap_or_else(|error| panic!("{name} is refused: {error}"));
            let plan_of = |ready: usize| {
                let ready: Vec<_> = release.versions().take(ready).map(|version| &version.name).collect();
                plan(&release, &Observation::ready_where(&release, |version| ready.contains(&&version.name)))
            };
            let plans: BTreeMap<_, _> =
                STATES.iter().map(|(state, ready)| (*state, plan_of(*ready))).collect();
            insta::assert_yaml_snapshot!(*name, plans);
        }
    });
    assert_eq!(snapshot::orphans(FOLDER, names).unwrap(), Vec::<std::path::PathBuf>::new());
}
