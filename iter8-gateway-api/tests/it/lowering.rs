//! What each mesh makes of the same documents: routes in the form that it takes, or an error that names what it lacks.

use iter8_core::{
    Document, FilterType, Observation, Protocol, ReleaseKey, RoutingBackend, TimeoutSupport, declare, plan,
};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use serde_json::{Value, json};

use crate::release::release_for;

const CANARY: &str = "environment: deployment-gtw
application:
  strategy: canary
  route: {filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x, value: y}]}}]}
  versions: [{image: web:1}, {image: web:2}]";

fn backends() -> impl Iterator<Item = GatewayApiBackend> {
    MeshProfile::names().map(|name| GatewayApiBackend::new(name.parse().unwrap()))
}

fn backend(mesh: &str) -> GatewayApiBackend {
    GatewayApiBackend::new(mesh.parse().unwrap())
}

fn refusal(mesh: &str, document: &str) -> Option<String> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(&format!("environment: deployment-gtw\n{document}")).unwrap();
    declare(&key, &document, backend(mesh).capabilities()).err().map(|error| error.to_string())
}

/// The rules of the front Service's route.
fn rules(backend: &GatewayApiBackend, document: &str) -> Vec<Value> {
    let release = release_for(backend, document);
    let routes = backend.render(&plan(&release, &Observation::all_ready(&release)));
    let route = serde_json::to_value(&routes[0]).unwrap();
    route["spec"]["rules"].as_array().unwrap().clone()
}

#[test]
fn the_version_header_is_added_at_the_backend_or_where_that_is_not_possible_by_the_rule() {
    let header =
        |add: &Value| json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": add}});
    let version = |name: &str| json!({"name": "app-version", "value": name});
    let own = json!({"name": "x", "value": "y"});
    for backend in backends() {
        let mesh = backend.capabilities().mesh;
        let has = backend.capabilities().http.has_on_backends(FilterType::ResponseHeaderModifier);
        assert_eq!(has, mesh != "kuma", "{mesh}");
        for (rule, name) in rules(&backend, CANARY).iter().zip(["web-1", "web-0"]) {
            let at_backend = rule["backendRefs"][0].get("filters");
            let (wanted, moved) = if has {
                (Some(json!([header(&json!([version(name)]))])), json!([own]))
            } else {
                (None, json!([own, version(name)]))
            };
            assert_eq!(at_backend, wanted.as_ref(), "{mesh}");
            assert_eq!(rule["filters"], json!([header(&moved)]), "{mesh}");
        }
    }
}

#[test]
fn a_moved_header_reads_back_as_planned_and_one_that_is_gone_as_altered() {
    let backend = backend("kuma");
    let release = release_for(&backend, CANARY);
    let plan = plan(&release, &Observation::all_ready(&release));
    let routes = backend.render(&plan);
    let route = plan.route.as_ref().unwrap();
    let planned: Vec<_> = route.rules.iter().map(|rule| crate::round_trip::observed(route, rule)).collect();
    assert_eq!(backend.observe(&routes).unwrap().rules, planned);

    let mut object = serde_json::to_value(&routes[0]).unwrap();
    object["spec"]["rules"][1]["filters"][0]["responseHeaderModifier"]["add"] =
        json!([{"name": "x", "value": "y"}]);
    let rules = backend.observe(&[serde_json::from_value(object).unwrap()]).unwrap().rules;
    assert_eq!(rules.iter().map(|rule| rule.altered).collect::<Vec<_>>(), [false, true]);
}

/// Filters with the defaults of the Gateway API left out.
const DECLARED: [&str; 4] = [
    "{type: URLRewrite, urlRewrite: {hostname: example.org, path: {type: ReplaceFullPath, replaceFullPath: /v2}}}",
    "{type: CORS, cors: {allowOrigins: ['*'], allowMethods: [GET], allowCredentials: true}}",
    "{type: RequestMirror, requestMirror: {backendRef: {name: audit, namespace: logs, port: 80}, fraction: {numerator: 1}}}",
    "{type: ExtensionRef, extensionRef: {group: example.org, kind: Waf, name: strict}}",
];

fn with_filter(filter: &str) -> String {
    format!(
        "application: {{strategy: canary, route: {{filters: [{filter}]}}, versions: [{{image: web:1}}, {{image: web:2}}]}}"
    )
}

#[test]
fn declared_filters_survive_in_every_rule_and_read_back_as_planned() {
    let near = "{type: RequestMirror, requestMirror: {backendRef: {name: audit, port: 80}, percent: 5}}";
    let backend = backend("gateway");
    for (filter, wanted) in [
        (
            DECLARED[0],
            json!({"type": "URLRewrite", "urlRewrite": {"hostname": "example.org", "path": {"type": "ReplaceFullPath", "replaceFullPath": "/v2"}}}),
        ),
        (
            DECLARED[1],
            json!({"type": "CORS", "cors": {"allowOrigins": ["*"], "allowMethods": ["GET"], "allowCredentials": true, "maxAge": 5}}),
        ),
        (
            DECLARED[2],
            json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"group": "", "kind": "Service", "name": "audit", "namespace": "logs", "port": 80}, "fraction": {"numerator": 1, "denominator": 100}}}),
        ),
        (
            DECLARED[3],
            json!({"type": "ExtensionRef", "extensionRef": {"group": "example.org", "kind": "Waf", "name": "strict"}}),
        ),
        (
            near,
            json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"group": "", "kind": "Service", "name": "audit", "port": 80}, "percent": 5}}),
        ),
    ] {
        let document = format!("environment: deployment-gtw\n{}", with_filter(filter));
        for rule in rules(&backend, &document) {
            assert_eq!(rule["filters"], json!([wanted]), "{filter}");
        }
        let release = release_for(&backend, &document);
        let plan = plan(&release, &Observation::all_ready(&release));
        let route = plan.route.as_ref().unwrap();
        let planned: Vec<_> =
            route.rules.iter().map(|rule| crate::round_trip::observed(route, rule)).collect();
        let observed = backend.observe(&backend.render(&plan)).unwrap();
        assert_eq!(observed.rules, planned, "{filter}");

        // Nothing is to be repaired, and nobody takes the user's copies for a strategy.
        let live = Observation { route: Some(observed), ..Observation::all_ready(&release) };
        let again = iter8_core::plan(&release, &live);
        assert!(!again.repair, "{filter}");
        assert_eq!(again.route, plan.route, "{filter}");
    }
}

#[test]
fn what_a_mesh_does_not_have_is_an_error_that_names_both() {
    let split = "application: {strategy: blue-green, versions: [{image: web:1}, {image: web:2}]}";
    let alone = "application: {strategy: blue-green, versions: [{image: web:1}]}";
    let mirror = "application: {strategy: mirror, versions: [{image: web:1}, {image: web:2}]}";
    let share =
        "application: {strategy: mirror, versions: [{image: web:1}, {image: web:2, mirrorPercent: 5}]}";
    let grpc = "application: {protocol: grpc, strategy: canary, versions: [{image: web:1}, {image: web:2}]}";
    let grpc_mirror =
        "application: {protocol: grpc, strategy: mirror, versions: [{image: web:1}, {image: web:2}]}";
    let path = "application: {strategy: canary, versions: [{image: web:1}, {image: web:2, matches: [{path: {type: RegularExpression, value: /a.*}}]}]}";
    let call = "application: {protocol: grpc, strategy: canary, versions: [{image: web:1}, {image: web:2, matches: [{method: {type: RegularExpression, service: a.*}}]}]}";
    let [rewrite, cors, copies, extension] = DECLARED.map(with_filter);
    let [rewrite, cors, copies, extension] = [&rewrite, &cors, &copies, &extension].map(String::as_str);
    let [part, whole] = [5, 100].map(|percent| {
        with_filter(&format!("{{type: RequestMirror, requestMirror: {{backendRef: {{name: audit, port: 80}}, percent: {percent}}}}}"))
    });
    let gateway = "gateway: public\napplication: {strategy: canary, versions: [{image: web:1}]}";
    // For each document: the meshes that refuse it, and what they say.
    for (document, refusing, words) in [
        (split, &["kuma"][..], "needs ResponseHeaderModifier on backendRefs, which the mesh"),
        (alone, &[], ""),
        (mirror, &["linkerd"], "needs RequestMirror, which the mesh"),
        (share, &["linkerd", "kuma"], "the mesh"),
        (grpc, &[], ""),
        (grpc_mirror, &["linkerd", "cilium"], "needs RequestMirror, which GRPCRoutes of the mesh"),
        (rewrite, &["linkerd"], "filters[0].type: is a filter that the mesh"),
        (cors, &["linkerd", "cilium", "kuma"], "filters[0].type: is a filter that the mesh"),
        (copies, &["linkerd", "kuma"], "filters[0]."),
        (&part, &["linkerd", "kuma"], "filters[0]."),
        (&whole, &["linkerd"], "filters[0].type: is a filter that the mesh"),
        (
            extension,
            &["linkerd", "istio", "istio-ambient", "cilium", "kuma"],
            "filters[0].type: is a filter that the mesh",
        ),
        (path, &["istio", "istio-ambient", "kuma"], "a path by regular expression is no match that the mesh"),
        (call, &["linkerd"], "a gRPC method by regular expression is no match that the mesh"),
        (gateway, &[], ""),
    ] {
        for mesh in MeshProfile::names() {
            let refusal = refusal(mesh, document);
            assert_eq!(refusal.is_some(), refusing.contains(&mesh), "{mesh}: {document}: {refusal:?}");
            if let Some(refusal) = refusal {
                assert!(refusal.contains(words) && refusal.contains(mesh), "{refusal}");
                assert!(refusal.contains("; "), "it says what to write: {refusal}");
            }
        }
    }
}

#[test]
fn ports_of_services_say_their_protocol_where_the_mesh_needs_it() {
    for (mesh, http, grpc) in [
        ("linkerd", None, "kubernetes.io/h2c"),
        ("istio", None, "kubernetes.io/h2c"),
        ("istio-ambient", None, "kubernetes.io/h2c"),
        ("cilium", None, "kubernetes.io/h2c"),
        ("kuma", Some("http"), "grpc"),
        ("gateway", None, "kubernetes.io/h2c"),
    ] {
        for (protocol, wanted) in [("http", http), ("grpc", Some(grpc))] {
            let backend = backend(mesh);
            let document = format!(
                "environment: deployment-gtw\napplication: {{protocol: {protocol}, strategy: canary, versions: [{{image: web:1}}]}}"
            );
            let release = release_for(&backend, &document);
            let plan = plan(&release, &Observation::all_ready(&release));
            assert_eq!(release.primary().app_protocol.as_deref(), wanted, "{mesh} {protocol}");
            assert_eq!(plan.front.unwrap().app_protocol.as_deref(), wanted, "{mesh} {protocol}");
        }
    }
}

#[test]
fn only_the_mesh_that_needs_it_gets_an_explicit_default_rule() {
    let document = "environment: deployment-gtw\napplication: {protocol: grpc, strategy: canary, versions: [{image: web:1}]}";
    for backend in backends() {
        let mesh = backend.capabilities().mesh;
        let wanted = (mesh == "kuma").then(|| json!([{}]));
        assert_eq!(rules(&backend, document)[0].get("matches"), wanted.as_ref(), "{mesh}");
    }
}

#[test]
fn a_label_leads_to_the_waypoint_of_an_ambient_mesh() {
    for backend in backends() {
        let capabilities = backend.capabilities();
        let wanted = (capabilities.mesh == "istio-ambient").then_some("istio.io/use-waypoint");
        assert_eq!(capabilities.waypoint_label, wanted);
    }
    let notices = |labels: &str| {
        let document = format!(
            "environment: deployment-gtw\napplication: {{metadata: {{labels: {labels}}}, strategy: canary, versions: [{{image: web:1}}]}}"
        );
        release_for(&backend("istio-ambient"), &document)
            .notices
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(notices("{}").contains("routes at a waypoint"));
    assert!(!notices("{istio.io/use-waypoint: waypoint}").contains("routes at a waypoint"));
}

#[test]
fn every_mesh_says_what_becomes_of_timeouts() {
    for backend in backends() {
        let capabilities = backend.capabilities();
        let grpc = capabilities.of(Protocol::Grpc).unwrap();
        assert!(matches!(grpc.timeouts, TimeoutSupport::Missing(_)), "{}", capabilities.mesh);
        let ignored = matches!(capabilities.http.timeouts, TimeoutSupport::Ignored(_));
        assert_eq!(ignored, ["linkerd", "kuma"].contains(&capabilities.mesh), "{}", capabilities.mesh);
    }
}
