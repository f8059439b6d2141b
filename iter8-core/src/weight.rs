//! Numbers with a range: ports, weights and percentages.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a number is outside its range.
///
/// ```
/// use iter8_core::Port;
///
/// let error = Port::try_from(65_536_i64).unwrap_err();
/// assert_eq!(error.to_string(), "must be an integer from 1 to 65535");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from {least} to {greatest}")]
pub struct OutOfRangeError {
    least: u32,
    greatest: u32,
}

macro_rules! ranged {
    ($(#[$doc:meta])* $type:ident($number:ty), $least:literal, $greatest:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "u32")]
        pub struct $type($number);

        impl $type {
            /// The number.
            ///
            /// ```
            #[doc = concat!("let number = iter8_core::", stringify!($type), "::try_from(20_i64)?;")]
            /// assert_eq!(number.get(), 20);
            /// # Ok::<(), iter8_core::OutOfRangeError>(())
            /// ```
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl TryFrom<i128> for $type {
            type Error = OutOfRangeError;

            fn try_from(number: i128) -> Result<Self, OutOfRangeError> {
                let error = OutOfRangeError { least: $least, greatest: $greatest };
                if !($least..=$greatest).contains(&number) {
                    return Err(error);
                }
                <$number>::try_from(number).map(Self).map_err(|_| error)
            }
        }

        // What serde reads: the wider form is not known to untagged enums.
        impl TryFrom<i64> for $type {
            type Error = OutOfRangeError;

            fn try_from(number: i64) -> Result<Self, OutOfRangeError> {
                i128::from(number).try_into()
            }
        }

        impl From<$type> for u32 {
            fn from(number: $type) -> Self {
                number.0.into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

ranged!(
    /// A TCP port, 1 to 65535.
    ///
    /// ```
    /// use iter8_core::Port;
    ///
    /// assert_eq!(Port::try_from(80_i64), Ok(Port::HTTP));
    /// assert!(Port::try_from(0_i64).is_err());
    /// ```
    Port(u16), 1, 65535
);

ranged!(
    /// The weight of a backendRef, 0 to 1,000,000 (the maximum of an HTTPRoute).
    ///
    /// ```
    /// use iter8_core::Weight;
    ///
    /// assert!(Weight::try_from(1_000_000_i64).is_ok() && Weight::try_from(1_000_001_i64).is_err());
    /// assert_eq!(Weight::DEFAULT.to_string(), "50");
    /// ```
    Weight(u32), 0, 1_000_000
);

ranged!(
    /// A share of requests, 0 to 100.
    ///
    /// ```
    /// use iter8_core::Percent;
    ///
    /// assert_eq!(Percent::try_from(100_i64), Ok(Percent::ALL));
    /// assert!(Percent::try_from(101_i64).is_err());
    /// ```
    Percent(u8), 0, 100
);

impl Port {
    /// The port of a front Service that declares none, and of a version that declares none.
    pub const HTTP: Self = Self(80);
}

impl Percent {
    /// Everything.
    pub const ALL: Self = Self(100);
}

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self(0);
    /// The weight of a backend that has its rule to itself.
    pub const ONE: Self = Self(1);
    /// What a version of a blue-green release weighs unless it says otherwise.
    pub const DEFAULT: Self = Self(50);
}
