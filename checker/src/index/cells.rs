//! Marks that do not fit into a word.

use std::sync::OnceLock;

use super::mark::Mark;
use super::sync::{AtomicU64, Ordering};
use crate::{IssuedBefore, Reason, TargetKind};

/// Bits of a number that tell the cell within its piece.
const OFFSET_BITS: u32 = 24;
/// Cells of the first piece.
const SMALLEST: usize = if cfg!(loom) { 4 } else { 64 };
/// A piece is at most one in this many of what there is.
const SHARE: usize = 16;
const PIECES: usize = if cfg!(loom) { 2 } else { 256 };

/// Cells, in pieces that are never moved and never given back. Each is written before a word names
/// it, and again only after no table has such a word.
#[derive(Debug)]
pub(super) struct Cells {
    pieces: Box<[OnceLock<Box<[Cell]>>]>,
}

#[derive(Debug, Default)]
struct Cell([AtomicU64; 3]);

/// Which of them are free.
#[derive(Debug, Default)]
pub(super) struct FreeCells {
    pieces: u32,
    cells: usize,
    free: Vec<u32>,
}

impl Cells {
    pub(super) fn new() -> Self {
        Self { pieces: std::iter::repeat_with(OnceLock::new).take(PIECES).collect() }
    }

    /// What a cell says. A reader who comes too late may be told anything, and notices (`shard`).
    pub(super) fn get(&self, number: u32) -> Option<Mark> {
        let [a, b, c] = &self.cell(number)?.0;
        unpacked([a, b, c].map(|part| part.load(Ordering::Relaxed)))
    }

    fn cell(&self, number: u32) -> Option<&Cell> {
        let piece = self.pieces.get((number >> OFFSET_BITS) as usize)?.get()?;
        piece.get((number & ((1 << OFFSET_BITS) - 1)) as usize)
    }
}

impl FreeCells {
    /// Writes a mark into a cell and tells its number. None if there are no cells left in the world.
    pub(super) fn put(&mut self, cells: &Cells, mark: Mark) -> Option<u32> {
        if self.free.is_empty() {
            self.add(cells);
        }
        let number = self.free.pop()?;
        for (part, value) in cells.cell(number)?.0.iter().zip(packed(mark)) {
            part.store(value, Ordering::Release);
        }
        Some(number)
    }

    pub(super) fn give(&mut self, numbers: impl IntoIterator<Item = u32>) {
        self.free.extend(numbers);
    }

    fn add(&mut self, cells: &Cells) {
        let count = (self.cells / SHARE).clamp(SMALLEST, 1 << OFFSET_BITS);
        let piece = std::iter::repeat_with(Cell::default).take(count).collect();
        let Some(free) = cells.pieces.get(self.pieces as usize) else { return };
        if free.set(piece).is_ok() {
            let first = self.pieces << OFFSET_BITS;
            self.free.extend((first..).take(count));
            self.pieces += 1;
            self.cells += count;
        }
    }
}

fn packed(mark: Mark) -> [u64; 3] {
    let Mark { login, offline, long_lived, retain_until, first_at, reason, kind } = mark;
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let tags = u32::from(reason.tag()) | u32::from(kind.tag()) << 8;
    [
        pair(login.to_bits(), offline.to_bits()),
        pair(long_lived.to_bits(), retain_until),
        pair(first_at, tags),
    ]
}

fn unpacked([a, b, c]: [u64; 3]) -> Option<Mark> {
    let halves = |pair: u64| {
        let [a, b, c, d, high @ ..] = pair.to_le_bytes();
        (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(high))
    };
    let ((login, offline), (long_lived, retain_until)) = (halves(a), halves(b));
    let (first_at, tags) = halves(c);
    let [reason, kind, ..] = tags.to_le_bytes();
    Some(Mark {
        login: IssuedBefore::from_bits(login),
        offline: IssuedBefore::from_bits(offline),
        long_lived: IssuedBefore::from_bits(long_lived),
        retain_until,
        first_at,
        reason: Reason::from_tag(reason)?,
        kind: TargetKind::from_tag(kind)?,
    })
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gives_back_what_was_put() {
        let (cells, mut free) = (Cells::new(), FreeCells::default());
        let marks = (0..1_000u32).map(|n| Mark {
            login: IssuedBefore::from_bits(n),
            offline: IssuedBefore::from_bits(n << 8),
            long_lived: IssuedBefore::from_bits(u32::MAX - n),
            retain_until: n << 16,
            first_at: n << 20,
            reason: Reason::ALL[n as usize % Reason::ALL.len()],
            kind: TargetKind::ALL[n as usize % TargetKind::ALL.len()],
        });
        let put: Vec<_> = marks.map(|mark| (mark, free.put(&cells, mark).unwrap())).collect();
        for &(mark, number) in &put {
            assert_eq!(cells.get(number), Some(mark));
        }
        let known = free.cells;
        free.give(put.iter().map(|&(_, number)| number));
        for &(mark, _) in &put {
            free.put(&cells, mark).unwrap();
        }
        assert_eq!(free.cells, known, "cells are used again");
    }
}
