//! `{P}:head`: which log this is, and how far it goes.

use std::fmt;

use signout_checker::DigestKey;

/// The form of everything under the prefix that this version reads and writes.
pub const FORMAT: u64 = 1;

/// Which incarnation of the log it is. A new one begins whenever entries may have been lost, so
/// that nobody continues from a number that means something else now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// Takes a random number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Reads 16 hex digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

/// 16 hex digits.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The name of one entry, drawn at random by whoever appends it. Every entry carries that of the
/// entry before it: a log that was continued by two masters apart shows where it forked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId([u8; 8]);

impl LinkId {
    /// What the very first entry follows.
    pub const NONE: Self = Self([0; 8]);

    /// Takes 8 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// 16 hex digits.
impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId({self})")
    }
}

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

/// The head of a log that nobody has begun yet.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The key of the deployment's digests and names.
    pub key: DigestKey,
    /// The first incarnation.
    pub epoch: Epoch,
}

/// What a new epoch does with the entries of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// They stay, with their numbers.
    Keep,
    /// They are deleted, and numbers begin with 1 again.
    Replace,
}
