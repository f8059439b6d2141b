//! How large a document may be in each direction, so that whatever is written costs a bounded amount of work.

use std::time::{Duration, Instant};

use iter8_core::{
    Capabilities, Document, Fields, InvalidReleaseError, Observation, ReleaseKey, ValidRelease, Value,
    declare, plan,
};

fn declared(document: &Document) -> Result<ValidRelease, InvalidReleaseError> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    declare(&key, document, &Capabilities::specification())
}

/// A document of this strategy with these fields in `application`.
fn document(strategy: &str, fields: Vec<(&str, Value)>) -> Document {
    let application: Vec<_> = [("strategy", strategy.into())].into_iter().chain(fields).collect();
    let application = application.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::from([("environment", "deployment-gtw".into()), ("application", Value::Map(application))]).into()
}

fn version() -> Value {
    Value::from([("image", "web:1".into())])
}

/// A canary candidate with this field, beside a primary.
fn candidate(field: &str, value: Value) -> Document {
    let candidate = Value::from([("image", "web:2".into()), (field, value)]);
    document("canary", vec![("versions", vec![version(), candidate].into())])
}

fn texts(count: usize) -> Value {
    Value::Map((0..count).map(|index| (format!("l{index}"), "x".into())).collect())
}

fn labels(count: usize) -> Value {
    Value::from([("labels", texts(count))])
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::from(1_u32), |inner, _| Value::from([("a", inner)]))
}

fn refusal(document: &Document) -> String {
    declared(document).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

#[test]
fn a_release_has_a_hundred_versions_at_most() {
    let versions = |count| document("none", vec![("versions", vec![version(); count].into())]);
    let release = declared(&versions(100)).unwrap();
    assert_eq!(plan(&release, &Observation::all_ready(&release)).declared().count(), 100);
    assert_eq!(
        refusal(&versions(101)),
        "application.versions: may have at most 100 entries, not 101; leave some out"
    );
}

#[test]
fn of_more_matches_than_any_route_takes_none_is_read() {
    let matches = |count| candidate("matches", vec![Value::from([("method", "GOT".into())]); count].into());
    assert!(refusal(&matches(1000)).contains("matches[999].method: is not a method"));
    assert_eq!(
        refusal(&matches(1001)),
        "application.versions[1].matches: may have at most 1000 entries, not 1001; leave some out"
    );
}

#[test]
fn an_object_has_five_hundred_labels_at_most_from_one_place() {
    let document = |count| {
        document("canary", vec![("metadata", labels(count)), ("versions", vec![version(); 16].into())])
    };
    declared(&document(500)).unwrap();
    assert_eq!(
        refusal(&document(501)),
        "application.metadata.labels: may have at most 500 fields, not 501; leave some out"
    );
}

#[test]
fn what_is_carried_along_is_fifty_levels_deep_at_most() {
    let probe = |levels| candidate("readinessProbe", nested(levels));
    declared(&probe(51)).unwrap();
    assert_eq!(
        refusal(&probe(52)),
        "application.versions[1].readinessProbe: has more than 50 lists and maps inside of one another; nothing in \
         Kubernetes needs so many"
    );
    let specification = Value::from([("spec", nested(100))]);
    for (field, value) in [
        ("env", vec![nested(100)].into()),
        ("resources", nested(100)),
        ("deploymentSpecification", specification.clone()),
        ("serviceSpecification", specification),
    ] {
        let said = refusal(&candidate(field, value));
        assert!(said.starts_with(&format!("application.versions[1].{field}: has more than 50")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn of_a_thousand_mistakes_no_more_are_looked_for() {
    let unknown = |count| candidate("metadata", texts(count));
    assert_eq!(declared(&unknown(999)).unwrap_err().violations().len(), 999);
    let error = declared(&unknown(100_000)).unwrap_err();
    assert_eq!(error.violations().len(), 1001);
    let last = error.violations().last().unwrap();
    assert_eq!(last.message, "whatever else there is is not looked at while so much is wrong");
}

#[test]
fn missing_labels_are_named_in_short() {
    let selector = Value::from([
        ("ports", vec![Value::from([("port", 80_u16.into())])].into()),
        ("selector", texts(1000)),
    ]);
    let said = refusal(&candidate("serviceSpecification", Value::from([("spec", selector)])));
    assert!(said.contains("`l0: x`") && said.contains(", …") && said.len() < 1000, "{said}");
}

#[test]
fn expressions_that_explode_are_refused_with_the_place() {
    let header = |value: &str| {
        let header = Value::from([
            ("name", "traffic".into()),
            ("type", "RegularExpression".into()),
            ("value", value.into()),
        ]);
        candidate("matches", vec![Value::from([("headers", vec![header].into())])].into())
    };
    for harmless in ["(a+)+$", "(a|a)*b", "(.*)*(.*)*=", "[a-f0-9]{64}", r"v1\.[0-9]{1,3}(-rc\.\d{1,2})?"] {
        assert_eq!(refusal(&header(harmless)), "accepted", "no mesh goes back and forth: {harmless}");
    }
    assert_eq!(
        refusal(&header("((a{1,100}){1,100}){1,100}")),
        "application.versions[1].matches[0].headers[0].value: repeats a part more than 1000 times (repetitions of \
         repetitions are multiplied), which is more than meshes take (found `((a{1,100}){1,100}){1,100}`); repeat it \
         less often, or write `*` or `+`"
    );
    for exploding in ["(a{30}){34}", "(?:(?:a{1,32}){32}){32}", "((((a*){10}){10}){10}){10}", "[^{}]{5000}"] {
        assert!(refusal(&header(exploding)).contains("more than meshes take"), "{exploding}");
    }
}

/// Documents that are as bad as they can be in one direction, of about this many parts.
fn worst(count: usize) -> Vec<(&'static str, Document)> {
    let many = |value: &Value, count: usize| Value::from(vec![value.clone(); count]);
    let header = |index: usize| Value::from([("name", format!("h{index}").into()), ("value", "x".into())]);
    let path = Value::from([("path", Value::from([("value", "{//./%".into())]))]);
    let own = Value::from([("image", "web:1".into()), ("metadata", labels(1))]);
    let braces = Value::from([
        ("name", "a".into()),
        ("type", "RegularExpression".into()),
        ("value", "{1".repeat(2000).into()),
    ]);
    let backslashes =
        Value::from([("type", "RegularExpression".into()), ("value", r"\p{".repeat(300).into())]);
    vec![
        ("versions", document("none", vec![("versions", many(&version(), count))])),
        ("no versions", document("canary", vec![("versions", many(&Value::Map(Fields::default()), count))])),
        (
            "labels for many versions",
            document("none", vec![("metadata", labels(count / 2)), ("versions", many(&own, count / 2))]),
        ),
        ("matches", candidate("matches", many(&Value::from([("method", "GET".into())]), count))),
        ("illegal matches", candidate("matches", many(&path, count))),
        (
            "headers",
            candidate(
                "matches",
                vec![Value::from([("headers", (0..count).map(header).collect::<Vec<_>>().into())])].into(),
            ),
        ),
        (
            "empty headers",
            candidate("matches", vec![Value::from([("headers", many(&Value::Null, count))])].into()),
        ),
        (
            "braces",
            candidate("matches", many(&Value::from([("headers", many(&braces, 1))]), count.div_ceil(2000))),
        ),
        (
            "properties",
            candidate("matches", many(&Value::from([("path", backslashes)]), count.div_ceil(300))),
        ),
        ("unknown fields", candidate("metadata", texts(count))),
        (
            "filters",
            document(
                "canary",
                vec![
                    (
                        "route",
                        Value::from([("filters", many(&Value::from([("type", "Cors".into())]), count))]),
                    ),
                    ("versions", many(&version(), 1)),
                ],
            ),
        ),
        (
            "a selector",
            candidate(
                "serviceSpecification",
                Value::from([("spec", Value::from([("selector", texts(count))]))]),
            ),
        ),
    ]
}

fn fastest(document: &Document) -> Duration {
    let once = || {
        let begun = Instant::now();
        drop(declared(document).map(|release| plan(&release, &Observation::all_ready(&release))));
        begun.elapsed()
    };
    (0..5).map(|_| once()).min().unwrap()
}

/// Eight times as much costs eight times as much at most; what is quadratic costs sixty-four times as much.
#[test]
fn no_document_costs_more_than_its_length() {
    for ((name, short), (_, long)) in worst(4000).into_iter().zip(worst(32_000)) {
        // Other programs may take the processor away, but not each time.
        let measured = || (fastest(&short), fastest(&long));
        // A short one may take no time at all.
        let is_linear =
            |(short, long): &(Duration, Duration)| *long < (*short).max(Duration::from_millis(2)) * 24;
        let mut tries = (0..8).map(|_| measured());
        let first = tries.next().unwrap();
        assert!(
            is_linear(&first) || tries.any(|found| is_linear(&found)),
            "{name}, and eight times as long: {first:?}"
        );
    }
}
