//! Everything that is refused, as the journal has it: read while it is sent, never held as a whole.

use std::sync::Arc;

use bytes::Bytes;
use signout_checker::{Change, SnapshotWriter, Timestamp};
use tokio::sync::OwnedSemaphorePermit;

use super::{Refused, Shared};
use crate::journal::{Record, Seq};
use crate::revoker::RevokerError;

/// Targets read from the journal at a time.
const TARGETS: usize = 2_000;

/// A snapshot on its way.
pub struct Snapshot {
    shared: Arc<Shared>,
    /// Absent at the end.
    writer: Option<SnapshotWriter>,
    /// What was written and not handed out.
    written: Vec<u8>,
    next: Seq,
    /// The position that it stands for. What is behind it may come along.
    until: Seq,
    _permit: OwnedSemaphorePermit,
}

impl Snapshot {
    pub(super) async fn new(
        shared: Arc<Shared>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Refused> {
        let position = shared.revoker.written().await?;
        let mut written = Vec::new();
        let index = shared.revoker.index();
        let writer = SnapshotWriter::begin(index.key(), position, index.total(), &mut written);
        let until = position.seq;
        Ok(Self { writer: Some(writer), written, next: 1, until, _permit: permit, shared })
    }

    /// The next piece; none at the end. After an error there is no end, and what was sent counts as
    /// cut short.
    pub async fn next(&mut self) -> Option<Result<Bytes, RevokerError>> {
        while self.written.is_empty() {
            if self.next > self.until {
                self.writer.take()?.finish(&mut self.written);
                self.shared.metrics.snapshot_sent();
            } else if let Err(error) = self.read_on().await {
                tracing::warn!(%error, "a snapshot breaks off");
                return Some(Err(error));
            }
        }
        Some(Ok(std::mem::take(&mut self.written).into()))
    }

    async fn read_on(&mut self) -> Result<(), RevokerError> {
        let found = self.shared.revoker.read_revoking(self.next, TARGETS).await?;
        self.next = found.next;
        let (now, key) = (self.shared.clock.settled(), self.shared.revoker.index().key());
        let Some(writer) = &mut self.writer else { return Ok(()) };
        for (_, record) in &found.entries {
            match record {
                Record::Revoked { revocations, .. } => {
                    let changes = revocations.iter().map(|revocation| Change::of(revocation, key));
                    writer.add(changes.filter(|change| is_live(change, now)), &mut self.written);
                }
                Record::Followed(changes) => {
                    // Names are for those who ask Redis.
                    let changes = changes.iter().map(|change| change.named(None));
                    writer.add(changes.filter(|change| is_live(change, now)), &mut self.written);
                }
                Record::Registered(_) | Record::Forgotten { .. } => {}
            }
        }
        Ok(())
    }
}

fn is_live(change: &Change, now: Timestamp) -> bool {
    change.retain_until >= now
}
