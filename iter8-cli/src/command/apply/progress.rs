//! Follows a Release until it is ready.

use std::time::Duration;

use futures::StreamExt;
use iter8_core::ConditionType;
use iter8_kube::Release;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, ResourceExt};
use tokio::time::Instant;

use crate::error::Error;
use crate::output::{self, progress::Progress};

/// How soon a controller can be expected to take note of a Release.
const REACTION: Duration = Duration::from_secs(10);

/// How far a Release is with what was applied.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// No controller has taken note of it.
    Unseen,
    /// It is under way.
    Pending,
    /// It is ready.
    Ready,
    /// The controller refuses the document.
    Refused(String),
}

/// Shows the progress of an applied Release until it is ready.
pub(super) async fn follow(api: Api<Release>, applied: &Release, timeout: Duration) -> Result<(), Error> {
    let name = applied.name_any();
    let generation = applied.metadata.generation.unwrap_or_default();
    let start = Instant::now();
    let mut progress = Progress::default();
    let mut stream = std::pin::pin!(watch_object(api, &name).default_backoff());
    let mut latest = applied.clone();
    let mut is_told = false;
    loop {
        let reached = stage(&latest, generation);
        match &reached {
            Stage::Ready => {
                output::say(&format!("release {name} is ready"));
                return Ok(());
            }
            Stage::Refused(message) => {
                return Err(Error::Failed(format!("the controller refuses the document:\n{message}")));
            }
            Stage::Unseen if !is_told && start.elapsed() >= REACTION => {
                output::warning(UNSEEN);
                is_told = true;
            }
            Stage::Unseen | Stage::Pending => {}
        }
        let deadline = if reached == Stage::Unseen && !is_told { timeout.min(REACTION) } else { timeout };
        match tokio::time::timeout_at(start + deadline, stream.next()).await {
            Ok(Some(Ok(Some(release)))) => {
                latest = release;
                // The status of what was before is not its progress.
                if stage(&latest, generation) != Stage::Unseen {
                    progress.show(&latest);
                }
            }
            Ok(Some(Ok(None))) => return Err(Error::Failed(format!("release {name} has been deleted"))),
            Ok(None) => return Err(Error::Failed(format!("the watch of release {name} has ended"))),
            Err(_) if start.elapsed() >= timeout => return Err(timed_out(&latest, generation, timeout)),
            // The watch mends itself; the timeout ends it if it does not.
            Ok(Some(Err(_))) | Err(_) => {}
        }
    }
}

const UNSEEN: &str = "no controller has taken note of the Release so far; is one running? \
                      (`iter8 install | kubectl apply -f -`, or `iter8 controller`)";

fn stage(release: &Release, generation: i64) -> Stage {
    let Some(status) = &release.status else { return Stage::Unseen };
    if status.observed_generation.unwrap_or_default() < generation {
        return Stage::Unseen;
    }
    let condition = |kind: ConditionType| {
        let of_kind = |condition: &&Condition| condition.type_ == kind.as_str();
        status.conditions.iter().find(of_kind)
    };
    match (condition(ConditionType::Accepted), condition(ConditionType::Ready)) {
        (Some(accepted), _) if accepted.status == "False" => Stage::Refused(accepted.message.clone()),
        (_, Some(ready)) if ready.status == "True" => Stage::Ready,
        _ => Stage::Pending,
    }
}

/// Why the Release is not ready after all this time.
fn timed_out(release: &Release, generation: i64, timeout: Duration) -> Error {
    let text = format!("release {} is not ready after {timeout:?}", release.name_any());
    if stage(release, generation) == Stage::Unseen {
        return Error::Failed(format!("{text}; {UNSEEN}"));
    }
    let conditions = release.status.iter().flat_map(|status| &status.conditions);
    let unmet: Vec<_> = conditions.filter(|condition| condition.status != "True").collect();
    // Ready often only repeats what another condition says.
    let is_repeated = |condition: &Condition| {
        condition.type_ == ConditionType::Ready.as_str()
            && unmet.iter().any(|other| other.type_ != condition.type_ && other.message == condition.message)
    };
    let unmet = unmet.iter().filter(|condition| !is_repeated(condition));
    let words = unmet.map(|unmet| format!("{}: {}: {}", unmet.type_, unmet.reason, unmet.message));
    Error::Failed(std::iter::once(text).chain(words).collect::<Vec<_>>().join("\n  "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(observed: i64, conditions: &[(&str, &str)]) -> Release {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(kind, status)| {
                json!({
                    "type": kind, "status": status, "reason": "Why", "message": "because",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                })
            })
            .collect();
        serde_json::from_value(json!({
            "apiVersion": "iter8.tools/v1alpha1", "kind": "Release", "metadata": { "name": "web" }, "spec": {},
            "status": { "observedGeneration": observed, "conditions": conditions },
        }))
        .unwrap()
    }

    #[test]
    fn a_release_is_ready_only_in_the_generation_that_was_applied() {
        let ready = release(2, &[("Accepted", "True"), ("Ready", "True")]);
        assert_eq!(stage(&ready, 2), Stage::Ready);
        assert_eq!(stage(&ready, 3), Stage::Unseen);
    }

    #[test]
    fn a_refusal_of_an_earlier_generation_does_not_count() {
        let refused = release(2, &[("Accepted", "False"), ("Ready", "False")]);
        assert_eq!(stage(&refused, 2), Stage::Refused("because".to_owned()));
        assert_eq!(stage(&refused, 3), Stage::Unseen);
    }

    #[test]
    fn a_timeout_names_every_condition_that_does_not_hold_once() {
        let pending = release(1, &[("Accepted", "True"), ("VersionsReady", "False"), ("Ready", "False")]);
        let text = timed_out(&pending, 1, Duration::from_secs(90)).to_string();
        assert_eq!(text, "release web is not ready after 90s\n  VersionsReady: Why: because");
    }
}
