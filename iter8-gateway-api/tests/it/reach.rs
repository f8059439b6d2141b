//! What the generators of the testkit reach for each mesh.

use std::collections::BTreeSet;

use iter8_core::{FilterType, Protocol, RoutingBackend, Strategy as Routing};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use iter8_testkit::strategies::situations;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// As many as one property sees.
const CASES: u32 = 256;

#[test]
fn for_every_mesh_there_are_plans_of_every_strategy_over_every_protocol_that_it_can_have() {
    for mesh in MeshProfile::names() {
        let backend = GatewayApiBackend::new(mesh.parse().unwrap());
        let (mut runner, mut reached) = (TestRunner::deterministic(), BTreeSet::new());
        for _ in 0..CASES {
            let situation = situations(backend.capabilities()).new_tree(&mut runner).unwrap().current();
            let release = &situation.release;
            reached.insert((release.strategy.to_string(), release.protocol.to_string()));
            reached.insert((format!("{} Gateways", release.gateways.len()), String::new()));
        }
        for protocol in [Protocol::Http, Protocol::Grpc] {
            let routes = backend.capabilities().of(protocol).unwrap();
            let mirror = Some(Routing::Mirror).filter(|_| routes.has(FilterType::RequestMirror));
            for strategy in [Routing::None, Routing::Canary, Routing::BlueGreen].into_iter().chain(mirror) {
                let class = (strategy.to_string(), protocol.to_string());
                assert!(reached.contains(&class), "{mesh}: never {class:?} in {reached:?}");
            }
        }
        for count in 0..=2 {
            let class = (format!("{count} Gateways"), String::new());
            assert!(reached.contains(&class), "{mesh}: never {class:?} in {reached:?}");
        }
    }
}
