//! What is printed for `kubectl apply -f -`.

use iter8_kube::Release;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::CustomResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::program::run;
use crate::yaml::{of_kind, stream};

fn install(args: &[&str]) -> Vec<Value> {
    stream(&run(&[&["install"], args].concat(), "").done())
}

fn the<T: DeserializeOwned>(objects: &[Value], kind: &str) -> T {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}");
    T::deserialize(found[0]).unwrap()
}

#[test]
fn the_crd_is_that_of_the_kind_release() {
    let objects = stream(&run(&["crd"], "").done());
    let crd: k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition =
        the(&objects, "CustomResourceDefinition");
    assert_eq!(crd, Release::crd());
    let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    assert!(schema.properties.as_ref().unwrap().contains_key("spec"));
}

#[test]
fn the_controller_is_installed_with_account_rights_and_namespace() {
    let objects = install(&[]);
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    let expected = [
        "CustomResourceDefinition",
        "Namespace",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Deployment",
    ];
    assert_eq!(kinds, expected);
    let deployment = of_kind(&objects, "Deployment")[0];
    assert_eq!(deployment["metadata"]["namespace"], "iter8-system");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], of_kind(&objects, "ServiceAccount")[0]["metadata"]["name"]);
    assert_eq!(pod["containers"][0]["args"][1], "--all-namespaces");
}

#[test]
fn the_arguments_of_the_controller_are_some_that_it_takes() {
    for scope in ["cluster", "namespace"] {
        let deployment: Deployment = the(&install(&["--scope", scope, "--mesh", "gateway"]), "Deployment");
        let container = deployment.spec.unwrap().template.spec.unwrap().containers.remove(0);
        let mut args: Vec<_> = container.args.unwrap();
        args.push("--help".to_owned());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        assert!(run(&args, "").done().starts_with("Run the controller"));
    }
}

#[test]
fn the_controller_runs_without_privileges() {
    let objects = install(&[]);
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    assert!(container["resources"]["requests"].is_object());
}

#[test]
fn the_controller_is_probed_and_has_a_replica_to_take_over() {
    let deployment = of_kind(&install(&[]), "Deployment")[0].clone();
    assert_eq!(deployment["spec"]["replicas"], 2);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({ "path": path, "port": "metrics" }));
    }
    assert_eq!(container["ports"][0]["name"], "metrics");
    let args = container["args"].as_array().unwrap();
    for arg in ["--leader-elect=true", "--metrics-addr=:8080"] {
        assert!(args.contains(&arg.into()), "{arg}");
    }
}

#[test]
fn the_rights_name_every_verb_and_are_the_same_for_a_namespace() {
    let role: ClusterRole = the(&install(&[]), "ClusterRole");
    let rules = role.rules.unwrap();
    let has_wildcard = |rule: &PolicyRule| rule.verbs.iter().any(|verb| verb == "*");
    assert!(!rules.iter().any(has_wildcard));

    let objects = install(&["--scope", "namespace", "-n", "canaries", "--image", "registry.example/iter8:1"]);
    let role = of_kind(&objects, "Role")[0];
    let of_lease: Role = the(&install(&[]), "Role");
    let rules: Vec<_> = rules.into_iter().chain(of_lease.rules.unwrap()).collect();
    assert_eq!(role["rules"], serde_json::to_value(rules).unwrap());
    assert_eq!(of_kind(&objects, "ClusterRole"), [&Value::Null; 0]);
    for kind in ["Role", "RoleBinding", "ServiceAccount", "Deployment"] {
        assert_eq!(of_kind(&objects, kind)[0]["metadata"]["namespace"], "canaries", "{kind}");
    }
    let container = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/iter8:1");
    assert_eq!(container["args"][1], "--namespace=canaries");
}
