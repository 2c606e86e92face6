//! Everything that is revoked, in one stream of bytes: what `GET /v1/snapshot` answers.
//!
//! All numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `SIGNOUT` and the version, 2 |
//! | 16 | the deployment's digest key |
//! | 8 + 8 | epoch and seq: the [`Position`] it stands for |
//! | 8 | about how many changes there are; a guess, and no promise |
//! | 8 | the first half of the hash, as below, of all bytes so far |
//! | 4 + n for each block | length, 1 to 1,048,576; a pack ([`Change::pack`]) |
//! | 4 | 0: no more blocks |
//! | 8 | number of changes in all blocks |
//! | 16 | SipHash-1-3-128, under the digest key, of all bytes before it |
//!
//! The key is a secret: whoever has it can tell which digest an identifier has. The hash at the end
//! shows that nothing is missing or damaged, the one in the head that the key is not: a checker keeps
//! for good the first key it is given. Neither shows who wrote it, TLS does that.

mod reader;

pub use reader::{SnapshotPart, SnapshotReader};

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::{Change, DigestKey, OtherKey, PackError, Position};

const MAGIC: [u8; 7] = *b"SIGNOUT";
const VERSION: u8 = 2;
const HEAD_BYTES: usize = 8 + 16 + 8 + 8 + 8 + 8;
const TAIL_BYTES: usize = 8 + 16;
/// The longest block that is read.
const BLOCK_BYTES: usize = 1 << 20;
/// Changes in a block that is written. Of the worst kind, each with a head and a name of its own,
/// they take 49 bytes each, so these fit.
const BLOCK_CHANGES: usize = 16 << 10;

/// Bytes are not a whole snapshot of this deployment. What was read before is true all the same,
/// since revocations only grow; but it may be less than everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    #[error("this is no signout snapshot; look at the URL or the file")]
    Foreign,
    /// It was written by a later version.
    #[error("the snapshot has version {0}, this program reads version {VERSION}: update it")]
    Version(u8),
    /// It is another deployment's.
    #[error("{0}")]
    OtherKey(#[from] OtherKey),
    /// A block is longer than any that is written.
    #[error("a block of the snapshot has {0} bytes, at most {BLOCK_BYTES} are read")]
    BlockTooLong(u32),
    /// A block cannot be read.
    #[error("a block of the snapshot cannot be read: {0}")]
    Pack(#[from] PackError),
    /// It ends before its end.
    #[error("the snapshot is cut short")]
    Truncated,
    /// It has more or fewer changes than it says.
    #[error("the snapshot says that it has {told} changes and has {found}")]
    Count {
        /// What it says.
        told: u64,
        /// What it has.
        found: u64,
    },
    /// Something in it was altered on the way.
    #[error("the snapshot is damaged: its digest does not match")]
    Digest,
    /// Something comes after its end.
    #[error("there is something behind the end of the snapshot")]
    Trailing,
}

/// A snapshot that was read to its end, with the count and the digest it said it would have. Only a
/// [`SnapshotReader`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The journal it was made from, and how much of it is in it. The feed goes on behind it.
    pub position: Position,
    /// How many changes it has. Several may be of one target.
    pub changes: u64,
}

/// Writes a snapshot, piece by piece.
///
/// ```
/// # use signout_checker::{DigestKey, Position, SnapshotWriter};
/// # let (key, position, changes) = (DigestKey::from_bytes([1; 16]), Position { epoch: 1, seq: 2 }, []);
/// let mut out = Vec::new();
/// let mut writer = SnapshotWriter::begin(&key, position, 0, &mut out);
/// writer.add(changes, &mut out); // as often as there are more; `out` may be sent and cleared in between
/// writer.finish(&mut out);
/// ```
#[derive(Debug)]
#[must_use = "without `finish` a snapshot counts as cut short"]
pub struct SnapshotWriter {
    digest: SipHasher13,
    changes: u64,
    gathered: Vec<Change>,
}

impl SnapshotWriter {
    /// Begins a snapshot: everything that will be added is all that matters up to `position`. That it
    /// will be `about` so many changes saves readers time; it may be anything.
    pub fn begin(key: &DigestKey, position: Position, about: usize, out: &mut Vec<u8>) -> Self {
        let digest = SipHasher13::new_with_key(key.as_bytes());
        let mut writer = Self { digest, changes: 0, gathered: Vec::new() };
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(MAGIC);
        head.push(VERSION);
        head.extend(key.as_bytes());
        head.extend(position.epoch.to_le_bytes());
        head.extend(position.seq.to_le_bytes());
        head.extend((about as u64).to_le_bytes());
        writer.put(&head, out);
        writer.put(&head_digest(&writer.digest), out);
        writer
    }

    /// Adds changes under the key's digests, in any order; one target may come more than once. Keeps
    /// up to 16,384 of them back until a block is full, and appends whole blocks to `out`.
    pub fn add(&mut self, changes: impl IntoIterator<Item = Change>, out: &mut Vec<u8>) {
        for change in changes {
            self.gathered.push(change);
            if self.gathered.len() == BLOCK_CHANGES {
                self.block(out);
            }
        }
    }

    /// Appends the rest and the end.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.block(out);
        self.put(&0_u32.to_le_bytes(), out);
        self.put(&self.changes.to_le_bytes(), out);
        out.extend(digest_bytes(&self.digest));
    }

    fn block(&mut self, out: &mut Vec<u8>) {
        if self.gathered.is_empty() {
            return;
        }
        let pack = Change::pack(&self.gathered);
        // A pack of that many changes is shorter than a mebibyte.
        let length = u32::try_from(pack.len()).unwrap_or(u32::MAX);
        self.put(&length.to_le_bytes(), out);
        self.put(&pack, out);
        self.changes += self.gathered.len() as u64;
        self.gathered.clear();
    }

    fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.digest.write(bytes);
        out.extend(bytes);
    }
}

fn digest_bytes(digest: &SipHasher13) -> [u8; 16] {
    u128::from(digest.finish128()).to_le_bytes()
}

fn head_digest(digest: &SipHasher13) -> [u8; 8] {
    digest.finish128().h1.to_le_bytes()
}

#[cfg(test)]
mod tests;
