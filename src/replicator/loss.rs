//! What becomes of a log that lost something.

use signout_checker::log::Loss;

use crate::redis::Log;

/// What is to become of the log that is there. One that holds together stays: it may have what no
/// living instance knows.
pub(super) const fn log_after(loss: Loss) -> Log {
    match loss {
        Loss::Emptied | Loss::RolledBack { .. } | Loss::Forked { .. } | Loss::Evicted => Log::Keep,
        Loss::Gap { .. } | Loss::Foreign => Log::Replace,
    }
}
