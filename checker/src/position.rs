//! Where a feed stands.

use std::fmt;
use std::str::FromStr;

/// Where a journal stands: which journal, and how far.
///
/// Written `<epoch, 16 hex digits>.<seq, decimal>`, for instance `00c1a5d0b1f2e3d4.1742`. That is the
/// `id` of an event of the feed and what `?after=` and `?at_least=` take. Positions of different
/// epochs cannot be compared, so there is no order among positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Tells this journal from every other, also from one that replaces it.
    pub epoch: u64,
    /// The last entry that counts.
    pub seq: u64,
}

/// A text has not the form of a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position has the form <epoch>.<seq>: 16 lower-case hex digits, a dot, a decimal number")]
pub struct NoPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}", self.epoch, self.seq)
    }
}

/// Takes what [`Display`](fmt::Display) writes and nothing else: every position has one spelling.
impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once('.').ok_or(NoPosition)?;
        // The parsers of the standard library would take a sign as well.
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_padded = seq.len() > 1 && seq.starts_with('0');
        if epoch.len() != 16
            || !epoch.bytes().all(is_hex)
            || !seq.bytes().all(|byte| byte.is_ascii_digit())
            || is_padded
        {
            return Err(NoPosition);
        }
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| NoPosition)?,
            seq: seq.parse().map_err(|_| NoPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (epoch, seq) in [(0, 0), (1, 17), (u64::MAX, u64::MAX)] {
            let position = Position { epoch, seq };
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        let text = "00c1a5d0b1f2e3d4.1742";
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }

    #[test]
    fn there_is_one_spelling() {
        for text in [
            "",
            ".",
            "1.1",
            "00c1a5d0b1f2e3d4",
            "00c1a5d0b1f2e3d4.",
            "00c1a5d0b1f2e3d4.-1",
            "00c1a5d0b1f2e3d4.+1",
            "00c1a5d0b1f2e3d4.01",
            "00c1a5d0b1f2e3d4.1 ",
            "00c1a5d0b1f2e3d4.1.1",
            "+0c1a5d0b1f2e3d4.1",
            "00C1A5D0B1F2E3D4.1",
            "00c1a5d0b1f2e3d4.18446744073709551616",
            "00c1a5d0b1f2e3dé.1",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text:?}");
        }
    }
}
