//! Commands that need no cluster: what they print where, and how they end.

use serde_json::Value;

use crate::program::{run, testdata, tutorial};

const CANDIDATE: &str = "2-candidate.yaml";

#[test]
fn a_document_is_read_from_a_file_too() {
    let file = testdata("tutorial").join(CANDIDATE);
    let from_file = run(&["template", "httpbin", "-f", file.to_str().unwrap()], "").done();
    assert_eq!(from_file, run(&["template", "httpbin", "-f", "-"], &tutorial(CANDIDATE)).done());
    assert!(from_file.contains("namespace: default\n"));
}

#[test]
fn the_document_s_namespace_wins_and_is_said() {
    let document = "environment: deployment-gtw\napplication:\n  metadata: {namespace: prod}\n  versions: [{image: x}]\n";
    let outcome = run(&["template", "web", "-n", "test", "-f", "-"], document);
    assert_eq!(
        outcome.stderr,
        "note: the document's application.metadata.namespace `prod` is used instead of -n test\n"
    );
    let stdout = outcome.done();
    assert!(stdout.contains("namespace: prod\n") && !stdout.contains("namespace: test\n"));

    let silent = run(&["template", "web", "-n", "prod", "-f", "-"], document);
    assert_eq!((silent.stdout, silent.stderr.as_str()), (stdout, ""));
}

#[test]
fn every_error_of_a_document_is_named_with_its_place() {
    let document = "environment: deployment-gtw\napplication:\n  stratgy: canary\n  versions:\n  - image: x\n    weight: -1\n";
    let stderr = run(&["plan", "web", "-f", "-"], document).failed(2);
    let lines: Vec<_> = stderr.lines().collect();
    assert!(lines[0].starts_with("<stdin>:3:3: application.stratgy: unknown field"), "{stderr}");
    assert!(lines[1].starts_with("<stdin>:6:5: application.versions[0].weight: "), "{stderr}");
    assert_eq!(lines[2], "error: <stdin> is not a valid release document: 2 errors");
}

#[test]
fn what_is_no_release_document_is_said_in_one_sentence() {
    let cases = [
        ("", "the document: must be a map, not null"),
        ("a: [", "not a valid YAML document"),
        ("kind: Release\nspec: {}\n", "pass what is under its `spec`"),
    ];
    for (document, sentence) in cases {
        let stderr = run(&["template", "web", "-f", "-"], document).failed(2);
        assert!(stderr.contains(sentence), "{stderr}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let document = tutorial(CANDIDATE);
    let cases: [(&[&str], &str); 5] = [
        (
            &["plan", "httpbin", "-f", "-", "--ready", "httpbin-0,v2"],
            "`v2`, which is no version of the release; its versions are httpbin-0, httpbin-1",
        ),
        (&["plan", "httpbin", "-f", "-", "--mesh", "linkerdy"], "linkerd"),
        (&["plan", "Httpbin", "-f", "-"], "lower-case letters"),
        (&["plan", "httpbin"], "--filename <FILE>"),
        (&["apply", "httpbin", "-f", "-", "--wait", "--timeout", "5"], "write for example `90s`"),
    ];
    for (args, sentence) in cases {
        let stderr = run(args, &document).failed(2);
        assert!(stderr.contains(sentence), "{stderr}");
    }
}

#[test]
fn a_file_or_cluster_that_is_not_there_ends_with_1() {
    let stderr = run(&["plan", "web", "-f", "no-such-file.yaml"], "").failed(1);
    assert!(stderr.starts_with("error: cannot read no-such-file.yaml: "), "{stderr}");
    let stderr = run(&["get"], "").failed(1);
    assert!(stderr.starts_with("error: no cluster to connect to: "), "{stderr}");
}

#[test]
fn an_invalid_document_is_refused_before_a_cluster_is_looked_for() {
    let stderr = run(&["apply", "web", "-n", "test", "-f", "-"], "environment: deployment\n").failed(2);
    assert!(stderr.contains("application"), "{stderr}");
}

#[test]
fn a_dry_run_by_the_client_prints_the_release_that_would_be_applied() {
    let args = ["apply", "httpbin", "-n", "test", "-f", "-", "--dry-run=client", "-o", "json"];
    let release: Value = serde_json::from_str(&run(&args, &tutorial(CANDIDATE)).done()).unwrap();
    assert_eq!(release["apiVersion"], "iter8.tools/v1alpha1");
    assert_eq!(release["metadata"], serde_json::json!({ "name": "httpbin", "namespace": "test" }));
    assert_eq!(release["spec"]["application"]["strategy"], "canary");
    let bare = run(&["apply", "httpbin", "-f", "-", "--dry-run=client"], &tutorial(CANDIDATE)).done();
    assert_eq!(bare, "release.iter8.tools/httpbin valid (client dry run)\n");
}

#[test]
fn a_plan_says_who_gets_what_and_why() {
    let args = ["plan", "httpbin", "-n", "test", "-f", "-"];
    let table = run(&args, &tutorial(CANDIDATE)).done();
    assert_eq!(
        table,
        "canary of test/httpbin

VERSION     ROLE        READINESS   WEIGHT   REASON
httpbin-0   primary     Ready       1        the primary, ready
httpbin-1   candidate   Ready       -        it is ready

RULE   REQUESTS              GO TO          REASON
0      header traffic=test   httpbin-1:80   httpbin-1: it is ready
1      all others            httpbin-0:80   httpbin-0: the primary, ready

where no route applies, Service httpbin:80 leads to port 80 of Pods app=httpbin-0

note: httpbin-0 has no readinessProbe: ready means started
note: httpbin-1 has no readinessProbe: ready means started
"
    );
    let none = run(&[&args[..], &["--ready", "none"]].concat(), &tutorial(CANDIDATE)).done();
    assert!(none.contains("\nno route\n"), "{none}");
}

#[test]
fn a_plan_names_the_gateways_that_get_its_rules() {
    let gateways = "gateway: [{name: edge}, {name: public, namespace: infra, sectionName: https, port: 443}]\n\
                    hostnames: [example.org]\n";
    let document = format!("{gateways}{}", tutorial(CANDIDATE));
    let table = run(&["plan", "httpbin", "-n", "test", "-f", "-"], &document).done();
    let line = "\nthe same rules apply at Gateway test/edge, Gateway infra/public, section https, port 443 for example.org\n";
    assert!(table.contains(line), "{table}");
    let json = run(&["plan", "httpbin", "-n", "test", "-f", "-", "-o", "json"], &document).done();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["route"]["gateways"][1]["name"], "public");
    assert_eq!(json["route"]["gateways"][1]["sectionName"], "https");
}

#[test]
fn a_plan_for_programs_is_the_same_in_json_and_yaml() {
    let plan = |format| run(&["plan", "httpbin", "-f", "-", "-o", format], &tutorial(CANDIDATE)).done();
    let json: Value = serde_json::from_str(&plan("json")).unwrap();
    let yaml: Value = serde_saphyr::from_str(&plan("yaml")).unwrap();
    assert_eq!(json, yaml);
    assert_eq!(json["route"]["rules"].as_array().unwrap().len(), 2);
}

#[test]
fn the_completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], "").done();
        assert!(
            ["template", "explain", "controller"].iter().all(|command| script.contains(command)),
            "{shell}"
        );
    }
}
