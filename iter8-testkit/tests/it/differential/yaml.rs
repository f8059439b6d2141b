//! Values as YAML: small ones in a few lines, their fields one after another.

use serde_json::Value;

const WIDTH: usize = 110;
/// So long is a small value.
const SMALL: usize = 4;

/// A value on lines of its own.
pub(super) fn block(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let of_field = |(key, value): (&String, &Value)| {
                let key = text(key);
                small(&format!("{pad}{key}: "), value, indent)
                    .unwrap_or_else(|| format!("{pad}{key}:\n{}", block(value, indent + 2)))
            };
            fields.iter().map(of_field).collect()
        }
        Value::Array(items) if !items.is_empty() => {
            let of_item = |item: &Value| {
                small(&format!("{pad}- "), item, indent)
                    .unwrap_or_else(|| format!("{pad}- {}", block(item, indent + 2).trim_start()))
            };
            items.iter().map(of_item).collect()
        }
        _ => format!("{pad}{}\n", pieces(value).join(" ")),
    }
}

/// A value after what leads to it, if it is small.
fn small(lead: &str, value: &Value, indent: usize) -> Option<String> {
    let mut lines = vec![lead.to_owned()];
    let mut is_fresh = true;
    for piece in pieces(value) {
        let line = lines.last_mut()?;
        if is_fresh || line.chars().count() + piece.chars().count() < WIDTH {
            line.push_str(if is_fresh { "" } else { " " });
            line.push_str(&piece);
        } else {
            lines.push(" ".repeat(indent + 2) + &piece);
        }
        is_fresh = false;
    }
    let is_nested = value.is_object() || value.is_array();
    (!is_nested || lines.len() <= SMALL).then(|| lines.join("\n") + "\n")
}

/// A value in parts that may be on different lines.
fn pieces(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            enclosed('{', '}', fields.iter().map(|(key, value)| (text(key) + ": ", value)))
        }
        Value::Array(items) => enclosed('[', ']', items.iter().map(|item| (String::new(), item))),
        Value::String(string) => vec![text(string)],
        other => vec![other.to_string()],
    }
}

fn enclosed<'a>(open: char, close: char, entries: impl Iterator<Item = (String, &'a Value)>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (lead, value) in entries {
        let mut pieces = pieces(value);
        if let Some(first) = pieces.first_mut() {
            first.insert_str(0, &lead);
        }
        if let Some(last) = all.last_mut() {
            last.push(',');
        }
        all.extend(pieces);
    }
    let mut all = if all.is_empty() { vec![String::new()] } else { all };
    if let Some(first) = all.first_mut() {
        first.insert(0, open);
    }
    if let Some(last) = all.last_mut() {
        last.push(close);
    }
    all
}

fn text(string: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let begins = string.starts_with(|first: char| first.is_ascii_alphabetic() || "/$<".contains(first));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./$<>:+-()= ".contains(c);
    let ambiguous = string.contains(": ") || string.ends_with([':', ' ']);
    if begins && !ambiguous && string.chars().all(is_plain) && !WORDS.contains(&&*string.to_lowercase()) {
        string.to_owned()
    } else if string.contains('\'') || string.chars().any(char::is_control) {
        Value::from(string).to_string()
    } else {
        format!("'{string}'")
    }
}
