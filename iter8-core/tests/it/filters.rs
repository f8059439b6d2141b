//! Filters, timeouts, matches and parents that the CRDs of the routes would refuse, or that must survive as they are.

use iter8_core::{
    Capabilities, Document, Observation, ReleaseKey, RouteCapabilities, ValidRelease, declare, plan,
};

fn declared_for(mesh: &Capabilities, text: &str) -> Result<ValidRelease, String> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(&format!("environment: deployment-gtw\n{text}")).unwrap();
    declare(&key, &document, mesh).map_err(|error| error.to_string())
}

fn declared(text: &str) -> Result<ValidRelease, String> {
    declared_for(&Capabilities::specification(), text)
}

/// A canary with these filters in each rule, and these matches of the candidate.
fn canary(filters: &str, matches: &str) -> String {
    format!(
        "application:\n  strategy: canary\n  route: {{filters: {filters}}}\n  versions: [{{image: web:1}}, {{image: web:2, matches: {matches}}}]"
    )
}

const MIRROR: &str = "type: RequestMirror, requestMirror: {backendRef: {name: audit, port: 80}, percent: 5}";
const FAR_MIRROR: &str = "type: RequestMirror, requestMirror: {backendRef: {name: audit, namespace: logs, port: 80}, fraction: {numerator: 1}}";
const REWRITE: &str =
    "type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}";
const CORS: &str = "type: CORS, cors: {allowOrigins: ['https://*.example.org'], allowCredentials: true}";
const EXTENSION: &str = "type: ExtensionRef, extensionRef: {group: example.org, kind: Waf, name: strict}";

#[test]
fn every_filter_that_can_stand_beside_backends_reaches_the_plan() {
    let filters =
        [MIRROR, FAR_MIRROR, REWRITE, CORS, EXTENSION].map(|filter| format!("{{{filter}}}")).join(", ");
    let release = declared(&canary(&format!("[{filters}]"), "[]")).unwrap();
    let plan = plan(&release, &Observation::all_ready(&release));
    let route = serde_json::to_value(plan.route.unwrap()).unwrap();
    assert_eq!(
        route["filters"],
        serde_json::json!([
            {"requestMirror": {
                "backendRef": {"group": "", "kind": "Service", "name": "audit", "namespace": "logs", "port": 80},
                "fraction": {"numerator": 1, "denominator": 100},
            }},
            {"urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}}},
            {"cors": {"allowOrigins": ["https://*.example.org"], "allowCredentials": true, "maxAge": 5}},
            {"extensionRef": {"group": "example.org", "kind": "Waf", "name": "strict"}},
        ])
    );
    let rules = route["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    for rule in rules {
        assert_eq!(rule["mirrors"], serde_json::json!([{"service": "audit", "port": 80, "percent": 5}]));
    }
}

#[test]
fn what_the_crd_would_refuse_in_a_filter_is_refused() {
    for (filter, matches, expected) in [
        (
            "type: URLRewrite, urlRewrite: {hostname: 'A b', path: {type: Replace, replaceFullPath: /}}",
            "[]",
            &["urlRewrite.hostname: is not legal here", "urlRewrite.path.type: is not legal here"][..],
        ),
        (
            "type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replacePrefixMatch: /}}",
            "[]",
            &["path.replaceFullPath: is required by `type`", "path.replacePrefixMatch: does not fit `type`"],
        ),
        (
            REWRITE,
            "[{path: {type: Exact, value: /a}}]",
            &["versions[1].matches: must be one match with a path prefix"],
        ),
        (
            REWRITE,
            "[{path: {value: /a}}, {path: {value: /b}}]",
            &["versions[1].matches: must be one match with a path prefix"],
        ),
        (
            "type: CORS, cors: {allowMethods: ['*', GET], allowOrigins: [example.org], maxAge: 0, x: 1}",
            "[]",
            &[
                "allowOrigins[0]: is not legal here",
                "cors.maxAge: is not a number",
                "cors.x: unknown field `x`",
            ],
        ),
        ("type: CORS, cors: {allowMethods: ['*', GET]}", "[]", &["cors.allowMethods: has `*` beside others"]),
        ("type: CORS, cors: {allowMethods: [GET, GET]}", "[]", &["cors.allowMethods[1]: is there twice"]),
        (
            "type: RequestMirror, requestMirror: {backendRef: {name: a}, percent: 1, fraction: {numerator: 3, denominator: 2}}",
            "[]",
            &["backendRef.port: is required", "fraction: cannot stand beside", "fraction: must not be more"],
        ),
        (
            "type: RequestMirror, requestMirror: {backendRef: {name: web-1, port: 80}}",
            "[]",
            &[
                "requestMirror.backendRef.name: is a Service of this release (found `web-1`); choose strategy `mirror`",
            ],
        ),
        (
            "type: ExtensionRef, extensionRef: {kind: Waf}",
            "[]",
            &["extensionRef.group: is required", "extensionRef.name: is"],
        ),
    ] {
        let refusal = declared(&canary(&format!("[{{{filter}}}]"), matches)).unwrap_err();
        for expected in expected {
            assert!(refusal.contains(expected), "{filter}: {expected}: {refusal}");
        }
        assert_eq!(refusal.lines().count(), expected.len(), "{filter}: {refusal}");
    }
    for matches in ["[{headers: [{name: a, value: b}]}]", "[{path: {value: /a}}]"] {
        declared(&canary(&format!("[{{{REWRITE}}}]"), matches)).unwrap();
    }
}

#[test]
fn the_filters_of_a_mirror_fit_into_a_rule_with_the_one_that_the_mesh_needs() {
    let versions = |count| vec!["{image: a}"; count].join(", ");
    let mirror = |count, filters: &str| {
        format!(
            "application: {{strategy: mirror, route: {{filters: [{filters}]}}, versions: [{}]}}",
            versions(count)
        )
    };
    let moving = RouteCapabilities { backend_filters: &[], ..RouteCapabilities::HTTP };
    let kuma = Capabilities { mesh: "kuma", http: moving, ..Capabilities::specification() };
    let at_most = |most: usize, found: usize| format!("a route has at most {most} mirrors, not {found}");
    declared(&mirror(17, "")).unwrap();
    assert!(declared(&mirror(18, "")).unwrap_err().contains(&at_most(16, 17)));
    declared_for(&kuma, &mirror(16, "")).unwrap();
    assert!(declared_for(&kuma, &mirror(17, "")).unwrap_err().contains(&at_most(15, 16)));
    let header = |kind: &str, field: &str| format!("{{type: {kind}, {field}: {{remove: [a]}}}}");
    let request = header("RequestHeaderModifier", "requestHeaderModifier");
    assert!(declared_for(&kuma, &mirror(16, &request)).unwrap_err().contains(&at_most(14, 15)));
    // The header goes into the filter that is there.
    let response = header("ResponseHeaderModifier", "responseHeaderModifier");
    declared_for(&kuma, &mirror(16, &response)).unwrap();
}

#[test]
fn timeouts_reach_the_plan_as_they_are_written() {
    for written in ["90s", "90m", "1000ms", "0s", "1h0m"] {
        let release = declared(&format!(
            "application: {{strategy: canary, route: {{timeouts: {{request: {written}}}}}, versions: [{{image: a}}]}}"
        ))
        .unwrap();
        let plan = plan(&release, &Observation::all_ready(&release));
        assert_eq!(serde_json::to_value(plan.route.unwrap()).unwrap()["timeouts"]["request"], written);
    }
}

#[test]
fn matches_that_the_crd_would_refuse_are_refused() {
    let long = "a".repeat(1025);
    for (matches, expected) in [
        (
            format!("[{{queryParams: [{{name: a, value: {long}}}]}}]"),
            "queryParams[0].value: must have 1 to 1024 characters",
        ),
        ("[{path: {value: /a%zz}}]".to_owned(), "path.value: must have two hexadecimal digits after `%`"),
        ("[{path: {value: /a%}}]".to_owned(), "path.value: must have two hexadecimal digits after `%`"),
        ("[{path: {value: /a%4}}]".to_owned(), "path.value: must have two hexadecimal digits after `%`"),
        (
            "[{path: {type: RegularExpression, value: '(['}}]".to_owned(),
            "path.value: is no regular expression: it has a `[` without a `]` (found `([`)",
        ),
        (
            "[{headers: [{name: a, type: RegularExpression, value: 'a)'}]}]".to_owned(),
            "headers[0].value: is no regular expression: it has a `)` without a `(`",
        ),
    ] {
        let refusal = declared(&canary("[]", &matches)).unwrap_err();
        assert!(refusal.contains(expected), "{matches}: {refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
    for legal in
        ["[{path: {value: /a%4f%4F}}]".to_owned(), format!("[{{headers: [{{name: a, value: {long}}}]}}]")]
    {
        declared(&canary("[]", &legal)).unwrap();
    }
}

#[test]
fn a_grpc_route_has_no_match_for_the_default_rule_and_an_http_route_has() {
    let document = |protocol: &str, count: usize| {
        let matches = |first: usize| {
            let entry = |index| format!("{{headers: [{{name: a, value: v{index}}}]}}");
            (first..first + count).map(entry).collect::<Vec<_>>().join(", ")
        };
        format!(
            "application: {{protocol: {protocol}, strategy: canary, versions: [{{image: a}}, {{image: b, matches: [{}]}}, {{image: c, matches: [{}]}}]}}",
            matches(0),
            matches(100)
        )
    };
    declared(&document("grpc", 64)).unwrap();
    let refusal = declared(&document("http", 64)).unwrap_err();
    assert!(refusal.contains("at most 128 matches in all (one for the default rule), not 129"), "{refusal}");
}

#[test]
fn parents_that_the_crd_would_refuse_are_refused() {
    let gateway = |list: &str| {
        declared(&format!("gateway: {list}\napplication: {{strategy: canary, versions: [{{image: a}}]}}"))
    };
    let many = (0..33).map(|index| format!("{{name: g{index}}}")).collect::<Vec<_>>().join(", ");
    for (list, expected) in [
        (format!("[{many}]"), "gateway: a route has at most 32 parents, not 33"),
        ("[{name: a}, {name: a, port: 80}]".to_owned(), "gateway[1]: is there twice (found `a`)"),
        ("[{name: a, sectionName: x}, {name: a}]".to_owned(), "gateway[1]: is there twice"),
        ("[{name: a, sectionName: x}, {name: a, sectionName: x}]".to_owned(), "gateway[1]: is there twice"),
        ("[{name: a}, {name: a, namespace: test}]".to_owned(), "gateway[1]: is there twice"),
        ("[{name: a, kind: ''}]".to_owned(), "gateway[0].kind: is not a kind"),
        ("[{name: a, kind: we ird}]".to_owned(), "gateway[0].kind: is not a kind (found `we ird`)"),
        ("[{name: a, group: A_B}]".to_owned(), "gateway[0].group: is not an API group (found `A_B`)"),
        (
            "[{name: a, group: '', kind: Service}]".to_owned(),
            "gateway[0].kind: is no Gateway (found `Service`)",
        ),
    ] {
        let refusal = gateway(&list).unwrap_err();
        assert!(refusal.contains(expected), "{list}: {refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
    for legal in [
        "[{name: a, sectionName: x}, {name: a, sectionName: y}]",
        "[{name: a}, {name: a, namespace: infra}, {name: a, kind: ListenerSet}]",
    ] {
        gateway(legal).unwrap();
    }
}

#[test]
fn a_hostname_is_no_address() {
    let refusal = declared("hostnames: [192.0.2.1]\napplication: {versions: [{image: a}]}").unwrap_err();
    assert!(
        refusal.contains("hostnames[0]: is not a valid hostname") && refusal.contains("no IP address"),
        "{refusal}"
    );
}
