//! Fifteen tags and the bits that tell where else to look.

use super::sync::{AtomicU64, Ordering};

/// Slots of one group.
pub(super) const SLOTS: usize = 15;

/// One byte for each of fifteen slots, and eight overflow bits in the sixteenth. Most targets that
/// are not there are told apart by these 16 bytes alone.
///
/// A tag is written once in the life of a table and an overflow bit is never cleared. Both only
/// make a reader look further, so the halves need not be read at one moment.
#[derive(Debug, Default)]
pub(super) struct Group {
    low: AtomicU64,
    high: AtomicU64,
}

/// A group as it was at one moment.
#[derive(Clone, Copy)]
pub(super) struct Tags {
    low: u64,
    high: u64,
}

/// The lowest and the highest bit of each byte.
const LOWEST: u64 = u64::MAX / 0xff;
const HIGHEST: u64 = LOWEST << 7;
/// The overflow bits, in the higher half.
const OVERFLOW: u64 = 0xff << 56;

impl Group {
    pub(super) fn load(&self) -> Tags {
        Tags { low: self.low.load(Ordering::Acquire), high: self.high.load(Ordering::Acquire) }
    }

    /// Sets the tag of a slot that has none yet. Only for the one writer.
    pub(super) fn tag(&self, slot: usize, tag: u8) {
        self.set(8 * (slot % SLOTS), tag);
    }

    /// Tells readers of this lane to look further. Only for the one writer.
    pub(super) fn overflow(&self, lane: u8) {
        self.set(8 * SLOTS, 1 << (lane % 8));
    }

    fn set(&self, shift: usize, bits: u8) {
        let (half, shift) = if shift < 64 { (&self.low, shift) } else { (&self.high, shift - 64) };
        let known = half.load(Ordering::Relaxed);
        half.store(known | u64::from(bits) << shift, Ordering::Release);
    }
}

impl Tags {
    /// The slots that may have this tag: all that have it and now and then another one. Slots
    /// without a tag count as 0.
    pub(super) fn candidates(self, tag: u8) -> impl Iterator<Item = usize> {
        // The highest bit of every byte that is zero. A borrow may add bytes behind such a one.
        let zeroes = |bytes: u64| bytes.wrapping_sub(LOWEST) & !bytes & HIGHEST;
        let all = LOWEST * u64::from(tag);
        let (low, high) = (zeroes(self.low ^ all), zeroes(self.high ^ all) & !OVERFLOW);
        // Both in one word: slot 8 is the neighbour of slot 0.
        let mut left = low >> 7 | high >> 6;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(bit / 8 + bit % 8 * 8)
        })
    }

    /// Whether something of this lane had no room here.
    pub(super) const fn overflowed(self, lane: u8) -> bool {
        self.high >> (56 + lane % 8) & 1 != 0
    }

    /// The tag of one slot; 0 if it has none.
    pub(super) const fn at(self, slot: usize) -> u8 {
        let half = if slot < 8 { self.low } else { self.high };
        (half >> (8 * (slot % 8)) & 0xff) as u8
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_found_by_its_tag() {
        for tag in [0, 1, 2, 0x7f, 0x80, 0xff] {
            for slot in 0..SLOTS {
                let group = Group::default();
                (0..SLOTS)
                    .for_each(|other| group.tag(other, if other == slot { tag } else { 0x55 }));
                group.overflow(7);
                let tags = group.load();
                assert_eq!(tags.candidates(tag).next(), Some(slot), "{tag}");
                assert_eq!(tags.at(slot), tag);
                assert_eq!(tags.candidates(0x54).count(), 0);
            }
        }
    }

    #[test]
    fn overflow_is_no_tag() {
        let group = Group::default();
        group.overflow(3);
        assert!(group.load().overflowed(3) && !group.load().overflowed(2));
        assert_eq!(group.load().candidates(8).count(), 0);
        assert_eq!(group.load().candidates(0).count(), SLOTS);
    }
}
