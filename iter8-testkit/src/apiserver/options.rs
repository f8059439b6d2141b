//! The parameters of a write, checked before anything else.

use serde_json::json;

use super::call::{Call, Verb};
use super::failure::{Cause, Failure};

/// Refuses parameters that make no sense for the verb.
pub(super) fn check(call: &Call) -> Result<(), Failure> {
    let kind = match call.verb {
        Verb::Create => "CreateOptions",
        Verb::Update => "UpdateOptions",
        Verb::Patch | Verb::Apply => "PatchOptions",
        Verb::Get | Verb::List | Verb::Watch | Verb::Delete | Verb::DeleteCollection => return Ok(()),
    };
    let mut causes = Vec::new();
    if call.verb == Verb::Apply && call.param("fieldManager").is_empty() {
        causes.push(Cause::required("fieldManager", "is required for apply patch"));
    }
    if call.verb == Verb::Patch && call.query.contains_key("force") {
        causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
    }
    let manager = call.param("fieldManager");
    if manager.len() > 128 {
        let message = "Too long: may not be more than 128 bytes".to_owned();
        causes.push(Cause { reason: "FieldValueTooLong", field: "fieldManager".to_owned(), message });
    }
    let dry_run = call.param("dryRun");
    if !matches!(dry_run, "" | "All") {
        causes.push(Cause::unsupported("dryRun", &json!([dry_run]), &["All".to_owned()]));
    }
    let validation = call.param("fieldValidation");
    if !matches!(validation, "" | "Ignore" | "Warn" | "Strict") {
        let supported = ["Ignore", "Strict", "Warn"].map(str::to_owned);
        causes.push(Cause::unsupported("fieldValidation", &validation.into(), &supported));
    }
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid("meta.k8s.io", kind, "", &causes)) }
}
