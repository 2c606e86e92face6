//! Revocations as they travel between instances: by digest, packed.
//!
//! A pack is a version byte and groups. What the targets of one act share stands once, in the head
//! of its group, so that ten tokens of one session cost little more than their digests. All
//! numbers are little-endian; times are seconds since 1970 in 32 bits, rounded to the safe side.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 2 |
//! | then for each group | |
//! | 1 | kind: `t`, `s`, `u`, `c`, `i` |
//! | 1 | reason |
//! | 1 | flags: 1 reaches offline refresh tokens, 2 long-lived ones, 4 names follow the digests |
//! | 4 | `issued_before`; 4294967295 is everything |
//! | 4 | when it was decided |
//! | 2 | number of targets, at least 1 |
//! | 16 (+ 16) + 4 for each | digest, name if flagged, `retain_until`; 4294967295 is for good |

use std::fmt;

use crate::{Digest, DigestKey, IssuedBefore, Reach, Reason, Revocation, TargetKind, Timestamp};

/// Version 1 had digests of other bytes, which would mean other targets here.
const VERSION: u8 = 2;
const OFFLINE: u8 = 1;
const LONG_LIVED: u8 = 2;
const NAMED: u8 = 4;
const GROUP_MAX: usize = u16::MAX as usize;

/// What a target is called outside, where this crate's digests are not to be had: in the names of
/// Redis keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName([u8; 16]);

impl KeyName {
    /// Takes the bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Lower-case hex, in the order of the bytes.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({self})")
    }
}

/// One revocation, by the digest of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it hits.
    pub target: Digest,
    /// The same, for those who cannot make digests.
    pub name: Option<KeyName>,
    /// What kind of thing that is.
    pub kind: TargetKind,
    /// Tokens issued at or before this are refused.
    pub issued_before: IssuedBefore,
    /// Whether refresh tokens for offline access and long-lived tokens are meant too.
    pub reach: Reach,
    /// Until when it must be remembered.
    pub retain_until: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When it was decided.
    pub revoked_at: Timestamp,
}

/// A pack is not as it should be. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// It ends in the middle of something, or has nothing in it.
    #[error("a pack of changes is cut short")]
    Truncated,
    /// It was written by a later version.
    #[error("a pack of changes has version {0}; this version reads {VERSION}")]
    Version(u8),
    /// A kind, a reason or a flag has no meaning.
    #[error("a pack of changes has the unknown tag {0}")]
    Tag(u8),
}

impl Change {
    /// A revocation under a deployment's key.
    #[must_use]
    pub fn of(revocation: &Revocation, key: &DigestKey) -> Self {
        let Revocation { target, issued_before, reach, retain_until, reason, revoked_at } =
            revocation;
        Self {
            target: key.target(target),
            name: None,
            kind: target.kind(),
            issued_before: *issued_before,
            reach: *reach,
            retain_until: *retain_until,
            reason: *reason,
            revoked_at: *revoked_at,
        }
    }

    /// The same under a name.
    #[must_use]
    pub fn named(self, name: impl Into<Option<KeyName>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Packs changes, in their order.
    #[must_use]
    pub fn pack(changes: &[Self]) -> Vec<u8> {
        let mut pack = Vec::with_capacity(16 + changes.len() * 36);
        pack.push(VERSION);
        for alike in changes.chunk_by(Self::shares_head) {
            for group in alike.chunks(GROUP_MAX) {
                let Some(first) = group.first() else { continue };
                first.write_head(group.len(), &mut pack);
                for change in group {
                    change.write_target(&mut pack);
                }
            }
        }
        pack
    }

    /// Reads a pack, as strictly as it is written: all of it or nothing.
    pub fn unpack(pack: &[u8]) -> Result<Vec<Self>, PackError> {
        let (&version, mut rest) = pack.split_first().ok_or(PackError::Truncated)?;
        if version != VERSION {
            return Err(PackError::Version(version));
        }
        let mut changes = Vec::with_capacity(rest.len() / 20);
        while !rest.is_empty() {
            let (head, count) = Self::read_head(&mut rest)?;
            for _ in 0..count {
                changes.push(head.read_target(&mut rest)?);
            }
        }
        if changes.is_empty() { Err(PackError::Truncated) } else { Ok(changes) }
    }

    fn shares_head(&self, other: &Self) -> bool {
        let head = |change: &Self| {
            let Self { name, kind, issued_before, reach, reason, revoked_at, .. } = *change;
            (name.is_some(), kind, issued_before, reach, reason, revoked_at)
        };
        head(self) == head(other)
    }

    fn write_head(&self, count: usize, pack: &mut Vec<u8>) {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.reach.offline, OFFLINE)
            | flag(self.reach.long_lived, LONG_LIVED)
            | flag(self.name.is_some(), NAMED);
        pack.extend([self.kind.tag(), self.reason.tag(), flags]);
        pack.extend(self.issued_before.to_bits().to_le_bytes());
        pack.extend(narrow(self.revoked_at).to_le_bytes());
        // Groups are cut at what two bytes hold.
        pack.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
    }

    fn write_target(&self, pack: &mut Vec<u8>) {
        pack.extend(self.target.to_bytes());
        if let Some(name) = &self.name {
            pack.extend(name.as_bytes());
        }
        pack.extend(narrow(self.retain_until).to_le_bytes());
    }

    fn read_head(rest: &mut &[u8]) -> Result<(Head, u16), PackError> {
        let [kind, reason, flags] = take(rest)?;
        if flags & !(OFFLINE | LONG_LIVED | NAMED) != 0 {
            return Err(PackError::Tag(flags));
        }
        let head = Head {
            kind: TargetKind::from_tag(kind).ok_or(PackError::Tag(kind))?,
            reason: Reason::from_tag(reason).ok_or(PackError::Tag(reason))?,
            reach: Reach { offline: flags & OFFLINE != 0, long_lived: flags & LONG_LIVED != 0 },
            named: flags & NAMED != 0,
            issued_before: IssuedBefore::from_bits(u32::from_le_bytes(take(rest)?)),
            revoked_at: Timestamp::from_secs(u32::from_le_bytes(take(rest)?).into()),
        };
        match u16::from_le_bytes(take(rest)?) {
            0 => Err(PackError::Truncated),
            count => Ok((head, count)),
        }
    }
}

/// What the targets of one group share.
struct Head {
    kind: TargetKind,
    reason: Reason,
    reach: Reach,
    named: bool,
    issued_before: IssuedBefore,
    revoked_at: Timestamp,
}

impl Head {
    fn read_target(&self, rest: &mut &[u8]) -> Result<Change, PackError> {
        let target = Digest::from_bytes(take(rest)?);
        let name = if self.named { Some(KeyName::from_bytes(take(rest)?)) } else { None };
        Ok(Change {
            target,
            name,
            kind: self.kind,
            issued_before: self.issued_before,
            reach: self.reach,
            retain_until: widen(u32::from_le_bytes(take(rest)?)),
            reason: self.reason,
            revoked_at: self.revoked_at,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PackError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(PackError::Truncated)?;
    *rest = behind;
    Ok(*taken)
}

/// 32 bits reach to the year 2106; what lasts longer lasts for good.
fn narrow(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

fn widen(time: u32) -> Timestamp {
    if time == u32::MAX { Timestamp::MAX } else { Timestamp::from_secs(time.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: u8, kind: TargetKind) -> Change {
        Change {
            target: Digest::from_bytes([n; 16]),
            name: None,
            kind,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::LOGIN,
            retain_until: Timestamp::from_secs(2_000 + u64::from(n)),
            reason: Reason::BackchannelLogout,
            revoked_at: Timestamp::from_secs(1_000),
        }
    }

    fn several() -> Vec<Change> {
        let named = change(4, TargetKind::Subject).named(KeyName::from_bytes([9; 16]));
        vec![
            change(1, TargetKind::Token),
            change(2, TargetKind::Token),
            Change { retain_until: Timestamp::MAX, ..change(3, TargetKind::Session) },
            Change { issued_before: IssuedBefore::at(Timestamp::from_secs(7)), ..named },
            Change { reach: Reach::ALL, ..named },
        ]
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        assert_eq!(Change::unpack(&Change::pack(&several())), Ok(several()));
    }

    #[test]
    fn targets_of_one_act_cost_twenty_bytes() {
        let tokens: Vec<_> = (0..10).map(|n| change(n, TargetKind::Token)).collect();
        assert_eq!(Change::pack(&tokens).len(), 1 + 13 + 10 * 20);
    }

    #[test]
    fn a_pack_cut_anywhere_is_refused() {
        let pack = Change::pack(&several());
        // Behind a whole group nothing tells that more should follow; whoever carries packs does.
        let groups_end = [54, 87, 136];
        for length in 0..pack.len() {
            let unpacked = Change::unpack(&pack[..length]);
            assert_eq!(unpacked.is_ok(), groups_end.contains(&length), "{length}: {unpacked:?}");
        }
    }

    #[test]
    fn unknown_tags_are_refused() {
        let pack = Change::pack(&[change(1, TargetKind::Token)]);
        for (at, byte, error) in [
            (0, 1, PackError::Version(1)),
            (1, b'x', PackError::Tag(b'x')),
            (2, 99, PackError::Tag(99)),
            (3, 8, PackError::Tag(8)),
            (12, 0, PackError::Truncated),
        ] {
            let mut odd = pack.clone();
            odd[at] = byte;
            assert_eq!(Change::unpack(&odd), Err(error), "{at}");
        }
    }

    #[test]
    fn large_packs_are_cut_into_groups() {
        let many = vec![change(1, TargetKind::Token); GROUP_MAX + 1];
        assert_eq!(Change::unpack(&Change::pack(&many)), Ok(many));
    }
}
