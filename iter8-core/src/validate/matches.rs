//! `matches`: what the validation of the CRDs of the routes would refuse, refused before anything is applied.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::expression;
use crate::Violation;
use crate::field_path::Path;
use crate::release::Protocol;
use crate::route_match::{GrpcMethodMatch, PathMatch, PathMatchType, RouteMatch, ValueMatch, ValueMatchType};

/// The longest value of a header (CRDs of the routes, Gateway API v1.5).
pub(super) const VALUE_LENGTH: usize = 4096;
/// The longest value of a query parameter (HTTPRoute CRD, Gateway API v1.5).
const QUERY_VALUE_LENGTH: usize = 1024;
const PATH_LENGTH: usize = 1024;
const NAME_LENGTH: usize = 256;
const CONDITIONS: usize = 16;
/// The longest service or method of a gRPC match (GRPCRoute CRD, Gateway API v1.5).
const CALL_LENGTH: usize = 1024;

pub(super) fn check(
    entry: &RouteMatch,
    protocol: Protocol,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    if entry.protocol() != protocol {
        let message = format!("is a match of protocol {}, not of {protocol}", entry.protocol());
        violations.push(Violation::new(path, message).value(entry));
    }
    check_values("header", entry.headers(), &path.field("headers"), violations);
    match entry {
        RouteMatch::Http(entry) => {
            if let Some(path_match) = &entry.path {
                check_path(path_match, &path.field("path").field("value"), violations);
            }
            check_values("query parameter", &entry.query_params, &path.field("queryParams"), violations);
        }
        RouteMatch::Grpc(entry) => {
            if let Some(method) = &entry.method {
                check_call(method, &path.field("method"), violations);
            }
        }
    }
}

fn check_call(call: &GrpcMethodMatch, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let GrpcMethodMatch { kind, service, method } = call;
    if service.is_none() && method.is_none() {
        let violation = Violation::new(path, "must have `service` or `method`, or both");
        violations.push(violation.of_absence().hint("leave `method` out to take every gRPC request"));
    }
    for (field, name) in [("service", service), ("method", method)] {
        let Some(name) = name else { continue };
        let is_legal = if field == "service" { is_service } else { is_identifier };
        let path = path.field(field);
        if name.is_empty() || name.chars().count() > CALL_LENGTH {
            let message = format!("must have 1 to {CALL_LENGTH} characters, not {}", name.chars().count());
            violations.push(Violation::new(path, message));
        } else if *kind == ValueMatchType::RegularExpression {
            check_expression(name, &path, violations);
        } else if !is_legal(name) {
            let violation = Violation::new(path, format!("is not the name of a gRPC {field}")).value(name);
            violations.push(violation.hint(match field {
                "service" => "write it with its package and without slashes: `package.Service`",
                _ => "use letters, digits and `_`",
            }));
        }
    }
}

/// `^(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$`
fn is_service(name: &str) -> bool {
    name.strip_prefix('.').unwrap_or(name).split('.').all(is_identifier)
}

/// `^[A-Za-z_][A-Za-z_0-9]*$`
fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

fn check_path(path_match: &PathMatch, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let value = path_match.value.as_str();
    let mut refuse = |message: String| violations.push(Violation::new(path, message).value(value));
    if value.chars().count() > PATH_LENGTH {
        refuse(format!("must have at most {PATH_LENGTH} characters"));
    }
    match path_match.kind {
        PathMatchType::RegularExpression if value.is_empty() => refuse("must not be empty".to_owned()),
        PathMatchType::RegularExpression => check_expression(value, path, violations),
        PathMatchType::Exact | PathMatchType::PathPrefix => {
            if !value.starts_with('/') {
                refuse("must start with `/`".to_owned());
            }
            for part in ["//", "/./", "/../", "%2f", "%2F", "#"] {
                if value.contains(part) {
                    refuse(format!("must not contain `{part}`"));
                }
            }
            for end in ["/..", "/."] {
                if value.ends_with(end) {
                    refuse(format!("must not end with `{end}`"));
                }
            }
            let has_two_digits = |code: &str| code.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
            if !value.split('%').skip(1).all(has_two_digits) {
                refuse("must have two hexadecimal digits after `%`; write `%` itself as `%25`".to_owned());
            }
            // The characters of a path by RFC 3986, 3.3.
            let legal = |c: char| c.is_ascii_alphanumeric() || "-/._~%!$&'()*+,;=:@".contains(c);
            if let Some(illegal) = value.chars().find(|c| !legal(*c) && *c != '#') {
                refuse(format!("must not contain `{illegal}`; write it percent-encoded"));
            }
        }
    }
}

fn check_expression(expression: &str, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if let Some(mistake) = expression::mistake(expression) {
        violations.push(Violation::new(path, mistake.message).value(expression).hint(mistake.hint));
    }
}

fn check_values(what: &str, entries: &[ValueMatch], path: &Path<'_>, violations: &mut Vec<Violation>) {
    if entries.len() > CONDITIONS {
        let message = format!("a match has at most {CONDITIONS} {what} conditions, not {}", entries.len());
        violations.push(Violation::new(path, message));
    }
    let mut names = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate().take(CONDITIONS) {
        let path = path.index(index);
        if !is_token(&entry.name) {
            let violation =
                Violation::new(path.field("name"), format!("is not a {what} name")).value(&entry.name);
            violations.push(violation.hint("use letters, digits and !#$%&'*+-.^_`|~, at most 256"));
        }
        let length = entry.value.chars().count();
        let longest = if what == "header" { VALUE_LENGTH } else { QUERY_VALUE_LENGTH };
        if length == 0 || length > longest {
            let message = format!("must have 1 to {longest} characters, not {length}");
            violations.push(Violation::new(path.field("value"), message));
        } else if entry.kind == ValueMatchType::RegularExpression {
            check_expression(&entry.value, &path.field("value"), violations);
        }
        // The case of a header's name means nothing; that of a query parameter does.
        let name = if what == "header" { entry.name.to_ascii_lowercase() } else { entry.name.clone() };
        if !names.insert(name) {
            let violation = Violation::new(path.field("name"), format!("the match names this {what} twice"));
            violations.push(violation.value(&entry.name).hint("keep one of them"));
        }
    }
}

/// A token of RFC 7230, which header and query parameter names must be.
pub(super) fn is_token(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.len() <= NAME_LENGTH && name.chars().all(legal)
}
