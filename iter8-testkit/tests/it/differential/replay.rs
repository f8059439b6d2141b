//! A server answers the interactions of a file.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Request;
use http::header::{self, ACCEPT, CONTENT_TYPE};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::compare;
use super::interaction::{self, Answer, Interaction, Subject};
use super::mask::Mask;

/// Field managers are named after the part before the slash.
pub(super) const USER_AGENT: &str = "differential/1.0";
/// How long a real server and its controllers may take to do what an interaction waits for.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);

/// The masked answers, one for each interaction.
///
/// Where an interaction waits for something, it waits `patience` long. Without any, it takes what it gets.
pub(super) async fn replay(client: &Client, subject: &Subject, patience: Duration) -> Vec<Answer> {
    let namespace = subject.namespace();
    let mut values = Values { namespace: namespace.clone(), objects: interaction::objects() };
    let created = send(client, "POST", "/api/v1/namespaces", None, None, &namespace_text(&namespace)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let mut mask = Mask::new(&namespace);
    let mut answers = Vec::new();
    for interaction in &subject.interactions {
        let answer = answer(client, interaction, &values, patience).await;
        if let Some(name) = &interaction.save {
            values.objects.insert(name.clone(), answer.body.clone());
        }
        answers.push(Answer { body: mask.value(&answer.body), ..answer });
    }
    answers
}

fn namespace_text(name: &str) -> String {
    json!({"metadata": {"name": name}}).to_string()
}

async fn answer(client: &Client, interaction: &Interaction, values: &Values, patience: Duration) -> Answer {
    let request = values.fill(&interaction.request);
    let (method, path) = request.split_once(' ').unwrap();
    let content_type = interaction.content_type.as_deref();
    let body = values.body(interaction);
    let started = Instant::now();
    loop {
        let answer = send(client, method, path, content_type, interaction.accept.as_deref(), &body).await;
        let whole = json!({"status": answer.status, "body": answer.body});
        let is_awaited = interaction.until.as_ref().is_none_or(|wanted| compare::contains(&whole, wanted));
        if is_awaited || patience.is_zero() {
            return answer;
        }
        assert!(started.elapsed() < patience, "`{}` waits in vain; last: {whole}", interaction.name);
        sleep(PAUSE).await;
    }
}

async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: Option<&str>,
    accept: Option<&str>,
    body: &str,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, content_type.unwrap_or("application/json"))
        .header(ACCEPT, accept.unwrap_or("application/json"))
        .header(header::USER_AGENT, USER_AGENT)
        .body(Body::from(body.as_bytes().to_vec()))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = timeout(PATIENCE, response.into_body().collect_bytes()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let is_watch = path.contains("watch=true") && status == 200;
    let body = if is_watch {
        text.lines().map(|event| serde_json::from_str::<Value>(event).unwrap()).collect()
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text))
    };
    Answer { status, body }
}

/// What placeholders stand for.
struct Values {
    namespace: String,
    /// Saved answers, and the objects that interactions start from.
    objects: BTreeMap<String, Value>,
}

impl Values {
    fn body(&self, interaction: &Interaction) -> String {
        let body = match &interaction.object {
            Some(name) => {
                let mut object = self.objects[name].clone();
                if let Some(changes) = &interaction.changes {
                    json_patch::merge(&mut object, changes);
                }
                Some(object)
            }
            None => interaction.body.clone(),
        };
        self.fill(&match body {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(body) => body.to_string(),
        })
    }

    fn fill(&self, text: &str) -> String {
        let mut filled = text.replace("$ns", &self.namespace);
        for (name, object) in &self.objects {
            for field in ["uid", "resourceVersion", "continue"] {
                let value = object["metadata"][field].as_str().unwrap_or_default();
                filled = filled.replace(&format!("${name}.metadata.{field}"), value);
            }
        }
        filled
    }
}
