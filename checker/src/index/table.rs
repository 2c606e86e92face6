//! One shard: a table that only fills up.
//!
//! Readers and one writer share a table without locks. That is simple because nothing is ever
//! moved or reused: a slot gets its fingerprint once, and from then on only the word of its mark
//! changes, in one store. What is over is marked as dropped and keeps its slot; room comes from
//! building the table anew, which readers do not notice.

use std::sync::{Arc, OnceLock};

use super::Applied;
use super::fingerprint::{Fingerprint, Stored};
use super::group::{Group, SLOTS};
use super::mark::Mark;
use super::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use super::word::{Content, Word};
use crate::{TargetKind, Timestamp};

/// How many groups may be looked at for one target. Few entries need more than some; one for which
/// this is not enough is a reason to build a larger table.
const REACH: usize = 32;

/// A table is built anew when more than one in this many of its slots belongs to what was dropped.
const LITTER: usize = 16;

/// Groups and what lies behind them, shared by readers and successive directories.
#[derive(Clone, Debug)]
pub(super) struct Table {
    groups: Arc<[Group]>,
    slots: Arc<Slots>,
}

/// Thirteen bytes for each slot. Apart from the tags, which most lookups do not leave.
#[derive(Debug, Default)]
struct Slots {
    words: Box<[AtomicU64]>,
    middles: Box<[AtomicU32]>,
    ends: Box<[AtomicU8]>,
    /// Marks that do not fit into a word. Each is written once, before the word that names it.
    cells: Box<[OnceLock<Mark>]>,
}

/// What the writer knows of a table and readers need not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fill {
    used: usize,
    dropped: usize,
    cells: usize,
}

/// There is no room; the table must be built anew.
#[derive(Clone, Copy, Debug)]
pub(super) enum Full {
    /// For another entry.
    Slots,
    /// For another mark that does not fit into a word.
    Cells,
}

impl Table {
    pub(super) fn new() -> Self {
        Self::with_room(0, 0)
    }

    /// Room for this many entries and this many marks in cells.
    fn with_room(entries: usize, cells: usize) -> Self {
        // As many as are not too full with these: fifteen slots, of which one in sixteen stays free.
        let groups = (16 * entries).div_ceil(15 * SLOTS);
        let slots = groups * SLOTS;
        Self {
            groups: std::iter::repeat_with(Group::default).take(groups).collect(),
            slots: Arc::new(Slots {
                words: std::iter::repeat_with(AtomicU64::default).take(slots).collect(),
                middles: std::iter::repeat_with(AtomicU32::default).take(slots).collect(),
                ends: std::iter::repeat_with(AtomicU8::default).take(slots).collect(),
                cells: std::iter::repeat_with(OnceLock::new).take(cells).collect(),
            }),
        }
    }

    /// The most entries that keep probes short.
    fn limit(&self) -> usize {
        self.groups.len() * SLOTS * 15 / 16
    }

    /// What is known of a target.
    pub(super) fn mark(&self, print: Fingerprint) -> Option<Mark> {
        let (_, word) = self.find(print)?;
        self.slots.mark(word)
    }

    /// The slot of a fingerprint, with what it held when it was found.
    fn find(&self, print: Fingerprint) -> Option<(usize, Word)> {
        let (stored, lane) = (print.stored(), print.lane());
        for at in print.path(self.groups.len()).take(REACH) {
            let tags = self.groups.get(at)?.load();
            for candidate in tags.candidates(stored.tag) {
                let slot = at * SLOTS + candidate;
                if let Some(word) = self.slots.of(slot, stored) {
                    return Some((slot, word));
                }
            }
            if !tags.overflowed(lane) {
                return None;
            }
        }
        None
    }

    /// Merges a mark in. Only for the one writer.
    pub(super) fn merge(
        &self,
        fill: &mut Fill,
        print: Fingerprint,
        mark: Mark,
    ) -> Result<Applied, Full> {
        let Some((slot, word)) = self.find(print) else {
            self.place(fill, print, mark)?;
            return Ok(Applied::Added);
        };
        let (merged, applied) = match self.slots.mark(word) {
            None => (mark, Applied::Added),
            Some(known) if known.merge(mark) == known => return Ok(Applied::Unchanged),
            Some(known) => (known.merge(mark), Applied::Raised),
        };
        self.slots.put(slot, self.slots.word_of(fill, word.echo(), merged)?);
        if applied == Applied::Added {
            fill.dropped -= 1;
        }
        Ok(applied)
    }

    /// Puts in what was not found.
    fn place(&self, fill: &mut Fill, print: Fingerprint, mark: Mark) -> Result<(), Full> {
        if fill.used >= self.limit() {
            return Err(Full::Slots);
        }
        let word = self.slots.word_of(fill, print.stored().echo, mark)?;
        self.insert(print, word)?;
        fill.used += 1;
        Ok(())
    }

    /// Gives a fingerprint the first free slot on its path.
    fn insert(&self, print: Fingerprint, word: Word) -> Result<(), Full> {
        let stored = print.stored();
        for at in print.path(self.groups.len()).take(REACH) {
            let group = self.groups.get(at).ok_or(Full::Slots)?;
            // A free slot has no tag; one that has the tag 0 has a word.
            let free =
                group.load().candidates(0).find(|&slot| self.slots.is_free(at * SLOTS + slot));
            if let Some(free) = free {
                self.slots.take(at * SLOTS + free, stored, word);
                group.tag(free, stored.tag);
                return Ok(());
            }
            group.overflow(print.lane());
        }
        Err(Full::Slots)
    }

    /// Drops the marks that are over. Only for the one writer.
    pub(super) fn expire(
        &self,
        fill: &mut Fill,
        now: Timestamp,
        mut dropped: impl FnMut(TargetKind),
    ) {
        for (slot, word) in self.slots.words().enumerate() {
            if let Some(mark) = self.slots.mark(word).filter(|mark| mark.is_over(now)) {
                self.slots.put(slot, Word::dropped(word.echo()));
                fill.dropped += 1;
                dropped(mark.kind);
            }
        }
    }

    /// The same marks in a table with room for `more` entries, and for more marks in cells if that
    /// is what is wanting.
    pub(super) fn rebuilt(
        &self,
        shard: u8,
        fill: Fill,
        more: usize,
        wanting: Full,
    ) -> (Self, Fill) {
        let in_cells = self.slots.words().filter(|word| word.in_cell()).count();
        let cells = match wanting {
            Full::Slots if in_cells == 0 => 0,
            // The cell of a mark that was raised is not used again, hence a little more.
            Full::Slots | Full::Cells => in_cells + in_cells / 4 + 4,
        };
        let mut room = fill.live() + more;
        loop {
            let (table, mut fill) = (Self::with_room(room, cells), Fill::default());
            let placed = |(print, mark)| table.place(&mut fill, print, mark).is_ok();
            if self.entries(shard).all(placed) {
                return (table, fill);
            }
            room += SLOTS;
        }
    }

    fn entries(&self, shard: u8) -> impl Iterator<Item = (Fingerprint, Mark)> {
        self.groups.iter().enumerate().flat_map(move |(at, group)| {
            let tags = group.load();
            (0..SLOTS).filter_map(move |slot| {
                let (stored, word) = self.slots.at(at * SLOTS + slot, tags.at(slot))?;
                Some((Fingerprint::from_stored(shard, stored), self.slots.mark(word)?))
            })
        })
    }
}

impl Slots {
    /// The word of a slot, if it belongs to this fingerprint.
    fn of(&self, slot: usize, print: Stored) -> Option<Word> {
        let word = self.word(slot)?;
        // The word first: it is stored behind the rest of a slot, and most wrong slots end here.
        let same = !word.is_empty()
            && word.echo() == print.echo
            && self.middles.get(slot)?.load(Ordering::Relaxed) == print.middle
            && self.ends.get(slot)?.load(Ordering::Relaxed) == print.end;
        same.then_some(word)
    }

    /// Whose slot it is, and its word.
    fn at(&self, slot: usize, tag: u8) -> Option<(Stored, Word)> {
        let word = self.word(slot)?;
        let middle = self.middles.get(slot)?.load(Ordering::Relaxed);
        let end = self.ends.get(slot)?.load(Ordering::Relaxed);
        Some((Stored { middle, end, echo: word.echo(), tag }, word))
    }

    fn word(&self, slot: usize) -> Option<Word> {
        Some(Word::from_bits(self.words.get(slot)?.load(Ordering::Acquire)))
    }

    fn words(&self) -> impl Iterator<Item = Word> {
        self.words.iter().map(|word| Word::from_bits(word.load(Ordering::Acquire)))
    }

    fn mark(&self, word: Word) -> Option<Mark> {
        match word.content() {
            Content::Empty | Content::Dropped => None,
            Content::Mark(mark) => Some(mark),
            // Always there: a cell is written before the word that names it.
            Content::Cell(number) => self.cells.get(number as usize)?.get().copied(),
        }
    }

    fn is_free(&self, slot: usize) -> bool {
        self.word(slot).is_some_and(Word::is_empty)
    }

    /// The word for a mark, which takes a cell if it does not fit into one.
    fn word_of(&self, fill: &mut Fill, echo: u8, mark: Mark) -> Result<Word, Full> {
        if let Some(word) = Word::of(echo, mark) {
            return Ok(word);
        }
        let cell = self.cells.get(fill.cells).ok_or(Full::Cells)?;
        let number = u32::try_from(fill.cells).map_err(|_| Full::Cells)?;
        cell.set(mark).map_err(|_| Full::Cells)?;
        fill.cells += 1;
        Ok(Word::cell(echo, number))
    }

    /// Gives a free slot to a fingerprint.
    fn take(&self, slot: usize, print: Stored, word: Word) {
        if let (Some(middle), Some(end)) = (self.middles.get(slot), self.ends.get(slot)) {
            middle.store(print.middle, Ordering::Relaxed);
            end.store(print.end, Ordering::Relaxed);
        }
        self.put(slot, word);
    }

    fn put(&self, slot: usize, word: Word) {
        if let Some(known) = self.words.get(slot) {
            known.store(word.to_bits(), Ordering::Release);
        }
    }
}

impl Fill {
    /// Entries that were not dropped.
    pub(super) const fn live(self) -> usize {
        self.used - self.dropped
    }

    /// Whether so many slots belong to what was dropped that building anew pays.
    pub(super) const fn is_littered(self) -> bool {
        self.dropped > self.used / LITTER
    }
}
