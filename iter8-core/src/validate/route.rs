//! `application.route`: what the CRD of the routes or the mesh would refuse.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::matches::{VALUE_LENGTH, is_token};
use super::mesh::Mesh;
use super::{carried, metadata};
use crate::field_path::Path;
use crate::filter::{CarriedFilter, FilterType, HeaderModifier, RouteFilter, Timeouts};
use crate::name::Namespace;
use crate::plan::PlannedMirror;
use crate::release::{Application, DeclaredFilter};
use crate::violation::ENOUGH;
use crate::{RouteDuration, Violation};

/// The most headers that one list of a filter may name (HTTPRoute CRD, Gateway API v1.5).
const HEADERS: usize = 16;

/// The filters that every rule gets, and the copies that it makes, each with its place in the list.
pub(super) type Filters = (Vec<RouteFilter>, Vec<(usize, PlannedMirror)>);

pub(super) fn check(
    application: &Application,
    namespace: &Namespace,
    mesh: Mesh<'_>,
    violations: &mut Vec<Violation>,
) -> Filters {
    let path = Path::ROUTE;
    let route = &application.route;
    metadata::check_labels(&route.labels, &path, violations);
    metadata::check_annotations(&route.annotations, &path, violations);
    check_timeouts(&route.timeouts, &path.field("timeouts"), violations);
    let path = path.field("filters");
    let (mut filters, mut mirrors) = (Vec::<RouteFilter>::new(), Vec::new());
    for (index, declared) in route.filters.iter().enumerate() {
        if violations.len() >= ENOUGH {
            break;
        }
        let path = path.index(index);
        match declared {
            DeclaredFilter::Unread => {}
            DeclaredFilter::Unsupported(kind) => violations.push(refusal(*kind, mesh, &path)),
            DeclaredFilter::Supported(filter) if !mesh.routes.has(filter.kind()) => {
                violations.push(lacking(filter.kind(), mesh, &path));
            }
            DeclaredFilter::Supported(filter) => {
                let kind = filter.kind();
                let may_repeat = matches!(kind, FilterType::RequestMirror | FilterType::ExtensionRef);
                if !may_repeat && filters.iter().any(|other| other.kind() == kind) {
                    let violation = Violation::new(path.field("type"), "a rule has one filter of this type");
                    violations.push(violation.value(&kind).hint("put all of it into one filter"));
                }
                match filter {
                    RouteFilter::RequestHeaderModifier(headers)
                    | RouteFilter::ResponseHeaderModifier(headers) => {
                        check_headers(headers, &path.field(kind.field()), violations);
                    }
                    RouteFilter::Carried(carried) => {
                        carried::check(carried, application, &path, violations);
                        check_share(carried, mesh, &path.field(kind.field()), violations);
                        if let Some(mirror) = carried.mirror(namespace) {
                            mirrors.push((index, mirror));
                            continue;
                        }
                    }
                }
                filters.push(filter.clone());
            }
        }
    }
    (filters, mirrors)
}

/// A request timeout of zero is none, and allows any timeout of a backend.
fn check_timeouts(timeouts: &Timeouts, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if let (Some(request), Some(backend)) = (timeouts.request, timeouts.backend_request)
        && request != RouteDuration::ZERO
        && backend > request
    {
        let message = format!("must not be more than `request`, which is {request}");
        violations.push(Violation::new(path.field("backendRequest"), message).value(&backend));
    }
}

fn refusal(kind: FilterType, mesh: Mesh<'_>, path: &Path<'_>) -> Violation {
    if !mesh.routes.has(kind) {
        return lacking(kind, mesh, path);
    }
    let message = "cannot stand beside backendRefs, which every rule of a release has";
    Violation::new(path.field("type"), message).value(&kind).hint("leave it out")
}

fn lacking(kind: FilterType, mesh: Mesh<'_>, path: &Path<'_>) -> Violation {
    let message = format!("is a filter that {}", mesh.lacks());
    Violation::new(path.field("type"), message).value(&kind).hint("leave it out")
}

/// A mesh that copies all requests or none must not be asked for a part of them.
fn check_share(filter: &CarriedFilter, mesh: Mesh<'_>, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if filter.kind() != FilterType::RequestMirror || mesh.routes.mirror_percent {
        return;
    }
    let percent = filter.value().get("percent").filter(|percent| percent.as_integer() != Some(100));
    for (field, found) in [("percent", percent), ("fraction", filter.value().get("fraction"))] {
        if let Some(found) = found {
            let message = format!("the mesh {} copies all requests or none", mesh.name());
            violations.push(Violation::new(path.field(field), message).value(found).hint("leave it out"));
        }
    }
}

fn check_headers(headers: &HeaderModifier, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let mut names = BTreeSet::new();
    let mut check_name = |name: &str, path: Path<'_>, violations: &mut Vec<Violation>| {
        if !is_token(name) {
            let violation = Violation::new(path, "is not a header name").value(name);
            violations.push(violation.hint("use letters, digits and !#$%&'*+-.^_`|~, at most 256"));
        } else if !names.insert(name.to_ascii_lowercase()) {
            let violation = Violation::new(path, "the filter names this header twice").value(name);
            violations.push(violation.hint("keep one of them"));
        }
    };
    for (field, list) in [("set", &headers.set), ("add", &headers.add)] {
        let path = path.field(field);
        at_most(list.len(), &path, violations);
        for (index, header) in list.iter().enumerate().take(HEADERS) {
            let path = path.index(index);
            check_name(&header.name, path.field("name"), violations);
            check_value(&header.value, path.field("value"), violations);
        }
    }
    let path = path.field("remove");
    at_most(headers.remove.len(), &path, violations);
    for (index, name) in headers.remove.iter().enumerate().take(HEADERS) {
        check_name(name, path.index(index), violations);
    }
}

fn at_most(found: usize, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if found > HEADERS {
        let message = format!("a filter names at most {HEADERS} headers here, not {found}");
        violations.push(Violation::new(path, message).hint("leave some out"));
    }
}

fn check_value(value: &str, path: Path<'_>, violations: &mut Vec<Violation>) {
    let length = value.chars().count();
    if length == 0 || length > VALUE_LENGTH {
        let message = format!("must have 1 to {VALUE_LENGTH} characters, not {length}");
        violations.push(Violation::new(path, message));
    } else if value.chars().any(|c| c.is_control() && c != '\t') {
        violations.push(Violation::new(path, "must not contain line breaks or other control characters"));
    }
}
