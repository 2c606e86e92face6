//! One snapshot behind the other, read from a file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use super::{Found, NOWHERE, PIECE};
use crate::{DigestKey, OtherKey, SnapshotError, SnapshotPart, SnapshotReader};

/// Reads the snapshots of a file in turn, and remembers what the whole ones say.
#[derive(Debug)]
pub(super) struct Sections<'a> {
    file: &'a File,
    piece: Vec<u8>,
    /// What was taken off the front of the piece.
    taken: usize,
    /// Bytes taken in all.
    at: u64,
    /// The snapshot that is being read, once it has begun.
    reader: Option<SnapshotReader>,
    found: Found,
}

impl<'a> Sections<'a> {
    /// From the beginning of the file.
    pub(super) fn of(mut file: &'a File) -> io::Result<Self> {
        file.rewind()?;
        let found = Found { key: None, position: NOWHERE, changes: 0, length: 0 };
        Ok(Self { file, piece: Vec::new(), taken: 0, at: 0, reader: None, found })
    }

    /// What the snapshots say that were whole so far.
    pub(super) fn found(self) -> Found {
        self.found
    }

    /// The next part; `None` at the end of a file that has nothing but whole snapshots.
    pub(super) fn next(&mut self) -> io::Result<Result<Option<SnapshotPart>, SnapshotError>> {
        loop {
            if self.taken == self.piece.len() && !self.fill()? {
                let cut_short = self.reader.is_some();
                return Ok(if cut_short { Err(SnapshotError::Truncated) } else { Ok(None) });
            }
            match self.advance() {
                Ok(None) => {}
                part => return Ok(part),
            }
        }
    }

    /// Whether there is more.
    fn fill(&mut self) -> io::Result<bool> {
        self.piece.clear();
        self.taken = 0;
        let piece = u64::try_from(PIECE).unwrap_or(u64::MAX);
        Ok(self.file.take(piece).read_to_end(&mut self.piece)? > 0)
    }

    /// Takes bytes until there is a part, a whole snapshot, or none left.
    fn advance(&mut self) -> Result<Option<SnapshotPart>, SnapshotError> {
        let before = self.piece.get(self.taken..).unwrap_or_default();
        let mut bytes = before;
        let reader = self.reader.get_or_insert_default();
        let part = reader.read_to_end(&mut bytes)?;
        let taken = before.len() - bytes.len();
        self.taken += taken;
        self.at += taken as u64;
        match &part {
            Some(SnapshotPart::Head { key, .. }) => self.is_same(&key.clone())?,
            Some(SnapshotPart::Changes(_)) => {}
            // Bytes are left, so the snapshot is at its end; or the end is that of the piece.
            None => self.end()?,
        }
        Ok(part)
    }

    fn end(&mut self) -> Result<(), SnapshotError> {
        let Some(reader) = self.reader.take_if(|reader| reader.is_whole()) else { return Ok(()) };
        let snapshot = reader.finish()?;
        self.found.position = snapshot.position;
        self.found.changes += snapshot.changes;
        self.found.length = self.at;
        Ok(())
    }

    fn is_same(&mut self, key: &DigestKey) -> Result<(), SnapshotError> {
        let known = self.found.key.get_or_insert_with(|| key.clone());
        if known.as_bytes() == key.as_bytes() { Ok(()) } else { Err(OtherKey.into()) }
    }
}
