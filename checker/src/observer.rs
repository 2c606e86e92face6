//! What happens, told to whoever counts it.

use std::error::Error;
use std::time::Duration;

use crate::{StalePolicy, Verdict};

/// Whether a follower has its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// The source answers.
    Up,
    /// It does not; the follower tries again.
    Down,
}

/// Is told what a [`Checker`](crate::Checker) and those who feed it do, to be counted in whatever
/// metrics the API has. This crate brings none of its own.
///
/// Every method does nothing unless it is implemented. They are called on the thread where it
/// happens, [`checked`](Self::checked) within a request, so they must not wait. What is a gauge
/// rather than an event is not here: ask [`Checker::staleness`](crate::Checker::staleness) and
/// [`Index::len`](crate::Index::len) when metrics are collected.
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
pub trait Observer: Send + Sync {
    /// A token was asked about, and this was the answer.
    fn checked(&self, verdict: &Verdict) {}

    /// An answer was given from knowledge that is too old, by this policy. Comes before
    /// [`checked`](Self::checked), and only if nothing known spoke against the token.
    fn stale_answer(&self, policy: StalePolicy) {}

    /// This many changes were merged into the index, also those that were known.
    fn applied(&self, changes: usize) {}

    /// A follower found or lost its source.
    fn connection(&self, connection: Connection) {}

    /// A follower's attempt ended, and why; it tries again. Called for each attempt: whoever writes
    /// this into a log may want to write it once.
    fn trouble(&self, trouble: &(dyn Error + 'static)) {}

    /// A whole snapshot was loaded: this many changes in so much time.
    fn loaded(&self, changes: u64, took: Duration) {}

    /// A whole snapshot told less than is known and not expired. Nothing known was dropped; whoever
    /// runs the service should look at what it lost.
    fn shrunk(&self, known: u64, told: u64) {}
}

/// Tells nobody.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {}
