//! What changes while somebody waits.

use std::io::{self, IsTerminal, Write};

use iter8_core::ConditionType;
use iter8_kube::Release;

use super::table::{Cell, Table};
use super::{Paint, Style};

/// The progress of a Release on standard error: on a terminal lines that change in place, else a line a change.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    shown: Vec<String>,
}

impl Progress {
    /// Shows what is new.
    pub(crate) fn show(&mut self, release: &Release) {
        let lines = lines(release, Style::stderr());
        let is_terminal = io::stderr().is_terminal();
        let mut text = String::new();
        if is_terminal && lines != self.shown {
            text = replacing(self.shown.len(), &lines.concat());
        } else if !is_terminal {
            text = lines.iter().filter(|line| !self.shown.contains(line)).map(String::as_str).collect();
        }
        let _ = io::stderr().lock().write_all(text.as_bytes());
        self.shown = lines;
    }
}

/// The text that takes the place of the last lines of the terminal. Lines that are too long are cut, not wrapped.
pub(crate) fn replacing(lines: usize, text: &str) -> String {
    let up = if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") };
    format!("{up}\x1b[?7l{text}\x1b[?7h")
}

fn lines(release: &Release, style: Style) -> Vec<String> {
    let Some(status) = &release.status else { return Vec::new() };
    let mut table = Table::default();
    for version in &status.versions {
        let readiness = version.readiness.as_str();
        table.row([
            version.name.as_str().into(),
            version.role.as_str().into(),
            Cell::painted(Paint::of(readiness), readiness),
            version.reason.as_str().into(),
        ]);
    }
    let route =
        status.conditions.iter().find(|condition| condition.type_ == ConditionType::RouteProgrammed.as_str());
    if let Some(route) = route {
        let state = if route.status == "True" { "Ready" } else { "NotReady" };
        let message = route.message.lines().next().unwrap_or_default();
        table.row(["route".into(), Cell::default(), Cell::painted(Paint::of(state), state), message.into()]);
    }
    table.render(style).split_inclusive('\n').map(str::to_owned).collect()
}
