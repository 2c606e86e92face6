//! How far this instance has read, and whether what it read is still there.
//!
//! Pure. Every entry of the log carries a random name and that of the entry before it. So what one
//! instance remembers of the log, an epoch, a number and a name, tells it whether any log it meets
//! later continues from there: a log that was rolled back is too short, and one that was continued
//! by another master after a failover carries other names.

use super::{Entry, Epoch, Head, LinkId, Loss};

/// The last entry that was read, and of which incarnation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Of the log.
    pub epoch: Epoch,
    /// Number of the last entry that was read.
    pub seq: u64,
    /// Its name; [`LinkId::NONE`] before any was read.
    pub link: LinkId,
}

/// How a head stands to what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The log goes on from there.
    Continues,
    /// It is another incarnation: everything is to be read, and compared, anew.
    Renewed,
    /// What was read is not there any more.
    Lost(Loss),
}

impl Reading {
    /// Nothing was read of this log yet.
    #[must_use]
    pub const fn beginning(head: &Head) -> Self {
        Self { epoch: head.epoch, seq: head.first.saturating_sub(1), link: LinkId::NONE }
    }

    /// Holds a head against what was read.
    #[must_use]
    pub fn against(&self, head: &Head) -> Standing {
        if head.epoch != self.epoch {
            Standing::Renewed
        } else if head.seq < self.seq {
            Standing::Lost(Loss::RolledBack { read: self.seq, found: head.seq })
        } else if head.seq == self.seq && head.link != self.link {
            Standing::Lost(Loss::Forked { read: self.seq })
        } else {
            Standing::Continues
        }
    }

    /// Moves on by one entry, if it is the next one.
    pub fn step(&mut self, entry: &Entry) -> Result<(), Loss> {
        let next = self.seq.saturating_add(1);
        if entry.seq != next {
            return Err(Loss::Gap { missing: next });
        }
        // What stood before the oldest entry that is kept is not known.
        if self.link != LinkId::NONE && entry.previous != self.link {
            return Err(Loss::Forked { read: self.seq });
        }
        (self.seq, self.link) = (entry.seq, entry.link);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestKey;

    const EPOCH: Epoch = Epoch::from_bits(1);

    fn link(n: u8) -> LinkId {
        LinkId::from_bytes([n; 8])
    }

    fn head(epoch: u64, seq: u64, name: u8) -> Head {
        let (format, first) = (1, 1);
        let (epoch, key) = (Epoch::from_bits(epoch), DigestKey::from_bytes([0; 16]));
        Head { format, key, epoch, seq, link: link(name), first }
    }

    #[test]
    fn i11_what_was_read_is_held_against_the_head() {
        let read = Reading { epoch: EPOCH, seq: 5, link: link(5) };
        for (head, standing) in [
            (head(1, 5, 5), Standing::Continues),
            (head(1, 9, 9), Standing::Continues),
            (head(2, 9, 9), Standing::Renewed),
            (head(1, 4, 4), Standing::Lost(Loss::RolledBack { read: 5, found: 4 })),
            (head(1, 5, 6), Standing::Lost(Loss::Forked { read: 5 })),
        ] {
            assert_eq!(read.against(&head), standing, "{head:?}");
        }
    }

    #[test]
    fn i12_only_the_next_entry_of_the_same_chain_is_taken() {
        let entry = |seq, previous, own| Entry {
            seq,
            previous: link(previous),
            link: link(own),
            changes: Vec::new(),
        };
        let read = Reading { epoch: EPOCH, seq: 5, link: link(5) };
        for (entry, result) in [
            (entry(6, 5, 6), Ok(())),
            (entry(6, 4, 6), Err(Loss::Forked { read: 5 })),
            (entry(7, 6, 7), Err(Loss::Gap { missing: 6 })),
            (entry(5, 4, 5), Err(Loss::Gap { missing: 6 })),
        ] {
            let mut moved = read;
            assert_eq!(moved.step(&entry), result);
            assert_eq!(moved == read, result.is_err(), "{entry:?}");
        }
        let mut beginning = Reading::beginning(&head(1, 9, 9));
        assert_eq!(beginning.step(&entry(1, 0, 1)), Ok(()));
        // The entries before the oldest one were trimmed, so nobody can say what it follows.
        let mut trimmed = Reading::beginning(&Head { first: 7, ..head(1, 9, 9) });
        assert_eq!(trimmed.step(&entry(7, 6, 7)), Ok(()));
    }
}
