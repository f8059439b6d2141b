//! What the API server itself makes of Releases: only a real one has CEL.

use iter8_core::{Capabilities, Document, ReleaseKey, declare};
use iter8_kube::{Release, ReleaseSpec};
use kube::api::PostParams;

use crate::cluster::Cluster;
use crate::scenarios::{CANDIDATE, INITIAL};
use crate::servers::{Scenario, scenarios};

/// What only a real API server shows.
pub(crate) const ALL: &[Scenario] = scenarios![
    what_admission_can_see_is_refused_in_our_words,
    what_admission_cannot_see_is_accepted_and_reported,
    null_is_the_same_as_absent,
];

/// The API server's answer to a Release with this document.
async fn create(cluster: &Cluster, document: &str) -> Result<Release, kube::Error> {
    let spec = ReleaseSpec::from_document(&Document::from_yaml(document).unwrap()).unwrap();
    let mut release = Release::new("admitted", spec);
    release.metadata.namespace = Some(cluster.world.namespace().to_owned());
    let params = PostParams { dry_run: true, ..PostParams::default() };
    cluster.api::<Release>().create(&params, &release).await
}

/// What the core says of the document: message and hint of its violations.
fn refusals(document: &str) -> Vec<(String, Option<String>)> {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let document = Document::from_yaml(document).unwrap();
    let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
    error.violations().iter().map(|violation| (violation.message.clone(), violation.hint.clone())).collect()
}

/// A document with these lines for the application besides one version.
fn application(lines: &str) -> String {
    format!("environment: deployment-gtw\napplication:\n  {lines}\n  versions: [{{image: 'web:1'}}]\n")
}

fn versions(strategy: &str, versions: &str) -> String {
    format!("environment: deployment-gtw\napplication:\n  strategy: {strategy}\n  versions: {versions}\n")
}

async fn what_admission_can_see_is_refused_in_our_words(cluster: Cluster) {
    let many: Vec<_> = (0..17).map(|index| format!("{{image: 'web:{index}'}}")).collect();
    let hosts: Vec<_> = (0..17).map(|index| format!("h{index}.example.com")).collect();
    for document in [
        "environment: kubernetes\napplication: {versions: [{image: 'web:1'}]}".to_owned(),
        application("strategy: bluegreen"),
        application("protocol: tcp"),
        application("port: 0"),
        application("servicePort: 65536"),
        application("drainSeconds: 86401"),
        versions("canary", "[]"),
        versions("blue-green", "[{image: 'web:1', weight: 1000001}]"),
        versions("canary", "[{image: 'web:1', port: 70000}]"),
        versions("canary", "[{image: 'web:1', replicas: -1}]"),
        versions("canary", "[{image: 'web:1', metadata: {name: a}}, {image: 'web:2', metadata: {name: a}}]"),
        versions("canary", &format!("[{}]", many.join(", "))),
        versions("blue-green", &format!("[{}]", many.join(", "))),
        versions("mirror", "[{image: 'web:1'}, {image: 'web:2', mirrorPercent: 101}]"),
        versions("mirror", "[{image: 'web:1'}, {image: 'web:2', weight: 1}]"),
        "environment: deployment\napplication: {strategy: canary, versions: [{image: 'web:1'}]}".to_owned(),
        format!("hostnames: [{}]\ngateway: g\n{}", hosts.join(", "), application("strategy: canary")),
        application("metadata: {name: a}").replace("image:", "metadata: {name: a}, image:"),
        application("metadata: {labels: {iter8.tools/release: a}}"),
        application("metadata: {annotations: {app.kubernetes.io/managed-by: a}}"),
        versions("canary", "[{image: 'web:1', metadata: {labels: {a: b, iter8.tools/version: c}}}]"),
    ] {
        let Err(kube::Error::Api(answer)) = create(&cluster, &document).await else {
            panic!("it is admitted:\n{document}")
        };
        assert_eq!(answer.code, 422, "{}", answer.message);
        let ours = refusals(&document);
        let says = |text: &str| answer.message.contains(text);
        let is_said = |(message, hint): &(String, Option<String>)| {
            // The number that was found is not known to a rule.
            let message = message.split(", not ").next().unwrap();
            says(message) && hint.as_deref().is_none_or(says)
        };
        assert!(ours.iter().any(is_said), "{ours:?} is not in\n{}", answer.message);
    }
}

async fn what_admission_cannot_see_is_accepted_and_reported(cluster: Cluster) {
    let typo = CANDIDATE.replace("matches:", "match:");
    let created = create(&cluster, &typo).await.unwrap();
    let kept = serde_json::to_value(&created.spec).unwrap();
    assert!(kept["application"]["versions"][1]["match"].is_array(), "nothing is pruned: {kept}");
    cluster.declare(&typo).await;
    let invalid = Some(("False".to_owned(), "Invalid".to_owned()));
    cluster.until("a refusal", || cluster.condition("Accepted"), |condition| *condition == invalid).await;
}

async fn null_is_the_same_as_absent(cluster: Cluster) {
    let nulls = INITIAL.replace(
        "application:",
        "hostnames: null\ngateway: null\napplication:\n  port: null\n  drainSeconds: null",
    );
    create(&cluster, &nulls).await.unwrap();
    let version =
        "[{image: 'web:1', metadata: null, weight: null, matches: null, replicas: null, env: null}]";
    create(&cluster, &versions("mirror", version)).await.unwrap();
    create(&cluster, &versions("canary", "[{image: 'web:1', metadata: {name: null, labels: null}}]"))
        .await
        .unwrap();
    create(&cluster, &versions("null", "[{image: 'web:1'}]")).await.unwrap();
}
