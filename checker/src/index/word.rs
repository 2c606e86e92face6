//! A mark in seven bytes.

use super::mark::Mark;
use crate::{IssuedBefore, Reason, TargetKind};

/// What a slot says of its target, so that one load reads all of it.
///
/// | bits | what |
/// |---|---|
/// | 0..8 | echo: eight bits of the fingerprint |
/// | 8..11 | 0 empty, 1..=5 the kind of the target, 6 the mark is in a cell, 7 dropped |
/// | 11..14 | reason |
/// | 14..16 | reach: offline, long-lived |
/// | 16..32 | minutes from `first_at` to `retain_until`; 65535 is for good |
/// | 32..64 | `first_at` in seconds; or the number of the cell |
///
/// A mark that does not fit is kept in a cell: one with the time of a cut-off, or one that is kept
/// for more than 45 days and not for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing was ever here.
    Empty,
    /// The mark itself.
    Mark(Mark),
    /// The mark is in the cell of this number.
    Cell(u32),
    /// The mark is over. The slot still belongs to its fingerprint.
    Dropped,
}

const CELL: u8 = 6;
const DROPPED: u8 = 7;
const FOR_GOOD: u16 = u16::MAX;

impl Word {
    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The word of a mark, if it fits into one.
    pub(super) fn of(echo: u8, mark: Mark) -> Option<Self> {
        let everything = |cut_off| match cut_off {
            IssuedBefore::EVERYTHING => Some(1),
            IssuedBefore::NOTHING => Some(0),
            _ => None,
        };
        if mark.login != IssuedBefore::EVERYTHING {
            return None;
        }
        let reach = everything(mark.offline)? | everything(mark.long_lived)? << 1;
        let reason = mark.reason.tag().checked_sub(1).filter(|&reason| reason < 8)?;
        let flags = code(mark.kind) | reason << 3 | reach << 6;
        let minutes = match mark.retain_until {
            u32::MAX => FOR_GOOD,
            until => {
                let minutes = (until / 60).checked_sub(mark.first_at / 60)?;
                u16::try_from(minutes).ok().filter(|&minutes| minutes != FOR_GOOD)?
            }
        };
        Some(Self::new(echo, flags, minutes, mark.first_at))
    }

    /// The word of a mark that is in a cell.
    pub(super) fn in_cell(echo: u8, number: u32) -> Self {
        Self::new(echo, CELL, 0, number)
    }

    /// The word of a mark that is over.
    pub(super) fn dropped(echo: u8) -> Self {
        Self::new(echo, DROPPED, 0, 0)
    }

    fn new(echo: u8, flags: u8, minutes: u16, rest: u32) -> Self {
        let [echo, flags] = [echo, flags].map(u64::from);
        Self(echo | flags << 8 | u64::from(minutes) << 16 | u64::from(rest) << 32)
    }

    pub(super) const fn echo(self) -> u8 {
        let [echo, ..] = self.0.to_le_bytes();
        echo
    }

    /// The number of the cell that the mark is in, if it is in one.
    pub(super) const fn cell(self) -> Option<u32> {
        let [_, flags, _, _, number @ ..] = self.0.to_le_bytes();
        if flags % 8 == CELL { Some(u32::from_le_bytes(number)) } else { None }
    }

    pub(super) const fn is_dropped(self) -> bool {
        let [_, flags, ..] = self.0.to_le_bytes();
        flags % 8 == DROPPED
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn content(self) -> Content {
        let [_, flags, low, high, rest @ ..] = self.0.to_le_bytes();
        let (minutes, rest) = (u16::from_le_bytes([low, high]), u32::from_le_bytes(rest));
        let kind = match flags % 8 {
            0 => return Content::Empty,
            1 => TargetKind::Token,
            2 => TargetKind::Session,
            3 => TargetKind::Subject,
            4 => TargetKind::Client,
            5 => TargetKind::Issuer,
            CELL => return Content::Cell(rest),
            _ => return Content::Dropped,
        };
        let cut_off =
            |bit| if flags & bit == 0 { IssuedBefore::NOTHING } else { IssuedBefore::EVERYTHING };
        let until = match minutes {
            FOR_GOOD => u32::MAX,
            minutes => (rest / 60 + u32::from(minutes)).saturating_mul(60),
        };
        Content::Mark(Mark {
            login: IssuedBefore::EVERYTHING,
            offline: cut_off(1 << 6),
            long_lived: cut_off(1 << 7),
            retain_until: until,
            first_at: rest,
            // Every value of three bits is a reason.
            reason: Reason::from_tag((flags >> 3) % 8 + 1).unwrap_or(Reason::SecurityEvent),
            kind,
        })
    }
}

const fn code(kind: TargetKind) -> u8 {
    match kind {
        TargetKind::Token => 1,
        TargetKind::Session => 2,
        TargetKind::Subject => 3,
        TargetKind::Client => 4,
        TargetKind::Issuer => 5,
    }
}
