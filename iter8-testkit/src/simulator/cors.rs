//! Cross-origin requests: what the CORS filter answers.
//!
//! Where the specification leaves a choice between `*` and the value of the request, the value of the request is
//! echoed, which is right with and without credentials.

use std::collections::BTreeMap;

use super::model::Cors;
use super::request::Request;

/// Whether this is a preflight request, which is answered by the proxy and never reaches a backend.
pub(super) fn is_preflight(request: &Request) -> bool {
    request.method() == "OPTIONS"
        && request.header_values("origin").next().is_some()
        && request.header_values("access-control-request-method").next().is_some()
}

/// The headers that the response gets; none if the origin is not allowed or the request is not cross-origin.
pub(super) fn response_headers(cors: &Cors, request: &Request) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let Some(origin) = request.header_values("origin").next() else {
        return headers;
    };
    if !cors.allow_origins.iter().any(|pattern| allows(pattern, origin)) {
        return headers;
    }
    headers.insert("access-control-allow-origin".into(), origin.into());
    if cors.allow_credentials {
        headers.insert("access-control-allow-credentials".into(), "true".into());
    }
    let requested = |name: &'static str| request.header_values(name).collect::<Vec<_>>().join(", ");
    let exposed = if cors.allow_credentials && is_wildcard(&cors.expose_headers) {
        // With credentials `*` is a header of that name, so nothing is left to say.
        String::new()
    } else {
        cors.expose_headers.join(", ")
    };
    insert(&mut headers, "access-control-expose-headers", exposed);
    if is_preflight(request) {
        let methods = listed(&cors.allow_methods, || requested("access-control-request-method"));
        insert(&mut headers, "access-control-allow-methods", methods);
        let names = listed(&cors.allow_headers, || requested("access-control-request-headers"));
        insert(&mut headers, "access-control-allow-headers", names);
        headers.insert("access-control-max-age".into(), cors.max_age.to_string());
    }
    headers
}

fn insert(headers: &mut BTreeMap<String, String>, name: &str, value: String) {
    if !value.is_empty() {
        headers.insert(name.into(), value);
    }
}

fn listed(values: &[String], requested: impl FnOnce() -> String) -> String {
    if is_wildcard(values) { requested() } else { values.join(", ") }
}

fn is_wildcard(values: &[String]) -> bool {
    values.iter().any(|value| value == "*")
}

fn allows(pattern: &str, origin: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (Some(allowed), Some(asked)) = (Origin::parse(pattern), Origin::parse(origin)) else {
        return false;
    };
    allowed.scheme == asked.scheme && allowed.port == asked.port && glob(&allowed.host, &asked.host)
}

struct Origin {
    scheme: String,
    host: String,
    port: String,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let well_known = if scheme == "https" { "443" } else { "80" };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (authority, well_known),
        };
        Some(Self { scheme: scheme.into(), host: host.into(), port: port.into() })
    }
}

/// Whether `*` in the pattern can stand for parts of the text, labels and dots included.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| glob(after, rest.get(at..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn an_origin_needs_scheme_host_and_port() {
        for (pattern, origin, allowed) in [
            ("*", "http://a:1", true),
            ("https://www.foo.com", "https://www.foo.com", true),
            ("https://www.foo.com", "https://www.foo.com:443", true),
            ("https://www.foo.com", "https://www.foo.com:8443", false),
            ("https://www.foo.com", "http://www.foo.com", false),
            ("https://*.bar.com", "https://a.b.bar.com", true),
            ("https://*.bar.com", "https://bar.com", false),
            ("https://*.bar.com", "https://foobar.com", false),
            ("https://*", "https://anything", true),
            ("http://*:8080", "http://a.b:8080", true),
            ("https://*", "null", false),
        ] {
            assert_eq!(allows(pattern, origin), allowed, "{pattern} and {origin}");
        }
    }
}
