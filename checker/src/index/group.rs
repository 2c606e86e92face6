//! Twelve tags and the bits that tell where else to look.

use super::sync::{AtomicU64, Ordering};

/// Slots of one group.
pub(super) const SLOTS: usize = 12;

/// Overflow bits of one group.
pub(super) const LANES: u8 = 32;

/// One byte for each of twelve slots, and 32 overflow bits. Nine of ten targets that are not there
/// are told by these 16 bytes alone; with fifteen slots and eight bits it would be seven of ten.
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
const OVERFLOW: u64 = 0xffff_ffff << 32;

impl Group {
    #[inline]
    pub(super) fn load(&self) -> Tags {
        Tags { low: self.low.load(Ordering::Acquire), high: self.high.load(Ordering::Acquire) }
    }

    /// As it was in the beginning. Only where no reader is sent any more.
    pub(super) fn clear(&self) {
        self.low.store(0, Ordering::Release);
        self.high.store(0, Ordering::Release);
    }

    /// Sets the tag of a slot that has none yet. Only for the one writer.
    pub(super) fn tag(&self, slot: usize, tag: u8) {
        self.set(8 * (slot % SLOTS), tag.into());
    }

    /// Tells readers of this lane to look further. Only for the one writer.
    pub(super) fn overflow(&self, lane: u8) {
        self.set(8 * SLOTS, 1 << (lane % LANES));
    }

    fn set(&self, shift: usize, bits: u64) {
        let (half, shift) = if shift < 64 { (&self.low, shift) } else { (&self.high, shift - 64) };
        let known = half.load(Ordering::Relaxed);
        half.store(known | bits << shift, Ordering::Release);
    }
}

impl Tags {
    /// The slots that may have this tag: all that have it and now and then another one. Slots
    /// without a tag count as 0.
    #[inline]
    pub(super) fn candidates(self, tag: u8) -> impl Iterator<Item = usize> {
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

    /// Whether nothing here has this tag.
    #[inline]
    pub(super) const fn lack(self, tag: u8) -> bool {
        let all = LOWEST * tag as u64;
        zeroes(self.low ^ all) | zeroes(self.high ^ all) & !OVERFLOW == 0
    }

    /// Whether something of this lane had no room here.
    #[inline]
    pub(super) const fn overflowed(self, lane: u8) -> bool {
        self.high >> (8 * SLOTS - 64 + (lane % LANES) as usize) & 1 != 0
    }

    /// The tag of one slot; 0 if it has none.
    pub(super) const fn at(self, slot: usize) -> u8 {
        let half = if slot < 8 { self.low } else { self.high };
        (half >> (8 * (slot % 8)) & 0xff) as u8
    }
}

/// The highest bit of every byte that is zero. A borrow may add bytes behind such a one.
#[inline]
const fn zeroes(bytes: u64) -> u64 {
    bytes.wrapping_sub(LOWEST) & !bytes & HIGHEST
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
                assert!(tags.lack(0x54) && !tags.lack(tag));
            }
        }
    }

    #[test]
    fn overflow_is_no_tag() {
        for lane in 0..LANES {
            let group = Group::default();
            group.overflow(lane);
            let tags = group.load();
            assert!((0..LANES).all(|other| tags.overflowed(other) == (other == lane)));
            assert!((1..=u8::MAX).all(|tag| tags.lack(tag)), "{lane}");
            assert_eq!(tags.candidates(0).count(), SLOTS);
        }
    }
}
