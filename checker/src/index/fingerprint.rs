//! The 64 bits by which the index knows a target.

use super::group::LANES;
use crate::Digest;

/// How many bits choose the shard.
const SHARD_BITS: u32 = 8;

/// How many tables share the entries. Eight bits of every fingerprint are implied by the table that
/// holds it; each table is small enough that rebuilding one is short work. Models make do with one.
pub(super) const SHARDS: usize = if cfg!(loom) { 1 } else { 1 << SHARD_BITS };
/// The number of the last one.
pub(super) const LAST_SHARD: u8 = if cfg!(loom) { 0 } else { u8::MAX };

/// Low half of a keyed digest. Whoever does not have the key cannot choose two that collide.
///
/// | bits | where they are kept |
/// |---|---|
/// | 56..64 | nowhere: the number of the shard |
/// | 24..56 | [`Stored::middle`]; they also choose the group |
/// | 16..24 | [`Stored::end`] |
/// | 8..16 | [`Stored::echo`], in the word of the mark; five of them choose the lane |
/// | 0..8 | [`Stored::tag`], in the group |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

/// The parts of a fingerprint as a table keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) middle: u32,
    pub(super) end: u8,
    pub(super) echo: u8,
    pub(super) tag: u8,
}

impl Fingerprint {
    pub(super) const fn of(target: Digest) -> Self {
        Self(target.fingerprint())
    }

    /// Of what [`Digest::fingerprint`] gives.
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Puts together what a table took apart.
    pub(super) fn from_stored(shard: u8, stored: Stored) -> Self {
        let Stored { middle, end, echo, tag } = stored;
        let [a, b, c, d] = middle.to_le_bytes();
        Self(u64::from_le_bytes([tag, echo, end, a, b, c, d, shard]))
    }

    #[inline]
    pub(super) const fn stored(self) -> Stored {
        let [tag, echo, end, middle @ .., _] = self.0.to_le_bytes();
        Stored { middle: u32::from_le_bytes(middle), end, echo, tag }
    }

    #[inline]
    pub(super) const fn shard(self) -> u8 {
        let [.., shard] = self.0.to_le_bytes();
        shard
    }

    /// Which of a group's overflow bits it sets when the group is full.
    #[inline]
    pub(super) const fn lane(self) -> u8 {
        self.stored().echo % LANES
    }

    /// Where to look, without end. A sequence of its own for each fingerprint: with neighbours
    /// instead, full groups would gather and a table could not be filled as high.
    #[inline]
    pub(super) fn path(self, groups: usize) -> impl Iterator<Item = usize> {
        // Odd, so that no step loses anything; the golden ratio, so that steps spread.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let steps = std::iter::successors(Some(self.0 << SHARD_BITS), move |&at| {
            Some(at.wrapping_mul(STEP) ^ self.0)
        });
        steps.map(move |at| scale(at, groups))
    }
}

/// Spreads `hash` over `0..groups` without a division.
const fn scale(hash: u64, groups: usize) -> usize {
    (((hash >> 32) * groups as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_is_lost() {
        for bit in 0..64 {
            let one = Fingerprint(1 << bit);
            assert_eq!(Fingerprint::from_stored(one.shard(), one.stored()), one, "{bit}");
        }
    }

    #[test]
    fn paths_stay_inside_and_spread() {
        for groups in [1, 2, 3, 64, 1_000] {
            let print = Fingerprint(0x0123_4567_89ab_cdef);
            let seen: std::collections::BTreeSet<_> = print.path(groups).take(20_000).collect();
            assert_eq!(seen.len(), groups);
            assert_eq!(seen.last(), Some(&(groups - 1)));
        }
    }
}
