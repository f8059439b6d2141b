//! What the filters of a rule and of its backendRefs do.

use std::collections::BTreeMap;

use super::cors;
use super::hostname::without_port;
use super::model::{Filter, HeaderModifier, PathModifier, RequestRedirect, UrlRewrite};
use super::outcome::{DeliveredRequest, Effect, HeaderChanges, Redirect, append};
use super::request::Request;

/// The request on its way through the filters.
#[derive(Clone, Debug)]
pub(super) struct Passage<'a> {
    request: &'a Request,
    /// The path prefix that the winning match asked for, if it asked for one.
    prefix: Option<&'a str>,
    effect: Effect,
}

impl<'a> Passage<'a> {
    pub(super) fn new(request: &'a Request, prefix: Option<&'a str>) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in request.headers() {
            append(&mut headers, name, value);
        }
        let delivered = DeliveredRequest {
            host: request.host().to_owned(),
            path: with_query(request.path(), request.query()),
            headers,
        };
        let effect =
            Effect { request: delivered, response_headers: HeaderChanges::default(), redirect: None };
        Self { request, prefix, effect }
    }

    /// Applies filters in their order.
    ///
    /// # Errors
    ///
    /// Says which filter cannot be honoured; the specification wants such a request to fail.
    pub(super) fn apply<'f>(&mut self, filters: impl IntoIterator<Item = &'f Filter>) -> Result<(), String> {
        // A response meets the filters in the opposite order: those applied now are further from the client.
        let mut response = HeaderChanges::default();
        for filter in filters {
            self.apply_one(filter, &mut response)?;
        }
        let outer = std::mem::take(&mut self.effect.response_headers);
        self.effect.response_headers = response.then(&outer);
        Ok(())
    }

    pub(super) fn effect(self) -> Effect {
        self.effect
    }

    fn apply_one(&mut self, filter: &Filter, response: &mut HeaderChanges) -> Result<(), String> {
        let missing = || format!("filter `{}` without its settings", filter.kind);
        match filter.kind.as_str() {
            "RequestHeaderModifier" => {
                let modifier = filter.request_header_modifier.as_ref().ok_or_else(missing)?;
                let mut changes = changes(modifier);
                // A request has one Host (RFC 9112, section 3.2): there is nothing to add to it or to take away.
                let host = changes.set.remove("host");
                changes.add.remove("host");
                changes.apply(&mut self.effect.request.headers);
                self.effect.request.host =
                    host.unwrap_or_else(|| std::mem::take(&mut self.effect.request.host));
            }
            "ResponseHeaderModifier" => {
                let modifier = filter.response_header_modifier.as_ref().ok_or_else(missing)?;
                *response = std::mem::take(response).then(&changes(modifier));
            }
            "RequestRedirect" => {
                let redirect = filter.request_redirect.as_ref().ok_or_else(missing)?;
                self.effect.redirect = Some(self.redirect(redirect));
            }
            "URLRewrite" => self.rewrite(filter.url_rewrite.as_ref().ok_or_else(missing)?),
            "RequestMirror" => drop(filter.request_mirror.as_ref().ok_or_else(missing)?),
            "CORS" => {
                let settings = filter.cors.as_ref().ok_or_else(missing)?;
                let changes = HeaderChanges {
                    set: cors::response_headers(settings, self.request),
                    ..HeaderChanges::default()
                };
                *response = std::mem::take(response).then(&changes);
            }
            other => return Err(format!("filter `{other}` is not supported")),
        }
        Ok(())
    }

    fn rewrite(&mut self, rewrite: &UrlRewrite) {
        if let Some(hostname) = &rewrite.hostname {
            self.effect.request.host.clone_from(hostname);
        }
        if let Some(modifier) = &rewrite.path {
            let path = self.modified_path(modifier);
            self.effect.request.path = with_query(&path, self.request.query());
        }
    }

    fn redirect(&self, redirect: &RequestRedirect) -> Redirect {
        let scheme = redirect.scheme.as_deref().unwrap_or_else(|| self.request.scheme().as_str());
        let hostname =
            redirect.hostname.as_deref().unwrap_or_else(|| without_port(self.request.host())).to_owned();
        let well_known = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        // A redirect that names a scheme and no port goes to the scheme's own port.
        let inherited = if redirect.scheme.is_some() { well_known } else { self.request.port() };
        let port = Some(redirect.port.unwrap_or(inherited)).filter(|port| *port != well_known);
        let path = match &redirect.path {
            Some(modifier) => self.modified_path(modifier),
            None => self.request.path().to_owned(),
        };
        let authority = match port {
            Some(port) => format!("{hostname}:{port}"),
            None => hostname.clone(),
        };
        let location = format!("{scheme}://{authority}{}", with_query(&path, self.request.query()));
        Redirect {
            status: redirect.status_code.unwrap_or(302),
            scheme: scheme.to_owned(),
            hostname,
            port,
            path,
            location,
        }
    }

    fn modified_path(&self, modifier: &PathModifier) -> String {
        let path = self.request.path();
        if let Some(full) = &modifier.replace_full_path {
            return if full.starts_with('/') { full.clone() } else { format!("/{full}") };
        }
        let (Some(replacement), Some(prefix)) = (&modifier.replace_prefix_match, self.prefix) else {
            return path.to_owned();
        };
        match path.strip_prefix(prefix.trim_end_matches('/')) {
            Some("") if replacement.is_empty() => "/".to_owned(),
            Some("") => replacement.clone(),
            Some(rest) => format!("{}{rest}", replacement.trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

fn changes(modifier: &HeaderModifier) -> HeaderChanges {
    let mut changes = HeaderChanges::default();
    for header in &modifier.set {
        changes.set.insert(header.name.to_ascii_lowercase(), header.value.clone());
    }
    for header in &modifier.add {
        append(&mut changes.add, &header.name.to_ascii_lowercase(), &header.value);
    }
    changes.remove = modifier.remove.iter().map(|name| name.to_ascii_lowercase()).collect();
    changes
}

fn with_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Filter, Passage};
    use crate::simulator::Request;
    use crate::simulator::outcome::Effect;

    /// What the filters do to a GET that a match on this path prefix has found.
    fn effect(url: &str, prefix: &str, filters: Value) -> Effect {
        let request = Request::new("GET", url).unwrap();
        let mut passage = Passage::new(&request, Some(prefix));
        passage.apply(&serde_json::from_value::<Vec<Filter>>(filters).unwrap()).unwrap();
        passage.effect()
    }

    #[test]
    fn a_prefix_is_replaced_by_whole_segments() {
        // The table of the specification.
        for (path, prefix, replacement, modified) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/foo", "/", "/xyz", "/xyz/foo"),
        ] {
            let rewrite =
                json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": replacement } });
            let filters = json!([{ "type": "URLRewrite", "urlRewrite": rewrite }]);
            let effect = effect(&format!("http://a{path}?x=1"), prefix, filters);
            assert_eq!(effect.request.path, format!("{modified}?x=1"), "{path} {prefix} {replacement}");
        }
    }

    #[test]
    fn the_host_header_is_set_as_the_host_and_stays_one() {
        let modifier =
            |changes: Value| json!([{ "type": "RequestHeaderModifier", "requestHeaderModifier": changes }]);
        let header = json!([{ "name": "Host", "value": "b" }, { "name": "x", "value": "y" }]);
        for (changes, host) in [
            (json!({ "set": header }), "b"),
            (json!({ "add": header }), "a:8080"),
            (json!({ "remove": ["host"], "set": [{ "name": "x", "value": "y" }] }), "a:8080"),
        ] {
            let request = effect("http://a:8080/", "/", modifier(changes.clone())).request;
            assert_eq!(request.host, host, "{changes}");
            assert_eq!(request.headers, [("x".to_owned(), "y".to_owned())].into(), "{changes}");
        }
    }

    #[test]
    fn a_redirect_goes_to_the_port_of_its_scheme_unless_it_keeps_the_scheme() {
        for (url, redirect, location) in [
            ("http://a/", json!({}), "http://a/"),
            ("http://a:8080/", json!({}), "http://a:8080/"),
            ("http://a:8080/", json!({ "scheme": "https" }), "https://a/"),
            ("https://a/", json!({ "scheme": "http" }), "http://a/"),
            ("https://a:8443/p?q", json!({ "hostname": "b" }), "https://b:8443/p?q"),
            ("http://a/", json!({ "port": 8080 }), "http://a:8080/"),
            ("http://a/", json!({ "scheme": "https", "port": 443 }), "https://a/"),
            ("http://a/", json!({ "scheme": "https", "port": 80 }), "https://a:80/"),
        ] {
            let effect =
                effect(url, "/", json!([{ "type": "RequestRedirect", "requestRedirect": redirect }]));
            let found = effect.redirect.unwrap();
            assert_eq!((found.location.as_str(), found.status), (location, 302), "{url} {redirect}");
        }
    }

    #[test]
    fn header_changes_follow_one_another() {
        let modifier =
            |changes: Value| json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": changes });
        let header = |value: &str| json!([{ "name": "X", "value": value }]);
        for (changes, set, add, remove) in [
            ([json!({ "set": header("a") }), json!({ "add": header("b") })], Some("a,b"), None, false),
            ([json!({ "add": header("a") }), json!({ "add": header("b") })], None, Some("a,b"), false),
            ([json!({ "remove": ["x"] }), json!({ "add": header("b") })], Some("b"), None, false),
            ([json!({ "add": header("a") }), json!({ "remove": ["x"] })], None, None, true),
            ([json!({ "add": header("a") }), json!({ "set": header("b") })], Some("b"), None, false),
        ] {
            let found = effect("http://a/", "/", changes.map(modifier).into()).response_headers;
            assert_eq!(found.set.get("x").map(String::as_str), set);
            assert_eq!(found.add.get("x").map(String::as_str), add);
            assert_eq!(found.remove.contains(&"x".to_owned()), remove);
        }
    }
}
