//! An API with a checker, and a follower as it should be: it does what `Subscription` says.

use std::time::Instant;

use signout_checker::{
    Checker, FeedEvent, Loading, Policy, Position, SnapshotError, Subscription, Taken,
};

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) checker: Checker,
    /// None before the first snapshot was loaded as a whole.
    subscription: Option<Subscription>,
}

/// What the follower does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Read,
    Connect,
    Load,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { checker: Checker::new(Policy::default()), subscription: None }
    }

    /// Behind which position it connects, if it knows any.
    pub(crate) fn connects(&mut self, now: Instant) -> Option<Position> {
        let subscription = self.subscription.as_mut()?;
        subscription.asking(now);
        Some(subscription.position())
    }

    /// Loads in two pieces, which may fall apart anywhere.
    pub(crate) fn loads(&mut self, bytes: &[u8], cut: usize) -> Result<(), SnapshotError> {
        let mut loading = Loading::into_checker(&self.checker);
        let (one, two) = bytes.split_at(cut % (bytes.len() + 1));
        for mut piece in [one, two] {
            while loading.read(&mut piece)?.is_some() {}
        }
        let snapshot = loading.finish()?;
        let checker = &self.checker;
        let fresh = || Subscription::at(checker, snapshot.position);
        self.subscription.get_or_insert_with(fresh).loaded(&snapshot);
        Ok(())
    }

    pub(crate) fn takes(&mut self, event: FeedEvent, now: Instant) -> (Next, &'static str) {
        let Some(subscription) = &mut self.subscription else { return (Next::Load, "none") };
        let is_part = matches!(event, FeedEvent::Part { .. });
        match subscription.take(event, now) {
            Taken::Applied(_) if is_part => (Next::Read, "part"),
            Taken::Applied(_) => (Next::Read, "applied"),
            Taken::Alive { .. } => (Next::Read, "alive"),
            Taken::Repeated => (Next::Read, "repeated"),
            Taken::Missing => (Next::Connect, "missing"),
            Taken::Reset(reason) => (Next::Load, reason.as_str()),
            other => panic!("{other:?}"),
        }
    }
}
