//! What was committed, on its way to whoever passes it on.

use tokio::sync::mpsc;

use crate::journal::{Record, Seq};

/// Commits that may wait. A receiver that falls further behind reads the journal instead: what it
/// missed is all there.
const COMMITS: usize = 64;

/// Entries of one commit.
#[derive(Debug)]
pub struct Committed {
    /// The position of the first.
    pub first: Seq,
    /// The entries, in order.
    pub records: Vec<Record>,
}

/// Where commits are handed to. Never waits.
#[derive(Debug)]
pub struct Outbox(mpsc::Sender<Committed>);

/// A full outbox drops what is put in, and says nothing: the gap in the positions does.
#[must_use]
pub fn outbox() -> (Outbox, mpsc::Receiver<Committed>) {
    let (sender, receiver) = mpsc::channel(COMMITS);
    (Outbox(sender), receiver)
}

impl Outbox {
    pub(super) fn put(&self, first: Seq, records: Vec<Record>) {
        // Full or closed: see above.
        let _ = self.0.try_send(Committed { first, records });
    }
}
