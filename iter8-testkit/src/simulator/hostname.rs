//! Hostnames: which one covers which, and which one is more specific.

/// How specific a hostname is: an exact one before any wildcard, then the longer one; no hostname comes last.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Specificity {
    exact: bool,
    length: usize,
}

/// The specificity with which `pattern` covers `host`, if it does. No pattern covers every host.
pub(super) fn covers(pattern: Option<&str>, host: &str) -> Option<Specificity> {
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
        return Some(Specificity::default());
    };
    let covered = match pattern.strip_prefix('*') {
        Some(suffix) => is_below(host, suffix),
        None => pattern.eq_ignore_ascii_case(host),
    };
    covered.then(|| specificity(pattern))
}

/// What both hostnames cover: the more specific of the two, or nothing. No hostname on a side leaves the other one.
pub(super) fn intersection<'a>(one: &'a str, other: &'a str) -> Option<&'a str> {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (None, None) => one.eq_ignore_ascii_case(other).then_some(one),
        (Some(suffix), None) => is_below(other, suffix).then_some(other),
        (None, Some(suffix)) => is_below(one, suffix).then_some(one),
        (Some(_), Some(suffix)) if ends_with(one, suffix) => Some(one),
        (Some(suffix), Some(_)) => ends_with(other, suffix).then_some(other),
    }
}

/// The name in a `Host` header or authority, without a port.
pub(super) fn without_port(host: &str) -> &str {
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn specificity(pattern: &str) -> Specificity {
    Specificity { exact: !pattern.starts_with('*'), length: pattern.len() }
}

/// A wildcard stands for one or more labels, never for none: `.example.com` takes no bare `example.com`.
fn is_below(host: &str, suffix: &str) -> bool {
    host.len() > suffix.len() && ends_with(host, suffix)
}

fn ends_with(host: &str, suffix: &str) -> bool {
    host.to_ascii_lowercase().ends_with(&suffix.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{covers, intersection, without_port};

    #[test]
    fn a_wildcard_covers_any_number_of_labels_but_not_none() {
        assert!(covers(Some("*.example.com"), "a.example.com").is_some());
        assert!(covers(Some("*.example.com"), "a.b.Example.com").is_some());
        assert!(covers(Some("*.example.com"), "example.com").is_none());
        assert!(covers(Some("*.example.com"), "badexample.com").is_none());
    }

    #[test]
    fn exact_beats_wildcard_beats_none() {
        let exact = covers(Some("a.example.com"), "a.example.com");
        let long = covers(Some("*.example.com"), "a.example.com");
        let short = covers(Some("*.com"), "a.example.com");
        let none = covers(None, "a.example.com");

        assert!(exact > long && long > short && short > none && none.is_some());
    }

    #[test]
    fn an_intersection_is_the_more_specific_side() {
        for (one, other, both) in [
            ("a.example.com", "*.example.com", Some("a.example.com")),
            ("*.example.com", "a.example.com", Some("a.example.com")),
            ("*.example.com", "*.com", Some("*.example.com")),
            ("*.com", "*.example.com", Some("*.example.com")),
            ("*.com", "*.com", Some("*.com")),
            ("*.example.com", "example.com", None),
            ("*.example.com", "*.example.org", None),
            ("a.com", "b.com", None),
        ] {
            assert_eq!(intersection(one, other), both, "{one} and {other}");
        }
    }

    #[test]
    fn a_port_is_not_part_of_the_name() {
        assert_eq!(without_port("example.com:8080"), "example.com");
        assert_eq!(without_port("example.com"), "example.com");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("::1"), "::1");
    }
}
