//! `iter8 explain` on what `iter8 template` prints.

use serde_json::{Value, json};

use crate::program::{Outcome, run, tutorial};

fn explain(format: &str, args: &[&str]) -> Outcome {
    let template = ["template", "httpbin", "-n", "test", "-f", "-", "-o", format];
    let routes = run(&template, &tutorial("2-candidate.yaml")).done();
    run(&[&["explain", "--routes", "-"], args].concat(), &routes)
}

fn outcome(args: &[&str]) -> Value {
    serde_json::from_str(&explain("json", &[args, &["-o", "json"]].concat()).done()).unwrap()
}

#[test]
fn the_match_decides_which_version_gets_a_request() {
    let test = outcome(&["-H", "traffic: test", "http://httpbin.test/get"]);
    assert_eq!(test["status"], 200);
    assert_eq!(test["route"], json!({ "namespace": "test", "name": "httpbin", "rule": 0, "match": 0 }));
    assert_eq!(
        test["backends"],
        json!([{ "namespace": "test", "name": "httpbin-1", "port": 80, "share": 1.0 }])
    );
    assert_eq!(
        test["request"],
        json!({ "host": "httpbin.test", "path": "/get", "headers": { "traffic": "test" } })
    );
    assert_eq!(test["response_headers"]["add"], json!({ "app-version": "httpbin-1" }));
    assert_eq!(outcome(&["http://httpbin.test/get"])["backends"][0]["name"], "httpbin-0");
}

#[test]
fn a_stream_and_a_list_explain_alike() {
    let args = ["http://httpbin.test/get"];
    assert_eq!(explain("yaml", &args).done(), explain("json", &args).done());
}

#[test]
fn people_are_told_who_gets_it_and_why() {
    let text = explain("yaml", &["-H", "traffic: test", "http://httpbin.test/get"]).done();
    assert!(text.starts_with("httpbin-1 gets it\nsent to  Service test/httpbin\n"), "{text}");
    assert!(text.contains("matches too, but it has fewer header conditions"), "{text}");
}

#[test]
fn a_request_to_nothing_known_goes_past_every_route() {
    let past = outcome(&["http://elsewhere.example/"]);
    assert_eq!((&past["passthrough"], &past["route"]), (&json!(true), &Value::Null));
    let parent = outcome(&["--parent", "service/test/httpbin", "http://10.0.0.1/"]);
    assert_eq!(parent["backends"][0]["name"], "httpbin-0");
}

#[test]
fn what_is_no_url_header_or_parent_is_wrong_usage() {
    let cases: [(&[&str], &str); 3] = [
        (&["httpbin.test/get"], "it has no scheme"),
        (&["-H", "traffic", "http://httpbin.test/"], "write `NAME: VALUE`"),
        (&["--parent", "httpbin", "http://httpbin.test/"], "KIND/NAMESPACE/NAME"),
    ];
    for (args, sentence) in cases {
        let stderr = explain("yaml", args).failed(2);
        assert!(stderr.contains(sentence), "{stderr}");
    }
}
