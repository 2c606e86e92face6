//! What the log says, for the journal to be compared with. Pure.

use signout_checker::{Change, DigestKey, Index};

use crate::journal::Record;

/// What is known of the log when the journal is compared with it.
#[derive(Debug)]
pub(super) enum Fold {
    /// All that it says.
    Whole(Box<Index>),
    /// Nothing was refused here when the log was begun to be read. So what this instance has from
    /// others is from this log, and what it took itself is not in it: there is nothing to remember,
    /// and a new instance knows the others in half the time.
    Newcomer,
}

impl Fold {
    /// For an instance that refuses what is in this index, before the log is read.
    pub(super) fn before(known: &Index) -> Self {
        if known.is_empty() {
            return Self::Newcomer;
        }
        let index = Index::new(DigestKey::clone(known.key()));
        index.expect(known.total());
        Self::Whole(Box::new(index))
    }

    /// The log says this.
    pub(super) fn add(&self, change: &Change) {
        if let Self::Whole(index) = self {
            index.apply_change(change);
        }
    }

    /// Whether the log does not say what this entry of the journal says.
    pub(super) fn lacks(&self, change: &Change, record: &Record) -> bool {
        match self {
            Self::Whole(index) => !index.covers(change),
            Self::Newcomer => !matches!(record, Record::Followed(_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use signout_checker::{Digest, IssuedBefore, Reach, Reason, TargetKind, Timestamp};

    use super::*;

    fn change(n: u8) -> Change {
        Change {
            target: Digest::from_bytes([n; 16]),
            name: None,
            kind: TargetKind::Token,
            issued_before: IssuedBefore::EVERYTHING,
            reach: Reach::ALL,
            retain_until: Timestamp::from_secs(9),
            reason: Reason::Admin,
            revoked_at: Timestamp::from_secs(5),
        }
    }

    #[test]
    fn what_the_log_does_not_say_is_lacking() {
        let taken = Record::Revoked { revocations: Vec::new(), seen: None };
        let followed = Record::Followed(Vec::new());
        let known = Index::new(DigestKey::from_bytes([1; 16]));
        let newcomer = Fold::before(&known);
        known.apply_change(&change(1));
        let whole = Fold::before(&known);
        for fold in [&newcomer, &whole] {
            fold.add(&change(2));
        }
        for (fold, change, record, lacks) in [
            (&whole, change(1), &taken, true),
            (&whole, change(1), &followed, true),
            (&whole, change(2), &taken, false),
            (&whole, change(2), &followed, false),
            (&newcomer, change(3), &taken, true),
            (&newcomer, change(2), &followed, false),
        ] {
            assert_eq!(fold.lacks(&change, record), lacks, "{fold:?} {record:?}");
        }
    }
}
