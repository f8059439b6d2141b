//! How much fits into a route.

use crate::Violation;
use crate::capabilities::Limits;
use crate::field_path::Path;
use crate::name::Hostname;
use crate::release::{Application, Strategy};

pub(super) fn check(
    strategy: Strategy,
    application: &Application,
    hostnames: &[Hostname],
    limits: &Limits,
    violations: &mut Vec<Violation>,
) {
    let versions = &Path::VERSIONS;
    let mut at_most = |path: Path<'_>, what: &str, found: usize, limit: usize| {
        if found > limit {
            violations.push(Violation::new(path, format!("a route has at most {limit} {what}, not {found}")));
        }
    };
    at_most(Path::ROOT.field("hostnames"), "hostnames", hostnames.len(), limits.hostnames);
    let count = application.versions.len();
    match strategy {
        Strategy::None => {}
        Strategy::Canary => {
            at_most(*versions, "rules (one for each version)", count, limits.rules);
            // The API server writes the default rule's missing matches out as one.
            let mut matches = 1_usize;
            for (index, version) in application.versions.iter().enumerate().skip(1) {
                let path = versions.index(index);
                at_most(
                    path.field("matches"),
                    "matches for one version",
                    version.matches.len(),
                    limits.matches_per_rule,
                );
                matches = matches.saturating_add(version.matches.len().max(1));
            }
            at_most(*versions, "matches in all (one for the default rule)", matches, limits.matches);
        }
        Strategy::BlueGreen => at_most(*versions, "weighted versions", count, limits.backends_per_rule),
        // A rule has as many filters as backends at most (CRDs of the routes), the declared ones included; the primary is
        // no mirror.
        Strategy::Mirror => {
            let room = limits.backends_per_rule.saturating_sub(application.route.filters.len());
            at_most(*versions, "mirrors", count.saturating_sub(1), room);
        }
    }
}
