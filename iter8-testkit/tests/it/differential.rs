//! The API server in memory compared with kube-apiserver.
//!
//! Each file of `interactions/` is a sequence of requests, in a namespace of its own, with what kube-apiserver answered
//! to them. The server in memory has to give these answers, field by field; what it may give instead is listed with
//! a reason in `differential/known-differences.yaml`. The test of the real server starts one (from the folder that
//! `KUBEBUILDER_ASSETS` names) and says which recorded answers it does not give any more. With
//! `RECORD_INTERACTIONS=1` that test writes its answers into the files instead.
//!
//! Uids, versions of objects, times, addresses and made up names are masked; equal ones stay equal.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod compare;
mod interaction;
mod known;
mod mask;
mod replay;
mod yaml;

use std::time::Duration;

use futures::future::join_all;
use iter8_testkit::apiserver::ApiServer;
use iter8_testkit::control_plane::ControlPlane;
use kube::Client;

use compare::Difference;
use interaction::{Answer, Subject};

#[tokio::test]
async fn server_in_memory_answers_as_the_real_one_did() {
    let subjects = interaction::subjects();
    let interactions: usize = subjects.iter().map(|subject| subject.interactions.len()).sum();
    assert!(interactions >= 390, "only {interactions} interactions were found");
    let answers = answers_in_memory(&subjects).await;
    let recorded: Vec<Vec<Answer>> = subjects.iter().map(Subject::recorded).collect();
    report(&known::without(&differences(&subjects, ("in memory", &answers), ("recorded", &recorded))));
}

#[tokio::test]
#[ignore = "needs KUBEBUILDER_ASSETS"]
async fn real_server_answers_as_recorded_and_as_the_one_in_memory() {
    let assets = ControlPlane::assets_from_env().unwrap();
    let control_plane = ControlPlane::start(&assets).await.unwrap();
    let client = control_plane.client();
    let version = client.apiserver_version().await.unwrap().git_version;
    let subjects = interaction::subjects();
    let real =
        join_all(subjects.iter().map(|subject| replay::replay(&client, subject, replay::PATIENCE))).await;
    drop(control_plane);

    let mut problems = Vec::new();
    if std::env::var_os("RECORD_INTERACTIONS").is_some() {
        for (subject, answers) in subjects.iter().zip(&real) {
            subject.record(&version, answers);
        }
    } else {
        let recorded: Vec<Vec<Answer>> = subjects.iter().map(Subject::recorded).collect();
        let names = [format!("real {version}"), format!("recorded from {}", subjects[0].real_server)];
        let changed = differences(&subjects, (&names[0], &real), (&names[1], &recorded));
        problems.extend(changed.iter().map(Difference::to_string));
    }
    let in_memory = answers_in_memory(&subjects).await;
    problems.extend(known::without(&differences(&subjects, ("in memory", &in_memory), ("real", &real))));
    report(&problems);
}

/// Each subject meets a server of its own, which has nothing left to do when it answers: nobody waits for it.
async fn answers_in_memory(subjects: &[Subject]) -> Vec<Vec<Answer>> {
    let clients: Vec<Client> =
        subjects.iter().map(|_| ApiServer::new().client_as(replay::USER_AGENT)).collect();
    let replays = subjects.iter().zip(&clients);
    join_all(replays.map(|(subject, client)| replay::replay(client, subject, Duration::ZERO))).await
}

fn differences(
    subjects: &[Subject],
    (one_name, one): (&str, &[Vec<Answer>]),
    (other_name, other): (&str, &[Vec<Answer>]),
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((subject, one), other) in subjects.iter().zip(one).zip(other) {
        for ((interaction, one), other) in subject.interactions.iter().zip(one).zip(other) {
            for field in compare::fields(one, other) {
                differences.push(Difference {
                    subject: subject.name.clone(),
                    interaction: interaction.name.clone(),
                    field: field.path,
                    values: format!("{one_name}: {}\n  {other_name}: {}", field.one, field.other),
                });
            }
        }
    }
    differences
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}
