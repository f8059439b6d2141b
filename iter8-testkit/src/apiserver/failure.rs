//! Requests that fail, in the words of the real server.

use serde_json::{Map, Value, json};

/// What a failed request answers: the body of a `Status`.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    /// By which to go on with a list.
    token: Option<String>,
}

/// A problem with one field.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) field: String,
    pub(super) message: String,
}

impl Cause {
    pub(super) fn required(field: &str, detail: &str) -> Self {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", field: field.to_owned(), message }
    }

    pub(super) fn invalid(field: &str, value: &Value, detail: &str) -> Self {
        let message = format!("Invalid value: {}: {detail}", show(value));
        Self { reason: "FieldValueInvalid", field: field.to_owned(), message }
    }

    pub(super) fn forbidden(field: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.to_owned(),
            message: format!("Forbidden: {detail}"),
        }
    }

    pub(super) fn unsupported(field: &str, value: &Value, supported: &[String]) -> Self {
        let supported: Vec<_> = supported.iter().map(|text| format!("{text:?}")).collect();
        let message =
            format!("Unsupported value: {}: supported values: {}", show(value), supported.join(", "));
        Self { reason: "FieldValueNotSupported", field: field.to_owned(), message }
    }
}

/// A value as messages show it.
pub(super) fn show(value: &Value) -> String {
    value.to_string()
}

/// A resource as messages name it: `deployments.apps`, `pods`.
pub(super) fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self { code, reason, message, details: None, token: None }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = Map::new();
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), value.into());
            }
        }
        self.details = Some(Value::Object(details));
        self
    }

    pub(super) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, plural));
        Self::new(404, "NotFound", message).about(group, plural, name)
    }

    /// No such path.
    pub(super) fn no_such_resource() -> Self {
        let mut out =
            Self::new(404, "NotFound", "the server could not find the requested resource".to_owned());
        out.details = Some(json!({}));
        out
    }

    pub(super) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(group, plural));
        Self::new(409, "AlreadyExists", message).about(group, plural, name)
    }

    pub(super) fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, plural));
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// An update of a version of the object that is no longer current.
    pub(super) fn modified(group: &str, plural: &str, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, plural, name, why)
    }

    /// The scale of an object that has no number at this place.
    pub(super) fn no_number(path: &str) -> Self {
        let why = format!("the spec replicas field \"{path}\" does not exist");
        let mut out = Self::new(500, "InternalError", format!("Internal error occurred: {why}"));
        out.details = Some(json!({ "causes": [{ "message": why }] }));
        out
    }

    pub(super) fn apply_conflict(message: &str, causes: &[Value]) -> Self {
        let mut out = Self::new(409, "Conflict", message.to_owned());
        out.details = Some(json!({ "causes": causes }));
        out
    }

    pub(super) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for cause in causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let problems = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {problems}", qualified(group, kind));
        let mut out = Self::new(422, "Invalid", message).about(group, kind, name);
        let causes: Vec<_> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        if let Some(Value::Object(details)) = &mut out.details {
            details.insert("causes".to_owned(), causes.into());
        }
        out
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(400, "BadRequest", message.to_owned())
    }

    /// A patch that cannot be applied to the object.
    pub(super) fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        let mut out = Self::new(422, "Invalid", message);
        out.details = Some(json!({}));
        out
    }

    /// An error that the server did not expect, and passes on without a reason.
    pub(super) fn unexpected(message: &str) -> Self {
        Self::new(500, "", message.to_owned())
    }

    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", qualified(group, plural));
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    pub(super) fn namespace_terminating(group: &str, plural: &str, name: &str, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut out = Self::forbidden(group, plural, name, &why);
        if let Some(Value::Object(details)) = &mut out.details {
            let message = format!("namespace {namespace} is being terminated");
            let cause =
                json!({"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"});
            details.insert("causes".to_owned(), json!([cause]));
        }
        out
    }

    pub(super) fn method_not_allowed() -> Self {
        let mut out = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".to_owned(),
        );
        out.details = Some(json!({}));
        out
    }

    pub(super) fn not_acceptable(message: &str) -> Self {
        Self::new(406, "NotAcceptable", message.to_owned())
    }

    /// An answer in none of the forms that the client takes.
    pub(super) fn no_such_form() -> Self {
        let known = "application/json, application/yaml, application/vnd.kubernetes.protobuf, \
                     application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        let mut out =
            Self::not_acceptable(&format!("406: Not Acceptable\n\nAvailable representations: {known}"));
        out.details = Some(json!({}));
        out
    }

    /// A body in a form that the server does not read.
    pub(super) fn unknown_form() -> Self {
        let known = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {known}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// A kind of patch that the server does not take; it says so differently for custom resources.
    pub(super) fn unsupported_media_type(custom: bool) -> Self {
        if custom {
            let known =
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: {known}"
            );
            return Self::new(415, "UnsupportedMediaType", message);
        }
        let mut out = Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type".to_owned());
        out.details = Some(json!({}));
        out
    }

    pub(super) fn expired(message: &str) -> Self {
        Self::new(410, "Expired", message.to_owned())
    }

    /// The same for a list that can be gone on with by this token.
    pub(super) fn expired_list(message: &str, token: String) -> Self {
        Self { token: Some(token), ..Self::expired(message) }
    }

    pub(super) fn version_from_the_future(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut out = Self::new(504, "Timeout", message);
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        out.details = Some(json!({"causes": [cause], "retryAfterSeconds": 1}));
        out
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut out = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if let Value::Object(fields) = &mut out {
            if !self.reason.is_empty() {
                fields.insert("reason".to_owned(), self.reason.into());
            }
            if let Some(details) = &self.details {
                fields.insert("details".to_owned(), details.clone());
            }
            if let Some(token) = &self.token {
                fields.insert("metadata".to_owned(), json!({ "continue": token }));
            }
        }
        out
    }
}
