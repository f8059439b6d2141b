//! Protocol grpc: what can be declared, and what is planned.

use iter8_core::{
    Capabilities, Document, MatchKind, Notice, Observation, ParentReport, Parents, Protocol, ReleaseKey,
    RouteCapabilities, RouteObservation, RoutePlan, TimeoutSupport, ValidRelease, Verdict, declare, plan,
};

use crate::world::{World, document};

fn declared(text: &str, capabilities: &Capabilities) -> Result<ValidRelease, String> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(text).unwrap();
    declare(&key, &document, capabilities).map_err(|error| error.to_string())
}

/// A canary of this protocol whose candidate has these matches, in flow style.
fn canary(protocol: &str, matches: &str) -> String {
    format!(
        "environment: deployment-gtw\napplication:\n  protocol: {protocol}\n  strategy: canary\n  versions:\n  \
         - image: web:1\n  - image: web:2\n    matches: {matches}\n"
    )
}

fn release(protocol: &str, matches: &str) -> ValidRelease {
    declared(&canary(protocol, matches), &Capabilities::specification()).unwrap()
}

fn refusal(protocol: &str, matches: &str) -> String {
    declared(&canary(protocol, matches), &Capabilities::specification()).unwrap_err()
}

/// A mesh with other routes for gRPC.
fn mesh(grpc: Option<RouteCapabilities>) -> Capabilities {
    Capabilities { mesh: "mesh", grpc, ..Capabilities::specification() }
}

fn requests(plan: &RoutePlan) -> Vec<String> {
    plan.rules()
        .iter()
        .map(|rule| rule.matches.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
        .collect()
}

#[test]
fn a_grpc_candidate_is_reached_by_service_method_and_headers_or_by_the_default_header() {
    let matches = "[{method: {service: shop.Cart, method: Add}, headers: [{name: a, value: b}]}, {method: {type: RegularExpression, method: A.*}}]";
    let release = release("grpc", matches);
    assert_eq!(release.protocol, Protocol::Grpc);
    let plan = plan(&release, &Observation::all_ready(&release));
    assert_eq!(plan.route.as_ref().unwrap().protocol, Protocol::Grpc);
    assert_eq!(requests(&plan), ["gRPC shop.Cart/Add, header a=b or gRPC ~ */A.*", ""]);

    for none in ["[]", "null"] {
        let release = self::release("grpc", none);
        assert_eq!(release.candidates()[0].matches[0].to_string(), "header traffic=test");
        assert_eq!(release.candidates()[0].matches[0].protocol(), Protocol::Grpc);
    }
}

#[test]
fn a_field_of_the_other_protocol_is_refused_with_what_to_write() {
    let place = "application.versions[1].matches[0]";
    for (protocol, matches, expected) in [
        ("grpc", "[{path: {value: /a}}]", "path: a match of protocol grpc has no `path`"),
        ("grpc", "[{queryParams: []}]", "queryParams: a match of protocol grpc has no `queryParams`"),
        (
            "grpc",
            "[{method: GET}]",
            "method: is the method of an HTTP request; the protocol is grpc (found `GET`); write `method: {service: package.Service, method: Method}`",
        ),
        (
            "http",
            "[{method: {service: a.B}}]",
            "method: is the method of a gRPC request; the protocol is http",
        ),
    ] {
        let message = refusal(protocol, matches);
        assert!(message.contains(&format!("{place}.{expected}")), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains("; "), "it says what to write: {message}");
    }
}

#[test]
fn what_the_validation_of_the_route_would_refuse_is_refused() {
    for (entry, expected) in [
        ("{method: {}}", "method: must have `service` or `method`, or both"),
        ("{method: {type: Prefix, service: a}}", "method.type: is not a kind of match"),
        ("{method: {service: a/B}}", "method.service: is not the name of a gRPC service (found `a/B`)"),
        ("{method: {service: a..B}}", "method.service: is not the name of a gRPC service"),
        ("{method: {service: 1a}}", "method.service: is not the name of a gRPC service"),
        ("{method: {service: ''}}", "method.service: must have 1 to 1024 characters, not 0"),
        ("{method: {method: a.b}}", "method.method: is not the name of a gRPC method"),
        ("{method: {srvice: a}}", "unknown field `srvice`; did you mean `service`?"),
        (
            "{headers: [{name: a, value: b}, {name: A, value: c}]}",
            "headers[1].name: the match names this header twice",
        ),
    ] {
        let message = refusal("grpc", &format!("[{entry}]"));
        assert!(message.contains(expected), "{entry}: {message}");
    }
    for legal in ["{method: {service: .a.B_2}}", "{method: {type: RegularExpression, service: 'a/.*'}}", "{}"]
    {
        release("grpc", &format!("[{legal}]"));
    }
    assert!(refusal("h2", "[{path: 7}]").contains(
        "application.protocol: is not a protocol that can be routed (found `h2`); write `http` or `grpc`"
    ));
    assert_eq!(refusal("h2", "[{path: 7}]").lines().count(), 2, "matches are read whatever the protocol is");
}

#[test]
fn a_grpc_route_has_no_timeouts_and_no_redirects() {
    let route = |route: &str| {
        let text = format!(
            "environment: deployment-gtw\napplication:\n  protocol: grpc\n  strategy: canary\n  route: {route}\n  versions: [{{image: web:1}}]\n"
        );
        declared(&text, &Capabilities::specification())
    };
    assert!(
        route("{timeouts: {request: 1s}}")
            .unwrap_err()
            .contains("application.route.timeouts: a GRPCRoute has no timeouts; ")
    );
    let redirect = route("{filters: [{type: RequestRedirect}]}").unwrap_err();
    assert!(redirect.contains("is a filter that GRPCRoutes of the mesh gateway do not have"), "{redirect}");
    assert!(
        route("{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}]}").is_ok()
    );
}

#[test]
fn what_a_mesh_lacks_is_refused_by_its_name() {
    let document = |text: &str| format!("environment: deployment-gtw\n{text}");
    let expression = "[{method: {type: RegularExpression, service: a}}]";
    let exact = RouteCapabilities {
        matches: &[MatchKind::GrpcMethodExact, MatchKind::HeaderExact],
        ..RouteCapabilities::GRPC
    };
    let without_filters = RouteCapabilities { backend_filters: &[], ..RouteCapabilities::HTTP };
    let all_or_none = RouteCapabilities { mirror_percent: false, ..RouteCapabilities::HTTP };
    let parents = |service, gateway| Capabilities { parents: Parents { service, gateway }, ..mesh(None) };
    for (text, capabilities, expected) in [
        (
            canary("grpc", "[]"),
            mesh(None),
            "application.protocol: needs GRPCRoutes, which the mesh mesh does not have (found `grpc`)",
        ),
        (
            canary("grpc", expression),
            mesh(Some(exact)),
            "matches[0].method: a gRPC method by regular expression is no match that the mesh mesh has",
        ),
        (
            document("application: {strategy: blue-green, versions: [{image: web:1}, {image: web:2}]}"),
            Capabilities { http: without_filters.clone(), ..mesh(None) },
            "application.strategy: needs ResponseHeaderModifier on backendRefs, which the mesh mesh does not have (found `blue-green`)",
        ),
        (
            document(
                "application: {strategy: canary, route: {filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [App-Version]}}]}, versions: [{image: web:1}]}",
            ),
            Capabilities { http: without_filters, ..mesh(None) },
            "must not name `app-version`",
        ),
        (
            document(
                "application: {strategy: mirror, versions: [{image: web:1}, {image: web:2, mirrorPercent: 5}]}",
            ),
            Capabilities { http: all_or_none, ..mesh(None) },
            "application.versions[1].mirrorPercent: the mesh mesh copies all requests or none (found `5`)",
        ),
        (
            document("gateway: public\napplication: {strategy: canary, versions: [{image: web:1}]}"),
            parents(true, false),
            "gateway: the mesh mesh takes no routes of Gateways",
        ),
        (
            document("application: {strategy: canary, versions: [{image: web:1}]}"),
            parents(false, true),
            "gateway: is required: the mesh mesh takes routes of Gateways only",
        ),
    ] {
        let message = declared(&text, &capabilities).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("; "), "it says what to write: {message}");
    }
}

#[test]
fn a_release_without_routes_asks_nothing_of_the_mesh() {
    let text = "environment: deployment-gtw\napplication: {protocol: grpc, versions: [{image: web:1}]}";
    assert!(declared(text, &mesh(None)).is_ok());
}

#[test]
fn what_a_person_should_know_of_mesh_and_versions_is_noticed() {
    let ignored = RouteCapabilities {
        timeouts: TimeoutSupport::Ignored("say it elsewhere"),
        app_protocol: Some("http"),
        ..RouteCapabilities::HTTP
    };
    let capabilities = Capabilities { http: ignored, waypoint_label: Some("use/waypoint"), ..mesh(None) };
    let text = "environment: deployment-gtw
application:
  strategy: canary
  route: {timeouts: {request: 1s}}
  versions:
  - image: web:1
    readinessProbe: {httpGet: {port: 80}}
    serviceSpecification: {spec: {selector: {app: web-0}, ports: [{port: 80}]}}
  - image: web:2
  - deploymentSpecification: {spec: {template: {metadata: {labels: {app: web-2}}, spec: {containers: [{readinessProbe: {}}]}}}}
  - deploymentSpecification: {spec: {template: {metadata: {labels: {app: web-3}}, spec: {containers: [{name: a}]}}}}
";
    let release = declared(text, &capabilities).unwrap();
    let words: Vec<_> = release.notices.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "the mesh mesh does not look at the timeouts of a rule; say it elsewhere",
            "the mesh mesh routes at a waypoint: label the namespace or `application.metadata` with `use/waypoint`",
            "the routed port in `application.versions[0].serviceSpecification.spec.ports` should have `appProtocol: \
             http`, by which the mesh mesh tells what it is; it is left as it is",
            "web-1 has no readinessProbe: ready means started",
            "web-3 has no readinessProbe: ready means started",
        ]
    );
    assert!(plan(&release, &Observation::default()).notices.contains(&release.notices[0]));
}

#[test]
fn the_default_rule_counts_among_the_matches_of_a_route_where_it_has_one() {
    let candidates = |count: usize| {
        let matches = vec!["{method: {service: a}}"; count].join(", ");
        let versions = format!("{{image: web:2, matches: [{matches}]}}");
        format!(
            "environment: deployment-gtw\napplication: {{protocol: grpc, strategy: canary, versions: [{{image: web:1}}, {versions}, {versions}]}}"
        )
    };
    // The API server writes no match into a rule of a GRPCRoute that has none; some meshes need one there.
    assert!(declared(&candidates(64), &Capabilities::specification()).is_ok());
    let explicit = mesh(Some(RouteCapabilities { explicit_default: true, ..RouteCapabilities::GRPC }));
    assert!(declared(&candidates(63), &explicit).is_ok());
    let message = declared(&candidates(64), &explicit).unwrap_err();
    assert!(
        message.contains("a route has at most 128 matches in all (one for the default rule), not 129"),
        "{message}"
    );
    assert!(
        declared(&candidates(65), &Capabilities::specification())
            .unwrap_err()
            .contains("a route has at most 64 matches for one version, not 65")
    );
}

#[test]
fn among_grpc_rules_what_is_never_chosen_or_left_open_is_said() {
    let text = "environment: deployment-gtw
application:
  protocol: grpc
  strategy: canary
  versions:
  - image: web:1
  - image: web:2
    matches: [{method: {service: a.B}}]
  - image: web:3
    matches: [{method: {service: a.B}}, {method: {type: RegularExpression, service: a.*}}]
  - image: web:4
    matches: [{}]
";
    let release = declared(text, &Capabilities::specification()).unwrap();
    let notices = plan(&release, &Observation::all_ready(&release)).notices;
    let is = |wanted: fn(&Notice) -> bool| notices.iter().any(wanted);
    assert!(
        is(|notice| matches!(notice, Notice::NeverChosen { idle, .. } if idle.version.as_str() == "web-2")),
        "{notices:?}"
    );
    assert!(is(|notice| matches!(notice, Notice::LeftOpen { .. })), "{notices:?}");
    assert!(
        is(
            |notice| matches!(notice, Notice::TakesEverything { candidate, .. } if candidate.as_str() == "web-3")
        ),
        "{notices:?}"
    );
}

/// The live routes that this plan was rendered as, with this verdict of their parent, beside those of before.
fn routed(plan: &RoutePlan, verdict: Verdict, other: Option<RouteObservation>) -> RouteObservation {
    let mut world = World::new();
    world.route(plan);
    let route = world.observation.route.unwrap();
    let parents = vec![ParentReport { parent: "Service test/web:80".into(), is_gateway: false, verdict }];
    RouteObservation { parents, other: other.map(Box::new), ..route }
}

#[test]
fn a_change_of_protocol_waits_for_the_versions_and_then_for_the_new_route() {
    let (before, after) = (release("http", "[{path: {value: /a}}]"), release("grpc", "[]"));
    let mut observation = Observation::all_ready(&before);
    let http = routed(&plan(&before, &observation), Verdict::Accepted, None);
    observation.route = Some(http.clone());

    // The redefined candidate is being updated: its Service has the digest of before.
    let held = plan(&after, &observation);
    assert_eq!(held.route.as_ref().unwrap().protocol, Protocol::Http);
    assert_eq!(requests(&held), ["path prefix /a", ""]);
    assert!(held.versions[0].reason.to_string().contains("protocol before"), "{}", held.versions[0].reason);
    assert_eq!(held.front.as_ref().unwrap().app_protocol, None);

    observation.versions = Observation::all_ready(&after).versions;
    let new = plan(&after, &observation);
    assert_eq!(new.route.as_ref().unwrap().protocol, Protocol::Grpc);
    assert_eq!(requests(&new), ["header traffic=test", ""]);
    assert!(new.keeps_other_routes, "the HTTPRoute serves until the GRPCRoute is in force");
    assert_eq!(new.front.as_ref().unwrap().app_protocol.as_deref(), Some("kubernetes.io/h2c"));

    let refused = Verdict::Refused { reason: "No".into(), message: "no".into() };
    for (verdict, keeps) in
        [(Verdict::Silent, true), (refused, true), (Verdict::Stale, true), (Verdict::Accepted, false)]
    {
        let mut grpc = routed(&new, verdict.clone(), Some(http.clone()));
        grpc.written = Some(observation.now.plus_seconds(1));
        observation.route = Some(grpc);
        assert_eq!(plan(&after, &observation).keeps_other_routes, keeps, "{verdict:?}");
    }
}

#[test]
fn a_new_http_route_need_not_be_accepted_beside_a_grpc_route_that_comes_before_it() {
    let (before, after) = (release("grpc", "[]"), release("http", "[]"));
    let mut observation = Observation::all_ready(&before);
    let grpc = routed(&plan(&before, &observation), Verdict::Accepted, None);
    observation.versions = Observation::all_ready(&after).versions;
    observation.route = Some(grpc.clone());
    let new = plan(&after, &observation);
    assert!(new.keeps_other_routes);
    let refused = Verdict::Refused { reason: "Conflicted".into(), message: "a GRPCRoute is there".into() };
    for (verdict, keeps) in [(Verdict::Silent, true), (refused, false), (Verdict::Accepted, false)] {
        let http = routed(&new, verdict.clone(), None);
        // Whichever of the two comes first.
        let mut live = RouteObservation { other: Some(Box::new(http)), ..grpc.clone() };
        live.other.as_mut().unwrap().written = Some(observation.now.plus_seconds(1));
        observation.route = Some(live);
        assert_eq!(plan(&after, &observation).keeps_other_routes, keeps, "{verdict:?}");
    }
}

#[test]
fn a_grpc_route_stays_until_every_parent_has_looked_at_the_http_route() {
    let (before, after) = (release("grpc", "[]"), release("http", "[]"));
    let mut observation = Observation::all_ready(&before);
    let grpc = routed(&plan(&before, &observation), Verdict::Accepted, None);
    observation.versions = Observation::all_ready(&after).versions;
    let refused = Verdict::Refused { reason: "Conflicted".into(), message: "a GRPCRoute is there".into() };
    let mut http = routed(&plan(&after, &observation), refused, Some(grpc));
    http.parents.push(ParentReport {
        parent: "Gateway test/edge".into(),
        is_gateway: true,
        verdict: Verdict::Silent,
    });
    http.written = Some(observation.now);
    observation.route = Some(http);
    let waiting = plan(&after, &observation);
    assert!(waiting.keeps_other_routes);
    observation.now = waiting.look_again.unwrap();
    assert!(!plan(&after, &observation).keeps_other_routes, "its silence is over");
}

#[test]
fn a_grpc_route_that_is_held_gets_none_of_the_timeouts_that_it_cannot_have() {
    let versions = "versions: [{image: web:1}, {image: web:2}]";
    let before =
        format!("environment: deployment-gtw\napplication: {{protocol: grpc, strategy: canary, {versions}}}");
    let after = format!(
        "environment: deployment-gtw\napplication: {{strategy: canary, route: {{timeouts: {{request: 3s}}}}, {versions}}}"
    );
    let (before, after) = (document(&before), document(&after));
    let mut observation = Observation::all_ready(&before);
    observation.route = Some(routed(&plan(&before, &observation), Verdict::Accepted, None));
    let held = plan(&after, &observation);
    let route = held.route.unwrap();
    assert_eq!((route.protocol, route.timeouts.is_empty()), (Protocol::Grpc, true));
    assert!(!held.repair, "it would be written again and again");
}

#[test]
fn a_gateway_that_takes_the_older_of_both_routes_is_no_reason_to_wait() {
    let (before, after) = (release("http", "[]"), release("grpc", "[]"));
    let mut observation = Observation::all_ready(&before);
    let http = routed(&plan(&before, &observation), Verdict::Accepted, None);
    observation.versions = Observation::all_ready(&after).versions;
    let mut grpc = routed(&plan(&after, &observation), Verdict::Accepted, Some(http));
    let refused = Verdict::Refused { reason: "Conflicted".into(), message: "an HTTPRoute is there".into() };
    grpc.parents.push(ParentReport {
        parent: "Gateway test/edge".into(),
        is_gateway: true,
        verdict: refused,
    });
    observation.route = Some(grpc);
    let next = plan(&after, &observation);
    assert!(!next.keeps_other_routes, "it accepts the GRPCRoute once the HTTPRoute is gone");
    let conditions = iter8_core::conditions(&next, &observation, &[]);
    assert_eq!(
        conditions[2].message,
        "the GRPCRoute takes the place of the HTTPRoute; until then Gateway test/edge refuses the route: Conflicted: \
         an HTTPRoute is there"
    );
}

#[test]
fn the_users_own_copies_of_a_route_that_is_held_stay_as_they_are() {
    let audit =
        "route: {filters: [{type: RequestMirror, requestMirror: {backendRef: {name: audit, port: 80}}}]}, ";
    let text = |protocol: &str, route: &str, versions: &str| {
        format!(
            "environment: deployment-gtw\napplication: {{protocol: {protocol}, {route}strategy: canary, versions: [{versions}]}}"
        )
    };
    let (one, other) = ("{image: web:1}", "{image: web:2}");
    for (route, copies) in [("", 0), (audit, 1)] {
        let before = document(&text("grpc", route, one));
        let mut observation = Observation::all_ready(&before);
        observation.route = Some(routed(&plan(&before, &observation), Verdict::Accepted, None));
        let after = document(&text("http", if copies == 0 { audit } else { "" }, other));
        let held = plan(&after, &observation);
        assert_eq!(held.route.as_ref().unwrap().protocol, Protocol::Grpc);
        assert_eq!(held.rules()[0].mirrors.len(), copies);
        assert!(!held.repair);
    }
}

#[test]
fn a_route_that_is_held_keeps_its_copies_to_versions_that_can_take_them() {
    let text = |protocol: &str, versions: &str| {
        format!(
            "environment: deployment-gtw\napplication: {{protocol: {protocol}, strategy: mirror, versions: [{versions}]}}"
        )
    };
    let before = document(&text("grpc", "{image: web:1}, {image: web:2}, {image: web:3}"));
    let after = document(&text("http", "{image: web:1}, {image: web:2}"));
    let mut observation = Observation::all_ready(&before);
    observation.route = Some(routed(&plan(&before, &observation), Verdict::Accepted, None));
    for version in after.versions() {
        let name = version.name.clone();
        observation.versions.insert(name, iter8_core::VersionObservation::ready(version));
    }
    let candidate = observation.versions.get_mut(&after.candidates()[0].name).unwrap();
    let copied = candidate.deployment.as_mut().unwrap();
    copied.available = false;
    // What is held up is held up by what the copies make of the candidate: without them it would not be routed.
    for _ in 0..2 {
        let held = plan(&after, &observation);
        assert_eq!(held.route.as_ref().unwrap().protocol, Protocol::Grpc);
        let copies: Vec<_> = held.rules()[0].mirrors.iter().map(|copy| copy.service.as_str()).collect();
        assert_eq!(copies, ["web-1"], "web-2 has left the document");
        observation.route = Some(routed(&held, Verdict::Accepted, None));
    }
    observation.versions.get_mut(&after.candidates()[0].name).unwrap().endpoints.ready = 0;
    let next = plan(&after, &observation);
    assert_eq!(next.route.as_ref().unwrap().protocol, Protocol::Http, "it holds nothing up any more");
    assert!(next.rules()[0].mirrors.is_empty());
}
