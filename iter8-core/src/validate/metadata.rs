//! Labels and annotations: legal, and not reserved.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Violation;
use crate::field_path::Path;
use crate::name::{is_label_value, is_qualified_key};

/// The most bytes the annotations of an object may have together, by the API server's validation.
const ANNOTATIONS_BYTES: usize = 256 * 1024;

pub(super) fn check_labels(
    labels: &BTreeMap<String, String>,
    metadata: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    let path = metadata.field("labels");
    for (key, value) in labels {
        check_key("label", key, &path, violations);
        if !is_label_value(value) {
            let violation = Violation::new(path.field(key), "is not a valid label value").value(value);
            violations.push(violation.hint(
                "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at each end",
            ));
        }
    }
}

pub(super) fn check_annotations(
    annotations: &BTreeMap<String, String>,
    metadata: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    let path = metadata.field("annotations");
    for key in annotations.keys() {
        check_key("annotation", key, &path, violations);
    }
    let bytes = annotations
        .iter()
        .fold(0_usize, |sum, (key, value)| sum.saturating_add(key.len()).saturating_add(value.len()));
    if bytes > ANNOTATIONS_BYTES {
        let message = format!("annotations may have {ANNOTATIONS_BYTES} bytes together, not {bytes}");
        violations.push(Violation::new(path, message));
    }
}

fn check_key(what: &str, key: &str, path: &Path<'_>, violations: &mut Vec<Violation>) {
    if key.starts_with("iter8.tools/") || key == "app.kubernetes.io/managed-by" {
        let violation = Violation::new(path.field(key), format!("{what} `{key}` is reserved"));
        violations.push(violation.hint("leave it out"));
    } else if !is_qualified_key(key) {
        let violation = Violation::new(path.field(key), format!("`{key}` is not a valid {what} key"));
        violations
            .push(violation.hint(
                "use at most 63 letters, digits, `-`, `_` and `.`, after an optional DNS name and `/`",
            ));
    }
}
