//! Documents near the grammar: trees of every kind, printed in every style that YAML has, then damaged a little.

use std::prelude::v1::*;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{is_read_alike, spanned};

/// Scalars of one line: texts, numbers, constants, and what looks like one of them in YAML 1.1 or in part.
const SCALARS: [&str; 103] = [
    "für alle",
    "a: ä",
    "äöü",
    "日本 # 語",
    "a\u{a0}b",
    "\u{2028}a\u{85}b",
    "\u{feff}🚀",
    "web",
    "web:1",
    "a b",
    "a  b",
    "http://x/y?z=1#f",
    "a#b",
    "a: b",
    "a:",
    ":a",
    "-a",
    "- a",
    "?a",
    "? a",
    "a,b",
    "a]",
    "[a",
    "{a",
    "a}",
    "%a",
    "@a",
    "`a",
    "!a",
    "!!str a",
    "!!int '1'",
    "&x a",
    "*x",
    "|",
    ">",
    "a | b",
    "'a'",
    "'it''s'",
    "'a",
    "a'b",
    "'a' b",
    "''",
    "\"a\"",
    "\"a\\n\"",
    "\"\\x41\"",
    "\"\\\"\"",
    "\"a\\\\\"",
    "\"a",
    "\"\"",
    "\"a\" # c",
    "'# a'",
    "0",
    "-0",
    "+0",
    "1",
    "-1",
    "+1",
    "01",
    "007",
    "08",
    "0o7",
    "0x1F",
    "0b1",
    "1_000",
    "1,000",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "999999999999999999",
    "9999999999999999999",
    "1.5",
    "-1.5",
    ".5",
    "-.5",
    "1.",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1e999",
    "1.e3",
    "1.5.2",
    "1:30",
    "190:20:30",
    "0.0",
    "-0.0",
    ".inf",
    "-.INF",
    ".nan",
    ".NaN",
    "inf",
    "nan",
    "~",
    "null",
    "Null",
    "NULL",
    "nUll",
    "true",
    "True",
    "TRUE",
    "yes",
    "Off",
    "y",
];

/// Names of fields; few, so that they repeat.
const NAMES: [&str; 26] = [
    "a",
    "b",
    "c",
    "app.kubernetes.io/name",
    "a-b",
    "a_b",
    "A",
    "a b",
    "\"a\"",
    "'b'",
    "'a: b'",
    "1",
    "-1",
    "01",
    "1.5",
    "true",
    "null",
    "~",
    "<<",
    "\"<<\"",
    "a.",
    "a/",
    "é",
    "*x",
    "&x a",
    "? a",
];

/// Scalars of several lines; a line break stands before what is indented as the scalar is.
const BLOCKS: [&str; 14] = [
    "|\na\nb",
    "|-\na",
    "|+\na\n",
    ">\na\nb",
    ">-\na\n\nb",
    "|2\n  a",
    "| # c\na: b",
    "|\n# no comment",
    "a\nb",
    "a\n# c\nb",
    "'a\nb'",
    "\"a\n  b\"",
    "\"a\\\nb\"",
    "&x\na: b",
];

const FLOWS: [&str; 18] = [
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "[a, b]",
    "[a, b, ]",
    "[a b]",
    "[a: b]",
    "{a: 1, b: [c]}",
    "{a: 1, a: 2}",
    "{a, b}",
    "{a: }",
    "{a:1}",
    "{\"a\":1}",
    "['a', \"b\"]",
    "[[1], {a: ~}] # c",
    "[a,\nb]",
    "{a: 1,\nb: 2}",
];

#[derive(Debug, Clone)]
enum Node {
    Leaf(&'static str),
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
}

/// How a collection is printed.
#[derive(Debug, Clone, Copy)]
struct Style {
    indent: usize,
    /// Before each entry: nothing, an empty line, a comment.
    before: &'static str,
    /// After a `:`, a `-` or a scalar.
    after: &'static str,
}

fn styles() -> impl Strategy<Value = Style> {
    let before = prop_oneof![9 => Just(""), 1 => select(vec!["\n", "# c\n", "  # c\n", "   \n", "\t\n"])];
    let after =
        prop_oneof![9 => Just(""), 1 => select(vec!["  ", " # c", "#c", "\t", " \t# c"]), 2 => Just(" ")];
    (1..4_usize, before, after).prop_map(|(indent, before, after)| Style { indent, before, after })
}

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        8 => select(&SCALARS[..6]),
        3 => select(&SCALARS[..]),
        1 => select(&BLOCKS[..]),
        2 => select(&FLOWS[..]),
        1 => Just(""),
    ];
    leaf.prop_map(Node::Leaf).prop_recursive(4, 24, 4, |inner| {
        let fields =
            vec((prop_oneof![9 => select(&NAMES[..12]), 1 => select(&NAMES[..])], inner.clone()), 1..4);
        prop_oneof![3 => fields.prop_map(Node::Map), 2 => vec(inner, 1..4).prop_map(Node::List)]
    })
}

/// The lines of a node that stands after a `:` or `-`, or at the beginning; the first one goes on the line of that.
fn print(node: &Node, indent: usize, styles: &mut impl Iterator<Item = Style>) -> String {
    let Some(style) = styles.next() else { return String::new() };
    let margin = " ".repeat(indent);
    let deeper = indent.saturating_add(style.indent);
    match node {
        Node::Leaf(text) => {
            let text = text.replace('\n', &format!("\n{}", " ".repeat(indent.max(1))));
            if text.is_empty() { text } else { format!(" {text}{}", style.after) }
        }
        Node::Map(fields) => fields.iter().fold(String::new(), |lines, (name, value)| {
            format!("{lines}\n{}{margin}{name}:{}", style.before, print(value, deeper, styles))
        }),
        Node::List(entries) => entries.iter().fold(String::new(), |lines, entry| {
            let mut entry = print(entry, deeper, styles);
            // A collection may begin on the line of its `-`.
            if style.after == " " && entry.starts_with(&format!("\n{}", " ".repeat(deeper))) {
                entry = format!("{}{}", " ".repeat(style.indent.saturating_sub(1)), entry.trim_start());
                entry.insert(0, ' ');
            }
            format!("{lines}\n{}{margin}-{entry}", style.before)
        }),
    }
}

fn documents() -> impl Strategy<Value = String> {
    let begin = prop_oneof![4 => Just(""), 1 => select(vec!["---\n", "--- ", "# c\n---\n", "%YAML 1.2\n---\n", "\u{feff}", "---\n---\n"])];
    let end =
        prop_oneof![4 => Just("\n"), 1 => select(vec!["", "\n...\n", "\n---\n", "\n# c", "\n\n", "  "])];
    let breaks = prop_oneof![8 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\r")];
    (nodes(), vec(styles(), 1..8), begin, end, breaks).prop_map(|(node, styles, begin, end, line_break)| {
        let text = print(&node, 0, &mut styles.into_iter().cycle());
        let text = text.trim_start_matches([' ', '\n']);
        format!("{begin}{text}{end}").replace('\n', line_break)
    })
}

/// A document with up to two characters put in or taken out.
fn damaged() -> impl Strategy<Value = String> {
    let damage = (
        any::<Index>(),
        select(" \n\t-:#,[]{}'\"\\&*!|>?%@~a1".chars().map(Some).chain([None]).collect::<Vec<_>>()),
    );
    (documents(), prop_oneof![2 => Just(Vec::new()), 1 => vec(damage, 1..3)]).prop_map(|(text, damages)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, insertion) in damages {
            let at = at.index(text.len().saturating_add(1));
            match insertion {
                Some(insertion) => text.insert(at, insertion),
                None => drop(text.drain(at.min(text.len().saturating_sub(1))..).next()),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn the_fast_reader_reads_documents_near_the_grammar_as_the_slow_one_does(text in damaged()) {
        is_read_alike(&text);
    }
}

#[test]
fn of_the_documents_near_the_grammar_many_are_read_fast_many_slowly_and_many_not_at_all() {
    let mut runner = TestRunner::deterministic();
    let [mut fast, mut slow, mut none] = [0; 3];
    for _ in 0..1000 {
        let text = damaged().new_tree(&mut runner).unwrap().current();
        *match (is_read_alike(&text), spanned::read(&text)) {
            (true, _) => &mut fast,
            (false, Ok(_)) => &mut slow,
            (false, Err(_)) => &mut none,
        } += 1;
    }
    assert!(fast > 100 && slow > 100 && none > 100, "{fast} fast, {slow} slowly, {none} not at all");
}
