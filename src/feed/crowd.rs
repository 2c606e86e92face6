//! Who subscribes, and whether one more may.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Audience, Metrics};

/// How many subscribers there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    subscribers: u32,
    /// Of these, how many see identifiers.
    trusted: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Seats {
    crowd: Arc<watch::Sender<Crowd>>,
    most: u32,
    metrics: Metrics,
}

/// A place among the subscribers; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    is_trusted: bool,
}

impl Seats {
    pub(super) fn new(most: u32, metrics: Metrics) -> Self {
        Self { crowd: Arc::default(), most, metrics }
    }

    /// None if all are taken.
    pub(super) fn take(&self, audience: &Audience) -> Option<Seat> {
        let is_trusted = matches!(audience, Audience::Trusted(_));
        let take = |crowd: &mut Crowd| {
            let free = crowd.subscribers < self.most;
            crowd.subscribers += u32::from(free);
            crowd.trusted += u32::from(free && is_trusted);
            free
        };
        self.crowd.send_if_modified(take).then(|| {
            self.metrics.came();
            Seat { seats: self.clone(), is_trusted }
        })
    }

    pub(super) fn anybody_is_trusted(&self) -> bool {
        self.crowd.borrow().trusted > 0
    }

    /// Waits for the first subscriber.
    pub(super) async fn somebody(&self) {
        // The sender is in `self`, so this ends only when it is so.
        let _ = self.crowd.subscribe().wait_for(|crowd| crowd.subscribers > 0).await;
    }

    /// Waits until the last subscriber is gone.
    pub(super) async fn nobody(&self) {
        let _ = self.crowd.subscribe().wait_for(|crowd| crowd.subscribers == 0).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.crowd.send_modify(|crowd| {
            crowd.subscribers -= 1;
            crowd.trusted -= u32::from(self.is_trusted);
        });
        self.seats.metrics.left();
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;
    use crate::settings::Issuers;

    #[test]
    fn as_many_as_there_are_seats() {
        let seats = Seats::new(2, Metrics::register(&Registry::new()).unwrap());
        let first = seats.take(&Audience::Trusted(Issuers::All)).unwrap();
        let second = seats.take(&Audience::Anybody).unwrap();
        assert!(seats.take(&Audience::Anybody).is_none());
        assert!(seats.anybody_is_trusted());
        drop(first);
        assert!(!seats.anybody_is_trusted());
        let third = seats.take(&Audience::Anybody);
        assert!(third.is_some() && seats.take(&Audience::Anybody).is_none());
        drop((second, third));
        assert_eq!(seats.crowd.borrow().subscribers, 0);
    }
}
