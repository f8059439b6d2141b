//! Amounts of resources (`500m`, `1Gi`) in the form in which the server stores them.

const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i128); 9] = [
    ("E", 1_000_000_000_000_000_000 * NANO),
    ("P", 1_000_000_000_000_000 * NANO),
    ("T", 1_000_000_000_000 * NANO),
    ("G", 1_000_000_000 * NANO),
    ("M", 1_000_000 * NANO),
    ("k", 1_000 * NANO),
    ("", NANO),
    ("m", NANO / 1_000),
    ("u", NANO / 1_000_000),
];
const BINARY: [(&str, i128); 6] = [
    ("Ei", (1 << 60) * NANO),
    ("Pi", (1 << 50) * NANO),
    ("Ti", (1 << 40) * NANO),
    ("Gi", (1 << 30) * NANO),
    ("Mi", (1 << 20) * NANO),
    ("Ki", (1 << 10) * NANO),
];

/// The canonical form: no fraction, the largest suffix that needs none. `None` if this is no quantity.
pub(super) fn canonical(text: &str) -> Option<String> {
    let digits =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let (unit, form) = unit(suffix)?;
    let nanos = scaled(number, unit)?;
    let one_of = |table: &[(&str, i128)]| {
        let fitting = table.iter().find(|(_, unit)| nanos != 0 && nanos % unit == 0);
        fitting.map(|(suffix, unit)| format!("{}{suffix}", nanos / unit))
    };
    match form {
        Form::Binary if nanos.abs() >= 1024 * NANO && nanos % NANO == 0 => {
            one_of(&BINARY).or_else(|| Some((nanos / NANO).to_string()))
        }
        Form::Exponent => {
            let exponent =
                (0..=18).rev().step_by(3).find(|e| nanos % (10_i128.pow(*e) * NANO) == 0 && nanos != 0);
            Some(match exponent {
                Some(exponent) if exponent > 0 => {
                    format!("{}e{exponent}", nanos / (10_i128.pow(exponent) * NANO))
                }
                _ => one_of(&DECIMAL).unwrap_or_else(|| "0".to_owned()),
            })
        }
        Form::Binary | Form::Decimal if nanos == 0 => Some("0".to_owned()),
        Form::Binary | Form::Decimal => one_of(&DECIMAL).or_else(|| Some(format!("{nanos}n"))),
    }
}

enum Form {
    Decimal,
    Binary,
    Exponent,
}

fn unit(suffix: &str) -> Option<(i128, Form)> {
    if suffix == "n" {
        return Some((1, Form::Decimal));
    }
    if let Some((_, unit)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((*unit, Form::Decimal));
    }
    if let Some((_, unit)) = BINARY.iter().find(|(known, _)| *known == suffix) {
        return Some((*unit, Form::Binary));
    }
    let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((10_i128.checked_pow(exponent)?.checked_mul(NANO)?, Form::Exponent))
}

/// A decimal number times `unit`, rounded up as the server does.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (sign, number) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let product = digits.checked_mul(unit)?;
    let rounded_up = product / divisor + i128::from(product % divisor != 0);
    Some(sign * rounded_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_take_their_largest_whole_suffix() {
        for (given, stored) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("2000", "2k"),
            ("100Mi", "100Mi"),
            ("0", "0"),
            ("1e3", "1e3"),
            ("1500", "1500"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(stored), "{given}");
        }
        assert_eq!(canonical("1 GB"), None);
    }
}
