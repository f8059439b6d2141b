//! Reads YAML fast, as long as it is written as almost every document is: block maps and lists, flow collections and
//! scalars of one line; no anchors, tags, escapes, block scalars or control characters.
//!
//! Whatever this reads, the slow reader reads alike. Everything else is left to that one, which knows all of YAML and
//! says what is wrong; so every doubt here ends in `None`.

use alloc::vec::Vec;

use super::DEPTH;
use super::scalar::{Number, number};
use crate::fields::Field;
use crate::{Fields, Value};

/// More values than any release has; beyond, the slow reader says what is wrong.
const NODES: usize = 200_000;

/// The longest name of a field: more than a label's key has.
const NAME: usize = 512;

/// The value of a text that is one plain document.
pub(super) fn read(text: &str) -> Option<Value> {
    if !is_printable_ascii(text.as_bytes()) && !text.chars().all(is_plain_character) {
        return None;
    }
    let mut reader = Reader { rest: text, current: None, fields: Vec::new(), nodes: 0 };
    reader.advance();
    if reader.current.as_ref().is_some_and(|line| line.indent == 0 && line.text == "---") {
        reader.advance();
    }
    let root = reader.block(0)?;
    reader.current.is_none().then_some(root)
}

fn is_printable_ascii(text: &[u8]) -> bool {
    let is_legal = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
    // Without a way out in between, the bytes of a chunk are looked at together.
    text.chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & is_legal(byte)))
}

/// What is a character like any other to every reader: no control character, no line break but `\n`, no mark of the byte
/// order.
fn is_plain_character(character: char) -> bool {
    matches!(
        character,
        '\n' | ' '..='~'
            | '\u{a0}'..='\u{2027}'
            | '\u{202a}'..='\u{d7ff}'
            | '\u{e000}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}'
            | '\u{10000}'..='\u{10ffff}'
    )
}

/// What a line says: without its indentation, trailing spaces and, if there is nothing else, its comment.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    indent: usize,
    text: &'a str,
    begins: Begin<'a>,
}

/// What begins on a line.
#[derive(Debug, Clone, Copy)]
enum Begin<'a> {
    /// An entry of a list: what comes after its `-`.
    Entry(&'a str),
    /// A field: its name, and what comes after its `:`.
    Field(&'a str, &'a str),
    Other,
}

impl<'a> Line<'a> {
    fn new(indent: usize, text: &'a str) -> Self {
        let begins = match (entry(text), name(text)) {
            (Some(rest), _) => Begin::Entry(rest),
            (None, Some((name, rest))) => Begin::Field(name, rest),
            (None, None) => Begin::Other,
        };
        Self { indent, text, begins }
    }

    fn is_entry(&self) -> bool {
        matches!(self.begins, Begin::Entry(_))
    }
}

struct Reader<'a> {
    /// The lines after the current one.
    rest: &'a str,
    current: Option<Line<'a>>,
    /// The fields read so far of the maps that are being read, the innermost last.
    fields: Vec<Field>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    /// Goes to the next line that says something.
    fn advance(&mut self) {
        self.current = None;
        while !self.rest.is_empty() {
            let end = self.rest.bytes().position(|byte| byte == b'\n').unwrap_or(self.rest.len());
            let (line, rest) = self.rest.split_at_checked(end).unwrap_or_default();
            self.rest = rest.strip_prefix('\n').unwrap_or_default();
            let text = line.trim_start_matches(' ');
            if !text.is_empty() && !text.starts_with('#') {
                let indent = line.len().saturating_sub(text.len());
                self.current = Some(Line::new(indent, text.trim_end_matches(' ')));
                return;
            }
        }
    }

    fn count(&mut self, depth: usize) -> Option<()> {
        self.nodes = self.nodes.checked_add(1)?;
        (self.nodes <= NODES && depth < DEPTH).then_some(())
    }

    /// The map, list or flow collection that begins with the current line.
    fn block(&mut self, depth: usize) -> Option<Value> {
        self.count(depth)?;
        let Line { indent, text, begins } = self.current?;
        let depth = depth.saturating_add(1);
        match begins {
            Begin::Entry(_) => self.list(indent, depth),
            Begin::Field(..) => self.map(indent, depth),
            Begin::Other if text.starts_with(['{', '[']) => self.line_end(text, depth),
            Begin::Other => None,
        }
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let first = self.fields.len();
        loop {
            let Begin::Field(name, rest) = self.current?.begins else { return None };
            let value = self.value(rest, indent, true, depth)?;
            self.fields.push((name.into(), value));
            match self.current {
                Some(next) if next.indent > indent => return None,
                Some(next) if next.indent == indent => {}
                Some(_) | None => return Fields::drain(&mut self.fields, first).map(Value::Map),
            }
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut entries = Vec::new();
        loop {
            let Begin::Entry(rest) = self.current?.begins else { return None };
            let content = rest.trim_start_matches(' ');
            let before = rest.len().saturating_sub(content.len()).saturating_add(1);
            let line = Line::new(indent.saturating_add(before), content);
            if let Begin::Entry(_) | Begin::Field(..) = line.begins {
                // A collection that begins on the line of its `-`, as if it were indented by that.
                self.current = Some(line);
                entries.push(self.block(depth)?);
            } else {
                entries.push(self.value(rest, indent, false, depth)?);
            }
            match self.current {
                Some(next) if next.indent > indent => return None,
                Some(next) if next.indent == indent && next.is_entry() => {}
                Some(_) | None => return Some(Value::List(entries)),
            }
        }
    }

    /// The value after a `:` or `-` of a collection with this indentation: on this line or the next ones.
    fn value(&mut self, rest: &'a str, indent: usize, is_field: bool, depth: usize) -> Option<Value> {
        let content = rest.trim_start_matches(' ');
        if !content.is_empty() && !content.starts_with('#') {
            return self.line_end(content, depth);
        }
        self.advance();
        match self.current {
            Some(next) if next.indent > indent => self.block(depth),
            // The entries of a field's list need no indentation.
            Some(next) if next.indent == indent && is_field && next.is_entry() => self.block(depth),
            Some(_) | None => {
                self.count(depth)?;
                Some(Value::Null)
            }
        }
    }

    /// The scalar or flow collection that a line ends with.
    fn line_end(&mut self, content: &'a str, depth: usize) -> Option<Value> {
        let (value, rest) = match content.bytes().next()? {
            b'{' | b'[' | b'"' | b'\'' => self.flow(content, depth)?,
            _ => {
                self.count(depth)?;
                let (text, rest) = plain(content)?;
                (scalar(text)?, rest)
            }
        };
        let comment = rest.trim_start_matches(' ');
        if !(comment.is_empty() || comment.starts_with('#') && comment.len() < rest.len()) {
            return None;
        }
        self.advance();
        Some(value)
    }

    /// A value of a flow collection, or a quoted text, and what comes after it.
    fn flow(&mut self, content: &'a str, depth: usize) -> Option<(Value, &'a str)> {
        self.count(depth)?;
        let depth = depth.saturating_add(1);
        match content.bytes().next()? {
            b'{' => self.flow_map(content.strip_prefix('{')?, depth),
            b'[' => self.flow_list(content.strip_prefix('[')?, depth),
            b'"' | b'\'' => quoted(content).map(|(text, rest)| (Value::from(text), rest)),
            _ => {
                let end = content.find([',', '[', ']', '{', '}'])?;
                let (text, rest) = content.split_at_checked(end)?;
                let (text, comment) = plain(text.trim_end_matches(' '))?;
                comment.is_empty().then_some(())?;
                Some((scalar(text)?, rest))
            }
        }
    }

    fn flow_map(&mut self, content: &'a str, depth: usize) -> Option<(Value, &'a str)> {
        let first = self.fields.len();
        let mut rest = content.trim_start_matches(' ');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((Value::Map(Fields::default()), rest));
        }
        loop {
            let (name, after) = name(rest)?;
            let (value, after) = self.flow(after.trim_start_matches(' '), depth)?;
            self.fields.push((name.into(), value));
            let after = after.trim_start_matches(' ');
            if let Some(after) = after.strip_prefix('}') {
                return Some((Value::Map(Fields::drain(&mut self.fields, first)?), after));
            }
            rest = after.strip_prefix(',')?.trim_start_matches(' ');
        }
    }

    fn flow_list(&mut self, content: &'a str, depth: usize) -> Option<(Value, &'a str)> {
        let mut entries = Vec::new();
        let mut rest = content.trim_start_matches(' ');
        if let Some(rest) = rest.strip_prefix(']') {
            return Some((Value::List(entries), rest));
        }
        loop {
            let (value, after) = self.flow(rest, depth)?;
            entries.push(value);
            let after = after.trim_start_matches(' ');
            if let Some(after) = after.strip_prefix(']') {
                return Some((Value::List(entries), after));
            }
            rest = after.strip_prefix(',')?.trim_start_matches(' ');
        }
    }
}

/// What comes after the `-` of an entry of a list.
fn entry(text: &str) -> Option<&str> {
    text.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The name of the field that a line or the rest of a flow map begins with, and what comes after its `:`.
fn name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = if text.starts_with(['"', '\'']) {
        quoted(text)?
    } else {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
        let end = text.bytes().position(|byte| !is_part(byte))?;
        let (name, rest) = text.split_at_checked(end)?;
        // What reads like a number, a truth value or nothing is no text; what begins with a sign may be anything.
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || constant(name).is_some() {
            return None;
        }
        (name, rest)
    };
    let rest = rest.strip_prefix(':').filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
    (name.len() <= NAME && name != "<<").then_some((name, rest))
}

/// A text in quotes without escapes, and what comes after it.
fn quoted(content: &str) -> Option<(&str, &str)> {
    let quote = content.chars().next()?;
    let (text, rest) = content.strip_prefix(quote)?.split_once(quote)?;
    let is_escaped = if quote == '"' { text.contains('\\') } else { rest.starts_with(quote) };
    (!is_escaped).then_some((text, rest))
}

/// A text without quotes, and the comment after it.
fn plain(content: &str) -> Option<(&str, &str)> {
    let mut before = b' ';
    for (index, byte) in content.bytes().enumerate() {
        match (before, byte) {
            (b' ', b'#') => {
                let (text, comment) = content.split_at_checked(index.checked_sub(1)?)?;
                return Some((begins_plain(text.trim_end_matches(' '))?, comment));
            }
            (b':', b' ') => return None,
            _ => before = byte,
        }
    }
    if before == b':' {
        return None;
    }
    Some((begins_plain(content)?, ""))
}

/// The text, if no character at its beginning means something else.
fn begins_plain(text: &str) -> Option<&str> {
    let mut bytes = text.bytes();
    let is_plain = match bytes.next()? {
        b'-' => bytes.next().is_some_and(|next| next.is_ascii_alphanumeric()),
        first => {
            first.is_ascii_alphanumeric()
                || !first.is_ascii()
                || matches!(first, b'/' | b'.' | b'_' | b'~' | b'(' | b'<' | b'$' | b'^')
        }
    };
    is_plain.then_some(text)
}

/// A text without quotes by the core schema of YAML 1.2; `None` for a number that no document may have.
fn scalar(text: &str) -> Option<Value> {
    if let Some(value) = constant(text) {
        return Some(value);
    }
    if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '.')) {
        return match number(text) {
            Number::Finite(number) => Some(number),
            Number::Endless => None,
            Number::None => Some(Value::from(text)),
        };
    }
    Some(Value::from(text))
}

fn constant(text: &str) -> Option<Value> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}
