//! One table, which only fills up.
//!
//! Readers and one writer share it without locks. That is simple because nothing in it is ever
//! moved or reused: a slot gets its fingerprint once, and from then on only the word of its mark
//! changes, in one store. What is over is marked as dropped and keeps its slot; room comes from
//! building the table anew, which readers do not notice.

use super::Applied;
use super::cells::{Cells, FreeCells};
use super::fingerprint::{Fingerprint, Stored};
use super::ground::{Ground, Place, Site};
use super::group::{SLOTS, Tags};
use super::mark::Mark;
use super::shard::{Map, Shape};
use super::sync::{AtomicU32, Ordering};
use super::word::{Content, Word};
use crate::{TargetKind, Timestamp};

/// How many groups may be looked at for one target. Few entries need more than some; one for which
/// this is not enough is a reason to build a larger table.
const REACH: usize = 32;

/// A table is built anew when more than one in this many of its slots belongs to what was dropped,
/// or when as many cells are held for nothing.
const LITTER: usize = 16;

#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    ground: &'a Ground,
    map: &'a Map,
    shape: Shape,
}

/// What the writer knows of a table and readers need not.
#[derive(Debug, Default)]
pub(super) struct Fill {
    used: usize,
    dropped: usize,
    /// Cells that no word names any more, but perhaps a reader still looks at.
    left: Vec<u32>,
}

/// There is no room; the table must be built anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

impl<'a> Table<'a> {
    #[inline]
    pub(super) const fn new(ground: &'a Ground, map: &'a Map, shape: Shape) -> Self {
        Self { ground, map, shape }
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn plots(&self) -> impl Iterator<Item = &'a AtomicU32> {
        self.map.iter().take(self.shape.plots.into())
    }

    #[inline]
    fn place(&self, at: usize) -> Option<Place> {
        let Shape { plots, order } = self.shape;
        let (plot, within) = (at >> (order % 32), at & !(usize::MAX << (order % 32)));
        if plot >= usize::from(plots) {
            return None;
        }
        Some(Place::from_bits(self.map.get(plot)?.load(Ordering::Relaxed)).plus(within))
    }

    fn site(&self, at: usize) -> Option<Site<'a>> {
        self.ground.site(self.place(at)?)
    }

    fn sites(&self) -> impl Iterator<Item = Site<'a>> {
        let table = *self;
        (0..self.shape.groups()).filter_map(move |at| table.site(at))
    }

    /// What is known of a target.
    #[inline]
    pub(super) fn mark(&self, cells: &Cells, print: Fingerprint) -> Option<Mark> {
        let (_, _, word) = self.find(print)?;
        mark(cells, word)
    }

    /// The slot of a fingerprint, with what it held when it was found.
    #[inline]
    fn find(&self, print: Fingerprint) -> Option<(Site<'a>, usize, Word)> {
        let (stored, lane) = (print.stored(), print.lane());
        for at in print.path(self.shape.groups()).take(REACH) {
            let place = self.place(at)?;
            let tags = self.ground.group(place)?.load();
            if !tags.lack(stored.tag) {
                let found = self.find_among(place, tags, stored);
                if found.is_some() {
                    return found;
                }
            }
            if !tags.overflowed(lane) {
                return None;
            }
        }
        None
    }

    /// The slot of a fingerprint in one group. Most who ask do not come here.
    #[inline(never)]
    fn find_among(&self, at: Place, tags: Tags, print: Stored) -> Option<(Site<'a>, usize, Word)> {
        let site = self.ground.site(at)?;
        let mut slots = tags.candidates(print.tag);
        slots.find_map(|slot| Some((site, slot, site.word_of(slot, print)?)))
    }

    /// Merges a mark in. Only for the one writer.
    pub(super) fn merge(
        &self,
        cells: (&Cells, &mut FreeCells),
        fill: &mut Fill,
        print: Fingerprint,
        new: Mark,
        limit: usize,
    ) -> Result<Applied, Full> {
        let Some((site, slot, word)) = self.find(print) else {
            if fill.used >= limit {
                return Err(Full);
            }
            let word = word_of(cells, print.stored().echo, new)?;
            self.insert(print, word)?;
            fill.used += 1;
            return Ok(Applied::Added);
        };
        let (merged, applied) = match mark(cells.0, word) {
            None => (new, Applied::Added),
            Some(known) if known.merge(new) == known => return Ok(Applied::Unchanged),
            Some(known) => (known.merge(new), Applied::Raised),
        };
        site.put(slot, word_of(cells, word.echo(), merged)?);
        fill.left.extend(word.cell());
        if applied == Applied::Added {
            fill.dropped -= 1;
        }
        Ok(applied)
    }

    /// Gives a fingerprint the first free slot on its path.
    fn insert(&self, print: Fingerprint, word: Word) -> Result<(), Full> {
        let stored = print.stored();
        for at in print.path(self.shape.groups()).take(REACH) {
            let site = self.site(at).ok_or(Full)?;
            // A free slot has no tag; one that has the tag 0 has a word.
            let free = site.group.load().candidates(0).find(|&slot| site.is_free(slot));
            if let Some(free) = free {
                site.take(free, stored, word);
                return Ok(());
            }
            site.group.overflow(print.lane());
        }
        Err(Full)
    }

    /// Drops the marks that are over. Only for the one writer.
    pub(super) fn expire(
        &self,
        cells: &Cells,
        fill: &mut Fill,
        now: Timestamp,
        mut dropped: impl FnMut(TargetKind),
    ) {
        for site in self.sites() {
            for slot in 0..SLOTS {
                let Some(word) = site.load(slot).filter(|word| !word.is_empty()) else { continue };
                if let Some(mark) = mark(cells, word).filter(|mark| mark.is_over(now)) {
                    site.put(slot, Word::dropped(word.echo()));
                    fill.left.extend(word.cell());
                    fill.dropped += 1;
                    dropped(mark.kind);
                }
            }
        }
    }

    /// Puts what another table has into this one, which is empty and nobody reads yet.
    pub(super) fn fill_from(&self, old: &Self, shard: u8) -> Result<(), Full> {
        for site in old.sites() {
            let tags = site.group.load();
            for slot in 0..SLOTS {
                let Some(word) = site.load(slot) else { continue };
                if !word.is_empty() && !word.is_dropped() {
                    let stored = site.stored(slot, tags.at(slot), word).ok_or(Full)?;
                    self.insert(Fingerprint::from_stored(shard, stored), word)?;
                }
            }
        }
        Ok(())
    }
}

impl Site<'_> {
    /// The word of a slot, if it belongs to this fingerprint.
    #[inline]
    fn word_of(self, slot: usize, print: Stored) -> Option<Word> {
        let word = self.load(slot)?;
        // The word first: it is stored behind the rest of a slot, and most wrong slots end here.
        let same = !word.is_empty()
            && word.echo() == print.echo
            && self.middle(slot)?.load(Ordering::Relaxed) == print.middle
            && self.end(slot)?.load(Ordering::Relaxed) == print.end;
        same.then_some(word)
    }

    #[inline]
    fn load(self, slot: usize) -> Option<Word> {
        Some(Word::from_bits(self.word(slot)?.load(Ordering::Acquire)))
    }

    fn stored(self, slot: usize, tag: u8, word: Word) -> Option<Stored> {
        let middle = self.middle(slot)?.load(Ordering::Relaxed);
        let end = self.end(slot)?.load(Ordering::Relaxed);
        Some(Stored { middle, end, echo: word.echo(), tag })
    }

    fn is_free(self, slot: usize) -> bool {
        self.load(slot).is_some_and(Word::is_empty)
    }

    /// Gives a free slot to a fingerprint. All with `Release`, for readers of an older table that
    /// stood here.
    fn take(self, slot: usize, print: Stored, word: Word) {
        if let (Some(middle), Some(end)) = (self.middle(slot), self.end(slot)) {
            middle.store(print.middle, Ordering::Release);
            end.store(print.end, Ordering::Release);
        }
        self.put(slot, word);
        self.group.tag(slot, print.tag);
    }

    fn put(self, slot: usize, word: Word) {
        if let Some(known) = self.word(slot) {
            known.store(word.to_bits(), Ordering::Release);
        }
    }
}

#[inline]
fn mark(cells: &Cells, word: Word) -> Option<Mark> {
    match word.content() {
        Content::Empty | Content::Dropped => None,
        Content::Mark(mark) => Some(mark),
        Content::Cell(number) => cells.get(number),
    }
}

/// The word for a mark, which takes a cell if it does not fit into one.
fn word_of(cells: (&Cells, &mut FreeCells), echo: u8, mark: Mark) -> Result<Word, Full> {
    let (cells, free) = cells;
    match Word::of(echo, mark) {
        Some(word) => Ok(word),
        None => free.put(cells, mark).map(|number| Word::in_cell(echo, number)).ok_or(Full),
    }
}

impl Fill {
    /// Slots that belong to something, be it dropped.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Entries that were not dropped.
    pub(super) const fn live(&self) -> usize {
        self.used - self.dropped
    }

    /// Whether so much is kept for nothing that building anew pays.
    pub(super) fn is_littered(&self) -> bool {
        self.dropped > self.used / LITTER || self.left.len() > 8 + self.used / LITTER
    }

    /// That of the same entries in a table built anew, and the cells that nobody looks at then.
    pub(super) fn renew(&mut self) -> Vec<u32> {
        (self.used, self.dropped) = (self.live(), 0);
        std::mem::take(&mut self.left)
    }
}
