//! `{P}:head`: which log this is, and how far it goes.

use super::{Epoch, Foreign, LinkId, Reading};
use crate::DigestKey;

/// The form of everything under the prefix that this version reads and writes.
pub const FORMAT: u64 = 1;

/// What `{P}:head` says.
#[derive(Clone, Debug)]
pub struct Head {
    /// The form of what is stored; [`FORMAT`], since other heads are refused.
    pub format: u64,
    /// The key of the deployment's digests and names.
    pub key: DigestKey,
    /// Which incarnation of the log.
    pub epoch: Epoch,
    /// Number of the last entry; 0 if there is none yet.
    pub seq: u64,
    /// Name of the last entry.
    pub link: LinkId,
    /// Number of the oldest entry that must still be there; 1 in the beginning.
    pub first: u64,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        let plain = |head: &Self| (head.format, head.epoch, head.seq, head.link, head.first);
        // Heads are compared to notice that one changed; nobody learns a key from how long it takes.
        plain(self) == plain(other) && self.key.as_bytes() == other.key.as_bytes()
    }
}

impl Eq for Head {}

impl Head {
    /// The fields of the hash, in the order in which [`Head::read`] takes them.
    pub const FIELDS: [&str; 6] = ["format", "key", "epoch", "seq", "link", "first"];

    /// About how many changes come behind what was read, if they go on as in what was read, which had
    /// so many.
    #[must_use]
    pub fn outlook(&self, reading: &Reading, changes: usize) -> usize {
        let read = reading.seq.saturating_add(1).saturating_sub(self.first).max(1);
        let rest = self.seq.saturating_sub(reading.seq);
        let share = u128::from(rest) * changes as u128 / u128::from(read);
        usize::try_from(share).unwrap_or(usize::MAX)
    }

    /// Reads the values of [`Head::FIELDS`]; none if there is no head.
    pub fn read(fields: [Option<&[u8]>; 6]) -> Result<Option<Self>, Foreign> {
        if fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [format, key, epoch, seq, link, first] = fields;
        let format = field("format", format, number)?;
        if format != FORMAT {
            return Err(Foreign::Format { format });
        }
        Ok(Some(Self {
            format,
            key: field("key", key, |bytes| hex(bytes).map(DigestKey::from_bytes))?,
            epoch: field("epoch", epoch, |bytes| Epoch::parse(std::str::from_utf8(bytes).ok()?))?,
            seq: field("seq", seq, number)?,
            link: field("link", link, |bytes| bytes.try_into().ok().map(LinkId::from_bytes))?,
            first: field("first", first, number)?,
        }))
    }
}

fn field<T>(
    field: &'static str,
    bytes: Option<&[u8]>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, Foreign> {
    bytes.and_then(read).ok_or(Foreign::Head { field })
}

fn number(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// 32 hex digits.
fn hex(digits: &[u8]) -> Option<[u8; 16]> {
    let plain = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [Option<&[u8]>; 6] = [
        Some(b"1"),
        Some(b"00112233445566778899aabbccddeeff"),
        Some(b"0123456789abcdef"),
        Some(b"42"),
        Some(&[1, 2, 3, 4, 5, 6, 7, 0xff]),
        Some(b"7"),
    ];

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head::read(GOOD).unwrap().unwrap();
        assert_eq!(head.key.as_bytes()[..3], [0x00, 0x11, 0x22]);
        assert_eq!(head.epoch.to_string(), "0123456789abcdef");
        assert_eq!((head.seq, head.first), (42, 7));
        assert_eq!(head.link.to_string(), "01020304050607ff");
        assert_eq!(Head::read([None; 6]), Ok(None));
    }

    #[test]
    fn a_head_that_is_not_ours_is_refused() {
        let bad: [(usize, Option<&[u8]>); 9] = [
            (0, None),
            (0, Some(b"one")),
            (1, Some(b"0011")),
            (1, Some(b"+0112233445566778899aabbccddeeff")),
            (2, Some(b"+123456789abcdef")),
            (3, Some(b"-1")),
            (3, Some(b"")),
            (4, Some(b"1234567")),
            (5, None),
        ];
        for (at, value) in bad {
            let mut fields = GOOD;
            fields[at] = value;
            let foreign = Foreign::Head { field: Head::FIELDS[at] };
            assert_eq!(Head::read(fields), Err(foreign), "{at}");
        }
        let mut later = GOOD;
        later[0] = Some(b"2");
        assert_eq!(Head::read(later), Err(Foreign::Format { format: 2 }));
    }
}
