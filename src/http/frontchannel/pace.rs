//! How fast strangers may have something written.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// People who sign out together at the end of a lesson, behind one provider.
const AT_ONCE: u32 = 200;
/// Each act is a commit to the journal; a slow disk does a hundred in a second.
const EVERY: Duration = Duration::from_millis(50);

/// A bucket of permits that fills again with time. For all providers together: the disk is one.
#[derive(Debug)]
pub struct Pace(Mutex<Option<Instant>>);

/// May be done now.
#[derive(Debug)]
pub(super) struct Permit(());

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl Pace {
    /// One permit, if there is one.
    pub(super) fn take(&self, now: Instant) -> Option<Permit> {
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The bucket as the time when it is full again: no count to keep in step with a clock.
        let next = full_at.unwrap_or(now).max(now) + EVERY;
        if next.duration_since(now) > EVERY * AT_ONCE {
            return None;
        }
        *full_at = Some(next);
        Some(Permit(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_after_the_other() {
        let pace = Pace::default();
        let start = Instant::now();
        let taken = |now| std::iter::from_fn(|| pace.take(now)).take(1_000).count();
        assert_eq!(taken(start), AT_ONCE as usize);
        assert_eq!(taken(start + EVERY * 3), 3);
        assert_eq!(taken(start + Duration::from_secs(3_600)), AT_ONCE as usize);
    }
}
