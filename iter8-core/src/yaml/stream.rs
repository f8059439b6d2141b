//! The documents of a stream.

/// Each document of a text with the number of lines before it. Those that hold nothing but comments are left out.
///
/// `---` and `...` at the beginning of a line separate documents wherever they stand (YAML 1.2, `c-forbidden`).
pub(super) fn documents(text: &str) -> impl Iterator<Item = (&str, u64)> {
    Documents { rest: text, lines: 0 }.filter(|(part, _)| has_content(part))
}

struct Documents<'a> {
    rest: &'a str,
    /// How many lines come before the rest.
    lines: u64,
}

impl<'a> Iterator for Documents<'a> {
    type Item = (&'a str, u64);

    fn next(&mut self) -> Option<(&'a str, u64)> {
        if self.rest.is_empty() {
            return None;
        }
        let before = self.lines;
        let (mut length, mut has_begun) = (0_usize, false);
        for line in self.rest.split_inclusive('\n') {
            let is_start = is_marker(line, "---");
            if is_start && has_begun {
                break;
            }
            length = length.saturating_add(line.len());
            self.lines = self.lines.saturating_add(1);
            if is_marker(line, "...") {
                break;
            }
            // Comments and directives belong to the document that they come before.
            has_begun =
                has_begun || is_start || !line.trim_start().is_empty() && !line.starts_with(['#', '%']);
        }
        let (part, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some((part, before))
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn has_content(part: &str) -> bool {
    part.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        !line.is_empty() && !line.starts_with('#') && line != "..."
    })
}
