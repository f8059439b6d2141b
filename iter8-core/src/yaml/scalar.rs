//! Which texts without quotes are numbers: the core schema of YAML 1.2 (10.3.2), for both readers.

use crate::Value;

/// What a text without quotes is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    /// A number.
    Finite(Value),
    /// `.inf`, `.nan` or more than can be held, which no document may have.
    Endless,
    /// No number: `1_000`, `0b11` and `-0x1f` are ones in YAML 1.1 or elsewhere.
    None,
}

/// Reads a text without quotes that may be a number.
pub(super) fn number(text: &str) -> Number {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_digits(unsigned) {
        integer(text)
    } else if let Some(digits) = text.strip_prefix("0x") {
        of_radix(digits, 16)
    } else if let Some(digits) = text.strip_prefix("0o") {
        of_radix(digits, 8)
    } else if is_float(unsigned) {
        float(text)
    } else if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        Number::Endless
    } else {
        Number::None
    }
}

/// These have no sign.
fn of_radix(digits: &str, radix: u32) -> Number {
    let number = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'));
    number.map_or(Number::None, |number| Number::Finite(Value::Integer(number.into())))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What no format has as an integer, one of more than 64 bits, is as good as a float.
fn integer(text: &str) -> Number {
    match text.parse::<i128>() {
        Ok(number) if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number) => {
            Number::Finite(Value::Integer(number))
        }
        Ok(_) | Err(_) => float(text),
    }
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let has_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && has_digits(fraction),
        None => is_digits(mantissa),
    };
    is_mantissa
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}

fn float(text: &str) -> Number {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Number::Finite(Value::Float(number)),
        Ok(_) | Err(_) => Number::Endless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_core_schema() {
        let integer = |number: i128| Number::Finite(Value::Integer(number));
        let float = |number: f64| Number::Finite(Value::Float(number));
        for (text, expected) in [
            ("0", integer(0)),
            ("-0", integer(0)),
            ("+1", integer(1)),
            ("017", integer(17)),
            ("08", integer(8)),
            ("-007", integer(-7)),
            ("0o17", integer(15)),
            ("0x1F", integer(31)),
            ("18446744073709551615", integer(u64::MAX.into())),
            ("18446744073709551616", float(18_446_744_073_709_551_616.0)),
            ("1.", float(1.0)),
            (".5", float(0.5)),
            ("-1.5e+3", float(-1500.0)),
            ("1E3", float(1000.0)),
            ("1e999", Number::Endless),
            (".inf", Number::Endless),
            ("-.INF", Number::Endless),
            (".NaN", Number::Endless),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        for text in [
            "", "-", "+", ".", "-.", "1_000", "0b11", "0B11", "0X1F", "0O17", "-0x1f", "+0o7", "0x", "0o8",
            "0x+1", "0xg", "--1", "1e", "e1", "1e+", ".e1", "1.5s", "1:30", "inf", "nan", "-.nan",
            "infinity", "1e1.5", "١",
        ] {
            assert_eq!(number(text), Number::None, "{text}");
        }
    }
}
