//! What a request asks for, read from its method, path, query and headers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, header, request::Parts};

use super::failure::Failure;
use super::kinds::{Kind, Kinds};
use super::store::Key;

/// A request for objects.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) verb: Verb,
    pub(super) kind: Arc<Kind>,
    /// Empty for cluster-scoped objects and for all namespaces.
    pub(super) namespace: String,
    /// Empty for a request to the whole resource.
    pub(super) name: String,
    pub(super) subresource: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) content_type: String,
    pub(super) accept: String,
    pub(super) user_agent: String,
    pub(super) body: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Apply,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A request, told apart by its path.
#[derive(Debug)]
pub(super) enum Asked {
    Objects(Call),
    /// Anything else: discovery, health, version.
    Other(String),
    /// A path of a group that does not exist.
    Nothing,
}

/// Reads a request.
pub(super) fn read(kinds: &Kinds, parts: &Parts, body: Bytes) -> Result<Asked, Failure> {
    let path = parts.uri.path();
    let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return Ok(Asked::Other(path.to_owned())),
    };
    // Of a group of its own the real server knows the versions that it lacks.
    if !kinds.iter().any(|kind| kind.group == group && (kind.custom.is_none() || kind.version == version)) {
        return Ok(Asked::Nothing);
    }
    let Place { namespace, plural, name, subresource } = place(rest).ok_or_else(Failure::no_such_resource)?;
    let kind = kinds.find(group, version, plural).ok_or_else(Failure::no_such_resource)?;
    let served = match subresource {
        "" => true,
        "status" => kind.status,
        "scale" => kind.scales(),
        "finalize" => kind.is("", "Namespace"),
        _ => false,
    };
    let scoped_well = namespace.is_empty() || kind.namespaced;
    if !served || !scoped_well || (kind.namespaced && !name.is_empty() && namespace.is_empty()) {
        return Err(Failure::no_such_resource());
    }
    let text =
        |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let query = query(parts.uri.query().unwrap_or_default());
    let content_type = text(header::CONTENT_TYPE);
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let accept = text(header::ACCEPT);
    if !accepts_json(&accept) {
        return Err(Failure::no_such_form());
    }
    let verb = verb(&parts.method, name, &query, &content_type)?;
    if matches!(verb, Verb::Create | Verb::Update) && !matches!(&*content_type, "" | "application/json") {
        return Err(Failure::unknown_form());
    }
    if !subresource.is_empty() && !matches!(verb, Verb::Get | Verb::Update | Verb::Patch | Verb::Apply) {
        return Err(Failure::method_not_allowed());
    }
    let needs_name = kind.is("", "Namespace") && verb == Verb::DeleteCollection;
    if needs_name || (kind.namespaced && namespace.is_empty() && verb == Verb::Create) {
        return Err(Failure::method_not_allowed());
    }
    Ok(Asked::Objects(Call {
        verb,
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
        query,
        content_type,
        accept,
        user_agent: text(header::USER_AGENT),
        body,
    }))
}

struct Place<'a> {
    namespace: &'a str,
    plural: &'a str,
    name: &'a str,
    subresource: &'a str,
}

fn place<'a>(rest: &[&'a str]) -> Option<Place<'a>> {
    let (namespace, rest) = match rest {
        // A namespace itself, rather than something in it.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return None,
    };
    Some(Place { namespace, plural, name, subresource })
}

fn verb(
    method: &Method,
    name: &str,
    query: &BTreeMap<String, String>,
    content: &str,
) -> Result<Verb, Failure> {
    let watches = query.get("watch").is_some_and(|value| matches!(value.as_str(), "true" | "1" | ""));
    match (method.as_str(), name.is_empty()) {
        ("GET", true) if watches => Ok(Verb::Watch),
        ("GET", true) => Ok(Verb::List),
        ("GET", false) => Ok(Verb::Get),
        ("POST", true) => Ok(Verb::Create),
        ("PUT", false) => Ok(Verb::Update),
        ("PATCH", false) if content == "application/apply-patch+yaml" => Ok(Verb::Apply),
        ("PATCH", false) => Ok(Verb::Patch),
        ("DELETE", true) => Ok(Verb::DeleteCollection),
        ("DELETE", false) => Ok(Verb::Delete),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// Whether one of the forms that a client takes is JSON, which is the only one there is.
fn accepts_json(accept: &str) -> bool {
    let mut forms = accept.split(',').map(|form| form.split(';').next().unwrap_or_default().trim());
    forms.any(|form| matches!(form, "" | "*/*" | "application/*" | "application/json"))
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high * 16 + low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Call {
    pub(super) fn key(&self) -> Key {
        Key { resource: self.kind.resource(), namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// A parameter, empty if it is missing.
    pub(super) fn param(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), "true" | "1")
    }

    /// Whether the client wants nothing but metadata.
    pub(super) fn wants_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.param("dryRun") == "All"
    }

    /// Who writes: the field manager that the request names, else the first part of its user agent.
    pub(super) fn manager(&self) -> String {
        match self.param("fieldManager") {
            "" => self.user_agent.split('/').next().unwrap_or_default().chars().take(128).collect(),
            named => named.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_told_apart_from_what_is_in_it() {
        let place = |path: &[&'static str]| {
            let place = place(path).unwrap();
            (place.namespace, place.plural, place.name, place.subresource)
        };
        assert_eq!(place(&["namespaces", "a"]), ("", "namespaces", "a", ""));
        assert_eq!(place(&["namespaces", "a", "status"]), ("", "namespaces", "a", "status"));
        assert_eq!(place(&["namespaces", "a", "pods"]), ("a", "pods", "", ""));
        assert_eq!(place(&["namespaces", "a", "pods", "p", "status"]), ("a", "pods", "p", "status"));
    }

    #[test]
    fn queries_are_decoded() {
        let query = query("labelSelector=a%3Db%2Cc+in+%28d%29&watch=true");
        assert_eq!(query["labelSelector"], "a=b,c in (d)");
        assert_eq!(query["watch"], "true");
    }
}
