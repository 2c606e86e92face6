//! A snapshot on its way into a checker.

use crate::{
    Applied, Change, Checker, DigestKey, Snapshot, SnapshotError, SnapshotPart, SnapshotReader,
};

/// Applies a snapshot to a [`Checker`] as it comes in.
///
/// What is known stays known, whatever the snapshot says or lacks: this only adds.
#[derive(Debug)]
pub struct Loading {
    checker: Checker,
    reader: SnapshotReader,
    key: Option<DigestKey>,
}

impl Loading {
    /// At the beginning. The checker is opened under the snapshot's key, if it is not open yet.
    #[must_use]
    pub fn into_checker(checker: &Checker) -> Self {
        Self { checker: checker.clone(), reader: SnapshotReader::new(), key: None }
    }

    /// Takes bytes off the front and applies the next block. Gives those of its changes that altered
    /// the index, for whoever keeps them in a file; `None` if more bytes are needed.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<Change>>, SnapshotError> {
        while let Some(part) = self.reader.read(bytes)? {
            match part {
                SnapshotPart::Head { key, about } => {
                    let index = self.checker.open(&key)?;
                    index.expect(about.saturating_sub(index.total()));
                    self.key = Some(key);
                }
                SnapshotPart::Changes(changes) => return self.apply(changes).map(Some),
            }
        }
        Ok(None)
    }

    /// To be called at the end of the bytes. The position is good only from here on, and so is any
    /// claim to know everything up to it.
    pub fn finish(self) -> Result<Snapshot, SnapshotError> {
        if let Some(index) = self.checker.index() {
            index.expect(0);
        }
        self.reader.finish()
    }

    fn apply(&self, mut changes: Vec<Change>) -> Result<Vec<Change>, SnapshotError> {
        // There is no block before the key.
        let key = self.key.as_ref().ok_or(SnapshotError::Truncated)?;
        let index = self.checker.open(key)?;
        self.checker.observer().applied(changes.len());
        changes.retain(|change| index.apply_change(change) != Applied::Unchanged);
        Ok(changes)
    }
}
