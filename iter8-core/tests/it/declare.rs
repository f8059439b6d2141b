//! What is said of a document that is refused.

use iter8_core::{Capabilities, Document, Notice, Observation, ReleaseKey, RouteCapabilities, declare, plan};

/// The error for a document, one violation a line.
fn refusal(text: &str) -> String {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = match Document::from_yaml(text) {
        Ok(document) => document,
        Err(error) => return error.to_string(),
    };
    match declare(&key, &document, &Capabilities::specification()) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The only violation of a document that is right but for these lines of `application`.
fn refusal_of_application(lines: &str) -> String {
    refusal(&format!("environment: deployment-gtw\napplication:\n{lines}\n"))
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_was_probably_meant() {
    assert_eq!(
        refusal_of_application("  versions:\n  - image: web:1\n    wieght: 3"),
        "5:5: application.versions[0].wieght: unknown field `wieght`; did you mean `weight`?"
    );
    assert_eq!(
        refusal("environment: deployment\nfoo: 1\napplication: {versions: [{image: web:1}]}"),
        "2:1: foo: unknown field `foo`; known fields are environment, gateway, hostnames, application, \
         iter8Version, istioGateway, service"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_in_the_order_of_the_text() {
    let text = "\
gatway: a
environment: deployment-istio
application:
  strategy: canaries
  port: 0
  versions:
  - image: web:1
    port: 70000
  - metadata: {name: Web}
    image: 7
    weight: -1
    matches:
    - headers: [{nam: a, value: b}]
      path: {value: v2}
      method: get
";
    let expected = [
        "1:1: gatway: unknown field `gatway`; did you mean `gateway`?",
        "2:1: environment: is not supported (found `deployment-istio`); \
         write `deployment-gtw` (Deployments with routing) or `deployment` (without)",
        "4:3: application.strategy: is not a known strategy (found `canaries`); \
         write `none`, `canary`, `blue-green` or `mirror`",
        "5:3: application.port: must be an integer from 1 to 65535 (found `0`)",
        "8:5: application.versions[0].port: must be an integer from 1 to 65535 (found `70000`)",
        "9:16: application.versions[1].metadata.name: is not a valid version name: use at most 63 lower-case \
         letters, digits and `-`, with a letter or digit at each end (found `Web`)",
        "10:5: application.versions[1].image: must be a string, not a number (found `7`); write it in quotes: \"7\"",
        "11:5: application.versions[1].weight: must be an integer from 0 to 1000000 (found `-1`)",
        "13:17: application.versions[1].matches[0].headers[0].name: is required; write its name",
        "13:18: application.versions[1].matches[0].headers[0].nam: unknown field `nam`; did you mean `name`?",
        "14:14: application.versions[1].matches[0].path.value: must start with `/` (found `v2`)",
        "15:7: application.versions[1].matches[0].method: is not a method that a route can match (found `get`); \
         write one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH",
    ];
    assert_eq!(refusal(text).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_cannot_be_read_hides_nothing_but_what_follows_from_its_absence() {
    let hostnames: Vec<_> = (0..17).map(|number| format!("h{number}.org")).collect();
    let matches: Vec<_> =
        (0..65).map(|number| format!("{{headers: [{{name: a, value: b{number}}}]}}")).collect();
    let text = format!(
        "environment: deployment-gtw
gateway: [{{nam: a}}, {{name: b, sectionName: X_}}, {{name: b, sectionName: Y_}}]
hostnames: [{}, 'x:1']
application:
  strategy: canary
  versions:
  - {{image: 7}}
  - {{image: web:2, matches: [{}, {{pth: 1}}], wieght: 1}}
{}",
        hostnames.join(", "),
        matches.join(", "),
        "  - {image: web:2}\n".repeat(16)
    );
    let refusal = refusal(&text);
    let paths: Vec<_> =
        refusal.lines().map(|line| line.split(": ").skip(1).take(2).collect::<Vec<_>>().join(": ")).collect();
    let limit = |what: &str| paths.iter().any(|path| path.contains(what));
    assert!(
        limit("hostnames: a route has at most 16 hostnames, not 17"),
        "of those that can be read: {paths:#?}"
    );
    assert!(limit("versions: a route has at most 16 rules (one for each version), not 18"), "{paths:#?}");
    assert!(
        limit("versions[1].matches: a route has at most 64 matches for one version, not 66"),
        "{paths:#?}"
    );
    assert!(!refusal.contains("is there twice"), "they may differ in what cannot be read: {refusal}");
    assert!(!refusal.contains("image: is required"), "{refusal}");
}

#[test]
fn a_map_for_the_gateway_is_answered_with_the_list_that_was_meant() {
    assert_eq!(
        refusal("environment: deployment-gtw\ngateway: {name: g}\napplication: {versions: [{image: web:1}]}"),
        "2:1: gateway: must be the name of a Gateway or a list of parents, not a map; write the name, or a list: \
         `- name: NAME`"
    );
}

#[test]
fn fields_that_the_strategy_does_not_look_at_are_said_to_have_no_effect() {
    let with = |strategy: &str| {
        let document = format!(
            "environment: deployment-gtw\napplication:\n  strategy: {strategy}\n  versions:\n  \
             - {{image: a, weight: 1, matches: [{{method: GET}}]}}\n  - {{image: b, weight: 1, matches: [{{method: GET}}]}}"
        );
        let document = Document::from_yaml(&document).unwrap();
        let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
        let release = declare(&key, &document, &Capabilities::specification()).unwrap();
        let no_effect = |notice: &Notice| match notice {
            Notice::NoEffect { field } => Some(*field),
            _ => None,
        };
        plan(&release, &Observation::all_ready(&release))
            .notices
            .iter()
            .filter_map(no_effect)
            .collect::<Vec<_>>()
    };
    let (primary, any, weight) = (
        "application.versions[0].matches",
        "application.versions[].matches",
        "application.versions[].weight",
    );
    assert_eq!(with("canary"), [primary, weight]);
    assert_eq!(with("blue-green"), [primary, any]);
    assert_eq!(with("none"), [any, weight]);
}

#[test]
fn a_match_names_a_header_once_in_whatever_case() {
    assert_eq!(
        refusal_of_application(
            "  strategy: canary\n  versions:\n  - image: web:1\n  - image: web:2\n    matches:\n    \
             - headers: [{name: a, value: b}, {name: A, value: c}]\n      \
             queryParams: [{name: a, value: b}, {name: A, value: c}]"
        ),
        "8:39: application.versions[1].matches[0].headers[1].name: the match names this header twice (found `A`); \
         keep one of them"
    );
}

/// The only violations of a document that is right but for these lines of `application.route`.
fn refusal_of_route(lines: &str) -> String {
    refusal_of_application(&format!("  versions: [{{image: web:1}}]\n  route:\n{lines}"))
}

#[test]
fn what_the_standard_channel_does_not_have_is_refused_with_a_way_out() {
    for field in ["retry", "retries"] {
        assert_eq!(
            refusal_of_route(&format!("    {field}: {{attempts: 3}}")),
            format!(
                "5:5: application.route.{field}: the standard channel of the Gateway API has no `{field}`; \
                 Linkerd's retries are annotations of the route: write `retry.linkerd.io/http: 5xx` and \
                 `retry.linkerd.io/limit: \"2\"` in `application.route.annotations`"
            )
        );
    }
    assert!(
        refusal_of_route("    sessionPersistence: {}")
            .contains("the standard channel of the Gateway API has no")
    );
    assert_eq!(
        refusal_of_route("    timeout: 3s"),
        "5:5: application.route.timeout: unknown field `timeout`; did you mean `timeouts`?"
    );
}

#[test]
fn timeouts_are_durations_and_the_backends_is_not_more_than_the_requests() {
    assert_eq!(
        refusal_of_route("    timeouts: {request: 1.5s}"),
        "5:16: application.route.timeouts.request: is not a duration; write up to four whole numbers of at most five \
         digits with units, like `10s`, `1h30m` or `500ms` (found `1.5s`)"
    );
    assert_eq!(
        refusal_of_route("    timeouts: {request: 10s, backendRequest: 1m}"),
        "5:30: application.route.timeouts.backendRequest: must not be more than `request`, which is 10s (found `1m`)"
    );
    assert_eq!(refusal_of_route("    timeouts: {request: 0s, backendRequest: 1m}"), "accepted");
    assert_eq!(refusal_of_route("    timeouts: {request: 60s, backendRequest: 1m}"), "accepted");
}

#[test]
fn filters_are_those_that_can_stand_beside_backends_once_each() {
    let text = "    labels: {iter8.tools/x: y}
    filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {set: [{name: 'a b', value: c}], add: [{name: x, value: ''}], remove: [X]}
    - type: RequestHeaderModifier
      requestHeaderModifier: {remove: [y]}
    - type: RequestMirror
    - type: RequestRedirect
      requestRedirect: {port: 1}
    - type: Rewrite
    - type: ResponseHeaderModifier";
    let expected = [
        "5:14: application.route.labels[iter8.tools/x]: label `iter8.tools/x` is reserved; leave it out",
        "8:38: application.route.filters[0].requestHeaderModifier.set[0].name: is not a header name (found `a b`); \
         use letters, digits and !#$%&'*+-.^_`|~, at most 256",
        "8:79: application.route.filters[0].requestHeaderModifier.add[0].value: must have 1 to 4096 characters, not 0",
        "8:101: application.route.filters[0].requestHeaderModifier.remove[0]: the filter names this header twice \
         (found `X`); keep one of them",
        "9:7: application.route.filters[1].type: a rule has one filter of this type (found `RequestHeaderModifier`); \
         put all of it into one filter",
        "11:7: application.route.filters[2].requestMirror: is required; write what the filter does in it",
        "12:7: application.route.filters[3].type: cannot stand beside backendRefs, which every rule of a release has \
         (found `RequestRedirect`); leave it out",
        "14:7: application.route.filters[4].type: is not a type of filter (found `Rewrite`); write \
         `RequestHeaderModifier`, `ResponseHeaderModifier`, `URLRewrite`, `CORS`, `RequestMirror` or `ExtensionRef`",
        "15:7: application.route.filters[5].responseHeaderModifier: is required; write what the filter does in it",
    ];
    assert_eq!(refusal_of_route(text).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_filter_that_the_mesh_does_not_have_is_refused_by_its_name() {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let http = RouteCapabilities { filters: &[], ..RouteCapabilities::HTTP };
    let mesh = Capabilities { mesh: "linkerd", http, ..Capabilities::specification() };
    for filter in [
        "type: URLRewrite, urlRewrite: {hostname: a.b}",
        "type: ResponseHeaderModifier, responseHeaderModifier: {remove: [a]}",
    ] {
        let text = format!(
            "environment: deployment-gtw\napplication: {{route: {{filters: [{{{filter}}}]}}, versions: [{{image: web:1}}]}}"
        );
        let error = declare(&key, &Document::from_yaml(&text).unwrap(), &mesh).unwrap_err().to_string();
        assert!(
            error.contains("filters[0].type: is a filter that the mesh linkerd does not have"),
            "{error}"
        );
    }
}

#[test]
fn what_could_not_be_read_is_not_reported_as_missing_too() {
    assert_eq!(
        refusal(""),
        "1:1: the document: must be a map, not null; write fields and values, like `field: value`"
    );
    assert_eq!(
        refusal_of_application("  versions: 7"),
        "3:3: application.versions: must be a list, not a number (found `7`); write a list, with `- ` before each entry"
    );
}

#[test]
fn a_text_that_is_not_yaml_is_refused_where_it_ends_to_be_so() {
    assert_eq!(refusal("a: ["), "1:4: not a valid YAML document: unclosed bracket '['");
    assert_eq!(refusal("a: 1\na: 2\n"), "2:1: not a valid YAML document: duplicate mapping key: a");
}

#[test]
fn a_strategy_that_the_environment_or_the_mesh_cannot_do_is_refused() {
    assert_eq!(
        refusal("environment: deployment\napplication:\n  strategy: canary\n  versions: [{image: web:1}]"),
        "3:3: application.strategy: needs routing, which environment `deployment` does not have (found `canary`); \
         write `environment: deployment-gtw` or `strategy: none`"
    );
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let text = "environment: deployment-gtw\napplication: {strategy: mirror, versions: [{image: web:1}]}";
    let http = RouteCapabilities { filters: &[], ..RouteCapabilities::HTTP };
    let mesh = Capabilities { mesh: "linkerd", http, ..Capabilities::specification() };
    assert_eq!(
        declare(&key, &Document::from_yaml(text).unwrap(), &mesh).unwrap_err().to_string(),
        "2:15: application.strategy: strategy `mirror` needs RequestMirror, which the mesh linkerd does not have; \
         write `none`, `canary` or `blue-green`"
    );
}

#[test]
fn weight_and_matches_have_no_meaning_under_mirror() {
    assert_eq!(
        refusal_of_application(
            "  strategy: mirror\n  versions:\n  - image: web:1\n  - image: web:2\n    weight: 3\n    matches: [{}]"
        ),
        "7:5: application.versions[1].weight: has no meaning under strategy `mirror`; write `mirrorPercent`, \
         the share of requests that is copied\n\
         8:5: application.versions[1].matches: has no meaning under strategy `mirror`; leave it out: \
         the copies are of all requests"
    );
}

#[test]
fn reserved_labels_names_and_numbers_out_of_range_say_what_to_do() {
    for (lines, expected) in [
        (
            "  metadata: {labels: {app.kubernetes.io/managed-by: me}}\n  versions: [{image: web:1}]",
            "3:23: application.metadata.labels[app.kubernetes.io/managed-by]: label \
             `app.kubernetes.io/managed-by` is reserved; leave it out",
        ),
        (
            "  versions:\n  - image: web:1\n    metadata: {name: web}",
            "5:16: application.versions[0].metadata.name: is reserved for the front Service of the application \
             (found `web`); choose another name",
        ),
        (
            "  drainSeconds: 100000\n  versions: [{image: web:1}]",
            "3:3: application.drainSeconds: must be at most 86400 seconds (a day) (found `100000`)",
        ),
        (
            "  metadata: {namespace: shop}\n  versions: [{image: web:1}]",
            "3:14: application.metadata.namespace: is not the namespace of the release (found `shop`); \
             a release owns objects in its own namespace only: write `test` or nothing",
        ),
    ] {
        assert_eq!(refusal_of_application(lines), expected);
    }
}

#[test]
fn a_service_that_selects_no_pod_of_its_deployment_is_refused() {
    assert_eq!(
        refusal_of_application(
            "  versions:\n  - deploymentSpecification:\n      spec: {template: {metadata: {labels: {app: other}}}}"
        ),
        "5:36: application.versions[0].deploymentSpecification.spec.template.metadata.labels: the version's Service \
         does not select the Pods of its Deployment; Pods need the label `app: web-0`, or the Service another \
         selector"
    );
}

#[test]
fn a_text_that_is_not_one_document_of_a_sensible_size_is_refused_in_plain_words() {
    let refused = |text: &str| Document::from_yaml(text).unwrap_err().to_string();
    assert_eq!(
        refused("a: b\n---\nc: d\n"),
        "3:1: not a valid YAML document: there is more than one document; give each a file of its own"
    );
    let too_large = "not a valid YAML document: it is larger or deeper than a release can be";
    for hostile in [
        format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)),
        (0..300).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"),
        format!("a:\n{}", "- b: c\n".repeat(200_000)),
        // Every name stands for nine times the one before it: 9^10 scalars in all.
        ('b'..='j').zip('a'..).fold("a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, (name, before)| {
            text + &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
        }),
    ] {
        let message = refused(&hostile);
        assert!(message.ends_with(too_large), "{message}");
    }
}
