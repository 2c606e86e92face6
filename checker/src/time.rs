//! Points in time, in whole seconds.

use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z, as in JWT `NumericDate` (RFC 7519, section 2).
///
/// Whole seconds on purpose: providers stamp `iat` in seconds, some with a fraction. A cut-off and
/// a token are compared after rounding both down, so a token from the cut-off's own second is
/// refused whichever of the two carried the fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799);

    /// Times beyond [`Timestamp::MAX`] become it.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        if secs > Self::MAX.0 { Self::MAX } else { Self(secs) }
    }

    /// A `NumericDate` with a fraction, which is cut off (RFC 7519, section 2). None if it is no
    /// number, before the epoch, or beyond [`Timestamp::MAX`].
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first and lies within the integers a float holds exactly"
    )]
    #[must_use]
    pub fn from_numeric_date(secs: f64) -> Option<Self> {
        (0.0..253_402_300_800.0).contains(&secs).then_some(Self(secs as u64))
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This much later; stops at [`Timestamp::MAX`]. Fractions of a second are dropped.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self::from_secs(self.0.saturating_add(duration.as_secs()))
    }

    /// This much earlier; stops at the epoch. Fractions of a second are dropped.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// Time from `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_range() {
        assert_eq!(Timestamp::from_secs(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(5).minus(Duration::from_secs(6)).as_secs(), 0);
        assert_eq!(Timestamp::from_secs(5).since(Timestamp::from_secs(9)), Duration::ZERO);
    }

    #[test]
    fn a_fraction_is_cut_off_and_what_is_out_of_range_is_none() {
        for (secs, time) in [
            (0.0, Some(0)),
            (5.9, Some(5)),
            (253_402_300_799.9, Some(253_402_300_799)),
            (253_402_300_800.0, None),
            (-0.5, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(Timestamp::from_numeric_date(secs).map(Timestamp::as_secs), time, "{secs}");
        }
    }
}
