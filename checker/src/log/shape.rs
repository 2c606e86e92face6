//! How far a log goes.

use super::{Head, LinkId, Loss};

/// The extent of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogShape {
    /// How many entries.
    pub length: u64,
    /// Number of the oldest one; 0 if there is none.
    pub first: u64,
    /// Number of the newest one; 0 if there is none.
    pub last: u64,
    /// Name of the newest one; [`LinkId::NONE`] if there is none.
    pub link: LinkId,
}

impl LogShape {
    /// What is missing if the log is not whole, or does not go as far as it was read.
    ///
    /// Head and log are not read at once, so only what is seen twice should be believed.
    #[must_use]
    pub fn gap(self, head: &Head, read: u64) -> Option<Loss> {
        let missing = match self.length {
            // Everything in it was over, and trimmed.
            0 if head.first > head.seq => return None,
            0 => head.first,
            // The oldest, the newest and the count are not read at once: the log may be another between.
            length if self.span() != Some(length) => self.first,
            // The numbers go on after the log was deleted, so that whoever follows it sees nothing odd.
            _ if self.first > head.first => head.first,
            _ if self.last < read => self.last.saturating_add(1),
            _ => return None,
        };
        Some(Loss::Gap { missing })
    }

    /// How many entries there are from the oldest to the newest, if none is missing between.
    fn span(self) -> Option<u64> {
        self.last.checked_sub(self.first)?.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestKey;
    use crate::log::Epoch;

    #[test]
    fn i11_a_log_with_a_hole_is_noticed() {
        let head = |first, seq| Head {
            format: 1,
            key: DigestKey::from_bytes([0; 16]),
            epoch: Epoch::from_bits(1),
            seq,
            link: LinkId::NONE,
            first,
        };
        let shape = |length, first, last| LogShape { length, first, last, link: LinkId::NONE };
        for (shape, head, read, missing) in [
            (shape(9, 1, 9), head(1, 9), 9, None),
            (shape(11, 1, 11), head(1, 9), 9, None),
            (shape(0, 0, 0), head(1, 0), 0, None),
            (shape(0, 0, 0), head(10, 9), 9, None),
            (shape(0, 0, 0), head(1, 9), 9, Some(1)),
            (shape(8, 1, 9), head(1, 9), 9, Some(1)),
            (shape(8, 1, 8), head(1, 9), 9, Some(9)),
            (shape(9, 10, 2), head(1, 9), 9, Some(10)),
            (shape(2, 8, 9), head(1, 9), 9, Some(1)),
            (shape(2, 8, 9), head(8, 9), 9, None),
        ] {
            let found = shape.gap(&head, read);
            assert_eq!(found, missing.map(|missing| Loss::Gap { missing }), "{shape:?} {head:?}");
        }
    }
}
