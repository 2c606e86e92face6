//! The memory that tables stand on.
//!
//! It is taken in pieces that are never moved and never given back while the index lives: that is
//! what lets readers walk about without a count, a lock or an epoch of their own. A plot that no
//! table needs any more is built on again, and a reader who was still there notices (`shard`).

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::group::{Group, SLOTS};
use super::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Groups whose slots lie together, so that a lookup that hits stays on one page of memory.
const BLOCK: usize = if cfg!(loom) { 1 } else { 8 };
const BLOCK_SLOTS: usize = BLOCK * SLOTS;

/// Bits of a place that tell the group within its piece.
const OFFSET_BITS: u32 = 22;
/// A piece has at least as many groups as this power of two says.
const SMALLEST: u32 = if cfg!(loom) { 0 } else { 5 };
/// And is at most one in this many of what there is, because what is not built on yet is waste.
const SHARE: usize = 32;
/// Enough for 3e10 slots: 32 pieces for each doubling up to the largest, and then some.
const PIECES: usize = if cfg!(loom) { 8 } else { 640 };

/// Where a group is: ten bits for the piece, the others for the group within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

/// What readers see of it.
#[derive(Debug)]
pub(super) struct Ground {
    pieces: Box<[OnceLock<Piece>]>,
}

#[derive(Debug)]
struct Piece {
    /// Apart from the slots: most lookups read nothing else, and this much stays in the cache.
    groups: Box<[Group]>,
    blocks: Box<[Block]>,
}

/// Thirteen bytes for each slot.
#[derive(Debug)]
struct Block {
    words: [AtomicU64; BLOCK_SLOTS],
    middles: [AtomicU32; BLOCK_SLOTS],
    ends: [AtomicU8; BLOCK_SLOTS],
}

/// One group with its slots.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) group: &'a Group,
    block: &'a Block,
    first: usize,
}

/// What is free of it. A plot is a power of two of groups, at a multiple of its size.
#[derive(Debug, Default)]
pub(super) struct Register {
    pieces: u32,
    groups: usize,
    free: [BTreeSet<Place>; OFFSET_BITS as usize + 1],
}

impl Default for Block {
    fn default() -> Self {
        Self {
            words: std::array::from_fn(|_| AtomicU64::new(0)),
            middles: std::array::from_fn(|_| AtomicU32::new(0)),
            ends: std::array::from_fn(|_| AtomicU8::new(0)),
        }
    }
}

impl Place {
    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn to_bits(self) -> u32 {
        self.0
    }

    /// So many groups further on. Plots do not reach beyond their piece.
    #[expect(clippy::cast_possible_truncation, reason = "a plot has at most 2^22 groups")]
    pub(super) const fn plus(self, groups: usize) -> Self {
        Self(self.0.wrapping_add(groups as u32))
    }

    const fn piece(self) -> usize {
        (self.0 >> OFFSET_BITS) as usize
    }

    const fn offset(self) -> usize {
        (self.0 & ((1 << OFFSET_BITS) - 1)) as usize
    }

    /// The other half of the plot that is twice as large.
    const fn neighbour(self, order: u32) -> Self {
        Self(self.0 ^ (1 << order))
    }
}

impl Ground {
    pub(super) fn new() -> Self {
        Self { pieces: std::iter::repeat_with(OnceLock::new).take(PIECES).collect() }
    }

    /// The group by itself, which is enough for most who ask.
    #[inline]
    pub(super) fn group(&self, place: Place) -> Option<&Group> {
        self.pieces.get(place.piece())?.get()?.groups.get(place.offset())
    }

    /// None only for a reader whose place was read while it changed.
    #[inline]
    pub(super) fn site(&self, place: Place) -> Option<Site<'_>> {
        let (piece, offset) = (self.pieces.get(place.piece())?.get()?, place.offset());
        let block = piece.blocks.get(offset / BLOCK)?;
        Some(Site { group: piece.groups.get(offset)?, block, first: offset % BLOCK * SLOTS })
    }
}

impl Piece {
    fn new(groups: usize) -> Self {
        let blocks = groups.div_ceil(BLOCK);
        Self {
            groups: std::iter::repeat_with(Group::default).take(groups).collect(),
            blocks: std::iter::repeat_with(Block::default).take(blocks).collect(),
        }
    }
}

impl<'a> Site<'a> {
    #[inline]
    pub(super) fn word(self, slot: usize) -> Option<&'a AtomicU64> {
        self.block.words.get(self.first + slot)
    }

    #[inline]
    pub(super) fn middle(self, slot: usize) -> Option<&'a AtomicU32> {
        self.block.middles.get(self.first + slot)
    }

    #[inline]
    pub(super) fn end(self, slot: usize) -> Option<&'a AtomicU8> {
        self.block.ends.get(self.first + slot)
    }

    /// Makes it as good as new. What lies behind an empty word means nothing.
    fn clear(self) {
        self.group.clear();
        let words = self.block.words.get(self.first..self.first + SLOTS);
        words.unwrap_or_default().iter().for_each(|word| word.store(0, Ordering::Release));
    }
}

impl Register {
    /// Takes a plot of 2^`order` empty groups. None if there is no room for so many in the world.
    pub(super) fn take(&mut self, ground: &Ground, order: u32) -> Option<Place> {
        let place = self.find(order).or_else(|| {
            self.extend(ground, order);
            self.find(order)
        })?;
        for group in 0..1 << order {
            ground.site(place.plus(group))?.clear();
        }
        Some(place)
    }

    /// Gives a plot back, to be built on again.
    pub(super) fn give(&mut self, mut place: Place, mut order: u32) {
        while let Some(neighbours) = self.free.get_mut(order as usize) {
            if order == OFFSET_BITS || !neighbours.remove(&place.neighbour(order)) {
                neighbours.insert(place);
                return;
            }
            place = Place(place.0 & !(1 << order));
            order += 1;
        }
    }

    /// How large a piece to take next, if so many groups are to come: no small ones for many.
    pub(super) fn expect(&mut self, ground: &Ground, groups: usize) {
        let free: usize = (0u32..).zip(&self.free).map(|(order, free)| free.len() << order).sum();
        let mut missing = groups.saturating_sub(free);
        while missing > 0 {
            let order = piece_order((self.groups + missing) / SHARE);
            let Some(added) = self.add(ground, order) else { return };
            missing = missing.saturating_sub(added);
        }
    }

    fn find(&mut self, order: u32) -> Option<Place> {
        let mut from = order;
        let place = loop {
            match self.free.get_mut(from as usize)?.pop_first() {
                Some(place) => break place,
                None => from += 1,
            }
        };
        // What is too large is halved; the other halves stay free.
        while from > order {
            from -= 1;
            self.free.get_mut(from as usize)?.insert(place.neighbour(from));
        }
        Some(place)
    }

    fn extend(&mut self, ground: &Ground, order: u32) {
        let order = piece_order(self.groups / SHARE).max(order);
        self.add(ground, order);
    }

    fn add(&mut self, ground: &Ground, order: u32) -> Option<usize> {
        let groups = 1 << order;
        ground.pieces.get(self.pieces as usize)?.set(Piece::new(groups)).ok()?;
        self.give(Place(self.pieces << OFFSET_BITS), order);
        self.pieces += 1;
        self.groups += groups;
        Some(groups)
    }
}

/// The largest order of a piece that is no larger than this many groups, within its bounds.
fn piece_order(groups: usize) -> u32 {
    groups.checked_ilog2().unwrap_or_default().clamp(SMALLEST, OFFSET_BITS)
}
