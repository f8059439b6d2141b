//! Changes that are not make-before-break, and are told of: the application's name, its port, and a version's port.

use crate::notice::Notice;

use super::Situation;

/// What the document changes that requests may notice.
pub(super) fn notices(situation: &Situation<'_>) -> impl Iterator<Item = Notice> {
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
    let versions = release.versions().filter_map(|version| {
        let service = observation.versions.get(&version.name)?.service.as_ref()?;
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
