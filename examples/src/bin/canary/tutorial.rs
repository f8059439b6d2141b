//! The four steps, and what must hold after each.

use std::error::Error;
use std::time::Instant;

use iter8_core::Document;
use iter8_kube::{Release, ReleaseSpec};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::inventory::Inventory;
use crate::requests;
use crate::screen::Screen;
use crate::stage::{NAMESPACE, Stage};

/// A step that declares a document.
struct Step {
    title: &'static str,
    file: &'static str,
    document: &'static str,
    objects: &'static [&'static str],
    rules: &'static [&'static str],
    /// Who answers without and with header `traffic: test`.
    answers: [&'static str; 2],
}

const TO_PRIMARY: &str = "every request -> httpbin-0 (app-version: httpbin-0)";
const TO_CANDIDATE: &str = "header traffic=test -> httpbin-1 (app-version: httpbin-1)";

const INITIAL: Step = Step {
    title: "1. Initial version",
    file: "1-initial.yaml",
    document: include_str!("../../../../testdata/tutorial/1-initial.yaml"),
    objects: &["Deployment httpbin-0", "HTTPRoute httpbin", "Service httpbin", "Service httpbin-0"],
    rules: &[TO_PRIMARY],
    answers: ["httpbin-0", "httpbin-0"],
};

const CANDIDATE: Step = Step {
    title: "2. Candidate",
    file: "2-candidate.yaml",
    document: include_str!("../../../../testdata/tutorial/2-candidate.yaml"),
    objects: &[
        "Deployment httpbin-0",
        "Deployment httpbin-1",
        "HTTPRoute httpbin",
        "Service httpbin",
        "Service httpbin-0",
        "Service httpbin-1",
    ],
    rules: &[TO_CANDIDATE, TO_PRIMARY],
    answers: ["httpbin-0", "httpbin-1"],
};

const PROMOTED: Step = Step {
    title: "3. Promotion",
    file: "3-promoted.yaml",
    document: include_str!("../../../../testdata/tutorial/3-promoted.yaml"),
    objects: &["Deployment httpbin-0", "HTTPRoute httpbin", "Service httpbin", "Service httpbin-0"],
    rules: &[TO_PRIMARY],
    answers: ["httpbin-0", "httpbin-0"],
};

pub(crate) async fn run(stage: &Stage, screen: &mut Screen) -> Result<(), Box<dyn Error>> {
    let mut seen = Inventory::default();
    declare(stage, screen, &INITIAL, &mut seen).await?;
    declare(stage, screen, &CANDIDATE, &mut seen).await?;
    fail_and_recover(stage, screen, &mut seen).await?;
    declare(stage, screen, &PROMOTED, &mut seen).await?;
    clean_up(stage, screen, &seen).await
}

async fn declare(
    stage: &Stage,
    screen: &mut Screen,
    step: &Step,
    seen: &mut Inventory,
) -> Result<(), Box<dyn Error>> {
    screen.step(step.title);
    screen.command(&format!("iter8 apply httpbin -n {NAMESPACE} -f {} --wait", step.file));
    screen.document(step.document);
    match &stage.embedded {
        Some(embedded) if step.title == CANDIDATE.title => {
            embedded.fail("httpbin-1");
            apply(stage, step.document).await?;
            until_deployed(stage, "httpbin-1").await?;
            ask(stage, screen, "before the candidate is ready", INITIAL.answers).await;
            embedded.recover("httpbin-1");
        }
        _ => apply(stage, step.document).await?,
    }
    settle(stage, screen, step, seen).await?;
    ask(stage, screen, "", step.answers).await;
    Ok(())
}

/// Waits for condition Ready, then shows and checks objects and route.
async fn settle(
    stage: &Stage,
    screen: &mut Screen,
    step: &Step,
    seen: &mut Inventory,
) -> Result<(), Box<dyn Error>> {
    let waited = until_ready(stage).await;
    let now = Inventory::take(stage).await?;
    now.show_changes(seen, screen);
    screen.check("release httpbin is Ready", waited);
    screen.check("the objects are those of the tutorial", same(&now.names(), step.objects));
    screen.check("the route is that of the tutorial", same(&now.rules(), step.rules));
    *seen = now;
    Ok(())
}

/// The candidate stops being ready: its requests go back to the primary until it has recovered.
async fn fail_and_recover(
    stage: &Stage,
    screen: &mut Screen,
    seen: &mut Inventory,
) -> Result<(), Box<dyn Error>> {
    let Some(embedded) = &stage.embedded else { return Ok(()) };
    screen.step("   The candidate fails, and recovers");
    embedded.fail("httpbin-1");
    let failed = until_rules(stage, &[TO_PRIMARY]).await?;
    failed.show_changes(seen, screen);
    ask(stage, screen, "while the candidate is not ready", INITIAL.answers).await;
    embedded.recover("httpbin-1");
    *seen = until_rules(stage, &[TO_CANDIDATE, TO_PRIMARY]).await?;
    seen.show_changes(&failed, screen);
    ask(stage, screen, "after it has recovered", CANDIDATE.answers).await;
    Ok(())
}

async fn clean_up(stage: &Stage, screen: &mut Screen, seen: &Inventory) -> Result<(), Box<dyn Error>> {
    screen.step("4. Cleanup");
    screen.command(&format!("iter8 delete httpbin -n {NAMESPACE} --wait"));
    releases(stage).delete("httpbin", &DeleteParams::default()).await?;
    let now = inventory_when(stage, |inventory| *inventory == Inventory::default()).await?;
    now.show_changes(seen, screen);
    screen.check("nothing of the release is left", same(&now.names(), &[]));
    Ok(())
}

fn releases(stage: &Stage) -> Api<Release> {
    Api::namespaced(stage.client.clone(), NAMESPACE)
}

async fn apply(stage: &Stage, document: &str) -> Result<(), Box<dyn Error>> {
    let spec = ReleaseSpec::from_document(&Document::from_yaml(document)?)?;
    let release = json!({
        "apiVersion": "iter8.tools/v1alpha1",
        "kind": "Release",
        "metadata": { "name": "httpbin" },
        "spec": spec,
    });
    let params = PatchParams::apply("canary-tutorial").force();
    releases(stage).patch("httpbin", &params, &Patch::Apply(release)).await?;
    Ok(())
}

/// Waits until condition Ready speaks of the present generation and is true; otherwise what it says.
async fn until_ready(stage: &Stage) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let release = releases(stage).get("httpbin").await.map_err(|error| error.to_string())?;
        let generation = release.metadata.generation;
        let conditions = release.status.unwrap_or_default().conditions;
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
        match ready {
            Some(ready) if ready.observed_generation == generation && ready.status == "True" => return Ok(()),
            _ if begun.elapsed() > stage.patience => {
                let words = ready.map_or_else(|| "no status".to_owned(), |ready| ready.message.clone());
                return Err(format!("not within {} s: {words}", stage.patience.as_secs()));
            }
            _ => tokio::time::sleep(std::time::Duration::from_millis(25)).await,
        }
    }
}

/// The inventory as soon as it is as wanted, or as it is when patience ends.
async fn inventory_when(
    stage: &Stage,
    is_wanted: impl Fn(&Inventory) -> bool,
) -> Result<Inventory, Box<dyn Error>> {
    let begun = Instant::now();
    loop {
        let now = Inventory::take(stage).await?;
        if is_wanted(&now) || begun.elapsed() > stage.patience {
            return Ok(now);
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
}

/// Waits until the controller has written the Deployment.
async fn until_deployed(stage: &Stage, name: &str) -> Result<(), Box<dyn Error>> {
    let wanted = format!("Deployment {name}");
    let is_there = |inventory: &Inventory| inventory.names().contains(&wanted);
    if is_there(&inventory_when(stage, is_there).await?) {
        return Ok(());
    }
    Err(format!("{wanted} was not created").into())
}

/// The inventory with these rules.
async fn until_rules(stage: &Stage, rules: &[&str]) -> Result<Inventory, Box<dyn Error>> {
    let inventory = inventory_when(stage, |inventory| inventory.rules() == rules).await?;
    if inventory.rules() == rules {
        return Ok(inventory);
    }
    Err(format!("the route did not become: {}", rules.join("; ")).into())
}

/// Sends a request without and one with the header, shows and checks who answers.
async fn ask(stage: &Stage, screen: &mut Screen, when: &str, expected: [&str; 2]) {
    for (with_header, expected) in [false, true].into_iter().zip(expected) {
        let header = if with_header { "with traffic: test" } else { "without the header" };
        let claim = format!("a request {header} is answered by {expected}");
        let claim = if when.is_empty() { claim } else { format!("{claim} {when}") };
        let Some(requests) = &stage.requests else {
            screen.unchecked(&claim);
            continue;
        };
        screen.command(&requests::command(with_header));
        let outcome = until_answered(stage, requests, with_header, expected).await;
        match &outcome {
            Ok(answer) => {
                screen.line(&answer.status);
                if let Some(version) = &answer.app_version {
                    screen.line(&format!("app-version: {version}"));
                }
                screen.check(&claim, is_expected(answer, expected));
            }
            Err(error) => screen.check(&claim, Err(error.to_string())),
        }
    }
}

/// The answer. A mesh follows the route within milliseconds; until it has, the request is sent again.
async fn until_answered(
    stage: &Stage,
    requests: &requests::Requests,
    with_header: bool,
    expected: &str,
) -> Result<requests::Answer, Box<dyn Error>> {
    let begun = Instant::now();
    loop {
        let answer = requests.get(with_header).await?;
        if is_expected(&answer, expected).is_ok() || begun.elapsed() > stage.patience / 10 {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn is_expected(answer: &requests::Answer, expected: &str) -> Result<(), String> {
    if answer.status.contains("200") && answer.app_version.as_deref() == Some(expected) {
        return Ok(());
    }
    let version = answer.app_version.as_deref().unwrap_or("no app-version");
    Err(format!("answered {} by {version}", answer.status))
}

fn same(found: &[String], expected: &[&str]) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("found {}", found.join("; "))) }
}
