//! The tables of all shards, for readers that never wait and writers that take turns.

use std::sync::PoisonError;

use super::Applied;
use super::cells::{Cells, FreeCells};
use super::fingerprint::{Fingerprint, LAST_SHARD, SHARDS};
use super::ground::{Ground, Register};
use super::group::SLOTS;
use super::mark::Mark;
use super::shard::{Shape, Shard};
use super::sync::{AtomicU8, AtomicUsize, Mutex, MutexGuard, Ordering};
use super::table::Fill;
use crate::{TargetKind, Timestamp};

/// 256 shards and what they stand on. Readers write nothing at all, so any number of them costs
/// none of them anything.
#[derive(Debug)]
pub(super) struct Shards {
    all: Box<[Shard; SHARDS]>,
    ground: Ground,
    cells: Cells,
    /// One bit for each kind of which anything is known. Written only when one comes or the last
    /// one leaves, so that readers have it at hand.
    kinds: AtomicU8,
    writer: Writer,
}

/// On lines of the cache that readers do not look at.
#[derive(Debug)]
#[repr(align(128))]
struct Writer {
    state: Mutex<Books>,
    /// Entries per kind, in the order of [`TargetKind::ALL`]. Written under the lock.
    entries: [AtomicUsize; TargetKind::ALL.len()],
}

/// What a writer must know and readers need not.
#[derive(Debug)]
struct Books {
    fills: Box<[Fill; SHARDS]>,
    register: Register,
    free_cells: FreeCells,
    /// How many more are to come.
    expected: usize,
}

/// A set of kinds of target.
#[derive(Clone, Copy)]
pub(super) struct Kinds(u8);

impl Shards {
    pub(super) fn new() -> Self {
        let books = Books {
            fills: Box::new(std::array::from_fn(|_| Fill::default())),
            register: Register::default(),
            free_cells: FreeCells::default(),
            expected: 0,
        };
        Self {
            all: Box::new(std::array::from_fn(|_| Shard::new())),
            ground: Ground::new(),
            cells: Cells::new(),
            kinds: AtomicU8::new(0),
            writer: Writer { state: Mutex::new(books), entries: Default::default() },
        }
    }

    /// What is known of a target.
    #[inline]
    pub(super) fn mark(&self, print: Fingerprint) -> Option<Mark> {
        of(&self.all, print.shard()).mark(&self.ground, &self.cells, print)
    }

    /// Of which kinds any target is known.
    #[inline]
    pub(super) fn kinds(&self) -> Kinds {
        Kinds(self.kinds.load(Ordering::Acquire))
    }

    /// How many targets of this kind are known.
    pub(super) fn len(&self, kind: TargetKind) -> usize {
        self.count(kind).load(Ordering::Acquire)
    }

    /// Merges a mark in. Every check that begins after this returned knows it.
    pub(super) fn merge(&self, print: Fingerprint, mark: Mark) -> Applied {
        let (mut books, number) = (self.lock(), print.shard());
        let shard = of(&self.all, number);
        // A table of another size has other paths, so this ends.
        let mut room = 1;
        loop {
            let Books { fills, free_cells, .. } = &mut *books;
            let (table, fill) = (shard.table(&self.ground), of_mut(fills, number));
            let limit = limit(number, table.shape().groups());
            let merged = table.merge((&self.cells, free_cells), fill, print, mark, limit);
            let littered = fill.is_littered();
            if let Ok(applied) = merged {
                if applied == Applied::Added {
                    books.expected = books.expected.saturating_sub(1);
                    self.one_more(mark.kind);
                } else if littered {
                    self.rebuild(&mut books, number, 0);
                }
                return applied;
            }
            // What has come vouches for as much to come, and no more.
            let expected = (books.expected / SHARDS).min(of_mut(&mut books.fills, number).live());
            if self.rebuild(&mut books, number, room.max(expected)).is_none() {
                // Only where 3e10 slots are taken; the allocator has given up before.
                return Applied::Unchanged;
            }
            room += 1;
        }
    }

    /// About this many more are to come.
    pub(super) fn expect(&self, entries: usize) {
        self.lock().expected = entries;
    }

    /// Makes room for this many entries more.
    pub(super) fn reserve(&self, entries: usize) {
        let mut books = self.lock();
        let share = entries.div_ceil(SHARDS);
        // Shares differ by chance. Most differ by less than this, and the others can grow.
        let share = share + 2 * share.isqrt();
        let Books { fills, register, .. } = &mut *books;
        let wanted = (0..=LAST_SHARD).zip(fills.iter()).map(|(number, fill)| {
            let shape = Shape::of(groups(number, fill.live() + share));
            shape.groups()
        });
        register.expect(&self.ground, wanted.sum());
        for number in 0..=LAST_SHARD {
            let known = of(&self.all, number).table(&self.ground).shape().groups();
            if of_mut(&mut books.fills, number).used() + share > limit(number, known) {
                self.rebuild(&mut books, number, share);
            }
        }
    }

    /// Drops the marks that are over in every so many-th shard, and tells how many those were. One shard
    /// at a time, so that other writers get their turn.
    pub(super) fn expire(&self, now: Timestamp, part: usize, parts: usize) -> usize {
        let mut dropped = 0;
        for number in (0..=LAST_SHARD).skip(part).step_by(parts.max(1)) {
            let mut books = self.lock();
            let fill = of_mut(&mut books.fills, number);
            of(&self.all, number).table(&self.ground).expire(&self.cells, fill, now, |kind| {
                self.one_less(kind);
                dropped += 1;
            });
            if fill.is_littered() {
                self.rebuild(&mut books, number, 0);
            }
        }
        dropped
    }

    /// Builds a table anew, with room for at least so many entries more, and has readers use it
    /// from now on. None if the ground is used up.
    fn rebuild(&self, books: &mut Books, number: u8, more: usize) -> Option<()> {
        let Books { fills, register, free_cells, .. } = books;
        let (shard, fill) = (of(&self.all, number), of_mut(fills, number));
        let old = shard.table(&self.ground);
        let mut groups = groups(number, fill.live() + more);
        loop {
            let shape = Shape::of(groups);
            let new = shard.next(&self.ground, register, shape)?;
            if new.fill_from(&old, number).is_ok() {
                shard.turn(shape);
                free_cells.give(fill.renew());
                old.leave(register);
                return Some(());
            }
            new.leave(register);
            groups = shape.groups() + 1;
        }
    }

    fn one_more(&self, kind: TargetKind) {
        if self.count(kind).fetch_add(1, Ordering::Release) == 0 {
            self.kinds.fetch_or(bit(kind), Ordering::Release);
        }
    }

    fn one_less(&self, kind: TargetKind) {
        if self.count(kind).fetch_sub(1, Ordering::Release) == 1 {
            self.kinds.fetch_and(!bit(kind), Ordering::Release);
        }
    }

    fn count(&self, kind: TargetKind) -> &AtomicUsize {
        let [token, session, subject, client, issuer] = &self.writer.entries;
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
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.writer.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kinds {
    #[inline]
    pub(super) const fn has(self, kind: TargetKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

const fn bit(kind: TargetKind) -> u8 {
    1 << kind as u8
}

/// How many 256ths of a table's slots are used before it grows: 94 % in the first shard, 98 % in
/// the last. All shards get as many entries, and would all grow at once otherwise.
const fn height(shard: u8) -> usize {
    241 + shard as usize / 26
}

/// The most entries for which a table of so many groups keeps paths short.
const fn limit(shard: u8, groups: usize) -> usize {
    groups * SLOTS * height(shard) / 256
}

/// The fewest groups whose limit that is.
const fn groups(shard: u8, entries: usize) -> usize {
    let groups = (entries * 256).div_ceil(SLOTS * height(shard));
    if limit(shard, groups) < entries { groups + 1 } else { groups }
}

#[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
#[inline]
fn of<T>(all: &[T; SHARDS], shard: u8) -> &T {
    &all[usize::from(shard) % SHARDS]
}

#[expect(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
fn of_mut<T>(all: &mut [T; SHARDS], shard: u8) -> &mut T {
    &mut all[usize::from(shard) % SHARDS]
}
