//! Durations as kubectl and helm read them (`5m`, `1h30m`, `90s`, `1.5s`, `500ms`) and print them (`3d4h`).

use std::time::Duration;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || "is no duration; write for example `90s`, `5m` or `1h30m`".to_owned();
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let digits = rest.strip_suffix(number).unwrap_or(rest);
        let amount: f64 = digits.parse().map_err(|_| invalid())?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| number.starts_with(unit)).ok_or_else(invalid)?;
        seconds += amount * factor;
        rest = number.strip_prefix(unit).unwrap_or_default();
    }
    if text.is_empty() {
        return Err(invalid());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

/// An age in at most two units, the finer the younger.
pub(crate) fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |whole, unit, rest, small| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{small}") }
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, parse};

    #[test]
    fn an_age_is_as_fine_as_it_is_young() {
        let ages = [(119, "119s"), (150, "2m30s"), (120, "2m"), (3600, "60m"), (3 * 3600 + 60, "3h1m")];
        for (seconds, text) in
            ages.into_iter().chain([(100_000, "27h"), (180_000, "2d2h"), (10_000_000, "115d")])
        {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn a_duration_is_a_sum_of_amounts_with_units() {
        let millis = |text| parse(text).map(|duration| duration.as_millis());
        assert_eq!(millis("5m"), Ok(300_000));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("250ms"), Ok(250));
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in ["", "5", "m", "5 m", "-5m", "5d", "1..2s", "9e99h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
