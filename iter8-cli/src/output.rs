//! What people and programs get to see.

pub(crate) mod manifest;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod releases;
mod screen;
pub(crate) mod structured;
mod style;
mod table;
mod yaml;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::error::Error;

pub(crate) use screen::Screen;
pub(crate) use style::{Paint, Style};

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes a line to standard error. Nobody can be told that this fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Something that a person may not expect.
pub(crate) fn note(text: &str) {
    say(&format!("{} {text}", Style::stderr().paint(Paint::Dim, "note:")));
}

/// Something that is probably not meant.
pub(crate) fn warning(text: &str) {
    say(&format!("{} {text}", Style::stderr().paint(Paint::Warn, "warning:")));
}

/// Says why the program fails, and gives its exit code.
pub(crate) fn failure(error: &Error) -> ExitCode {
    let code = error.exit_code();
    if code == 0 {
        return ExitCode::SUCCESS;
    }
    if let Error::Invalid { origin, violations } = error {
        for violation in violations {
            // With a position the line begins as compilers have it: FILE:LINE:COLUMN.
            let gap = if violation.position.is_some() { "" } else { " " };
            say(&format!("{origin}:{gap}{violation}"));
        }
    }
    say(&format!("{} {error}", Style::stderr().paint(Paint::Bad, "error:")));
    ExitCode::from(code)
}
