//! A snapshot of every golden document's routes, in the three states of readiness of the case.

use std::collections::BTreeMap;

use iter8_core::RoutingBackend;
use iter8_gateway_api::GatewayApiBackend;
use iter8_testkit::snapshot;

use crate::golden::{STATES, cases, declared, plan_of};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/snapshots");

#[test]
fn every_golden_document_has_its_routes_and_no_snapshot_is_an_orphan() {
    let backend = GatewayApiBackend::default();
    let cases: Vec<_> = cases().into_iter().filter(|case| case["error"].is_null()).collect();
    let names: Vec<_> = cases.iter().map(|case| case["case"].as_str().unwrap()).collect();
    snapshot::settings(FOLDER).bind(|| {
        for (case, name) in cases.iter().zip(&names) {
            let release = declared(case, &backend);
            let routes = STATES.map(|(state, ready)| (state, backend.render(&plan_of(&release, ready))));
            insta::assert_yaml_snapshot!(*name, BTreeMap::from(routes));
        }
    });
    assert_eq!(snapshot::orphans(FOLDER, names).unwrap(), Vec::<std::path::PathBuf>::new());
}
