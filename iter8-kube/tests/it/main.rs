//! The controller in whole worlds: the same scenarios on the in-memory API server and on a real one.
//!
//! The real one is started from the folder that the environment variable `KUBEBUILDER_ASSETS` names (etcd,
//! kube-apiserver, kube-controller-manager, and the CRDs of the Gateway API in `crds/`). Without it those
//! tests are listed as ignored.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

mod admission;
mod cluster;
mod faults;
mod gateways;
mod grpc;
mod histories;
mod hostile;
mod leadership;
mod load;
mod managers;
mod notices;
mod outages;
mod ownership;
mod replicas;
mod scenarios;
mod servers;
mod under_load;

use libtest_mimic::{Arguments, Trial};

use crate::servers::{Kind, Servers};

fn main() {
    const BOTH: &[Kind] = &[Kind::InMemory, Kind::Real];
    let arguments = Arguments::from_args();
    let servers = Servers::new();
    let mut trials = Vec::new();
    let groups = [
        (scenarios::ALL, BOTH, true),
        (grpc::ALL, BOTH, true),
        (gateways::ALL, BOTH, true),
        (under_load::ALL, BOTH, true),
        (leadership::ALL, BOTH, false),
        (managers::ALL, BOTH, true),
        (notices::ALL, BOTH, true),
        (ownership::ALL, BOTH, true),
        (ownership::REAL, &[Kind::Real], true),
        (hostile::ALL, BOTH, true),
        (hostile::WITHOUT_CONTROLLER, BOTH, false),
        (admission::ALL, &[Kind::Real], true),
    ];
    for (scenarios, kinds, with_controller) in groups {
        for (scenario, kind) in
            scenarios.iter().flat_map(|scenario| kinds.iter().map(move |kind| (scenario, *kind)))
        {
            let servers = servers.clone();
            let ignored = kind == Kind::Real && !Servers::have_real();
            let trial = Trial::test(format!("{kind}::{}", scenario.name), move || {
                servers.run(kind, scenario, with_controller);
                Ok(())
            });
            let reason = if ignored { "KUBEBUILDER_ASSETS is not set" } else { "" };
            trials.push(trial.with_ignored_flag(ignored).with_kind(reason));
        }
    }
    for scenario in scenarios::WITHOUT_GATEWAY_API.iter().chain(grpc::WITHOUT_GATEWAY_API) {
        let (servers, kind) = (servers.clone(), Kind::Bare);
        trials.push(Trial::test(format!("{kind}::{}", scenario.name), move || {
            servers.run(kind, scenario, true);
            Ok(())
        }));
    }
    trials.extend(outages::trials(&servers));
    trials.extend(faults::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    servers.stop();
    conclusion.exit();
}
