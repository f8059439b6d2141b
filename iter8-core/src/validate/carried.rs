//! The filters that the core carries: what the CRDs of the routes say of them (Gateway API v1.5.1), as data.

use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::matches::is_token;
use crate::field_path::Path;
use crate::filter::{CarriedFilter, FilterType};
use crate::name::is_subdomain;
use crate::release::{Application, Strategy};
use crate::route_match::{Method, PathMatchType, RouteMatch};
use crate::{Value, Violation};

/// What a value can be.
enum Shape {
    Text(fn(&str) -> bool, &'static str),
    Integer(RangeInclusive<i128>),
    Boolean,
    /// At most so many, none of them twice.
    List(usize, &'static Self),
    /// Fields, and whether they have to be there.
    Map(&'static [(&'static str, bool, Self)]),
}

const PORT: Shape = Shape::Integer(1..=65_535);
const COUNT: RangeInclusive<i128> = 0..=2_147_483_647;
const HOSTNAME: Shape = Shape::Text(is_subdomain, "write a DNS name in lower case, without port and `*`");
const PATH: Shape = Shape::Text(|text| text.chars().count() <= 1024, "use at most 1024 characters");
const OBJECT_NAME: Shape =
    Shape::Text(|text| (1..=253).contains(&text.chars().count()), "use 1 to 253 characters");
const NAMESPACE: Shape = Shape::Text(
    |text| text.len() <= 63 && is_subdomain(text) && !text.contains('.'),
    "use at most 63 lower-case letters, digits and `-`, with a letter or digit at each end",
);
const HEADER: Shape = Shape::Text(is_token, "use letters, digits and !#$%&'*+-.^_`|~, at most 256");

pub(super) const GROUP_RULE: &str = "write a DNS name in lower case, or nothing for the core group";
pub(super) const KIND_RULE: &str = "use at most 63 letters, digits and `-`, with a letter first";
const GROUP: Shape = Shape::Text(is_group, GROUP_RULE);
const KIND: Shape = Shape::Text(is_kind, KIND_RULE);

pub(super) fn is_group(text: &str) -> bool {
    text.is_empty() || is_subdomain(text)
}

pub(super) fn is_kind(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(is_part)
        && !text.ends_with('-')
}

const REWRITE: Shape = Shape::Map(&[
    ("hostname", false, HOSTNAME),
    (
        "path",
        false,
        Shape::Map(&[
            (
                "type",
                true,
                Shape::Text(
                    |text| matches!(text, "ReplaceFullPath" | "ReplacePrefixMatch"),
                    "write `ReplaceFullPath` or `ReplacePrefixMatch`",
                ),
            ),
            ("replaceFullPath", false, PATH),
            ("replacePrefixMatch", false, PATH),
        ]),
    ),
]);

const MIRROR: Shape = Shape::Map(&[
    (
        "backendRef",
        true,
        Shape::Map(&[
            ("group", false, GROUP),
            ("kind", false, KIND),
            ("name", true, OBJECT_NAME),
            ("namespace", false, NAMESPACE),
            ("port", false, PORT),
        ]),
    ),
    ("percent", false, Shape::Integer(0..=100)),
    (
        "fraction",
        false,
        Shape::Map(&[
            ("numerator", true, Shape::Integer(COUNT)),
            ("denominator", false, Shape::Integer(1..=2_147_483_647)),
        ]),
    ),
]);

const CORS: Shape = Shape::Map(&[
    ("allowCredentials", false, Shape::Boolean),
    ("allowHeaders", false, Shape::List(64, &HEADER)),
    (
        "allowMethods",
        false,
        Shape::List(9, &Shape::Text(is_cors_method, "write a method like `GET`, or `*`")),
    ),
    (
        "allowOrigins",
        false,
        Shape::List(64, &Shape::Text(is_origin, "write an origin like `https://*.example.org:8443`, or `*`")),
    ),
    ("exposeHeaders", false, Shape::List(64, &HEADER)),
    ("maxAge", false, Shape::Integer(1..=2_147_483_647)),
]);

const EXTENSION: Shape =
    Shape::Map(&[("group", true, GROUP), ("kind", true, KIND), ("name", true, OBJECT_NAME)]);

fn is_cors_method(text: &str) -> bool {
    text == "*" || Method::ALL.iter().any(|method| method.as_str() == text)
}

/// `(^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)`
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return text == "*";
    };
    let (host, port) = host.split_once(':').map_or((host, "0"), |(host, port)| (host, port));
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = host == "*" || host.strip_prefix("*.").unwrap_or(host).split('.').all(is_part);
    text.len() <= 253 && is_host && is_port
}

/// What is wrong with a filter, which stands at `path`.
pub(super) fn check(
    filter: &CarriedFilter,
    application: &Application,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    let path = path.field(filter.kind().field());
    let shape = match filter.kind() {
        FilterType::UrlRewrite => REWRITE,
        FilterType::RequestMirror => MIRROR,
        FilterType::Cors => CORS,
        FilterType::ExtensionRef => EXTENSION,
        // Those are read, or refused.
        FilterType::RequestHeaderModifier
        | FilterType::ResponseHeaderModifier
        | FilterType::RequestRedirect => return,
    };
    let before = violations.len();
    shape.check(filter.value(), &path, violations);
    if violations.len() > before {
        return;
    }
    match filter.kind() {
        FilterType::UrlRewrite => check_rewrite(filter.value(), application, &path, violations),
        FilterType::RequestMirror => check_mirror(filter.value(), &path, violations),
        FilterType::Cors => check_cors(filter.value(), &path, violations),
        FilterType::RequestHeaderModifier
        | FilterType::ResponseHeaderModifier
        | FilterType::RequestRedirect
        | FilterType::ExtensionRef => {}
    }
}

impl Shape {
    fn check(&self, value: &Value, path: &Path<'_>, violations: &mut Vec<Violation>) {
        let mut refuse = |message: &str, hint: &str| {
            violations.push(Violation::new(path, message).value(value).hint(hint));
        };
        match (self, value) {
            (Self::Text(is_legal, _), Value::String(text)) if is_legal(text) => {}
            (Self::Text(_, rule), Value::String(_)) => refuse("is not legal here", rule),
            (Self::Text(_, rule), _) => refuse(&format!("must be a string, not {}", value.kind()), rule),
            (Self::Integer(range), Value::Integer(number)) if range.contains(number) => {}
            (Self::Integer(range), _) => {
                let rule = format!("write an integer from {} to {}", range.start(), range.end());
                refuse("is not a number that can stand here", &rule);
            }
            (Self::Boolean, Value::Bool(_)) => {}
            (Self::Boolean, _) => refuse("must be a boolean", "write `true` or `false`"),
            (Self::List(most, shape), Value::List(entries)) => {
                if entries.len() > *most {
                    let message = format!("has at most {most} entries, not {}", entries.len());
                    violations.push(Violation::new(path, message).hint("leave some out"));
                    return;
                }
                for (index, entry) in entries.iter().enumerate() {
                    let path = path.index(index);
                    shape.check(entry, &path, violations);
                    if entries.iter().take(index).any(|other| other == entry) {
                        let violation = Violation::new(path, "is there twice").value(entry);
                        violations.push(violation.hint("keep one of them"));
                    }
                }
            }
            (Self::List(..), _) => refuse("must be a list", "write a list, with `- ` before each entry"),
            (Self::Map(known), Value::Map(fields)) => {
                for (name, is_required, shape) in *known {
                    match fields.get(name) {
                        Some(value) => shape.check(value, &path.field(name), violations),
                        None if *is_required => {
                            let violation = Violation::new(path.field(name), "is required");
                            violations.push(violation.hint(format!("add `{name}`")));
                        }
                        None => {}
                    }
                }
                let names = || known.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
                for (name, _) in
                    fields.iter().filter(|(name, _)| known.iter().all(|(known, ..)| known != name))
                {
                    let violation = Violation::new(path.field(name), format!("unknown field `{name}`"));
                    violations.push(violation.hint(format!("known fields are {}", names())));
                }
            }
            (Self::Map(_), _) => refuse("must be a map", "write fields and values, like `field: value`"),
        }
    }
}

fn check_rewrite(value: &Value, application: &Application, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let Some(rewrite) = value.get("path") else { return };
    let path = path.field("path");
    let is_prefix = rewrite.get("type").and_then(Value::as_str) == Some("ReplacePrefixMatch");
    let (wanted, other) = if is_prefix {
        ("replacePrefixMatch", "replaceFullPath")
    } else {
        ("replaceFullPath", "replacePrefixMatch")
    };
    if rewrite.get(wanted).is_none() {
        violations.push(
            Violation::new(path.field(wanted), "is required by `type`").hint(format!("add `{wanted}`")),
        );
    }
    if rewrite.get(other).is_some() {
        violations.push(Violation::new(path.field(other), "does not fit `type`").hint("leave it out"));
    }
    if !is_prefix || application.strategy != Some(Strategy::Canary) {
        return;
    }
    for (index, version) in application.versions.iter().enumerate().skip(1) {
        if !matches!(version.matches.as_slice(), [] | [_]) || !version.matches.iter().all(has_prefix) {
            let message = "must be one match with a path prefix, which the filter `URLRewrite` replaces";
            let violation = Violation::new(Path::version(index).field("matches"), message);
            violations
                .push(violation.of_absence().hint("write one match with `PathPrefix` or without a path"));
        }
    }
}

/// Without a path it is the prefix `/`.
fn has_prefix(entry: &RouteMatch) -> bool {
    match entry {
        RouteMatch::Http(entry) => {
            entry.path.as_ref().is_none_or(|path| path.kind == PathMatchType::PathPrefix)
        }
        RouteMatch::Grpc(_) => false,
    }
}

fn check_mirror(value: &Value, path: &Path<'_>, violations: &mut Vec<Violation>) {
    let backend = value.get("backendRef");
    let text = |field: &str| backend.and_then(|backend| backend.get(field)).and_then(Value::as_str);
    if text("group") == Some("")
        && text("kind") == Some("Service")
        && backend.is_some_and(|backend| backend.get("port").is_none())
    {
        let path = path.field("backendRef");
        violations.push(Violation::new(path.field("port"), "is required for a Service").hint("add `port`"));
    }
    let Some(fraction) = value.get("fraction") else { return };
    let path = path.field("fraction");
    if value.get("percent").is_some() {
        let violation = Violation::new(path, "cannot stand beside `percent`");
        violations.push(violation.hint("keep one of them"));
    }
    let part = |field: &str| fraction.get(field).and_then(Value::as_integer);
    if part("numerator") > part("denominator") {
        let violation = Violation::new(path, "must not be more than the whole");
        violations.push(violation.hint("write a `numerator` that is not more than the `denominator`"));
    }
}

fn check_cors(value: &Value, path: &Path<'_>, violations: &mut Vec<Violation>) {
    for field in ["allowHeaders", "allowMethods", "allowOrigins"] {
        let entries = value.get(field).and_then(Value::as_list).unwrap_or_default();
        if entries.len() > 1 && entries.iter().any(|entry| entry.as_str() == Some("*")) {
            let violation = Violation::new(path.field(field), "has `*` beside others");
            violations.push(violation.hint("write `*` alone, or leave it out"));
        }
    }
}
