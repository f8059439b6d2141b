//! The golden releases through `iter8 template`.

use std::fs;

use serde_json::{Value, json};

use crate::program::{run, testdata};
use crate::yaml;

/// The states of readiness, as the golden files name them and as the program does.
const STATES: [(&str, &str); 3] =
    [("all_ready", "all"), ("only_primary_ready", "primary"), ("none_ready", "none")];

fn cases() -> Vec<Value> {
    let mut files: Vec<_> =
        fs::read_dir(testdata("golden")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

fn template(case: &Value, options: &[&str]) -> crate::program::Outcome {
    let args = ["template", text(case, "release"), "-n", text(case, "namespace"), "-f", "-"];
    run(&[&args, options].concat(), text(case, "values_yaml"))
}

#[test]
fn every_golden_release_has_its_objects_and_routes_in_every_state_of_readiness() {
    let mut compared = 0;
    for case in cases().iter().filter(|case| case["error"].is_null()) {
        for (state, ready) in STATES {
            let list = template(case, &["-o", "json", "--ready", ready]).done();
            let list: Value = serde_json::from_str(&list).unwrap();
            assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
            let printed: Vec<_> = list["items"].as_array().unwrap().iter().map(without_ours).collect();
            let (routes, mut objects): (Vec<_>, Vec<_>) =
                printed.into_iter().partition(|object| object["kind"] == "HTTPRoute");
            objects.sort_by_key(|object| {
                ["/kind", "/metadata/namespace", "/metadata/name"]
                    .map(|pointer| object.pointer(pointer).unwrap().as_str().unwrap().to_owned())
            });
            let name = text(case, "case");
            assert_same(&objects, case["objects"].as_array().unwrap(), &format!("{name}, {state}"));

            let expected: Vec<_> = ["route", "gateway_route"]
                .iter()
                .map(|key| &case[key][state])
                .filter(|route| !route.is_null())
                .map(spelt_out)
                .collect();
            let routes: Vec<_> = routes.iter().map(in_golden_form).collect();
            assert_same(&routes, &expected, &format!("{name}, {state}"));
            compared += 1;
        }
    }
    assert!(compared > 150, "only {compared} states were compared");
}

#[test]
fn the_stream_holds_the_same_objects_as_the_list() {
    for case in cases().iter().filter(|case| case["error"].is_null()) {
        let list: Value = serde_json::from_str(&template(case, &["-o", "json"]).done()).unwrap();
        let stream = yaml::stream(&template(case, &["-o", "yaml"]).done());
        assert_same(&stream, list["items"].as_array().unwrap(), text(case, "case"));
    }
}

#[test]
fn every_invalid_golden_release_is_refused_at_a_place_in_the_document() {
    let mut refused = 0;
    for case in cases().iter().filter(|case| !case["error"].is_null()) {
        let stderr = template(case, &[]).failed(2);
        let first = stderr.lines().find(|line| !line.starts_with("note: ")).unwrap();
        // FILE:LINE:COLUMN: PATH: what is wrong.
        let parts: Vec<_> = first.splitn(5, ':').collect();
        let is_number = |part: &str| part.parse::<u32>().is_ok();
        assert!(
            parts.len() == 5
                && parts[0] == "<stdin>"
                && is_number(parts[1])
                && is_number(parts[2])
                && parts[3].len() > 1,
            "{}: {first}",
            text(case, "case")
        );
        refused += 1;
    }
    assert!(refused > 30, "only {refused} documents were refused");
}

#[track_caller]
fn assert_same(printed: &[Value], expected: &[Value], what: &str) {
    let pretty = |values: &[Value]| serde_json::to_string_pretty(values).unwrap();
    assert_eq!(pretty(printed), pretty(expected), "{what}");
}

/// The object without the labels and annotations that are iter8's own.
fn without_ours(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    for key in ["labels", "annotations"] {
        let Some(texts) = metadata.get_mut(key).and_then(Value::as_object_mut) else { continue };
        texts.retain(|key, _| !key.starts_with("iter8.tools/") && key != "app.kubernetes.io/managed-by");
        if texts.is_empty() {
            metadata.remove(key);
        }
    }
    object
}

/// A route as the golden files have it: the spec with name and namespace.
fn in_golden_form(route: &Value) -> Value {
    assert_eq!(route["apiVersion"], "gateway.networking.k8s.io/v1");
    let mut golden = route["spec"].clone();
    golden["name"] = route["metadata"]["name"].clone();
    golden["namespace"] = route["metadata"]["namespace"].clone();
    spelt_out(&golden)
}

/// The route with the defaults of the API in its matches: the golden files have them as the documents do.
fn spelt_out(route: &Value) -> Value {
    let mut route = route.clone();
    let rules = route["rules"].as_array_mut().unwrap();
    let matches = rules.iter_mut().filter_map(|rule| rule.get_mut("matches")?.as_array_mut()).flatten();
    for wanted in matches {
        let fields = wanted.as_object_mut().unwrap();
        let path = fields.entry("path").or_insert(json!({})).as_object_mut().unwrap();
        path.entry("type").or_insert(json!("PathPrefix"));
        path.entry("value").or_insert(json!("/"));
        for list in ["headers", "queryParams"] {
            for condition in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                condition.as_object_mut().unwrap().entry("type").or_insert(json!("Exact"));
            }
        }
    }
    route
}
