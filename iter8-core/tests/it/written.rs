//! What a document says is read as YAML 1.2 has it, and shown as it is written.

use iter8_core::{Capabilities, Document, ReleaseKey, ValidRelease, declare};

fn declared(text: &str) -> Result<ValidRelease, String> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(text).unwrap();
    declare(&key, &document, &Capabilities::specification()).map_err(|error| error.to_string())
}

/// What is said of a document that is right but for these lines of `application`.
fn refusal(lines: &str) -> String {
    declared(&format!("environment: deployment-gtw\napplication:\n{lines}\n")).unwrap_err()
}

#[test]
fn a_number_is_shown_as_it_is_written_and_so_is_the_text_to_write() {
    for written in ["1.10", "017", "1e3", "+1", "0x1f", "-0.50", "True"] {
        let refusal =
            refusal(&format!("  versions:\n  - image: web:1\n    metadata: {{labels: {{v: {written}}}}}"));
        assert!(
            refusal.ends_with(&format!("(found `{written}`); write it in quotes: \"{written}\"")),
            "{refusal}"
        );
    }
    assert_eq!(
        refusal("  servicePort: 80.0\n  versions: [{image: web:1}]"),
        "3:3: application.servicePort: must be an integer, not a decimal number (found `80.0`); write a whole number, \
         without fraction or exponent"
    );
    assert_eq!(
        refusal("  servicePort: &port 0o0\n  versions: [{image: web:1, port: *port}]"),
        "3:3: application.servicePort: must be an integer from 1 to 65535 (found `0o0`)\n\
         4:29: application.versions[0].port: must be an integer from 1 to 65535 (found `0o0`)"
    );
}

#[test]
fn a_number_in_quotes_is_told_to_drop_them() {
    assert_eq!(
        refusal("  servicePort: \"80\"\n  versions: [{image: web:1}]"),
        "3:3: application.servicePort: must be an integer, not a string (found `80`); write it without quotes: 80"
    );
}

#[test]
fn integers_with_leading_zeros_are_integers_and_other_tongues_numbers_are_texts() {
    let release = declared(
        "environment: deployment-gtw
application:
  servicePort: 080
  metadata: {labels: {build: 1_000}}
  versions: [{image: web:1, env: [{name: A, value: 0b11}]}]",
    )
    .unwrap();
    assert_eq!(release.service_port.get(), 80);
    assert_eq!(release.labels.get("build").map(String::as_str), Some("1_000"));
    let env = release.primary().env.as_ref().unwrap().as_list().unwrap();
    assert_eq!(env[0].get("value").and_then(iter8_core::Value::as_str), Some("0b11"));
}

#[test]
fn a_null_label_or_annotation_counts_as_absent() {
    let release = declared(
        "environment: deployment-gtw
application:
  metadata: {labels: {a: null, b: c}, annotations: {a: ~}}
  route: {labels: {b: null}, annotations: {x: null}}
  versions: [{image: web:1, metadata: {labels: {b: null}}}]",
    )
    .unwrap();
    let labels =
        |labels: &iter8_core::Labels| labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
    assert_eq!(labels(&release.labels), ["b=c"]);
    assert_eq!(labels(&release.primary().service_labels), ["b=c"], "null masks nothing");
    assert!(release.annotations.is_empty() && release.route_annotations.is_empty());
}

#[test]
fn what_is_wrong_in_matches_is_said_whatever_the_protocol_is() {
    let lines = |matches: &str| {
        format!(
            "  protocol: tcp\n  strategy: canary\n  versions:\n  - image: web:1\n  - image: web:2\n    matches: {matches}"
        )
    };
    let paths = |matches: &str| {
        let refusal = refusal(&lines(matches));
        refusal.lines().skip(1).map(|line| line.split(": ").nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(paths("5"), ["application.versions[1].matches"]);
    assert_eq!(
        paths("[5, {path: {value: x}}]"),
        ["application.versions[1].matches[0]", "application.versions[1].matches[1].path.value"]
    );
    assert_eq!(paths("[{path: {value: x}}]"), ["application.versions[1].matches[0].path.value"]);
    assert_eq!(paths("[{method: {service: a b}}]"), ["application.versions[1].matches[0].method.service"]);
    assert_eq!(paths("[{method: {service: a.B}}]"), Vec::<String>::new());
}
