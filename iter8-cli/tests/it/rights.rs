//! The rights that `iter8 install` gives the controller: it needs no others, and it uses each of them.

use std::collections::BTreeSet;

use iter8_kube::Release;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::installed::{Installation, NAME, until};
use crate::program::tutorial;
use crate::yaml;

/// Group, resource and verb.
type Right = (String, String, String);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "KUBEBUILDER_ASSETS and root are needed"]
async fn rights_for_all_namespaces_are_enough_and_all_needed() {
    check(&["--scope", "cluster"], "apps").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "KUBEBUILDER_ASSETS and root are needed"]
async fn rights_for_one_namespace_are_enough_and_all_needed() {
    check(&["--scope", "namespace", "-n", "canaries"], "canaries").await;
}

async fn check(args: &[&str], namespace: &str) {
    let installation = Installation::new(args, namespace).await;
    let (user, groups) = installation.account();
    use_everything(&installation, &user, &groups).await;

    let requests = installation.requests_of(&user);
    let refused: Vec<_> = requests.iter().filter(|request| matches!(request.code, 401 | 403)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let used: BTreeSet<Right> = requests
        .iter()
        .map(|request| (request.group.clone(), request.resource.clone(), request.verb.clone()))
        .collect();
    let granted = granted(&installation.objects);
    let unused: Vec<_> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "never used: {unused:#?}\nof\n{granted:#?}");
    let foreign: Vec<_> = used.difference(&granted).collect();
    assert!(foreign.is_empty(), "asked for without a right: {foreign:#?}");
}

/// The tutorial from the first version to cleanup, with what else the controller does.
async fn use_everything(installation: &Installation, user: &str, groups: &[String]) {
    let brisk = |name: &str| tutorial(name).replace("application:", "application:\n  drainSeconds: 1");
    let often = ["--leader-elect-lease-duration=2s"];
    let first = installation.start("first", user, groups, &often);
    installation.release(&brisk("1-initial.yaml")).await;
    let second = installation.start("second", user, groups, &often);
    installation.release(&brisk("2-candidate.yaml")).await;
    first.stop().await;
    installation.release(&brisk("3-promoted.yaml").replace("kennethreitz/httpbin", "web:2")).await;

    // Routes of the other kind, written anew, changed and taken away.
    let grpc = |name: &str| brisk(name).replace("strategy: canary", "strategy: canary\n  protocol: grpc");
    installation.release(&grpc("1-initial.yaml")).await;
    installation.release(&grpc("2-candidate.yaml")).await;
    installation.release(&brisk("1-initial.yaml")).await;

    installation.api::<Release>().delete("httpbin", &DeleteParams::default()).await.unwrap();
    until("the Deployments to be gone", || installation.deployments(), Vec::is_empty).await;
    meet_in_the_lease(installation, user).await;
    // Watches are in the audit log when they have ended.
    second.stop().await;
}

/// Changes the Lease until the controller has met with such a change and has looked at the Lease.
async fn meet_in_the_lease(installation: &Installation, user: &str) {
    let lease = yaml::of_kind(&installation.objects, "ServiceAccount")[0]["metadata"]["namespace"].clone();
    let leases: Api<Lease> = Api::namespaced(installation.world.client(), lease.as_str().unwrap());
    let looked = || async {
        for count in 0..50 {
            let patch = json!({ "metadata": { "annotations": { "count": count.to_string() } } });
            leases.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        }
        let requests = installation.requests_of(user);
        requests.iter().any(|request| request.resource == "leases" && request.verb == "get")
    };
    until("a look at the Lease", looked, |looked| *looked).await;
}

/// What the printed roles allow.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let roles = ["ClusterRole", "Role"].into_iter().flat_map(|kind| yaml::of_kind(objects, kind));
    let rules = roles.flat_map(|role| role["rules"].as_array().unwrap());
    let rules: Vec<PolicyRule> = rules.map(|rule| serde_json::from_value(rule.clone()).unwrap()).collect();
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                let verbs = rule.verbs.iter().cloned();
                rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    assert!(!rights.iter().any(|(_, resource, _)| resource == "secrets"));
    rights
}
