//! Interactions as the files in `interactions/` tell them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::yaml;

/// One file: a sequence of interactions with one server, in one namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    /// The name of the file, without its ending.
    #[serde(skip)]
    pub(super) name: String,
    /// The version of the server that gave the answers.
    pub(super) real_server: String,
    pub(super) interactions: Vec<Interaction>,
}

/// A request and its answer.
///
/// `$ns` stands for the namespace everywhere, and `$name.metadata.uid` for a field of an answer saved as `name`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interaction {
    pub(super) name: String,
    /// Method and path.
    pub(super) request: String,
    pub(super) content_type: Option<String>,
    pub(super) accept: Option<String>,
    /// The body is a saved answer or an object of `objects.yaml`, with these changes (a merge patch).
    pub(super) object: Option<String>,
    pub(super) changes: Option<Value>,
    /// Or it is this; text is sent as it is.
    pub(super) body: Option<Value>,
    /// The name under which the answer is saved.
    pub(super) save: Option<String>,
    /// The request is repeated until the answer has these fields: real controllers take their time.
    pub(super) until: Option<Value>,
    answer: Option<Answer>,
}

/// What a server answers, masked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// All files, in the order of their names.
pub(super) fn subjects() -> Vec<Subject> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut subjects: Vec<Subject> = files.map(|path| read(&path)).collect();
    subjects.sort_by(|one, other| one.name.cmp(&other.name));
    subjects
}

/// The objects that interactions start from.
pub(super) fn objects() -> BTreeMap<String, Value> {
    serde_saphyr::from_str(include_str!("objects.yaml")).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/interactions")
}

fn read(path: &Path) -> Subject {
    let subject: Result<Subject, _> = serde_saphyr::from_str(&fs::read_to_string(path).unwrap());
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    Subject { name, ..subject.unwrap_or_else(|error| panic!("{}: {error}", path.display())) }
}

impl Subject {
    /// The namespace of its own.
    pub(super) fn namespace(&self) -> String {
        format!("about-{}", self.name)
    }

    /// The answers in the file. One that is missing differs from every answer.
    pub(super) fn recorded(&self) -> Vec<Answer> {
        let missing = || Answer { status: 0, body: json!({"message": "not recorded"}) };
        self.interactions.iter().map(|one| one.answer.clone().unwrap_or_else(missing)).collect()
    }

    /// Write answers into the file, leaving the rest of its text as it is.
    pub(super) fn record(&self, version: &str, answers: &[Answer]) {
        let path = folder().join(format!("{}.yaml", self.name));
        let text = fs::read_to_string(&path).unwrap();
        let mut recorded = String::new();
        let mut answers = answers.iter();
        let (mut in_answer, mut answer) = (false, None);
        for line in text.lines() {
            if line.starts_with("- ") {
                recorded.extend(answer.take().map(answer_text));
                answer = answers.next();
            }
            in_answer = line == "  answer:" || in_answer && line.starts_with("   ");
            if line.starts_with("real_server:") {
                recorded.extend(["real_server: ", version, "\n"]);
            } else if !in_answer {
                recorded.extend([line, "\n"]);
            }
        }
        recorded.extend(answer.map(answer_text));
        fs::write(path, recorded).unwrap();
    }
}

fn answer_text(answer: &Answer) -> String {
    let Answer { status, body } = answer;
    format!("  answer:\n    status: {status}\n    body:\n{}", yaml::block(body, 6))
}
