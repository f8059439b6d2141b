//! Durations as routes have them.

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use serde::{Serialize, Serializer};

/// A duration in the format of the Gateway API (GEP-2257): up to four numbers of at most five digits, each with unit
/// `h`, `m`, `s` or `ms`.
///
/// It is shown as it was written, and compared by its length.
///
/// ```
/// use iter8_core::RouteDuration;
///
/// let duration: RouteDuration = "90s".parse()?;
/// assert_eq!(duration.to_string(), "90s");
/// assert_eq!(Ok(duration), "1m30s".parse());
/// assert!("1.5s".parse::<RouteDuration>().is_err());
/// # Ok::<(), iter8_core::InvalidDurationError>(())
/// ```
#[derive(Clone, Copy)]
pub struct RouteDuration {
    millis: u64,
    // INVARIANT: ASCII, then zeros.
    written: [u8; LONGEST],
}

/// Four numbers of five digits with the longest unit.
const LONGEST: usize = 28;

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

impl RouteDuration {
    /// No time: a timeout of this length is switched off.
    pub const ZERO: Self = Self { millis: 0, written: [0; LONGEST] };

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
        let millis = parse(text).ok_or(InvalidDurationError(()))?;
        let mut written = [0; LONGEST];
        for (place, byte) in written.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        Ok(Self { millis, written })
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

/// As it was written.
impl fmt::Display for RouteDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = core::str::from_utf8(&self.written).unwrap_or_default().trim_end_matches('\0');
        f.write_str(if written.is_empty() { "0s" } else { written })
    }
}

impl fmt::Debug for RouteDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RouteDuration({self})")
    }
}

/// No time.
impl Default for RouteDuration {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialEq for RouteDuration {
    fn eq(&self, other: &Self) -> bool {
        self.millis == other.millis
    }
}

impl Eq for RouteDuration {}

impl PartialOrd for RouteDuration {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RouteDuration {
    fn cmp(&self, other: &Self) -> Ordering {
        self.millis.cmp(&other.millis)
    }
}

impl Hash for RouteDuration {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.millis.hash(state);
    }
}

impl Serialize for RouteDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::prelude::v1::*;

    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read_and_compared_by_their_length() {
        for (text, same, millis) in [
            ("0s", "0h0m", 0),
            ("10s", "10000ms", 10_000),
            ("1500ms", "1s500ms", 1500),
            ("90s", "1m30s", 90_000),
            ("1m1ms", "00001m1ms", 60_001),
            ("1s1s1s1s", "4s", 4000),
            ("99999h99999m99999s99999ms", "99999h99999m99999s99999ms", 366_096_438_999),
        ] {
            let duration: RouteDuration = text.parse().unwrap();
            assert_eq!((duration.to_string().as_str(), duration.as_millis()), (text, millis));
            assert_eq!(same.parse(), Ok(duration));
        }
        assert_eq!(RouteDuration::ZERO.to_string(), "0s");
        assert!("59s".parse::<RouteDuration>().unwrap() < "1m".parse().unwrap());
    }

    #[test]
    fn what_is_no_duration_of_the_gateway_api_is_refused() {
        for text in ["", "5", "s", "-1s", "1.5s", "1d", "1us", "100000s", "1s ", "1h1m1s1ms1ms", "١s"] {
            assert!(text.parse::<RouteDuration>().is_err(), "{text}");
        }
    }
}
