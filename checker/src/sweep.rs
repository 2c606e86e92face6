//! Forgetting what is over, a little at a time.

use crate::{Index, Timestamp};

/// Expires one part of an index after the other. All of ten million entries at once would hold up
/// whatever else its thread has to do for a tenth of a second.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    part: usize,
}

impl Sweep {
    /// With a step every five seconds, what is over leaves within a minute.
    pub(crate) const PARTS: usize = 12;

    /// Drops what is over in the next part. As many steps as there are parts go over everything.
    pub(crate) fn step(&mut self, index: &Index, now: Timestamp) {
        index.expire_part(now, self.part, Self::PARTS);
        self.part = (self.part + 1) % Self::PARTS;
    }
}
