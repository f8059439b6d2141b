//! What the mesh behind the routing backend lacks, said before anything is applied.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use crate::Violation;
use crate::capabilities::{Capabilities, MatchKind, Precedence, RouteCapabilities, TimeoutSupport};
use crate::field_path::Path;
use crate::filter::{FilterType, RouteFilter, VERSION_HEADER};
use crate::notice::{Notice, VersionMatch};
use crate::parent_ref::ParentRef;
use crate::release::{DeclaredFilter, Protocol, Release, Strategy};
use crate::route_match::RouteMatch;
use crate::shared::{List, Text};
use crate::valid_release::{AppProtocols, ValidVersion};
use crate::weight::Percent;

/// The most headers that one list of a filter may name (CRDs of the routes, Gateway API v1.5).
const HEADERS: usize = 16;

/// A mesh and what it can do with routes of the release's protocol.
#[derive(Clone, Copy)]
pub(super) struct Mesh<'a> {
    pub(super) capabilities: &'a Capabilities,
    pub(super) routes: &'a RouteCapabilities,
    pub(super) protocol: Protocol,
}

impl<'a> Mesh<'a> {
    /// Where the mesh has no routes of this protocol, nothing else is found wanting.
    pub(super) fn new(capabilities: &'a Capabilities, protocol: Protocol) -> Self {
        let all = match protocol {
            Protocol::Http => &RouteCapabilities::HTTP,
            Protocol::Grpc => &RouteCapabilities::GRPC,
        };
        Self { capabilities, routes: capabilities.of(protocol).unwrap_or(all), protocol }
    }

    pub(super) fn app_protocols(&self) -> AppProtocols {
        let of =
            |protocol| self.capabilities.of(protocol).and_then(|routes| routes.app_protocol).map(Text::from);
        AppProtocols { http: of(Protocol::Http), grpc: of(Protocol::Grpc) }
    }

    /// The protocols whose routes have `RequestMirror`.
    pub(super) fn copying(&self) -> List<Protocol> {
        let copies = |protocol: &Protocol| {
            self.capabilities.of(*protocol).is_some_and(|it| it.has(FilterType::RequestMirror))
        };
        [Protocol::Http, Protocol::Grpc].into_iter().filter(copies).collect()
    }

    pub(super) fn name(&self) -> &'static str {
        self.capabilities.mesh
    }

    /// `the mesh linkerd does not have`: a mesh may lack for one kind of route what it has for another.
    pub(super) fn lacks(&self) -> String {
        match self.protocol {
            Protocol::Http => format!("the mesh {} does not have", self.name()),
            Protocol::Grpc => format!("GRPCRoutes of the mesh {} do not have", self.name()),
        }
    }

    /// The header that names the version is added by the rule where the mesh cannot add it at the backend.
    pub(super) fn moves_version_header(&self) -> bool {
        !self.routes.has_on_backends(FilterType::ResponseHeaderModifier)
    }
}

/// What a release that has routes asks of the mesh; what a person should know besides.
pub(super) fn check(
    release: &Release,
    strategy: Strategy,
    mesh: Mesh<'_>,
    violations: &mut Vec<Violation>,
) -> Vec<Notice> {
    if strategy == Strategy::None {
        return Vec::new();
    }
    check_protocol(mesh, violations);
    check_parents(release, mesh, violations);
    check_version_header(release, strategy, mesh, violations);
    match strategy {
        Strategy::Canary => check_matches(release, mesh, violations),
        Strategy::Mirror => check_percents(release, mesh, violations),
        Strategy::None | Strategy::BlueGreen => {}
    }
    let mut notices = timeouts(release, mesh, violations);
    if let Some(label) = mesh.capabilities.waypoint_label
        && !release.application.labels.contains_key(label)
    {
        notices.push(Notice::NeedsWaypoint { mesh: mesh.name(), label });
    }
    notices
}

fn check_protocol(mesh: Mesh<'_>, violations: &mut Vec<Violation>) {
    if mesh.capabilities.of(mesh.protocol).is_some() {
        return;
    }
    let message =
        format!("needs {}s, which the mesh {} does not have", mesh.protocol.route_kind(), mesh.name());
    let path = Path::APPLICATION.field("protocol");
    violations.push(
        Violation::new(path, message)
            .value(&mesh.protocol)
            .hint("write `http`: a gRPC request is an HTTP request with the path `/package.Service/Method`"),
    );
}

fn check_parents(release: &Release, mesh: Mesh<'_>, violations: &mut Vec<Violation>) {
    let (parents, name) = (mesh.capabilities.parents, mesh.name());
    let path = Path::ROOT.field("gateway");
    if !parents.gateway && !release.gateways.is_empty() {
        let message = format!("the mesh {name} takes no routes of Gateways");
        violations.push(Violation::new(path, message).hint("leave it out"));
    } else if !parents.service && release.gateways.is_empty() {
        let message = format!("is required: the mesh {name} takes routes of Gateways only");
        violations.push(Violation::new(path, message).of_absence().hint("write the name of a Gateway"));
    }
}

/// The response header that names the version is added at the backend, or, where the mesh cannot do that, by the rule:
/// the same thing only in a rule with one backend.
fn check_version_header(
    release: &Release,
    strategy: Strategy,
    mesh: Mesh<'_>,
    violations: &mut Vec<Violation>,
) {
    let (kind, name) = (FilterType::ResponseHeaderModifier, mesh.name());
    if !mesh.moves_version_header() {
        return;
    }
    let application = Path::APPLICATION;
    let is_split = strategy == Strategy::BlueGreen && release.application.versions.len() > 1;
    if is_split || !mesh.routes.has(kind) {
        let message = format!("needs {kind} on backendRefs, which {}", mesh.lacks());
        let violation = Violation::new(application.field("strategy"), message).value(&strategy);
        violations.push(violation.hint("write `canary`, whose rules have one backend each"));
        return;
    }
    let path = Path::ROUTE;
    let path = path.field("filters");
    for (index, filter) in release.application.route.filters.iter().enumerate() {
        let DeclaredFilter::Supported(RouteFilter::ResponseHeaderModifier(headers)) = filter else {
            continue;
        };
        let path = path.index(index);
        let path = path.field("responseHeaderModifier");
        let names = headers.set.iter().chain(&headers.add).map(|header| &header.name).chain(&headers.remove);
        if names.into_iter().any(|header| header.eq_ignore_ascii_case(VERSION_HEADER)) {
            let message = format!(
                "must not name `{VERSION_HEADER}`, which the rules add: the mesh {name} has no {kind} on backendRefs"
            );
            violations.push(Violation::new(path, message).hint("leave that header out"));
        }
        if headers.add.len() >= HEADERS {
            let message = format!(
                "a filter adds at most {HEADERS} headers with `{VERSION_HEADER}`, which the rules add in the mesh {name}"
            );
            violations.push(Violation::new(path.field("add"), message).hint("leave one of them out"));
        }
    }
}

/// Only candidates have matches.
fn check_matches(release: &Release, mesh: Mesh<'_>, violations: &mut Vec<Violation>) {
    for (index, version) in release.application.versions.iter().enumerate().skip(1) {
        let path = Path::version(index);
        let path = path.field("matches");
        for (index, entry) in version.matches.iter().enumerate() {
            for (kind, field, place) in MatchKind::of(entry) {
                if mesh.routes.matches.contains(&kind) {
                    continue;
                }
                let path = path.index(index);
                let path = path.field(field);
                let path = place.map_or(path, |place| path.index(place));
                let message = format!("{} is no match that the mesh {} has", kind.as_str(), mesh.name());
                let others: Vec<_> = mesh.routes.matches.iter().map(|kind| kind.as_str()).collect();
                violations.push(
                    Violation::new(path, message).value(entry).hint(format!("it has {}", others.join(", "))),
                );
            }
        }
    }
}

fn check_percents(release: &Release, mesh: Mesh<'_>, violations: &mut Vec<Violation>) {
    for (index, version) in release.application.versions.iter().enumerate().skip(1) {
        if let Some(percent) = version.mirror_percent.filter(|percent| *percent != Percent::ALL)
            && !mesh.routes.mirror_percent
        {
            let message = format!("the mesh {} copies all requests or none", mesh.name());
            let path = Path::version(index);
            violations.push(
                Violation::new(path.field("mirrorPercent"), message).value(&percent).hint("leave it out"),
            );
        }
    }
}

fn timeouts(release: &Release, mesh: Mesh<'_>, violations: &mut Vec<Violation>) -> Vec<Notice> {
    let timeouts = &release.application.route.timeouts;
    if timeouts.is_empty() {
        return Vec::new();
    }
    match mesh.routes.timeouts {
        TimeoutSupport::Kept => Vec::new(),
        TimeoutSupport::Ignored(instead) => vec![Notice::TimeoutsIgnored { mesh: mesh.name(), instead }],
        TimeoutSupport::Missing(instead) => {
            let path = Path::ROUTE.field("timeouts");
            let message = format!("a {} has no timeouts", mesh.protocol.route_kind());
            violations.push(Violation::new(path, message).hint(instead));
            Vec::new()
        }
    }
}

/// The candidates' matches of which nothing says whether they come before the default rule's: a route may go to a
/// Gateway, which may be anyone's, or to a mesh that is known by the specification only.
pub(super) fn left_open_to_default(
    mesh: Mesh<'_>,
    gateways: &[ParentRef],
    versions: &[ValidVersion],
) -> Vec<Notice> {
    if gateways.is_empty() && mesh.routes.precedence == Precedence::PathLengthFirst {
        return Vec::new();
    }
    let is_expression = |entry: &&RouteMatch| {
        MatchKind::of(entry).into_iter().any(|(kind, ..)| kind == MatchKind::PathRegularExpression)
    };
    let candidates = versions.iter().skip(1);
    let left_open = candidates.filter_map(|version| {
        let entry = version.matches.iter().find(is_expression)?;
        Some(Notice::LeftOpenToDefault(VersionMatch::new(&version.name, entry)))
    });
    left_open.collect()
}
