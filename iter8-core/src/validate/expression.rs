//! Regular expressions: what is one in no dialect.

/// What is wrong with an expression. The dialect is the mesh's own; brackets and escapes mean the same in all of them.
pub(super) fn mistake(expression: &str) -> Option<&'static str> {
    let mut rest = expression.chars().peekable();
    let mut open = 0_usize;
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next().is_none() => return Some("ends with a `\\`, which escapes nothing"),
            '(' => open = open.saturating_add(1),
            ')' => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return Some("has a `)` without a `(`"),
            },
            '[' => {
                rest.next_if_eq(&'^');
                // At the beginning it is one of the characters.
                rest.next_if_eq(&']');
                loop {
                    match rest.next() {
                        None => return Some("has a `[` without a `]`"),
                        Some(']') => break,
                        Some('\\') => drop(rest.next()),
                        Some(_) => {}
                    }
                }
            }
            _ => {}
        }
    }
    (open > 0).then_some("has a `(` without a `)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_dialect_takes_is_a_mistake() {
        for text in
            ["", "a.*", "(a|b)", r"\(", r"[(]", "[]]", "[^]a]", r"[\]]", "((a))", "a{2}", r"\\", "(?i)a"]
        {
            assert_eq!(mistake(text), None, "{text}");
        }
        for text in ["([", "(", ")", "a)", "[", "[]", "[^]", r"a\", r"[a\]", r"(\)", "(()"] {
            assert!(mistake(text).is_some(), "{text}");
        }
    }
}
