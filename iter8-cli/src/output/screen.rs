//! A text that changes while somebody looks.

use std::io::{self, IsTerminal};

use super::progress::replacing;
use crate::error::Error;

/// A text on standard output: on a terminal each takes the place of the one before, else they follow each other.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    shown: String,
}

impl Screen {
    /// Shows a text, unless it is the one that is there.
    pub(crate) fn show(&mut self, text: &str) -> Result<(), Error> {
        if text == self.shown {
            return Ok(());
        }
        let is_first = self.shown.is_empty();
        if io::stdout().is_terminal() && !is_first {
            super::print(&replacing(self.shown.lines().count(), text))?;
        } else {
            super::print(&if is_first { text.to_owned() } else { format!("\n{text}") })?;
        }
        text.clone_into(&mut self.shown);
        Ok(())
    }
}
