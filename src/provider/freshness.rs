//! How long a set of keys is good.

use std::time::Duration;

/// A provider that forbids caching is still not asked more often than this.
pub(super) const MIN_REFRESH: Duration = Duration::from_secs(5 * 60);

/// For a provider that says nothing.
pub(super) const DEFAULT_REFRESH: Duration = Duration::from_secs(60 * 60);

/// A day at most, as the longest time for which a removed key may still verify, less the time
/// for which the provider may be down: a quarter of [`STALE_LIMIT`] leaves 18 hours between the
/// first refresh that fails and the last logout that is believed.
pub(super) const MAX_REFRESH: Duration = Duration::from_secs(6 * 60 * 60);

/// Keys are believed this long after the last good fetch. A logout is worth more than the risk
/// that the provider withdrew a key on the very day on which it cannot be asked.
pub(super) const STALE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// When to fetch again, by the provider's `Cache-Control` (RFC 9111, section 5.2.2.1). Of several
/// `max-age` the smallest counts, and one that is no number counts as zero.
pub(super) fn refresh_after<'h>(cache_control: impl Iterator<Item = &'h str>) -> Duration {
    cache_control
        .flat_map(|header| header.split(','))
        .filter_map(max_age)
        .min()
        .unwrap_or(DEFAULT_REFRESH)
        .clamp(MIN_REFRESH, MAX_REFRESH)
}

fn max_age(directive: &str) -> Option<Duration> {
    let (name, value) = directive.split_once('=')?;
    name.trim().eq_ignore_ascii_case("max-age").then(|| {
        let value = value.trim().trim_matches('"');
        // More digits than a u64 has still mean "long".
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        Duration::from_secs(value.parse().unwrap_or(if digits { u64::MAX } else { 0 }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwt_8_max_age_is_clamped() {
        for (headers, expected) in [
            (&[][..], DEFAULT_REFRESH),
            (&["no-store"], DEFAULT_REFRESH),
            (&["public"], DEFAULT_REFRESH),
            (&["max-age"], DEFAULT_REFRESH),
            (&["s-maxage=900"], DEFAULT_REFRESH),
            (&["max-age=900"], Duration::from_secs(900)),
            (&["public, Max-Age = \"900\", must-revalidate"], Duration::from_secs(900)),
            (&["max-age=4000", "max-age=900"], Duration::from_secs(900)),
            (&["max-age=0"], MIN_REFRESH),
            (&["max-age=-1"], MIN_REFRESH),
            (&["max-age=soon"], MIN_REFRESH),
            (&["max-age=86400"], MAX_REFRESH),
            (&["max-age=99999999999999999999999"], MAX_REFRESH),
        ] {
            assert_eq!(refresh_after(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    #[test]
    fn g13_a_provider_may_be_down_for_most_of_a_day() {
        assert!(MAX_REFRESH * 4 <= STALE_LIMIT);
    }
}
