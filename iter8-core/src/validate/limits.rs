//! How much fits into a route.

use alloc::format;
use alloc::vec::Vec;

use super::mesh::Mesh;
use crate::Violation;
use crate::field_path::Path;
use crate::filter::FilterType;
use crate::name::Hostname;
use crate::release::{Application, DeclaredFilter, Protocol, Strategy};

pub(super) fn check(
    strategy: Strategy,
    application: &Application,
    hostnames: &[Hostname],
    mesh: Mesh<'_>,
    violations: &mut Vec<Violation>,
) {
    let limits = &mesh.capabilities.limits;
    let versions = &Path::VERSIONS;
    let mut at_most = |path: Path<'_>, what: &str, found: usize, limit: usize| {
        if found > limit {
            let message = format!("a route has at most {limit} {what}, not {found}");
            violations.push(Violation::new(path, message).hint("leave some out"));
        }
    };
    at_most(Path::ROOT.field("hostnames"), "hostnames", hostnames.len(), limits.hostnames);
    let count = application.versions.len();
    match strategy {
        Strategy::None => {}
        Strategy::Canary => {
            at_most(*versions, "rules (one for each version)", count, limits.rules);
            let default = usize::from(mesh.has_default_match());
            let mut matches = default;
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
            let what =
                if default > 0 { "matches in all (one for the default rule)" } else { "matches in all" };
            at_most(*versions, what, matches, limits.matches);
        }
        Strategy::BlueGreen => at_most(*versions, "weighted versions", count, limits.backends_per_rule),
        // A rule has as many filters as backends at most (CRDs of the routes), the declared ones included; the primary is
        // no mirror.
        Strategy::Mirror => {
            let room = limits.backends_per_rule.saturating_sub(own_filters(application, mesh));
            at_most(*versions, "mirrors", count.saturating_sub(1), room);
        }
    }
    let filters = own_filters(application, mesh);
    if strategy != Strategy::None && !application.route.filters.is_empty() {
        at_most(Path::ROUTE.field("filters"), "filters in a rule", filters, limits.backends_per_rule);
    }
}

/// The filters of a rule that are no mirrors of candidates: the declared ones, and the one with the header that names the
/// version where that is not added at the backend; a rule has one filter for response headers.
fn own_filters(application: &Application, mesh: Mesh<'_>) -> usize {
    let declared = &application.route.filters;
    let is_for_responses = |filter: &DeclaredFilter| matches!(filter, DeclaredFilter::Supported(filter) if filter.kind() == FilterType::ResponseHeaderModifier);
    let is_added = mesh.moves_version_header() && !declared.iter().any(is_for_responses);
    declared.len().saturating_add(usize::from(is_added))
}

impl Mesh<'_> {
    /// Whether the default rule has a match: the API server writes out the missing one of an HTTPRoute.
    pub(super) fn has_default_match(&self) -> bool {
        self.protocol == Protocol::Http || self.routes.explicit_default
    }
}
