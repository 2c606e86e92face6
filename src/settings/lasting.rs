//! Durations as people write them: `500ms`, `60s`, `5m`, `24h`, `30d`.

use std::time::Duration;

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// One number and one unit, nothing between them. `None` for everything else, and for what does
/// not fit into 64 bits of milliseconds.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

/// In the largest unit that needs no fraction.
pub(super) fn show(duration: Duration) -> String {
    let total = duration.as_millis();
    UNITS
        .into_iter()
        .map(|(name, millis)| (name, u128::from(millis)))
        .find(|(_, millis)| total > 0 && total.is_multiple_of(*millis))
        .map_or_else(|| "0s".into(), |(name, millis)| format!("{}{name}", total / millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_and_one_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("60s", 60_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "5", "m", "5 m", " 5m", "5m ", "-5m", "+5m", "1.5h", "5M", "1h30m", "5min", "٥s"]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse("18446744073709551616ms"), None);
        assert_eq!(parse("18446744073709551615d"), None);
    }

    #[test]
    fn shown_as_they_would_be_written() {
        for text in ["500ms", "90s", "5m", "36h", "1d", "366d", "0s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        assert_eq!(show(parse("60m").unwrap()), "1h");
    }
}
