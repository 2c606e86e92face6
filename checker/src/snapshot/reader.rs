//! Reading a snapshot as it comes in.

use std::hash::Hasher as _;

use siphasher::sip128::SipHasher13;

use super::{
    BLOCK_BYTES, HEAD_BYTES, MAGIC, Snapshot, SnapshotError, TAIL_BYTES, VERSION, digest_bytes,
    head_digest,
};
use crate::{Change, DigestKey, Position};

/// A piece of a snapshot, as soon as it is there.
#[derive(Clone, Debug)]
pub enum SnapshotPart {
    /// Comes first, once, and undamaged.
    Head {
        /// The key of all its digests.
        key: DigestKey,
        /// About how many changes will come, if the writer guessed well: no reason to reserve memory.
        about: usize,
    },
    /// The changes of one block, at least one. To be applied at once: should the rest be missing,
    /// they are true all the same.
    Changes(Vec<Change>),
}

/// Reads a snapshot from bytes in pieces of any size, and believes none of them.
///
/// Keeps at most one block (1 MiB), and reserves no memory because of what a length says. The first
/// error is final: every later call gives it again.
#[derive(Debug)]
pub struct SnapshotReader {
    awaited: Awaited,
    /// What there is of it.
    pending: Vec<u8>,
    digest: SipHasher13,
    position: Position,
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
enum Awaited {
    Head,
    Length,
    Block { length: usize },
    Tail,
    Nothing,
    Failed(SnapshotError),
}

impl Default for SnapshotReader {
    fn default() -> Self {
        Self::new()
    }
}

impl SnapshotReader {
    /// At the beginning.
    #[must_use]
    pub fn new() -> Self {
        Self {
            awaited: Awaited::Head,
            pending: Vec::new(),
            digest: SipHasher13::new(),
            position: Position { epoch: 0, seq: 0 },
            changes: 0,
        }
    }

    /// Takes bytes off the front until a part is complete, or there are none left: then `None`, and
    /// more are needed.
    ///
    /// ```
    /// # use signout_checker::{SnapshotError, SnapshotPart, SnapshotReader};
    /// # fn read(reader: &mut SnapshotReader, received: &[u8]) -> Result<(), SnapshotError> {
    /// let mut bytes = received;
    /// while let Some(part) = reader.read(&mut bytes)? {
    ///     match part {
    ///         SnapshotPart::Head { key, .. } => { /* open the index */ }
    ///         SnapshotPart::Changes(changes) => { /* apply them */ }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<SnapshotPart>, SnapshotError> {
        let part = self.read_to_end(bytes)?;
        if part.is_none() && !bytes.is_empty() {
            return Err(self.fail(SnapshotError::Trailing));
        }
        Ok(part)
    }

    /// The same, and leaves alone what comes behind the end.
    pub(crate) fn read_to_end(
        &mut self,
        bytes: &mut &[u8],
    ) -> Result<Option<SnapshotPart>, SnapshotError> {
        while !bytes.is_empty() && !matches!(self.awaited, Awaited::Nothing) {
            match self.step(bytes) {
                Ok(None) => {}
                Ok(Some(part)) => return Ok(Some(part)),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(None)
    }

    /// Whether the end was reached.
    #[cfg(feature = "file")]
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.awaited, Awaited::Nothing)
    }

    fn fail(&mut self, error: SnapshotError) -> SnapshotError {
        self.awaited = Awaited::Failed(error);
        self.pending = Vec::new();
        error
    }

    /// To be called at the end of the bytes. Only now is it sure that nothing is missing.
    pub fn finish(self) -> Result<Snapshot, SnapshotError> {
        match self.awaited {
            Awaited::Nothing => Ok(Snapshot { position: self.position, changes: self.changes }),
            Awaited::Failed(error) => Err(error),
            _ => Err(SnapshotError::Truncated),
        }
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<Option<SnapshotPart>, SnapshotError> {
        let length = match self.awaited {
            Awaited::Head => HEAD_BYTES,
            Awaited::Length => 4,
            Awaited::Block { length } => length,
            Awaited::Tail => TAIL_BYTES,
            Awaited::Nothing => return Err(SnapshotError::Trailing),
            Awaited::Failed(error) => return Err(error),
        };
        let (taken, rest) = bytes.split_at(bytes.len().min(length - self.pending.len()));
        self.pending.extend(taken);
        *bytes = rest;
        if matches!(self.awaited, Awaited::Head) {
            is_ours(&self.pending)?;
        }
        if self.pending.len() < length {
            return Ok(None);
        }
        let mut whole = std::mem::take(&mut self.pending);
        let part = self.part(&whole)?;
        whole.clear();
        self.pending = whole;
        Ok(part)
    }

    /// Reads what was awaited, now that all of it is there.
    fn part(&mut self, mut whole: &[u8]) -> Result<Option<SnapshotPart>, SnapshotError> {
        let whole = &mut whole;
        match self.awaited {
            Awaited::Head => {
                let (fields, told) = whole.split_last_chunk().ok_or(SnapshotError::Truncated)?;
                let _: [u8; 8] = take(whole)?;
                let key = DigestKey::from_bytes(take(whole)?);
                let epoch = u64::from_le_bytes(take(whole)?);
                let seq = u64::from_le_bytes(take(whole)?);
                self.position = Position { epoch, seq };
                let about = u64::from_le_bytes(take(whole)?);
                self.digest = SipHasher13::new_with_key(key.as_bytes());
                self.digest.write(fields);
                if *told != head_digest(&self.digest) {
                    return Err(SnapshotError::Digest);
                }
                self.digest.write(told);
                self.awaited = Awaited::Length;
                let about = usize::try_from(about).unwrap_or(usize::MAX);
                Ok(Some(SnapshotPart::Head { key, about }))
            }
            Awaited::Length => {
                self.digest.write(whole);
                let told = u32::from_le_bytes(take(whole)?);
                self.awaited = match usize::try_from(told) {
                    Ok(0) => Awaited::Tail,
                    Ok(length) if length <= BLOCK_BYTES => Awaited::Block { length },
                    _ => return Err(SnapshotError::BlockTooLong(told)),
                };
                Ok(None)
            }
            Awaited::Block { .. } => {
                self.digest.write(whole);
                let changes = Change::unpack(whole)?;
                self.changes += changes.len() as u64;
                self.awaited = Awaited::Length;
                Ok(Some(SnapshotPart::Changes(changes)))
            }
            Awaited::Tail => {
                let count: [u8; 8] = take(whole)?;
                self.digest.write(&count);
                // The digest first: if it is wrong, so may the count be.
                if *whole != digest_bytes(&self.digest) {
                    return Err(SnapshotError::Digest);
                }
                let (told, found) = (u64::from_le_bytes(count), self.changes);
                if told != found {
                    return Err(SnapshotError::Count { told, found });
                }
                self.awaited = Awaited::Nothing;
                Ok(None)
            }
            Awaited::Nothing => Err(SnapshotError::Trailing),
            Awaited::Failed(error) => Err(error),
        }
    }
}

/// Told from the first bytes on: an error page need not be forty bytes long.
fn is_ours(head: &[u8]) -> Result<(), SnapshotError> {
    if head.iter().zip(MAGIC).any(|(&byte, expected)| byte != expected) {
        return Err(SnapshotError::Foreign);
    }
    match head.get(MAGIC.len()) {
        Some(&version) if version != VERSION => Err(SnapshotError::Version(version)),
        _ => Ok(()),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(SnapshotError::Truncated)?;
    *rest = behind;
    Ok(*taken)
}
