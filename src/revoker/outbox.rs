//! What was committed, on its way to whoever passes it on.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::journal::{Record, Seq};

/// Commits that may wait. A receiver that falls further behind loses the oldest of them and reads
/// the journal instead: what it missed is all there.
const COMMITS: usize = 64;

/// Entries of one commit, shared by all who receive it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The position of the first.
    pub first: Seq,
    /// The entries, in order.
    pub records: Arc<[Record]>,
}

/// Where the thread hands commits to. Never waits.
#[derive(Clone, Debug)]
pub(super) struct Outbox(broadcast::Sender<Committed>);

/// Where commits arrive, in order. Nothing says that some are missing but the gap in their
/// positions; the newest is never among those.
#[derive(Debug)]
pub struct Inbox(broadcast::Receiver<Committed>);

impl Default for Outbox {
    fn default() -> Self {
        Self(broadcast::Sender::new(COMMITS))
    }
}

impl Outbox {
    pub(super) fn put(&self, first: Seq, records: Vec<Record>) {
        if self.0.receiver_count() > 0 {
            // Whoever went away since does not miss it.
            let _ = self.0.send(Committed { first, records: records.into() });
        }
    }

    pub(super) fn subscribe(&self) -> Inbox {
        Inbox(self.0.subscribe())
    }
}

impl Inbox {
    /// Waits for the next commit; none when the thread and all who could ask it are gone.
    pub async fn next(&mut self) -> Option<Committed> {
        loop {
            match self.0.recv().await {
                Ok(committed) => return Some(committed),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next commit, if it is there.
    pub fn waiting(&mut self) -> Option<Committed> {
        loop {
            match self.0.try_recv() {
                Ok(committed) => return Some(committed),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(outbox: &Outbox, seq: Seq) {
        outbox.put(seq, vec![Record::Followed(Vec::new())]);
    }

    #[test]
    fn i2_whoever_falls_behind_still_gets_the_newest() {
        let outbox = Outbox::default();
        put(&outbox, 1);
        let mut inbox = outbox.subscribe();
        assert!(inbox.waiting().is_none(), "nobody received yet");
        let most = COMMITS as u64;
        (2..=most + 7).for_each(|seq| put(&outbox, seq));
        let kept: Vec<_> = std::iter::from_fn(|| inbox.waiting()).map(|c| c.first).collect();
        assert_eq!(kept, (8..=most + 7).collect::<Vec<_>>());
    }

    #[test]
    fn all_receive_the_same_entries() {
        let outbox = Outbox::default();
        let [mut one, mut other] = [outbox.subscribe(), outbox.subscribe()];
        put(&outbox, 1);
        let (one, other) = (one.waiting().unwrap(), other.waiting().unwrap());
        assert!(Arc::ptr_eq(&one.records, &other.records));
    }
}
