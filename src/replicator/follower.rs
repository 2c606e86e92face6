//! Reads what the others wrote, and puts it into force here.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use signout_checker::log::{Loss, Reading};

use super::ended::Ended;
use super::fold::Fold;
use super::log_ends::LogEnds;
use super::sharing::Shared;
use crate::redis::{Entry, Head, Link, LinkId};
use crate::revoker::Revoker;

/// How long the server holds a read open. Also how old the knowledge is when nothing happens.
const WAIT: Duration = Duration::from_millis(300);
/// Entries followed together: few, because they have to come within `response_timeout`.
const FOLLOW: usize = 100;

/// What the tasks of one connection share.
#[derive(Debug)]
pub(super) struct Log {
    /// How far the log was read.
    pub(super) reading: watch::Sender<Reading>,
    pub(super) ends: Arc<Mutex<LogEnds>>,
    /// What the log says, until the journal was compared with it.
    pub(super) fold: ArcSwapOption<Fold>,
}

pub(super) struct Follower<'a> {
    pub(super) revoker: &'a Revoker,
    pub(super) shared: &'a Shared,
    pub(super) log: Arc<Log>,
}

impl Follower<'_> {
    /// Reads the whole log, from the entry that its head calls the first.
    pub(super) async fn load(&self, link: &mut Link, head: &Head) -> Result<(), Ended> {
        let (index, mut told) = (self.revoker.index(), 0);
        loop {
            let (asked, before) = (Instant::now(), self.read());
            let mut chunks = link.chunks(before.seq + 1, usize::MAX);
            while let Some(entries) = chunks.next().await? {
                let first = entries.first().map_or(0, |entry| entry.seq);
                if self.read().link == LinkId::NONE && first > before.seq + 1 {
                    // Either it was trimmed since the head was read, or something is missing.
                    let now = link.head().await?.ok_or(Loss::Emptied)?;
                    let gap = Ended::from(Loss::Gap { missing: before.seq + 1 });
                    return Err(if now.first > head.first { Ended::Trimmed } else { gap });
                }
                told += entries.iter().map(|entry| entry.changes.len()).sum::<usize>();
                self.take(entries).await?;
                index.expect(head.outlook(&self.read(), told));
            }
            if self.read() == before {
                self.shared.caught_up(asked);
                break;
            }
        }
        index.expect(0);
        let seq = self.read().seq;
        if seq < head.seq { Err(Loss::Gap { missing: seq + 1 }.into()) } else { Ok(()) }
    }

    fn read(&self) -> Reading {
        *self.log.reading.borrow()
    }

    /// Follows the log for as long as the connection lasts.
    pub(super) async fn follow(&self, link: &mut Link) -> Result<Infallible, Ended> {
        loop {
            let asked = Instant::now();
            let after = self.read().seq;
            let entries = link.read(after, WAIT, FOLLOW).await?;
            let caught_up = entries.len() < FOLLOW;
            self.take(entries).await?;
            if caught_up {
                self.shared.caught_up(asked);
            }
        }
    }

    async fn take(&self, entries: Vec<Entry>) -> Result<(), Ended> {
        let Some(last) = self.step_over(&entries)? else { return Ok(()) };
        if let Some(fold) = &*self.log.fold.load() {
            entries.iter().flat_map(|entry| &entry.changes).for_each(|change| fold.add(change));
        }
        self.revoker.follow(entries.into_iter().flat_map(|entry| entry.changes)).await;
        self.log.reading.send_replace(last);
        Ok(())
    }

    /// Sees that the entries continue what was read.
    fn step_over(&self, entries: &[Entry]) -> Result<Option<Reading>, Loss> {
        if entries.is_empty() {
            return Ok(None);
        }
        let mut reading = self.read();
        let mut ends = self.log.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            reading.step(entry)?;
            ends.push(entry);
        }
        Ok(Some(reading))
    }
}
