//! What is told of the cluster: changes that are not make-before-break, and what the document has no say in.

use crate::notice::Notice;

use super::{Declared, Situation};

/// What a person should know of what was observed.
pub(super) fn notices<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = Notice> + 'a {
    changes(situation).chain(scaled(situation))
}

/// Numbers of Pods that are declared and that somebody else has set.
fn scaled<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = Notice> + 'a {
    situation.declared.iter().filter_map(|Declared { version, observed, .. }| {
        let deployment = (*observed)?.deployment.as_ref()?;
        let (declared, by) = (version.replicas?, deployment.scaled_by.as_ref()?);
        (declared != deployment.wanted)
            .then(|| Notice::Scaled { version: version.name.clone(), by: by.clone() })
    })
}

/// What the document changes that requests may notice: the application's name, its port, and a version's port.
fn changes<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = Notice> + 'a {
    let (release, observation) = (situation.release, situation.observation);
    let renamed = observation.former_fronts.iter().map(|before| Notice::ApplicationRenamed {
        before: before.clone(),
        now: release.application.clone(),
    });
    let is_kept = !release.has_front() || observation.front_ports.contains(&release.service_port);
    let ports = observation.front_ports.first().filter(|_| !is_kept).map(|before| Notice::FrontPortChanged {
        service: release.application.clone(),
        before: *before,
        now: release.service_port,
    });
    let versions = situation.declared.iter().filter_map(|Declared { version, observed, .. }| {
        let service = (*observed)?.service.as_ref()?;
        let before = service.declaration.as_ref()?.port;
        let is_same = before == version.port || service.name != version.service;
        (!is_same).then(|| Notice::VersionPortChanged {
            version: version.name.clone(),
            before,
            now: version.port,
        })
    });
    renamed.chain(ports).chain(versions)
}
