//! Documents that nobody writes who means well: they are read or refused, in little time and memory.

use std::process::Command;
use std::time::{Duration, Instant};

use iter8_core::{Capabilities, Document, ReleaseKey, Violation, declare, refusal};
use iter8_testkit::strategies::config;
use proptest::prelude::*;

/// What is said of a text, if it is refused.
fn violations(text: &str) -> Vec<Violation> {
    let document = match Document::from_yaml(text) {
        Ok(document) => document,
        Err(error) => return vec![error.into()],
    };
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    let Err(error) = declare(&key, &document, &Capabilities::specification()) else { return Vec::new() };
    let message = &refusal(&error)[0].message;
    assert!(message.chars().count() <= 32_768, "the API server takes no longer message");
    error.violations().to_vec()
}

/// Reads a text; whatever is said of it must be placed in it.
fn read(text: &str) {
    let lines: Vec<_> = text.split('\n').map(|line| line.chars().count()).collect();
    for violation in violations(text) {
        let Some(position) = violation.position else { continue };
        let line = usize::try_from(position.line).unwrap();
        let column = usize::try_from(position.column).unwrap();
        // YAML has more line breaks than this test; a text may end before what it lacks.
        let is_inside = line.checked_sub(1).is_some_and(|line| line <= text.len()) && column >= 1;
        let fits = lines.get(line - 1).is_none_or(|length| column <= length + 2);
        assert!(is_inside && (fits || text.contains('\r')), "{violation}\n{text:?}");
    }
}

const VALID: &str = "\
environment: deployment-gtw
application:
  strategy: canary
  metadata: {labels: {team: web}}
  versions:
  - image: web:1
  - image: web:2
    port: 8080
    matches:
    - headers: [{name: traffic, value: test}]
    - path: {type: Exact, value: /x}
    deploymentSpecification: {spec: {template: {metadata: {labels: {app: web-1}}}}}
";

/// Any tree in flow style.
fn trees() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[a-z~*&!|>%@`#-]{0,6}",
        any::<String>().prop_map(|text| format!("{text:?}")),
        proptest::sample::select(vec![
            "environment",
            "application",
            "versions",
            "image",
            "matches",
            "<<",
            "*a",
            "&a"
        ])
        .prop_map(str::to_owned),
    ];
    scalar.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|entries| format!("[{}]", entries.join(", "))),
            proptest::collection::vec((inner.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
        ]
    })
}

/// The valid document with some of it cut out, doubled or replaced.
fn mutants() -> impl Strategy<Value = String> {
    let change = (any::<proptest::sample::Index>(), 0..12_usize, 0..3_usize, "[ \\PC\n]{0,4}");
    proptest::collection::vec(change, 1..6).prop_map(|changes| {
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, length, kind, insertion) in changes {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            let old: Vec<char> = text[start..end].to_vec();
            let new = match kind {
                0 => Vec::new(),
                1 => [old.clone(), old].concat(),
                _ => insertion.chars().collect(),
            };
            text.splice(start..end, new);
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_tree_is_read_or_refused(text in trees()) {
        read(&text);
    }

    #[test]
    fn any_change_of_a_valid_document_is_read_or_refused(text in mutants()) {
        read(&text);
    }
}

/// Documents of every kind of malice, each with its name.
fn hostile() -> Vec<(&'static str, String)> {
    const MIB: usize = 1024 * 1024;
    let chain = |begin: &str, entry: fn(char, char) -> String| {
        ('b'..='z').zip('a'..).fold(begin.to_owned(), |text, (name, before)| text + &entry(name, before))
    };
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let numbered =
        |entry: fn(usize) -> String, count: usize| (0..count).map(entry).collect::<Vec<_>>().concat();
    let version = |entry: String| {
        format!(
            "environment: deployment-gtw\napplication:\n  strategy: canary\n  versions:\n  - image: a\n{entry}"
        )
    };
    vec![
        (
            "a billion laughs",
            chain("a: &a [x,x,x,x,x,x,x,x,x]\n", |name, before| {
                format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
            }),
        ),
        (
            "a quadratic explosion",
            format!("a: &a {}\nb: [{}]\n", "x".repeat(MIB / 2), vec!["*a"; 50_000].join(",")),
        ),
        (
            "a bomb of merge keys",
            chain("a: &a {x: 1, y: 2}\n", |name, before| {
                format!("{name}: &{name} {{<<: [*{before}, *{before}, *{before}, *{before}], {name}x: 1}}\n")
            }),
        ),
        ("an alias of itself", "a: &a [*a]\nb: &b {<<: *b}\n".to_owned()),
        ("deep flow lists", nested("[", "]", MIB)),
        ("deep flow maps", nested("{a: ", "}", MIB / 4)),
        ("deep lists", "- ".repeat(MIB)),
        ("deep maps", (0..2000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n")),
        ("deep open brackets", "[".repeat(10 * MIB)),
        ("one scalar of 10 MiB", format!("a: {}", "x".repeat(10 * MIB))),
        ("one scalar of 2 MiB", version(format!("    port: {}", "x".repeat(2 * MIB)))),
        ("one name of 2 MiB", format!("{}: 1", "x".repeat(2 * MIB))),
        ("10 MiB of names", numbered(|index| format!("name-{index}: 1\n"), 700_000)),
        ("unknown fields", numbered(|index| format!("name-{index}: 1\n"), 20_000)),
        ("a megabyte of documents", "---\na: 1\n".repeat(MIB / 9)),
        ("10 MiB of comments", "# x\n".repeat(5 * MIB / 2)),
        ("10 MiB of line breaks", "\n".repeat(10 * MIB)),
        (
            "10,000 matches",
            version(format!("  - image: b\n    matches:\n{}", "    - {method: GET}\n".repeat(10_000))),
        ),
        (
            "10,000 wrong matches",
            version(format!("  - image: b\n    matches:\n{}", "    - {metod: GET}\n".repeat(10_000))),
        ),
        ("10,000 versions", version("  - {image: b}\n".repeat(10_000))),
        ("10,000 versions of one name", version("  - {image: b, metadata: {name: a}}\n".repeat(10_000))),
        (
            "10,000 labels",
            version(format!(
                "    metadata:\n      labels:\n{}",
                numbered(|index| format!("        {index}/a: b/\n"), 10_000)
            )),
        ),
        (
            "a regular expression",
            version(format!(
                "  - image: b\n    matches: [{{path: {{type: RegularExpression, value: '{}'}}}}]",
                "(a+)+".repeat(10_000)
            )),
        ),
        ("template braces", version("    metadata: {name: '{{ .Release.Name }}'}\n".to_owned())),
        ("a number of a megabyte", format!("a: {}\nb: 1e{}", "9".repeat(MIB), "9".repeat(MIB))),
        (
            "numbers at the limits",
            "a: [1e999, -1e999, .inf, .nan, 18446744073709551616, 0x1ffffffffffffffffffffffffffffffff]"
                .to_owned(),
        ),
        ("NUL", "a: \0\n\0: b\n".to_owned()),
        ("byte order marks", "\u{feff}a: b\n\u{feff}c: d\n".to_owned()),
        ("UTF-16 taken for UTF-8", "a: b".bytes().flat_map(|byte| ['\0', char::from(byte)]).collect()),
        ("strange line breaks", "a: b\rc: d\u{85}e: f\u{2028}g: h\x0b".to_owned()),
        ("a repeated name", "a: 1\n".repeat(100_000)),
        ("tags", "!!python/object:os.system {a: !<tag:yaml.org,2002:binary> '####'}".to_owned()),
        ("directives", "%YAML 9.9\n%TAG ! tag:x,1:\n---\na: !b c\n".to_owned()),
    ]
}

/// Set in the process that has little memory.
const CHILD: &str = "ITER8_HOSTILE_DOCUMENTS";

/// In a process of its own, whose memory is bounded; its output tells which document it was.
#[test]
fn every_hostile_document_is_dealt_with_at_once_and_in_little_memory() {
    const KIB: u32 = 768 * 1024;
    if std::env::var_os(CHILD).is_some() {
        return deal_with_all();
    }
    let name = "hostile::every_hostile_document_is_dealt_with_at_once_and_in_little_memory";
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit -v {KIB} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "within {KIB} KiB:\n{said}");
    assert_eq!(said.lines().filter(|line| line.contains(" violations")).count(), hostile().len(), "{said}");
}

fn deal_with_all() {
    for (name, text) in hostile() {
        let begun = Instant::now();
        let said = violations(&text);
        let _ = Document::all_from_yaml(&text);
        let took = begun.elapsed();
        eprintln!("{name}: {took:?}, {} violations", said.len());
        assert!(took < Duration::from_mins(1), "{name}: {took:?}");
        let longest = said.iter().map(|violation| violation.to_string().len()).max().unwrap_or(0);
        assert!(longest < 10_000, "{name}: what is said has {longest} bytes");
    }
}
