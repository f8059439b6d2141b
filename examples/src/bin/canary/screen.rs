//! What the program shows, and what it counts.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Instant;

/// Prints a line. A reader that has gone away (`| head`) is no reason to stop.
macro_rules! say {
    ($($argument:tt)*) => {{
        let _ = writeln!(stdout(), $($argument)*);
    }};
}

/// The screen: standard output with as little decoration as it can bear.
#[derive(Debug)]
pub(crate) struct Screen {
    begun: Instant,
    coloured: bool,
    passed: usize,
    failed: Vec<String>,
    unchecked: Vec<String>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { begun: Instant::now(), coloured, passed: 0, failed: Vec::new(), unchecked: Vec::new() }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn introduce(&self, lines: &[String]) {
        say!("{}", self.paint("1", "The canary tutorial of iter8"));
        for line in lines {
            say!("  {line}");
        }
    }

    pub(crate) fn step(&self, title: &str) {
        say!("\n{}", self.paint("1;36", title));
    }

    pub(crate) fn command(&self, command: &str) {
        say!("  {}", self.paint("1", &format!("$ {command}")));
    }

    pub(crate) fn document(&self, text: &str) {
        for line in text.lines() {
            say!("  {}", self.paint("2", &format!("| {line}")));
        }
    }

    pub(crate) fn line(&self, text: &str) {
        say!("    {}", self.paint("0", text));
    }

    /// An object or rule that came, changed or went.
    pub(crate) fn change(&self, sign: char, text: &str) {
        let code = match sign {
            '+' => "32",
            '-' => "31",
            _ => "33",
        };
        say!("    {}", self.paint(code, &format!("{sign} {text}")));
    }

    /// Something that must hold.
    pub(crate) fn check(&mut self, claim: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say!("    {} {claim}", self.paint("32", "ok"));
            }
            Err(found) => {
                say!("    {} {claim}: {found}", self.paint("1;31", "FAILED"));
                self.failed.push(format!("{claim}: {found}"));
            }
        }
    }

    /// Something that could not be looked at here.
    pub(crate) fn unchecked(&mut self, claim: &str) {
        self.unchecked.push(claim.to_owned());
    }

    /// The last words, and the program's exit code.
    pub(crate) fn summary(&self) -> ExitCode {
        let seconds = self.begun.elapsed().as_secs_f64();
        say!("\n{}", self.paint("1", "Summary"));
        say!("  {} checks passed, {} failed, in {seconds:.1} s", self.passed, self.failed.len());
        for failed in &self.failed {
            say!("  {} {failed}", self.paint("1;31", "FAILED"));
        }
        if !self.unchecked.is_empty() {
            say!(
                "  {} requests not sent: the mesh cannot be reached from here (see --url)",
                self.unchecked.len()
            );
        }
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
