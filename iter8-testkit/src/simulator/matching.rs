//! Whether one match of a rule holds for a request, and if not, why.

use std::fmt::Write as _;

use regex::Regex;

use super::model::{GrpcMethod, MethodMatch, PathMatch, RouteMatch, ValueMatch};
use super::objects::RouteKind;
use super::profile::{Expressions, Grpc, Matching, Repeated};
use super::request::Request;

/// How well a match fits; precedence is decided on this.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Fit {
    pub(super) exact_path: bool,
    pub(super) regex_path: bool,
    /// Length of the prefix or pattern as the specification counts it.
    pub(super) path_length: usize,
    /// Length of what the path condition has matched, of whatever type it is.
    pub(super) matched_length: usize,
    pub(super) method: bool,
    pub(super) headers: usize,
    pub(super) query_params: usize,
    pub(super) grpc_service: usize,
    pub(super) grpc_method: usize,
    pub(super) grpc_call: Comparison,
}

/// How a gRPC call is compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Comparison {
    #[default]
    Exact,
    RegularExpression,
}

/// Tries one match on the request.
///
/// # Errors
///
/// Says which condition does not hold.
pub(super) fn fit(
    kind: RouteKind,
    wanted: Option<&RouteMatch>,
    request: &Request,
    mesh: Matching,
) -> Result<Fit, String> {
    let mut fit = Fit::default();
    let anything = RouteMatch::default();
    let wanted = match wanted {
        Some(wanted) => wanted,
        // Where the content type says nothing, neither does a rule without matches.
        None if kind == RouteKind::Grpc && mesh.grpc == Grpc::Post => return Ok(fit),
        None => &anything,
    };
    match kind {
        RouteKind::Http => {
            path(wanted.path.as_ref(), request, mesh.expressions, &mut fit)?;
            if let Some(MethodMatch::Http(method)) = &wanted.method {
                if method != request.method() {
                    return Err(format!("the method is `{}`", request.method()));
                }
                fit.method = true;
            }
        }
        RouteKind::Grpc => {
            let is_grpc = match mesh.grpc {
                Grpc::ContentType => request.is_grpc(),
                Grpc::Post => request.method() == "POST",
            };
            if !is_grpc {
                return Err("the request is not gRPC".into());
            }
            if let Some(MethodMatch::Grpc(method)) = &wanted.method {
                grpc(method, request, mesh.expressions, &mut fit)?;
            }
        }
    }
    fit.headers = values("header", &wanted.headers, mesh.expressions, |name| {
        compared(request.header_values(name).map(str::to_owned).collect(), mesh.headers)
    })?;
    fit.query_params = values("query parameter", &wanted.query_params, mesh.expressions, |name| {
        compared(request.query_params(name).collect(), mesh.query_params)
    })?;
    Ok(fit)
}

/// What the policy controller of Linkerd cannot read in a match, if there is such a thing.
pub(super) fn unreadable(kind: RouteKind, wanted: &RouteMatch) -> Option<String> {
    if let (RouteKind::Grpc, Some(MethodMatch::Grpc(method))) = (kind, &wanted.method)
        && method.kind == "RegularExpression"
    {
        return Some("linkerd does not match gRPC methods by regular expression".into());
    }
    let path = wanted.path.iter().map(|path| (path.kind.as_str(), path.value.as_str()));
    let values = wanted.headers.iter().chain(&wanted.query_params);
    let mut expressions = path
        .chain(values.map(|value| (value.kind.as_str(), value.value.as_str())))
        .filter(|(kind, _)| *kind == "RegularExpression");
    expressions.find_map(|(_, pattern)| compile(pattern).err())
}

/// The values that are compared, of all under one name.
fn compared(mut values: Vec<String>, repeated: Repeated) -> Vec<String> {
    match repeated {
        Repeated::First => values.truncate(1),
        Repeated::Joined if values.len() > 1 => values = vec![values.join(",")],
        Repeated::Joined | Repeated::Any => {}
    }
    values
}

/// The path prefix that the match asks for, if it asks for one.
pub(super) fn prefix(wanted: &RouteMatch) -> Option<&str> {
    match &wanted.path {
        Some(path) if path.kind == "PathPrefix" => Some(&path.value),
        Some(_) => None,
        None => Some("/"),
    }
}

/// The conditions of a match in words.
pub(super) fn describe(kind: RouteKind, wanted: Option<&RouteMatch>) -> String {
    let mut words = String::new();
    let anything = RouteMatch::default();
    let wanted = wanted.unwrap_or(&anything);
    match (&wanted.path, kind) {
        (Some(path), _) => {
            let what = match path.kind.as_str() {
                "Exact" => "path exactly",
                "RegularExpression" => "path like",
                _ => "path prefix",
            };
            let _ = write!(words, "{what} `{}`", path.value);
        }
        (None, RouteKind::Http) => words.push_str("path prefix `/`"),
        (None, RouteKind::Grpc) => words.push_str("gRPC"),
    }
    match &wanted.method {
        Some(MethodMatch::Http(method)) => {
            let _ = write!(words, ", method `{method}`");
        }
        Some(MethodMatch::Grpc(method)) => {
            for (what, value) in [("service", &method.service), ("method", &method.method)] {
                if let Some(value) = value {
                    let _ = write!(words, ", {what} `{value}`");
                }
            }
        }
        None => {}
    }
    for (what, conditions) in [("header", &wanted.headers), ("query parameter", &wanted.query_params)] {
        for condition in conditions {
            let relation = if condition.kind == "RegularExpression" { " like" } else { ":" };
            let _ = write!(words, ", {what} `{}{relation} {}`", condition.name, condition.value);
        }
    }
    words
}

fn path(
    wanted: Option<&PathMatch>,
    request: &Request,
    expressions: Expressions,
    fit: &mut Fit,
) -> Result<(), String> {
    let default = PathMatch { kind: "PathPrefix".into(), value: "/".into() };
    let wanted = wanted.unwrap_or(&default);
    let path = request.path();
    let holds = match wanted.kind.as_str() {
        "Exact" => {
            fit.exact_path = true;
            fit.matched_length = path.len();
            path == wanted.value
        }
        "RegularExpression" => {
            fit.regex_path = true;
            fit.path_length = wanted.value.chars().count();
            fit.matched_length = path.len();
            matches_whole(&wanted.value, path, expressions)?
        }
        "PathPrefix" => {
            let prefix = wanted.value.trim_end_matches('/');
            fit.path_length = prefix.chars().count();
            // linkerd2-proxy, http/route/src/http/match/path.rs: without its trailing slashes, but `/` has one character.
            fit.matched_length = prefix.len().max(1);
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        other => return Err(format!("path match type `{other}` is not known")),
    };
    if holds { Ok(()) } else { Err(format!("the path is `{path}`")) }
}

fn grpc(
    wanted: &GrpcMethod,
    request: &Request,
    expressions: Expressions,
    fit: &mut Fit,
) -> Result<(), String> {
    let path = request.path();
    let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or((path, ""));
    for (what, condition, value, length) in [
        ("service", &wanted.service, service, &mut fit.grpc_service),
        ("method", &wanted.method, method, &mut fit.grpc_method),
    ] {
        let Some(condition) = condition.as_ref().filter(|condition| !condition.is_empty()) else {
            continue;
        };
        if !holds(&wanted.kind, condition, value, expressions)? {
            return Err(format!("the gRPC {what} is `{value}`"));
        }
        *length = condition.chars().count();
    }
    if wanted.kind == "RegularExpression" {
        fit.grpc_call = Comparison::RegularExpression;
    }
    Ok(())
}

/// How many conditions there are, if all hold.
fn values(
    what: &str,
    conditions: &[ValueMatch],
    expressions: Expressions,
    find: impl Fn(&str) -> Vec<String>,
) -> Result<usize, String> {
    let is_header = what == "header";
    let mut counted: Vec<&str> = Vec::new();
    for condition in conditions {
        let name = condition.name.as_str();
        // Of several conditions on one name only the first counts; header names have no case.
        let same = |other: &&str| if is_header { other.eq_ignore_ascii_case(name) } else { *other == name };
        if counted.iter().any(same) {
            continue;
        }
        let found = find(name);
        let mut holding = false;
        for value in &found {
            holding = holding || holds(&condition.kind, &condition.value, value, expressions)?;
        }
        if !holding {
            return Err(match found.first() {
                Some(value) => format!("{what} `{name}` is `{value}`"),
                None => format!("{what} `{name}` is absent"),
            });
        }
        counted.push(name);
    }
    Ok(counted.len())
}

fn holds(kind: &str, condition: &str, value: &str, expressions: Expressions) -> Result<bool, String> {
    match kind {
        "Exact" => Ok(condition == value),
        "RegularExpression" => matches_whole(condition, value, expressions),
        other => Err(format!("match type `{other}` is not known")),
    }
}

/// Meshes compare the whole value with a regular expression, not a part of it.
fn matches_whole(pattern: &str, value: &str, expressions: Expressions) -> Result<bool, String> {
    let found = |found: regex::Match<'_>| found.range() == (0..value.len());
    match expressions {
        Expressions::Anchored => {
            let anchored = format!("^(?:{pattern})$");
            Ok(compile(pattern).and_then(|_| compile(&anchored))?.is_match(value))
        }
        Expressions::Found => Ok(compile(pattern)?.find(value).is_some_and(found)),
    }
}

/// What would grow beyond 10 MiB is none, for Linkerd as for this: both have the limit that is `regex`'s own.
fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))
}
