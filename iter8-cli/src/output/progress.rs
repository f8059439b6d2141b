//! What changes while somebody waits.

use std::io::{self, IsTerminal, Write};

use iter8_core::ConditionType;
use iter8_kube::Release;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::table::{Cell, Table};
use super::{Paint, Style};

/// The progress of a Release on standard error: on a terminal lines that change in place, else a line a change.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    shown: Vec<Step>,
}

/// How far a version, or the route, is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    what: String,
    state: String,
    reason: String,
}

impl Progress {
    /// Shows what is new.
    pub(crate) fn show(&mut self, release: &Release) {
        let steps = steps(release);
        if steps == self.shown {
            return;
        }
        let text = if io::stderr().is_terminal() {
            replacing(self.shown.len(), &in_columns(&steps, Style::stderr()))
        } else {
            news(&self.shown, &steps)
        };
        // Nobody can be told that this fails.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        self.shown = steps;
    }
}

/// The text that takes the place of the last lines of a terminal. Lines that are too long are cut, not wrapped.
pub(crate) fn replacing(lines: usize, text: &str) -> String {
    let up = if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") };
    format!("{up}\x1b[?7l{text}\x1b[?7h")
}

fn steps(release: &Release) -> Vec<Step> {
    let Some(status) = &release.status else { return Vec::new() };
    let versions = status.versions.iter().map(|version| Step {
        what: format!("{} {}", version.role, version.name),
        state: version.readiness.clone(),
        reason: version.reason.clone(),
    });
    let is_route = |kind: &str| kind == ConditionType::RouteProgrammed.as_str();
    let route =
        status.conditions.iter().filter(|condition| is_route(&condition.type_)).map(|condition| Step {
            what: "route".to_owned(),
            state: if condition.status == "True" { "Ready" } else { "NotReady" }.to_owned(),
            reason: condition.message.lines().next().unwrap_or_default().to_owned(),
        });
    versions.chain(route).chain(obstacle(&status.conditions)).collect()
}

/// What keeps the whole Release from being ready, where it is no matter of versions or route.
fn obstacle(conditions: &[Condition]) -> Option<Step> {
    let is_ready = |condition: &&Condition| condition.type_ == ConditionType::Ready.as_str();
    let ready = conditions.iter().find(is_ready).filter(|ready| ready.status != "True")?;
    let is_told = conditions.iter().any(|other| other.type_ != ready.type_ && other.reason == ready.reason);
    // Versions that leave have lines of their own.
    (!is_told && ready.reason != "Removing").then(|| Step {
        what: "release".to_owned(),
        state: ready.reason.clone(),
        reason: ready.message.clone(),
    })
}

fn in_columns(steps: &[Step], style: Style) -> String {
    let mut table = Table::default();
    for step in steps {
        let state = Cell::painted(Paint::of(&step.state), step.state.as_str());
        table.row([step.what.as_str().into(), state, step.reason.as_str().into()]);
    }
    table.render(style)
}

/// A line for each step that is new, has changed, or is no more.
fn news(before: &[Step], after: &[Step]) -> String {
    let changed = after.iter().filter(|step| !before.contains(step));
    let changed = changed.map(|step| format!("{}: {}: {}\n", step.what, step.state, step.reason));
    let is_gone = |step: &&Step| !after.iter().any(|other| other.what == step.what);
    let gone = before.iter().filter(|step| step.what.starts_with("removed ")).filter(is_gone);
    changed.chain(gone.map(|step| format!("{}: gone\n", step.what))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(what: &str, state: &str) -> Step {
        Step { what: what.to_owned(), state: state.to_owned(), reason: "because".to_owned() }
    }

    #[test]
    fn only_what_has_changed_is_news() {
        let before = [step("primary a", "Ready"), step("removed b", "Ready"), step("candidate c", "Ready")];
        let after = [step("primary a", "Ready"), step("removed c", "NotReady")];
        assert_eq!(news(&before, &after), "removed c: NotReady: because\nremoved b: gone\n");
        assert_eq!(news(&after, &after), "");
    }
}
