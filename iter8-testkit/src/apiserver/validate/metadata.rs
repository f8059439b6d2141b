//! Names, labels, owners and finalizers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::super::failure::Cause;
use super::super::kinds::Kind;
use super::super::store::{self, text};

static SUBDOMAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok());
static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$").ok());
static LABEL_VALUE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$").ok());
static QUALIFIED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$").ok());

fn is(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Whether `name` is one label of a DNS name.
pub(super) fn is_label(name: &str) -> bool {
    is(&LABEL, name) && name.len() <= 63
}

/// What is wrong with a name that is no label.
pub(super) const NO_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// Problems of the metadata of an object.
pub(super) fn check(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(object, "/metadata/name");
    let base = text(object, "/metadata/generateName");
    if let Some(detail) = name_problem(kind, &masked(base)).filter(|_| !base.is_empty()) {
        causes.push(Cause::invalid("metadata.generateName", &base.into(), &detail));
    }
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if let Some(detail) = name_problem(kind, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), &detail));
    }
    causes.extend(labels(object, "/metadata/labels", "metadata.labels"));
    if let Some(Value::Object(annotations)) = object.pointer("/metadata/annotations") {
        for key in annotations.keys() {
            causes.extend(
                key_problem(key)
                    .map(|detail| Cause::invalid("metadata.annotations", &key.as_str().into(), &detail)),
            );
        }
    }
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    for (at, finalizer) in store::finalizers(object).iter().enumerate() {
        let standard = matches!(finalizer.as_str(), "orphan" | "foregroundDeletion" | "kubernetes");
        let field = format!("metadata.finalizers[{at}]");
        let value = finalizer.as_str().into();
        if let Some(detail) = key_problem(finalizer) {
            causes.push(Cause::invalid(&field, &value, &detail));
        } else if !standard && !finalizer.contains('/') {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(&field, &value, detail));
        }
    }
    for owner in owners.into_iter().flatten() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                let detail =
                    if field == "apiVersion" { "version must not be empty" } else { "must not be empty" };
                causes.push(Cause::invalid(&format!("metadata.ownerReferences.{field}"), &json!(""), detail));
            }
        }
    }
    let controllers =
        owners.into_iter().flatten().filter(|owner| owner.get("controller") == Some(&json!(true)));
    if controllers.count() > 1 {
        let cause = Cause::invalid(
            "metadata.ownerReferences",
            &owners.cloned().unwrap_or_default().into(),
            "Only one reference can have Controller set to true. Found \"true\" in references",
        );
        causes.push(cause);
    }
    causes
}

/// A prefix of a name may end in a dash.
fn masked(prefix: &str) -> String {
    prefix
        .strip_suffix('-')
        .filter(|rest| !rest.is_empty())
        .map_or_else(|| prefix.to_owned(), |rest| format!("{rest}a"))
}

fn name_problem(kind: &Kind, name: &str) -> Option<String> {
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                     start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let (fits, most, detail) = match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Namespace" | "Service") => (is(&LABEL, name), 63, NO_LABEL),
        ("rbac.authorization.k8s.io", _) => {
            let fits = !matches!(name, "." | "..") && !name.contains(['/', '%']);
            (fits, usize::MAX, "may not be '.' or '..' or contain '/' or '%'")
        }
        _ => (is(&SUBDOMAIN, name), 253, subdomain),
    };
    if !fits {
        return Some(detail.to_owned());
    }
    (name.len() > most).then(|| format!("must be no more than {most} characters"))
}

fn key_problem(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let detail = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                  alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                  '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    if name.is_empty() {
        return Some(format!("name part must be non-empty; {detail}"));
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    if !is(&QUALIFIED, name) {
        return Some(detail.to_owned());
    }
    prefix.filter(|prefix| !is(&SUBDOMAIN, prefix)).map(|_| {
        "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
         must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned()
    })
}

pub(super) fn labels(object: &Value, pointer: &str, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in object.pointer(pointer).and_then(Value::as_object).into_iter().flatten() {
        causes.extend(key_problem(key).map(|detail| Cause::invalid(field, &key.as_str().into(), &detail)));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(field, value, "must be no more than 63 characters"));
        } else if !is(&LABEL_VALUE, text) {
            let detail = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                          must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                          regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            causes.push(Cause::invalid(field, value, detail));
        }
    }
    causes
}
