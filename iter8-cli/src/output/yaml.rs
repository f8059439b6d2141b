//! Writes YAML that every reader understands alike.
//!
//! kubectl still reads YAML 1.1, where `no` and `012` are no text, as names of fields too. So whatever could be
//! anything but text to either version of YAML is quoted; there are no flow maps, anchors or folded lines.

use serde_json::Value;

/// Words that some reader takes for a truth value or for null.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// The value as a document, without the marker `---`.
pub(crate) fn document(value: &Value) -> String {
    let mut text = String::new();
    match in_line(value) {
        Some(scalar) => text = format!("{scalar}\n"),
        None => block(value, 0, &mut text),
    }
    text
}

/// Writes a map or list that is not empty, each entry on lines of its own.
fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                text.extend([margin.as_str(), &key(name), ":"]);
                // The entries of a list stand under its name, as kubectl has them.
                let inner = if field.is_array() { indent } else { indent + 2 };
                if write_after(field, indent + 2, text) {
                    text.push('\n');
                    block(field, inner, text);
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                text.extend([margin.as_str(), "-"]);
                if write_after(entry, indent + 2, text) {
                    let mut lines = String::new();
                    block(entry, indent + 2, &mut lines);
                    text.push(' ');
                    text.push_str(lines.trim_start_matches(' '));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes what fits behind a name or dash; true if the value needs lines of its own.
fn write_after(value: &Value, indent: usize, text: &mut String) -> bool {
    if let Some(lines) = value.as_str().and_then(|string| literal(string, indent)) {
        text.extend([" ", lines.as_str()]);
        return false;
    }
    let Some(scalar) = in_line(value) else { return true };
    text.extend([" ", scalar.as_str(), "\n"]);
    false
}

/// The value in one line; `None` for a map or list that is not empty.
fn in_line(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.is_empty().then(|| "{}".to_owned()),
        Value::Array(entries) => entries.is_empty().then(|| "[]".to_owned()),
        Value::String(text) => Some(scalar(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

fn key(name: &str) -> String {
    if is_plain(name) && !name.contains(':') { name.to_owned() } else { quoted(name) }
}

fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether no reader takes the text for anything else. No number, date, indicator or marker starts with a letter or `/`.
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
}

/// The text in double quotes: JSON's, and what YAML wants escaped besides.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => quoted.push_str(&escaped(c)),
            c if c.is_control() => quoted.push_str(&escaped(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// None of these is beyond four digits.
fn escaped(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

/// A text of several lines as it is (`|`), where that is exact.
fn literal(text: &str, indent: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_exact = body.contains('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && !body.ends_with('\n')
        && body.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic());
    let chomping = if body.len() == text.len() { "-" } else { "" };
    let margin = " ".repeat(indent);
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{margin}{line}\n") };
    is_exact.then(|| format!("|{chomping}\n{}", body.split('\n').map(line).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_and_lists_look_as_kubectl_prints_them() {
        let value = json!({
            "spec": { "ports": [{ "name": "http", "port": 80 }, { "port": 81 }], "none": [], "nested": [["a"], [[1]]] },
            "text": "one\n  two\n",
        });
        assert_eq!(
            document(&value),
            "spec:\n  nested:\n  - - a\n  - - - 1\n  none: []\n  ports:\n  - name: http\n    port: 80\n  \
             - port: 81\ntext: |\n  one\n    two\n"
        );
    }

    #[test]
    fn what_some_reader_takes_for_no_text_is_quoted() {
        for text in
            ["no", "Y", "012", "1e3", "2001-01-01", "", "~", "<<", "=", ".5", "a: b", "a #b", "a:", "-x", "*"]
        {
            assert_eq!(document(&json!(text)), format!("\"{text}\"\n"));
            assert_eq!(document(&json!({ text: 1 })), format!("\"{text}\": 1\n"));
        }
        assert_eq!(document(&json!("app.kubernetes.io/name=x, [y]")), "app.kubernetes.io/name=x, [y]\n");
    }

    #[test]
    fn every_text_reads_back() {
        let texts = [
            "a\nb",
            "a\n\nb\n",
            "\na\n",
            " a\nb",
            "a\nb\n\n",
            "a \nb",
            "a\t\nb",
            "é\u{85}\u{7f}\u{feff}\0",
            "\\\"",
            "a\r\nb",
        ];
        for text in texts {
            let value = json!({ "key": [text], text: text });
            let read: Value = serde_saphyr::from_str(&document(&value)).unwrap();
            assert_eq!(read, value, "{text:?}");
        }
    }
}
