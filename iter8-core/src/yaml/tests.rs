use std::prelude::v1::*;

mod grammar;

use proptest::prelude::*;

use super::*;
use crate::{Fields, Value};

fn lines(text: &str) -> Vec<(&str, u64)> {
    stream::documents(text).collect()
}

#[test]
fn markers_at_the_beginning_of_a_line_separate_documents() {
    assert_eq!(lines("a: 1\n---\nb: 2"), [("a: 1\n", 0), ("---\nb: 2", 1)]);
    assert_eq!(
        lines("# none\n---\na: |\n  x\n ---\n--- {b: 2}\n"),
        [("# none\n---\na: |\n  x\n ---\n", 0), ("--- {b: 2}\n", 5),]
    );
    assert_eq!(
        lines("a: 1\r\n...\r\n# end\n%YAML 1.2\n---\nb: 2\n"),
        [("a: 1\r\n...\r\n", 0), ("# end\n%YAML 1.2\n---\nb: 2\n", 2),]
    );
    assert_eq!(lines("----\n...x\n"), [("----\n...x\n", 0)]);
    assert_eq!(lines("---\n# nothing\n---\n\n...\n"), []);
}

#[test]
fn an_error_in_a_stream_is_placed_in_the_whole_text() {
    let error = Document::all_from_yaml("a: 1\n---\nb: 1\nb: 2\n").unwrap_err();
    assert_eq!(error.to_string(), "4:1: not a valid YAML document: duplicate mapping key: b");
    let large = format!("a: 1\n---\nb: {}\n", "x".repeat(BYTES));
    assert_eq!(
        Document::all_from_yaml(&large).unwrap_err().to_string(),
        "2:1: not a valid YAML document: it is larger or deeper than a release can be"
    );
}

#[test]
fn a_plain_document_is_read_by_the_fast_reader() {
    let field = |name: &str, value: Value| (name.to_owned(), value);
    let expected = Value::Map(Fields::from([
        field("a", vec![Value::Integer(-7), Value::Float(1.5), Value::from("1.5s"), Value::from("-")].into()),
        field("b", Value::Map(Fields::from([field("c", Value::Bool(true)), field("d", Value::Null)]))),
        field("e", "x y".into()),
    ]));
    let text = "a: [-7, 1.5, 1.5s, '-']\nb:\n  c: true # yes\n  d:\ne: x y\n";
    assert_eq!(plain::read(text), Some(expected));
}

#[test]
fn what_is_not_plain_is_left_to_the_slow_reader() {
    for text in
        ["&a b", "!!str 1", "{<<: {}}", "{a: 1, a: 2}", "[", "a\n--- b", "{1: 2}", ".inf", "1e999", "+1"]
    {
        assert_eq!(plain::read(text), None, "{text}");
    }
}

#[test]
fn both_readers_take_for_numbers_what_the_core_schema_does() {
    for (text, expected) in [
        (
            "[017, 08, 0o17, 0x1F, -007]",
            vec![17, 8, 15, 31, -7].into_iter().map(Value::Integer).collect::<Vec<_>>(),
        ),
        (
            "[1_000, 0b11, 0X1F, -0x1f, 1__0]",
            ["1_000", "0b11", "0X1F", "-0x1f", "1__0"].map(Value::from).to_vec(),
        ),
        ("[.5, 1., 1e3, 080.0]", [0.5, 1.0, 1000.0, 80.0].map(Value::Float).to_vec()),
    ] {
        let expected = Value::List(expected);
        assert_eq!(plain::read(text), Some(expected.clone()), "{text}");
        assert_eq!(spanned::read(text).map(|(value, _)| value), Ok(expected), "{text}");
    }
    // What only the slow reader reads: signs, anchors, tags, other line ends, text that is not ASCII.
    for (text, expected) in [
        ("+017", Value::Integer(17)),
        ("- &a 1_000\n- *a\n", vec![Value::from("1_000"), Value::from("1_000")].into()),
        ("\u{feff}é: 017\r\n", Value::from([("é", Value::Integer(17))])),
        ("!!str 017", Value::from("017")),
        ("!!float '3'", Value::Float(3.0)),
        ("'017'", Value::from("017")),
    ] {
        assert_eq!(spanned::read(text).map(|(value, _)| value), Ok(expected), "{text}");
    }
}

#[test]
fn what_separates_no_documents_is_no_second_document() {
    for text in [
        "a: 017\n---\n",
        "a: 017\n---\n# nothing\n...\n",
        "---\na: 017\n...\n---",
        "# none\n---\n---\na: 017\n",
    ] {
        let document = Document::from_yaml(text).unwrap();
        assert_eq!(*document.root(), Value::from([("a", Value::Integer(17))]), "{text:?}");
        let line = text.lines().position(|line| line.starts_with('a')).unwrap() + 1;
        let position = document.position(&FieldPath::root().field("a")).unwrap();
        assert_eq!(position.line, line as u64, "{text:?}");
    }
}

/// The fast reader reads it as the slow one does, or not at all; whether it has read it.
fn is_read_alike(text: &str) -> bool {
    let Some(value) = plain::read(text) else { return false };
    let slow = spanned::read(text).map(|(value, _)| value);
    assert_eq!(Ok(value), slow, "{text:?}");
    true
}

#[test]
fn depth_and_length_end_where_the_slow_reader_ends() {
    for depth in 1..DEPTH + 4 {
        is_read_alike(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        is_read_alike(&format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth)));
        is_read_alike(&format!("{}1", "- ".repeat(depth)));
        is_read_alike(&(0..depth).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n"));
        is_read_alike(&(0..depth).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "-\n"));
    }
    for length in [500, 512, 513, 1000, 1023, 1024, 1025, 5000] {
        let long = "x".repeat(length);
        for text in [
            format!("{long}: 1"),
            format!("a: {long}\nb: '{long}'"),
            format!("a:\n  [{long}, {long}]\nb: {{{long}: {long}}}"),
            format!("[{long}, {long}]"),
            format!("- {{a: {long}}}\n- '{long}': 1"),
        ] {
            is_read_alike(&text);
        }
    }
}

#[test]
fn the_documents_of_the_tutorial_are_plain() {
    for text in [
        include_str!("../../../testdata/tutorial/1-initial.yaml"),
        include_str!("../../../testdata/tutorial/2-candidate.yaml"),
        include_str!("../../../testdata/tutorial/3-promoted.yaml"),
    ] {
        assert!(is_read_alike(text), "{text}");
    }
}

/// Pieces that make YAML of every kind when they are put together, much of it wrong.
const PIECES: [&str; 48] = [
    "a",
    "b: ",
    "- ",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    "'",
    "\"",
    "|\n ",
    ">-\n ",
    "# c",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "!t ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "1",
    "-1",
    "+1",
    "01",
    "0x1f",
    "0o7",
    "1_0",
    "1.5",
    ".5",
    "1e3",
    "1e999",
    ".inf",
    "nan",
    "null",
    "~",
    "true",
    "No",
    "\u{feff}",
    "\\",
    "é",
    "\r\n",
];

/// Lines that make plain YAML where their indentations happen to fit.
const LINES: [&str; 40] = [
    "a:",
    "b:",
    "c: d",
    "e: 1",
    "- ",
    "-",
    "- a: 1",
    "- b:",
    "- - x",
    "-  c: d",
    "x y",
    "{a: b, c: 'd'}",
    "[1, {}, []]",
    "f: {g: [h, -1]}",
    "- [i]",
    "j: 'k l'",
    "\"m\": n",
    "'o': p",
    "q: r:s",
    "t: u: v",
    "w: http://x/y#z",
    "# c",
    "",
    "---",
    "...",
    "a: -x",
    "b: - x",
    "k: ~",
    "null: 1",
    "True: x",
    "a: 00.5",
    "a: 1.",
    "a: 1:30",
    "a: 0e1",
    "a: -0",
    "- -1",
    "a: [b: c]",
    "a: {b: c: d}",
    "a: [x:, y]",
    "a: 'x' y",
];

const ENDS: [&str; 6] = ["", "", "", " ", " # c", "#c"];

/// Texts are short, so there are many of them: more only where the environment says so.
fn config() -> ProptestConfig {
    let config = iter8_testkit::strategies::config();
    ProptestConfig { cases: config.cases.max(4096), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_fast_reader_reads_what_the_slow_one_reads(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)) {
        let text = pieces.concat();
        is_read_alike(&text);
    }

    #[test]
    fn the_fast_reader_reads_lines_as_the_slow_one_does(
        lines in proptest::collection::vec((0..5_usize, proptest::sample::select(&LINES[..]), proptest::sample::select(&ENDS[..])), 1..8),
    ) {
        let lines = lines.iter().map(|(indent, line, end)| format!("{}{line}{end}\n", " ".repeat(*indent)));
        let text = lines.collect::<Vec<_>>().concat();
        is_read_alike(&text);
    }
}
