//! Label and field selectors.

use serde_json::Value;

use super::failure::Failure;
use super::kinds::Kind;
use super::store;

/// What a list or watch picks.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    Greater(String, i64),
    Less(String, i64),
}

impl Selector {
    /// Reads both selectors of a request.
    pub(super) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Failure> {
        let labels = split(labels).into_iter().map(|part| requirement(&part)).collect::<Result<_, _>>()?;
        let fields = fields.split(',').filter(|part| !part.is_empty()).map(|part| field(kind, part));
        Ok(Self { labels, fields: fields.collect::<Result<_, _>>()? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object.pointer("/metadata/labels")?.get(key)?.as_str();
        let number = |key: &str| label(key)?.parse::<i64>().ok();
        let labels = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|value| values.iter().any(|v| v == value)),
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|value| values.iter().all(|v| v != value))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
            Requirement::Greater(key, bound) => number(key).is_some_and(|value| value > *bound),
            Requirement::Less(key, bound) => number(key).is_some_and(|value| value < *bound),
        });
        labels
            && self.fields.iter().all(|(path, wanted, value)| (field_text(object, path) == *value) == *wanted)
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn requirement(part: &str) -> Result<Requirement, Failure> {
    let part = part.trim();
    let unable = || {
        Failure::bad_request(&format!("unable to parse requirement: found '{part}', expected: identifier"))
    };
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(key.trim().to_owned()));
    }
    let pair =
        |operator: &str| part.split_once(operator).map(|(key, value)| (key.trim().to_owned(), value.trim()));
    if let Some((key, value)) = pair("!=") {
        return Ok(Requirement::NotIn(key, vec![value.to_owned()]));
    }
    if let Some((key, value)) = pair("==").or_else(|| pair("=")) {
        return Ok(Requirement::In(key, vec![value.to_owned()]));
    }
    if let Some((key, value)) = pair(">") {
        return Ok(Requirement::Greater(key, value.parse().map_err(|_| unable())?));
    }
    if let Some((key, value)) = pair("<") {
        return Ok(Requirement::Less(key, value.parse().map_err(|_| unable())?));
    }
    if let Some((head, values)) = part.split_once('(') {
        let values = values.strip_suffix(')').ok_or_else(unable)?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Requirement::In(key.to_owned(), values)),
            (Some(key), Some("notin"), None) => Ok(Requirement::NotIn(key.to_owned(), values)),
            _ => Err(unable()),
        };
    }
    if let Some(word) = part.split_whitespace().nth(1) {
        let why =
            format!("unable to parse requirement: found '{word}', expected: in, notin, =, ==, !=, gt, lt");
        return Err(Failure::bad_request(&why));
    }
    Ok(Requirement::Exists(part.to_owned()))
}

fn field(kind: &Kind, part: &str) -> Result<(String, bool, String), Failure> {
    let (path, wanted, value) = if let Some((path, value)) = part.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        (path, true, value)
    } else {
        return Err(Failure::bad_request(&format!(
            "invalid field selector: {part:?}; can't understand {part:?}"
        )));
    };
    if !known_fields(kind).iter().any(|known| known == path) {
        return Err(Failure::bad_request(&match kind.custom {
            Some(_) => format!("field label not supported: {path}"),
            None if has_own_fields(kind) => format!("field label not supported: {path}"),
            None => format!(
                "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            ),
        }));
    }
    Ok((path.to_owned(), wanted, value.to_owned()))
}

fn has_own_fields(kind: &Kind) -> bool {
    known_fields(kind).len() > 2
}

fn known_fields(kind: &Kind) -> Vec<String> {
    let own: &[&str] = match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "Secret") => &["type"],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("apps", "ReplicaSet") => &["status.replicas"],
        _ => &[],
    };
    let custom = kind.custom.iter().flat_map(|custom| custom.selectable_fields.iter().cloned());
    let common = ["metadata.name", "metadata.namespace"];
    common.iter().chain(own).map(|path| (*path).to_owned()).chain(custom).collect()
}

fn field_text(object: &Value, path: &str) -> String {
    let path = match path {
        "source" => "source.component",
        other => other,
    };
    let pointer = format!("/{}", path.replace('.', "/"));
    match object.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None if matches!(path, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        None if path == "source.component" => store::text(object, "/reportingComponent").to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::Kinds;
    use super::*;

    fn check(labels: &str, fields: &str) -> bool {
        let kind = Kinds::built_in().find("", "v1", "pods").unwrap();
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "front", "size": "5"}}});
        Selector::parse(&kind, labels, fields).unwrap().matches(&pod)
    }

    #[test]
    fn every_operator_of_label_selectors_is_understood() {
        for yes in [
            "app=web",
            "app==web,tier!=back",
            "app in (web, db)",
            "x notin (a,b)",
            "app",
            "!x",
            "size>4",
            "size<6",
        ] {
            assert!(check(yes, ""), "{yes}");
        }
        for no in ["app=db", "app in (db),tier", "tier notin (front)", "x", "!app", "size>5"] {
            assert!(!check(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_select_by_value_and_unknown_ones_are_refused() {
        assert!(check("", "metadata.name=a,spec.nodeName="));
        assert!(!check("", "metadata.name!=a"));
        let kind = Kinds::built_in().find("", "v1", "pods").unwrap();
        assert!(Selector::parse(&kind, "", "spec.foo=a").is_err());
    }
}
