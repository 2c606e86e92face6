//! Until when each entry of the log is needed. Pure.
//!
//! The log is trimmed at its front only, and never below what may still be live. An entry that
//! lives long is carried forward, appended anew, so that it does not keep a thousand short-lived
//! ones behind it.

use std::collections::VecDeque;
use std::time::Duration;

use signout_checker::Timestamp;

use crate::redis::Entry;

/// Clocks of instances may be apart by this much.
const MARGIN: Duration = Duration::from_secs(3_600);
/// This many entries that are over make it worth to carry those before them forward.
const WORTH_CARRYING: usize = 1_000;
/// At most so many at a time.
const CARRY_AT_MOST: usize = 100;

/// The entries of the log in order, with when the last of each ends.
#[derive(Debug, Default)]
pub(super) struct LogEnds(VecDeque<(u64, Timestamp)>);

impl LogEnds {
    pub(super) fn push(&mut self, entry: &Entry) {
        let ends = entry.changes.iter().map(|change| change.retain_until).max();
        self.0.push_back((entry.seq, ends.unwrap_or_default()));
    }

    /// The first entry that must stay; none if nothing can go.
    pub(super) fn first_needed(&mut self, now: Timestamp) -> Option<u64> {
        let over = self.0.iter().take_while(|(_, ends)| is_over(*ends, now)).count();
        let last = self.0.drain(..over).next_back()?;
        Some(last.0 + 1)
    }

    /// The entries at the front that live on while many behind them are over.
    pub(super) fn to_carry(&self, now: Timestamp) -> Vec<u64> {
        let (mut lives, mut over) = (Vec::new(), 0);
        for (seq, ends) in &self.0 {
            if is_over(*ends, now) {
                over += 1;
            } else if lives.len() == CARRY_AT_MOST {
                break;
            } else {
                lives.push(*seq);
            }
            if over == WORTH_CARRYING {
                return lives;
            }
        }
        Vec::new()
    }

    /// These were appended anew; where they stood they are not needed any more.
    pub(super) fn carried(&mut self, seqs: &[u64]) {
        for (seq, ends) in &mut self.0 {
            if seqs.contains(seq) {
                *ends = Timestamp::default();
            }
        }
    }
}

fn is_over(ends: Timestamp, now: Timestamp) -> bool {
    ends.plus(MARGIN) < now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(ends: &[u64]) -> LogEnds {
        let ends = ends.iter().map(|&secs| Timestamp::from_secs(secs));
        LogEnds((1..).zip(ends).collect())
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn only_what_is_long_over_goes_and_only_from_the_front() {
        let mut log = ends(&[100, 200, 9_000, 300]);
        assert_eq!(log.first_needed(at(3_700)), None);
        assert_eq!(log.first_needed(at(3_801)), Some(3));
        assert_eq!(log.first_needed(at(5_000)), None, "the third lives");
        assert_eq!(log.first_needed(at(12_601)), Some(5));
    }

    #[test]
    fn what_lives_long_is_carried_once_it_keeps_many() {
        let mut log = ends(&[&[900_000], [100; 999].as_slice(), &[900_000]].concat());
        let now = at(10_000);
        assert!(log.to_carry(now).is_empty());
        log.0.push_back((1_002, at(100)));
        assert_eq!(log.to_carry(now), [1, 1_001]);
        log.carried(&[1, 1_001]);
        assert_eq!(log.first_needed(now), Some(1_003));
    }
}
