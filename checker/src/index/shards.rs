//! The tables of all shards, for readers that never wait and writers that take turns.

use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError};

use super::Applied;
use super::fingerprint::{Fingerprint, LAST_SHARD, SHARDS};
use super::mark::Mark;
use super::sync::{ArcSwap, AtomicUsize, Guard, Mutex, MutexGuard, Ordering};
use super::table::{Fill, Full, Table};
use crate::{TargetKind, Timestamp};

type Tables = [Table; SHARDS];

/// A table that is full is built anew with one in this many slots free for what comes: memory is
/// dear and growing is cheap.
const GROWTH: usize = 20;

/// But with room for at least so many, because every table built anew takes a new directory too.
const AT_LEAST: usize = if cfg!(loom) { 1 } else { 32 };

/// 256 tables behind one pointer. A reader loads the pointer once and then asks all it wants of one
/// state of the directory.
#[derive(Debug)]
pub(super) struct Shards {
    tables: ArcSwap<Tables>,
    writer: Mutex<Writer>,
    /// Entries per kind, in the order of [`TargetKind::ALL`]. Written under the lock.
    entries: [AtomicUsize; TargetKind::ALL.len()],
}

#[derive(Debug)]
struct Writer {
    fills: Box<[Fill; SHARDS]>,
    /// Directories that a reader still held when they were replaced. Kept so that the reader, who
    /// has better things to do, is not the one that frees them.
    retired: Vec<Arc<Tables>>,
}

/// One state of the directory. Holding it holds up nobody.
pub(super) struct View(Guard<Tables>);

impl View {
    /// What is known of a target.
    pub(super) fn mark(&self, print: Fingerprint) -> Option<Mark> {
        of(&self.0, print.shard()).mark(print)
    }
}

impl Shards {
    pub(super) fn new() -> Self {
        let empty = Table::new();
        let fills = Box::new([Fill::default(); SHARDS]);
        Self {
            tables: ArcSwap::from_pointee(std::array::from_fn(|_| empty.clone())),
            writer: Mutex::new(Writer { fills, retired: Vec::new() }),
            entries: Default::default(),
        }
    }

    pub(super) fn load(&self) -> View {
        View(self.tables.load())
    }

    /// How many targets of this kind are known.
    pub(super) fn len(&self, kind: TargetKind) -> usize {
        self.count(kind).load(Ordering::Acquire)
    }

    /// Merges a mark in. Every view that is loaded after this returned shows it.
    pub(super) fn merge(&self, print: Fingerprint, mark: Mark) -> Applied {
        let (mut writer, shard) = (self.lock(), print.shard());
        // More at every turn: a table of another size has other paths, so this ends.
        for turn in 1.. {
            let fill = of_mut(&mut writer.fills, shard);
            let merged = of(&self.tables.load(), shard).merge(fill, print, mark);
            match merged {
                Ok(Applied::Added) => {
                    self.count(mark.kind).fetch_add(1, Ordering::Release);
                    return Applied::Added;
                }
                Ok(applied) => return applied,
                Err(full) => {
                    self.rebuild(&mut writer, shard..=shard, full, |fill| turn * headroom(fill));
                }
            }
        }
        Applied::Unchanged
    }

    /// Makes room for this many entries more.
    pub(super) fn reserve(&self, entries: usize) {
        let share = entries.div_ceil(SHARDS);
        // Shares differ by chance: by more than four times the root in one shard of ten thousand.
        let share = share + 4 * share.isqrt();
        self.rebuild(&mut self.lock(), 0..=LAST_SHARD, Full::Slots, |_| share);
    }

    /// Drops the marks that are over, and tells how many those were. One shard at a time, so that
    /// other writers get their turn.
    pub(super) fn expire(&self, now: Timestamp) -> usize {
        let mut dropped = 0;
        for shard in 0..=LAST_SHARD {
            let mut writer = self.lock();
            let fill = of_mut(&mut writer.fills, shard);
            of(&self.tables.load(), shard).expire(fill, now, |kind| {
                self.count(kind).fetch_sub(1, Ordering::Release);
                dropped += 1;
            });
            if fill.is_littered() {
                self.rebuild(&mut writer, shard..=shard, Full::Slots, headroom);
            }
        }
        dropped
    }

    /// Builds tables anew and has readers use them from now on.
    fn rebuild(
        &self,
        writer: &mut Writer,
        shards: RangeInclusive<u8>,
        wanting: Full,
        more: impl Fn(Fill) -> usize,
    ) {
        let mut tables = Tables::clone(&self.tables.load());
        for shard in shards {
            let fill = of_mut(&mut writer.fills, shard);
            let table = of_mut(&mut tables, shard);
            (*table, *fill) = table.rebuilt(shard, *fill, more(*fill), wanting);
        }
        writer.retired.push(self.tables.swap(Arc::new(tables)));
        writer.retired.retain(|tables| Arc::strong_count(tables) > 1);
    }

    fn count(&self, kind: TargetKind) -> &AtomicUsize {
        let [token, session, subject, client, issuer] = &self.entries;
        match kind {
            TargetKind::Token => token,
            TargetKind::Session => session,
            TargetKind::Subject => subject,
            TargetKind::Client => client,
            TargetKind::Issuer => issuer,
        }
    }

    // A poisoned lock means that a writer panicked. What readers see is whole at every moment, and
    // forgetting it would un-revoke.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn headroom(fill: Fill) -> usize {
    AT_LEAST.max(fill.live() / GROWTH)
}

#[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
fn of<T>(all: &[T; SHARDS], shard: u8) -> &T {
    &all[usize::from(shard) % SHARDS]
}

#[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
fn of_mut<T>(all: &mut [T; SHARDS], shard: u8) -> &mut T {
    &mut all[usize::from(shard) % SHARDS]
}
