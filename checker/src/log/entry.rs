//! `{P}:log`: entries of the stream.
//!
//! The id of an entry is `<seq>-0`. Its one field `e` holds the name of the entry before it (8
//! bytes), its own name (8 bytes), a checksum of its own name and the pack (CRC-32, 4 bytes, little
//! endian), and the pack of its changes.
//!
//! The checksum is there because any 16 bytes are a digest: a logout whose digest changed on its way
//! would be nobody's, and nobody would miss it.

use super::{Foreign, LinkId};
use crate::Change;

/// One entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number. Numbers are contiguous; whoever meets a gap has missed something.
    pub seq: u64,
    /// Name of the entry before it, [`LinkId::NONE`] for the very first.
    pub previous: LinkId,
    /// Its own name.
    pub link: LinkId,
    /// What was revoked; at least one.
    pub changes: Vec<Change>,
}

/// One entry to be appended.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// Its name: 8 bytes that nobody drew before.
    pub link: LinkId,
    /// What was revoked; at least one.
    pub changes: &'a [Change],
}

impl Entry {
    /// Reads an entry with this id, field and value.
    pub fn read(millis: u64, number: u64, field: &[u8], value: &[u8]) -> Result<Self, Foreign> {
        if millis == 0 || number != 0 {
            return Err(Foreign::EntryId { millis, number });
        }
        let foreign = Foreign::Entry { seq: millis };
        if field == b"e" { Self::unpack(millis, value).ok_or(foreign) } else { Err(foreign) }
    }

    fn unpack(seq: u64, bytes: &[u8]) -> Option<Self> {
        let (previous, rest) = bytes.split_first_chunk()?;
        let (link, rest) = rest.split_first_chunk()?;
        let (told, pack) = rest.split_first_chunk()?;
        let [previous, link] = [previous, link].map(|bytes| LinkId::from_bytes(*bytes));
        if *told != checksum(link, pack) {
            return None;
        }
        let changes = Change::unpack(pack).ok()?;
        Some(Self { seq, previous, link, changes })
    }
}

impl Append<'_> {
    /// What stands behind the names.
    #[must_use]
    pub fn sealed_pack(&self) -> Vec<u8> {
        let pack = Change::pack(self.changes);
        [checksum(self.link, &pack).as_slice(), &pack].concat()
    }
}

fn checksum(link: LinkId, pack: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(link.as_bytes());
    hasher.update(pack);
    hasher.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, IssuedBefore, Reach, Reason, TargetKind, Timestamp};

    #[test]
    fn only_entries_of_ours_are_read() {
        let change = Change {
            target: Digest::from_bytes([1; 16]),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: Timestamp::from_secs(9),
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(5),
        };
        let link = LinkId::from_bytes([2; 8]);
        let sealed = Append { link, changes: &[change] }.sealed_pack();
        let value = [&[1; 8], link.as_bytes(), sealed.as_slice()].concat();
        let expected =
            Entry { seq: 7, previous: LinkId::from_bytes([1; 8]), link, changes: vec![change] };
        assert_eq!(Entry::read(7, 0, b"e", &value), Ok(expected));

        let foreign = |foreign| Err(foreign);
        assert_eq!(Entry::read(7, 0, b"f", &value), foreign(Foreign::Entry { seq: 7 }));
        for length in 0..value.len() {
            let cut = Entry::read(7, 0, b"e", &value[..length]);
            assert_eq!(cut, foreign(Foreign::Entry { seq: 7 }), "{length}");
        }
        // The name of the entry before it is held against the chain.
        for place in 8..value.len() {
            let mut changed = value.clone();
            changed[place] ^= 0x10;
            let read = Entry::read(7, 0, b"e", &changed);
            assert_eq!(read, foreign(Foreign::Entry { seq: 7 }), "{place}");
        }
        for (millis, number) in [(0, 1), (7, 1), (0, 0)] {
            let read = Entry::read(millis, number, b"e", &value);
            assert_eq!(read, foreign(Foreign::EntryId { millis, number }));
        }
    }
}
