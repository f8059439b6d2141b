//! Regular expressions: what is one in no dialect, and what no mesh takes because it is too large.

use alloc::vec::Vec;

/// What is wrong with an expression, and what to write instead. The dialect is the mesh's own; brackets, escapes and
/// repetitions mean the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

impl Mistake {
    const fn not_an_expression(message: &'static str) -> Self {
        Self { message, hint: "close what is opened, and escape what is meant literally by `\\`" }
    }
}

const UNESCAPED: Mistake =
    Mistake::not_an_expression("is no regular expression: it ends with a `\\`, which escapes nothing");
const UNOPENED: Mistake = Mistake::not_an_expression("is no regular expression: it has a `)` without a `(`");
const UNCLOSED: Mistake = Mistake::not_an_expression("is no regular expression: it has a `(` without a `)`");
const OPEN_CLASS: Mistake =
    Mistake::not_an_expression("is no regular expression: it has a `[` without a `]`");
const TOO_OFTEN: Mistake = Mistake {
    message: "repeats a part more than 1000 times (repetitions of repetitions are multiplied), which is more than meshes take",
    hint: "repeat it less often, or write `*` or `+`",
};
const TOO_LARGE: Mistake = Mistake {
    message: "has more than 32768 parts where repetitions are written out, which is more than meshes take",
    hint: "repeat less, or write `*` or `+` instead of a count",
};
const TOO_DEEP: Mistake = Mistake {
    message: "has more than 50 groups inside of one another, which is more than meshes take",
    hint: "use fewer groups",
};

/// How often a part may be repeated in all: what RE2 and Go take, which Envoy and the control planes of its meshes use.
const REPETITIONS: u64 = 1000;
/// How many parts there may be when everything is written out: what Istio lets RE2 make of an expression
/// (`re2.max_program_size.error_level`). Rust's, Linkerd's, has room for ten times as many plain characters and for less
/// where a part is a large class of Unicode.
const PARTS: u64 = 32_768;
/// How many groups may be open. Rust takes 250 levels, and a group with what is in it can be four.
const DEPTH: usize = 50;

/// A part of an expression.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// How many characters and classes it has when written out.
    size: u64,
    /// How often it repeats what it repeats most.
    repetitions: u64,
}

impl Part {
    /// A character, or what stands for one.
    const ONE: Self = Self { size: 1, repetitions: 1 };
}

/// The parts of a group, the last of which a repetition may follow.
#[derive(Debug, Default)]
struct Group {
    before: Part,
    last: Part,
}

impl Group {
    fn push(&mut self, part: Part) {
        self.before = self.whole();
        self.last = part;
    }

    fn repeat(&mut self, count: u64) {
        self.last.size = self.last.size.saturating_mul(count);
        self.last.repetitions = self.last.repetitions.saturating_mul(count);
    }

    fn whole(&self) -> Part {
        Part {
            size: self.before.size.saturating_add(self.last.size),
            repetitions: self.before.repetitions.max(self.last.repetitions),
        }
    }
}

/// What is wrong with an expression, found in one pass.
///
/// Where dialects differ in what is a bracket (a `[` in a class, a comment), none is said to be missing.
pub(super) fn mistake(expression: &str) -> Option<Mistake> {
    let mut rest = expression;
    let mut group = Group::default();
    let mut around = Vec::new();
    let mut is_disputed = has_comments(expression);
    while let Some(c) = take(&mut rest) {
        match c {
            '\\' if rest.starts_with('Q') => {
                // RE2: up to `\E` every character is one.
                let quoted = rest.strip_prefix('Q').unwrap_or_default();
                let (inside, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                inside.chars().for_each(|_| group.push(Part::ONE));
                rest = after;
            }
            '\\' => {
                let Some(escaped) = take(&mut rest) else { return Some(UNESCAPED) };
                group.push(Part::ONE);
                // `\p{Greek}`, `\x{41}`: the braces are no repetition.
                if "pPxuUN".contains(escaped)
                    && let Some((_, after)) =
                        braced(rest.strip_prefix('{').unwrap_or_default(), |c| c != '\\')
                {
                    rest = after;
                }
            }
            '(' => {
                around.push(core::mem::take(&mut group));
                if around.len() > DEPTH {
                    return Some(TOO_DEEP);
                }
            }
            ')' => {
                let Some(outer) = around.pop() else {
                    if is_disputed {
                        continue;
                    }
                    return Some(UNOPENED);
                };
                let inner = core::mem::replace(&mut group, outer).whole();
                group.push(inner);
            }
            '[' => {
                match skip_class(&mut rest) {
                    Class::Closed => {}
                    Class::Disputed => is_disputed = true,
                    Class::Open => return (!is_disputed).then_some(OPEN_CLASS),
                }
                group.push(Part::ONE);
            }
            '{' => match take_count(&mut rest) {
                Some(count) => group.repeat(count),
                None => group.push(Part::ONE),
            },
            '*' | '+' | '?' | '|' => {}
            _ => group.push(Part::ONE),
        }
        if group.last.repetitions > REPETITIONS {
            return Some(TOO_OFTEN);
        }
    }
    if !around.is_empty() && !is_disputed {
        return Some(UNCLOSED);
    }
    (group.whole().size > PARTS).then_some(TOO_LARGE)
}

/// What stands before the `}`, and what after it, where it is the next brace and all characters up to it are legal: so
/// that nothing is looked at twice.
fn braced(text: &str, is_legal: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| matches!(c, '{' | '}') || !is_legal(c))?;
    let (inside, after) = text.split_at(end);
    Some((inside, after.strip_prefix('}')?))
}

fn take(rest: &mut &str) -> Option<char> {
    let mut chars = rest.chars();
    let first = chars.next()?;
    *rest = chars.as_str();
    Some(first)
}

/// Whether flags of the expression make the rest of a line after `#` a comment, with whatever brackets.
fn has_comments(expression: &str) -> bool {
    let flags = expression.split("(?").skip(1);
    let mut flags = flags.map(|rest| rest.split([')', ':', '-']).next().unwrap_or_default());
    flags.any(|flags| flags.contains('x') && flags.bytes().all(|flag| flag.is_ascii_alphabetic()))
}

/// How a class of characters ends.
enum Class {
    Closed,
    /// It has a `[`, which is one of its characters or, in Rust, the beginning of another class.
    Disputed,
    Open,
}

/// Goes on after the `]` that closes a class, if there is one.
fn skip_class(rest: &mut &str) -> Class {
    *rest = rest.strip_prefix('^').unwrap_or(rest);
    // At the beginning it is one of the characters.
    *rest = rest.strip_prefix(']').unwrap_or(rest);
    let mut is_disputed = false;
    loop {
        match take(rest) {
            None if !is_disputed => return Class::Open,
            Some(']') if !is_disputed => return Class::Closed,
            None | Some(']') => return Class::Disputed,
            Some('\\') => drop(take(rest)),
            Some('[') => match rest.strip_prefix(':').and_then(|name| name.split_once(":]")) {
                // `[:alpha:]`
                Some((name, after)) if name.bytes().all(|c| c == b'^' || c.is_ascii_lowercase()) => {
                    *rest = after;
                }
                _ => is_disputed = true,
            },
            Some(_) => {}
        }
    }
}

/// Goes on after `3}`, `3,}`, `,3}` or `3,5}` and gives the largest number; anything else is no repetition.
fn take_count(rest: &mut &str) -> Option<u64> {
    let (inside, after) = braced(rest, |c| c.is_ascii_digit() || matches!(c, ' ' | ','))?;
    let numbers = || inside.split(',').map(|number| number.trim_matches(' '));
    let is_number = |number: &str| number.bytes().all(|digit| digit.is_ascii_digit());
    if numbers().count() > 2 || !numbers().all(is_number) {
        return None;
    }
    // A number that is too long for its type is too large as well.
    let count = numbers().filter(|number| !number.is_empty()).map(|n| n.parse().unwrap_or(u64::MAX)).max()?;
    *rest = after;
    // What may be missing is a part all the same.
    Some(count.max(1))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn only_what_no_dialect_takes_is_a_mistake() {
        for text in
            ["", "a.*", "(a|b)", r"\(", r"[(]", "[]]", "[^]a]", r"[\]]", "((a))", "a{2}", r"\\", "(?i)a"]
                .into_iter()
                .chain([
                    "[[:alpha:](]",
                    "[^[:^space:])]",
                    "[[a](]",
                    "[a[(]b)]",
                    r"\Q(\E",
                    r"\Q[",
                    "(?x) a # (\n",
                    "(?ix: a)b # )",
                ])
        {
            assert_eq!(mistake(text), None, "{text}");
        }
        for text in [
            "([",
            "(",
            ")",
            "a)",
            "[",
            "[]",
            "[^]",
            r"a\",
            r"[a\]",
            r"(\)",
            "(()",
            "[[:alpha:](",
            "([[:alpha:]]",
            "(?:x",
            "(?<x>a",
        ] {
            assert!(mistake(text).is_some(), "{text}");
        }
    }

    #[test]
    fn repetitions_are_counted_as_meshes_count_them() {
        for text in [
            "a{1000}",
            "a{0,1000}",
            "(a{10}){100}",
            "(a{10}b{100}){10}",
            "(a{999}|b)(c{999}|d)",
            "(.{0,31}){31}",
            "a{1000}{1}",
        ] {
            assert_eq!(mistake(text), None, "{text}");
        }
        for text in [
            "a{1001}",
            "a{1001,}",
            "a{0,1001}",
            "a{,1001}",
            "a{ 1 , 1001 }",
            "(a{10}){101}",
            "((a{1,100}){1,100}){1,100}",
            "((a{1,11}b)+|c){1,100}",
            "a{32}{32}",
            "[{]{1001}",
            r"\{{1001}",
            r"\p{Greek}{1001}",
            "a{99999999999999999999999999}",
        ] {
            assert_eq!(mistake(text), Some(TOO_OFTEN), "{text}");
        }
    }

    #[test]
    fn what_is_no_repetition_is_not_counted() {
        for text in [
            "/a{2,3}{{1}}c",
            r"a\{1001}",
            "[a{1001}]",
            "[]{1001}]",
            r"[\]{1001}]",
            r"\p{Greek}\x{10FFFF}\u{1234}",
            "a{x}{1001",
            "a{-1001}",
            "a{}",
            "a{,}",
            "a{1 2001}",
            "{1,2,3000}",
            "(a+)+$",
            "(a|a)*b",
            "(.*)*(.*)*(.*)*",
            "([0-9]{1,3}\\.){3}[0-9]{1,3}",
            "^(([0-9]{1,3}|[a-f]{2,4}){1,8}|x{0,63})$",
        ] {
            assert_eq!(mistake(text), None, "{text}");
        }
    }

    #[test]
    fn parts_are_counted_where_they_are_repeated() {
        let long = "ab".repeat(20);
        assert_eq!(mistake(&format!("({long}){{819}}")), None);
        assert_eq!(mistake(&format!("({long}){{820}}")), Some(TOO_LARGE));
        assert_eq!(mistake(&"a{1000}".repeat(33)), Some(TOO_LARGE));
        assert_eq!(mistake(&"a{0}".repeat(33_000)), Some(TOO_LARGE), "as much as is written");
        assert_eq!(mistake(&"a".repeat(32_768)), None);
    }

    #[test]
    fn groups_go_only_so_deep() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(mistake(&nested(DEPTH)), None);
        assert_eq!(mistake(&nested(DEPTH + 1)), Some(TOO_DEEP));
        assert_eq!(mistake(&"(a)".repeat(1000)), None, "beside one another");
    }
}
