//! Durations as routes have them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A duration in the format of the Gateway API (GEP-2257): up to four numbers of at most five digits, each with unit
/// `h`, `m`, `s` or `ms`.
///
/// ```
/// use iter8_core::RouteDuration;
///
/// let duration: RouteDuration = "1h90m".parse()?;
/// assert_eq!(duration.to_string(), "2h30m");
/// assert!("1.5s".parse::<RouteDuration>().is_err());
/// # Ok::<(), iter8_core::InvalidDurationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RouteDuration {
    // INVARIANT: at most `LONGEST`, so that it can be written down.
    millis: u64,
}

/// A text that is not a duration of the Gateway API.
///
/// ```
/// use iter8_core::RouteDuration;
///
/// let error = "1.5s".parse::<RouteDuration>().unwrap_err();
/// assert!(error.to_string().starts_with("is not a duration; write up to four whole numbers"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a duration; write up to four whole numbers of at most five digits with units, like `10s`, `1h30m` or \
     `500ms`"
)]
pub struct InvalidDurationError(());

/// The units with their milliseconds, the greatest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// 99999h59m59s999ms: a number of hours has five digits.
const LONGEST: u64 = 359_999_999_999;

impl RouteDuration {
    /// No time: a timeout of this length is switched off.
    pub const ZERO: Self = Self { millis: 0 };

    /// The duration in milliseconds.
    ///
    /// ```
    /// use iter8_core::RouteDuration;
    ///
    /// assert_eq!("1s500ms".parse::<RouteDuration>()?.as_millis(), 1500);
    /// assert_eq!("0h".parse(), Ok(RouteDuration::ZERO));
    /// # Ok::<(), iter8_core::InvalidDurationError>(())
    /// ```
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }
}

impl FromStr for RouteDuration {
    type Err = InvalidDurationError;

    fn from_str(text: &str) -> Result<Self, InvalidDurationError> {
        parse(text)
            .filter(|millis| *millis <= LONGEST)
            .map(|millis| Self { millis })
            .ok_or(InvalidDurationError(()))
    }
}

impl TryFrom<String> for RouteDuration {
    type Error = InvalidDurationError;

    fn try_from(text: String) -> Result<Self, InvalidDurationError> {
        text.parse()
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut rest = text;
    for _ in 0..4 {
        let (digits, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        if !(1..=5).contains(&digits.len()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        // `ms` is told from `m` by its being longer.
        let fitting = UNITS.iter().filter_map(|(unit, millis)| Some((after.strip_prefix(unit)?, millis)));
        let (after, millis) = fitting.min_by_key(|(after, _)| after.len())?;
        sum = sum.checked_add(number.checked_mul(*millis)?)?;
        rest = after;
        if rest.is_empty() {
            return Some(sum);
        }
    }
    None
}

/// The shortest form: `1h30m`, `0s`.
impl fmt::Display for RouteDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, millis) in UNITS {
            let (count, left) = (rest.checked_div(millis), rest.checked_rem(millis));
            if let Some(count) = count.filter(|count| *count > 0) {
                write!(f, "{count}{unit}")?;
            }
            rest = left.unwrap_or(0);
        }
        Ok(())
    }
}

impl Serialize for RouteDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_are_written_in_their_shortest_form() {
        for (text, shortest, millis) in [
            ("0s", "0s", 0),
            ("0h0m", "0s", 0),
            ("10s", "10s", 10_000),
            ("500ms", "500ms", 500),
            ("1500ms", "1s500ms", 1500),
            ("1m1ms", "1m1ms", 60_001),
            ("90m", "1h30m", 5_400_000),
            ("1s1s1s1s", "4s", 4000),
            ("99999h59m59s999ms", "99999h59m59s999ms", LONGEST),
        ] {
            let duration: RouteDuration = text.parse().unwrap();
            assert_eq!((duration.to_string().as_str(), duration.as_millis()), (shortest, millis), "{text}");
            assert_eq!(shortest.parse(), Ok(duration));
        }
    }

    #[test]
    fn what_is_no_duration_of_the_gateway_api_is_refused() {
        for text in
            ["", "5", "s", "-1s", "1.5s", "1d", "1us", "100000s", "1s ", "1h1m1s1ms1ms", "99999h60m", "١s"]
        {
            assert!(text.parse::<RouteDuration>().is_err(), "{text}");
        }
    }
}
