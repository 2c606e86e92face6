//! `SipHash`-1-3 with 128 bits (Aumasson and Bernstein, "`SipHash`: a fast short-input PRF", 2012; one
//! round for each word of input, three at the end).
//!
//! By hand because a check spends most of its time here: an index goes on from the state behind
//! what the tokens of an issuer have in common, needs only half of the result, and asks about texts
//! whose length nobody can predict. The tests hold it against the `siphasher` crate.

/// What the hash takes at a time.
const WORD: usize = 8;

/// The hash of what it was fed so far: whole words.
#[derive(Clone, Copy)]
pub(crate) struct SipHash {
    state: [u64; 4],
    length: u8,
}

impl SipHash {
    pub(crate) const fn new(key: &[u8; 16]) -> Self {
        let key = u128::from_le_bytes(*key);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let (k0, k1) = (key as u64, (key >> 64) as u64);
        let state = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        Self { state, length: 0 }
    }

    #[inline]
    pub(crate) fn word(&mut self, word: u64) {
        self.absorb(word);
        self.length = self.length.wrapping_add(8);
    }

    /// Feeds a text, filled up with zeroes to whole words.
    pub(crate) fn padded(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((&word, more)) = rest.split_first_chunk::<WORD>() {
            self.word(u64::from_le_bytes(word));
            rest = more;
        }
        if !rest.is_empty() {
            self.word(few(rest));
        }
    }

    /// The low half of the hash with a last text behind all that was fed.
    #[inline]
    pub(crate) fn low(mut self, text: &[u8]) -> u64 {
        self.last(text);
        self.half(0xee)
    }

    /// All of it.
    pub(crate) fn whole(mut self, text: &[u8]) -> u128 {
        self.last(text);
        let low = self.half(0xee);
        let [_, v1, ..] = &mut self.state;
        *v1 ^= 0xdd;
        u128::from(low) | u128::from(self.half(0)) << 64
    }

    #[inline]
    fn last(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some((&word, more)) = rest.split_first_chunk::<WORD>() {
            self.absorb(u64::from_le_bytes(word));
            rest = more;
        }
        // What is left over is the upper part of the last eight bytes: no branch on how much.
        let left = match text.last_chunk::<WORD>() {
            Some(&last) => u64::from_le_bytes(last) >> 1 >> (63 - 8 * (text.len() % WORD)),
            None => few(text),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the length counts modulo 256")]
        let length = self.length.wrapping_add(text.len() as u8);
        self.absorb(left | u64::from(length) << 56);
    }

    #[inline]
    fn half(&mut self, end: u64) -> u64 {
        let [_, _, v2, _] = &mut self.state;
        *v2 ^= end;
        (0..3).for_each(|_| self.round());
        let [v0, v1, v2, v3] = self.state;
        v0 ^ v1 ^ v2 ^ v3
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        let [.., v3] = &mut self.state;
        *v3 ^= word;
        self.round();
        let [v0, ..] = &mut self.state;
        *v0 ^= word;
    }

    #[inline]
    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.state;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32).wrapping_add(v3);
        v2 = v2.wrapping_add(v1);
        v3 = v3.rotate_left(21) ^ v0;
        v1 = v1.rotate_left(17) ^ v2;
        self.state = [v0, v1, v2.rotate_left(32), v3];
    }
}

/// Fewer than eight bytes as a word.
fn few(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "halves and low bytes are what is wanted")]
mod tests {
    use std::hash::Hasher as _;

    use siphasher::sip128::{Hasher128 as _, SipHasher13};

    use super::*;

    #[test]
    fn hashes_are_those_of_the_crate() {
        let bytes: Vec<u8> = (0..600u32).map(|n| (n * 167 % 256) as u8).collect();
        for (length, words) in (0..300).flat_map(|length| [(length, 0), (length, 1), (length, 5)]) {
            let key = [length as u8; 16].map(|byte| byte.wrapping_mul(31));
            let (mut ours, mut theirs) = (SipHash::new(&key), SipHasher13::new_with_key(&key));
            for word in 0..words {
                ours.word(word ^ 0x0123_4567_89ab_cdef);
                theirs.write(&(word ^ 0x0123_4567_89ab_cdef).to_le_bytes());
            }
            let text = &bytes[length..2 * length];
            theirs.write(text);
            let expected = u128::from(theirs.finish128());
            assert_eq!(ours.whole(text), expected, "{length} bytes behind {words} words");
            assert_eq!(ours.low(text), expected as u64, "{length} bytes behind {words} words");
        }
    }

    #[test]
    fn padding_is_of_zeroes() {
        for length in 0..40 {
            let text = vec![b'x'; length];
            let (mut ours, mut theirs) =
                (SipHash::new(&[5; 16]), SipHasher13::new_with_key(&[5; 16]));
            ours.padded(&text);
            theirs.write(&text);
            theirs.write(&vec![0; text.len().next_multiple_of(WORD) - text.len()]);
            assert_eq!(ours.whole(&[]), u128::from(theirs.finish128()), "{length}");
        }
    }
}
