//! Bends bytes, the same way in every run.

/// A small generator of numbers (splitmix64).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// One of the valid inputs after one to three accidents; now and then noise.
    pub(crate) fn bent(&mut self, valid: &[Vec<u8>]) -> Vec<u8> {
        if self.below(20) == 0 {
            let length = self.below(200);
            return std::iter::repeat_with(|| self.byte()).take(length).collect();
        }
        let mut bytes = valid[self.below(valid.len())].clone();
        for _ in 0..=self.below(3) {
            self.accident(&mut bytes, valid);
        }
        bytes
    }

    fn accident(&mut self, bytes: &mut Vec<u8>, valid: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at).min(40) + 1);
        match self.below(9) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.byte()),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let other = &valid[self.below(valid.len())];
                bytes.truncate(at);
                bytes.extend(other.iter().skip(at));
            }
            5 => {
                let odd: [&[u8]; 8] = [
                    b"null",
                    b"-1",
                    b"1e9",
                    b"0",
                    b"{}",
                    b"[]",
                    b"\xff\xff\xff\xff",
                    b"\"\\u0000\"",
                ];
                bytes.splice(at..end, odd[self.below(odd.len())].iter().copied());
            }
            // A digit or a letter for another: most of these are still an event.
            6 | 7 => {
                let is_digit = |&at: &usize| bytes[at].is_ascii_digit();
                let digits: Vec<_> = (0..bytes.len()).filter(is_digit).collect();
                if !digits.is_empty() {
                    let digit = digits[self.below(digits.len())];
                    bytes[digit] = b'0' + self.byte() % 10;
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
    }
}
