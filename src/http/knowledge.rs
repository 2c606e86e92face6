//! How old the knowledge behind an answer is, and what to do when it is too old.

use std::time::Duration;

use signout_checker::StalePolicy;

use super::answer::Failure;
use super::metrics::Metrics;
use crate::journal::Position;
use crate::replicator::{NotShared, Sharing};

/// Redis takes less than a millisecond, if it takes anything.
const SHARED_WITHIN: Duration = Duration::from_secs(1);
/// The largest whole number that every JSON reader takes as it is.
const LARGEST_JSON_INTEGER: u64 = (1 << 53) - 1;

/// What the index of this instance may have missed, and the policy for it.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// Where the staleness comes from.
    pub sharing: Sharing,
    /// `checker.max_staleness`.
    pub max_staleness: Duration,
    /// `checker.when_stale`.
    pub when_stale: StalePolicy,
}

/// Knowledge that may be answered from, as old as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    pub(super) milliseconds: u64,
    /// Whether what is not known to be revoked is refused all the same.
    pub(super) refuses: bool,
}

impl Knowledge {
    /// Waits until what was committed may be acknowledged as `redis.acknowledge` says.
    pub(super) async fn acknowledged(&self, position: Position) -> Result<(), Failure> {
        let shared = self.sharing.acknowledged(position.seq);
        match tokio::time::timeout(SHARED_WITHIN, shared).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Failure::unavailable(NotShared.to_string())),
        }
    }

    /// To be asked before the index is: what comes in between makes the answer better, not worse.
    pub(super) fn age(&self, metrics: &Metrics) -> Age {
        let staleness = self.sharing.staleness();
        let milliseconds = u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX);
        let is_stale = staleness > self.max_staleness;
        if is_stale {
            metrics.stale(self.when_stale);
        }
        Age {
            milliseconds: milliseconds.min(LARGEST_JSON_INTEGER),
            refuses: is_stale && self.when_stale == StalePolicy::Deny,
        }
    }
}
