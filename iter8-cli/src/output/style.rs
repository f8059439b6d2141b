//! Colour, where a person looks.

use std::io::{self, IsTerminal};

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Paint {
    #[default]
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

/// Whether colour is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    /// Colour on a terminal, unless the user does not want it (<https://no-color.org>) or it cannot show it.
    fn of(is_terminal: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: is_terminal && !is_set("NO_COLOR") && !is_dumb }
    }

    /// Whether there is colour at all.
    pub(crate) fn is_coloured(self) -> bool {
        self.colour
    }

    /// The text in the colour of its meaning.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Warn => "33",
            Paint::Bad => "31",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Paint {
    /// The colour of a readiness, or of a condition's status.
    pub(crate) fn of(state: &str) -> Self {
        match state {
            "Ready" | "True" => Self::Good,
            "NotReady" | "False" => Self::Bad,
            _ => Self::Warn,
        }
    }
}
