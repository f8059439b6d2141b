//! Deployments and Services of the user's own, names, and fields that have no effect.

use iter8_core::{Capabilities, Document, Observation, ReleaseKey, ValidRelease, declare, plan};

fn declared(text: &str) -> Result<ValidRelease, String> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(text).unwrap();
    declare(&key, &document, &Capabilities::specification()).map_err(|error| error.to_string())
}

/// A release whose primary has these fields.
fn primary(fields: &str) -> Result<ValidRelease, String> {
    declared(&format!(
        "environment: deployment-gtw\napplication:\n  strategy: canary\n  versions:\n  - {{{fields}}}\n"
    ))
}

#[test]
fn a_service_that_does_not_say_what_it_selects_selects_the_pods_of_its_version() {
    let generated =
        primary("image: a, serviceSpecification: {spec: {selector: {app: web-0}, ports: [{port: 80}]}}")
            .unwrap();
    for selector in ["", "selector: null, "] {
        let fields = format!("image: a, serviceSpecification: {{spec: {{{selector}ports: [{{port: 80}}]}}}}");
        let release = primary(&fields).unwrap();
        let spec = release.primary().service_specification.as_ref().unwrap().spec.as_ref().unwrap();
        let app = spec.get("selector").and_then(|selector| selector.get("app"));
        assert_eq!(app.and_then(|app| app.as_str()), Some("web-0"), "{selector}");
        let front = plan(&release, &Observation::all_ready(&release)).front.unwrap();
        assert_eq!(front.selector.get("app").map(String::as_str), Some("web-0"));
        assert_eq!(release.primary().service_digest(), generated.primary().service_digest());
    }
}

#[test]
fn a_selector_that_selects_nothing_or_is_no_text_is_refused() {
    let service = |selector: &str| {
        primary(&format!(
            "image: a, serviceSpecification: {{spec: {{selector: {selector}, ports: [{{port: 80}}]}}}}"
        ))
        .unwrap_err()
    };
    let path = "application.versions[0].serviceSpecification.spec.selector";
    assert!(service("{}").contains(&format!("{path}: selects no Pods; write labels of the version's Pods")));
    assert!(service("web").contains(&format!("{path}: must be a map, not a string")));
    let number = service("{app: 5}");
    assert!(
        number.contains(&format!(
            "{path}.app: must be a string, not a number (found `5`); write it in quotes: \"5\""
        )),
        "{number}"
    );
}

#[test]
fn the_port_of_a_service_is_shown_with_what_to_write() {
    let port = |ports: &str| {
        primary(&format!("image: a, serviceSpecification: {{spec: {{ports: {ports}}}}}")).unwrap_err()
    };
    assert!(
        port("[{port: \"80\"}]")
            .ends_with("must be an integer from 1 to 65535 (found `80`); write it without quotes: 80")
    );
    assert!(port("[{port: 0}]").ends_with("(found `0`); write the port of the version"));
    assert!(port("[]").ends_with("write `ports: [{port: 80}]` with the port of the version"));
}

#[test]
fn pods_that_their_own_deployment_does_not_select_and_labels_that_are_no_texts_are_refused() {
    let deployment = |selector: &str, labels: &str| {
        primary(&format!(
            "deploymentSpecification: {{spec: {{selector: {{matchLabels: {selector}}}, template: {{metadata: {{labels: {labels}}}}}}}}}"
        ))
    };
    deployment("{app: web-0}", "{app: web-0, x: y}").unwrap();
    let other = deployment("{app: web-0, x: y}", "{app: web-0}").unwrap_err();
    assert!(
        other
            .contains("spec.selector.matchLabels: does not select the Pods of the Deployment's own template"),
        "{other}"
    );
    let number = deployment("{app: web-0}", "{app: web-0, x: 017}").unwrap_err();
    assert!(
        number.contains("template.metadata.labels.x: must be a string, not a number (found `017`); write it in quotes: \"017\""),
        "{number}"
    );
    assert_eq!(number.lines().count(), 1, "{number}");
}

#[test]
fn entries_of_env_are_maps() {
    let refusal = primary("image: a, env: [{name: A, value: b}, A]").unwrap_err();
    assert!(refusal.contains("versions[0].env[1]: must be a map, not a string (found `A`)"), "{refusal}");
}

#[test]
fn a_version_is_not_named_like_the_application_whatever_its_service_is_called() {
    let fields = "image: a, metadata: {name: web}, serviceSpecification: {metadata: {name: other}, spec: {ports: [{port: 80}]}}";
    let refusal = primary(fields).unwrap_err();
    assert!(
        refusal.contains(
            "versions[0].metadata.name: is reserved for the front Service of the application (found `web`)"
        ),
        "{refusal}"
    );
}

#[test]
fn a_name_that_is_too_long_is_shown() {
    let name = "a".repeat(62);
    let text = format!(
        "environment: deployment-gtw\napplication: {{metadata: {{name: {name}}}, versions: [{{image: a}}]}}"
    );
    let refusal = declared(&text).unwrap_err();
    assert!(refusal.contains("is not a valid version name: use at most 63"), "{refusal}");
    assert!(refusal.contains(&format!("(found `{name}-0`)")), "{refusal}");
}

#[test]
fn under_mirror_no_version_has_weight_or_matches() {
    let refusal = declared(
        "environment: deployment-gtw\napplication: {strategy: mirror, versions: [{image: a, weight: 1, matches: [{}]}]}",
    )
    .unwrap_err();
    assert!(refusal.contains("versions[0].weight: has no meaning under strategy `mirror`"), "{refusal}");
    assert!(refusal.contains("versions[0].matches: has no meaning under strategy `mirror`"), "{refusal}");
}

#[test]
fn what_has_no_effect_is_noticed() {
    let warnings =
        |text: &str| declared(text).unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    let no_effect = |fields: &[&str]| {
        fields.iter().map(|field| format!("`{field}` has no effect; it can be left out")).collect::<Vec<_>>()
    };
    let hosts = "hostnames: [example.org]";
    for (text, fields) in [
        (
            format!("environment: deployment\n{hosts}\ngateway: edge\napplication: {{servicePort: 81, versions: [{{image: a}}]}}"),
            &["gateway", "hostnames", "application.servicePort"][..],
        ),
        (
            format!("environment: deployment-gtw\n{hosts}\napplication: {{strategy: canary, servicePort: 81, versions: [{{image: a}}]}}"),
            &["hostnames"],
        ),
        (
            format!("environment: deployment-gtw\n{hosts}\ngateway: edge\napplication: {{strategy: canary, versions: [{{image: a}}]}}"),
            &[],
        ),
        (
            "environment: deployment-gtw\napplication: {strategy: mirror, versions: [{image: a, mirrorPercent: 5}, {image: b, mirrorPercent: 5}]}".to_owned(),
            &["application.versions[0].mirrorPercent"],
        ),
        (
            "environment: deployment-gtw\napplication: {strategy: canary, versions: [{image: a}, {image: b, mirrorPercent: 5}]}".to_owned(),
            &["application.versions[].mirrorPercent"],
        ),
    ] {
        assert_eq!(warnings(&text), no_effect(fields), "{text}");
    }
}
