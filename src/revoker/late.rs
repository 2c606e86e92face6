//! Marks of other instances whose tokens may have been registered here.
//!
//! Whoever takes a logout reads the shared tables and ends what it finds there. A token that is
//! not in them yet, or no longer, is known only to the instance that registered it; this one sees
//! the mark and ends what is left. It waits a moment first: nearly always nothing is.
//!
//! A refresh token that a client revoked is such a mark, too: what its grant gave is known where it
//! is registered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use signout_checker::Change;

/// Time for the tokens found by the instance that took the logout to arrive here too.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Marks in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct LateMarks(VecDeque<(Instant, Change)>);

impl LateMarks {
    pub(super) fn extend(&mut self, marks: impl IntoIterator<Item = Change>) {
        let now = Instant::now();
        self.0.extend(marks.into_iter().map(|mark| (now, mark)));
    }

    /// Takes out the marks that have waited long enough.
    pub(super) fn due(&mut self, now: Instant) -> impl Iterator<Item = Change> {
        let due = self.0.partition_point(|(came, _)| now.duration_since(*came) >= PATIENCE);
        self.0.drain(..due).map(|(_, mark)| mark)
    }
}
