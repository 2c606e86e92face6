//! Tells a provider which of its tokens a client revoked here, after that was done here.
//!
//! The provider would go on taking a refresh token that only signout refuses. Telling it is a
//! courtesy and no part of the promise: what was answered with 200 holds here, whatever the
//! provider says. So nobody waits for it, [`Forwarder::offer`] never does, and what waits is kept in
//! memory only: as many tokens as `QUEUE` says, each for two minutes at most. What is
//! lost by that, or by a restart, is counted or logged, and a client that revokes again tells again.
//!
//! Deliberately absent: tokens on the disk, a retry that goes on for ever, and an opinion on what the
//! provider answered.

mod delivery;
mod metrics;
mod patience;
mod token_text;

pub use delivery::Delivery;
pub use metrics::Metrics;
pub use token_text::TokenText;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use metrics::Outcome;

use crate::provider::RevocationClient;

/// Tokens that wait for one provider: with 16 KiB each, the longest that a request may hold, 16 MiB.
const QUEUE: usize = 1_000;

/// The way to the queue of one provider.
#[derive(Clone, Debug)]
pub struct Forwarder {
    client: Arc<RevocationClient>,
    queue: mpsc::Sender<Waiting>,
    metrics: Metrics,
}

/// A token that the provider has not heard of.
#[derive(Debug)]
struct Waiting {
    token: TokenText,
    since: Instant,
}

impl Forwarder {
    /// A queue, and the task at its other end.
    pub fn new(client: RevocationClient, metrics: Metrics) -> (Self, Delivery) {
        let (client, (queue, waiting)) = (Arc::new(client), mpsc::channel(QUEUE));
        metrics.expect(client.provider_name());
        let delivery = Delivery::new(Arc::clone(&client), waiting, metrics.clone());
        (Self { client, queue, metrics }, delivery)
    }

    /// Whose tokens the provider ends for us: RFC 7009, section 2.1 has it refuse those of others.
    pub fn client_id(&self) -> &str {
        self.client.client_id()
    }

    /// Has the provider told, soon and maybe. Returns at once.
    pub fn offer(&self, token: TokenText) {
        let provider = self.client.provider_name();
        match self.queue.try_send(Waiting { token, since: Instant::now() }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!(provider, "a revocation is not forwarded: {QUEUE} wait already");
                self.metrics.ended(provider, Outcome::Dropped);
            }
            // The service stops, and whoever asked has the answer that counts.
            Err(TrySendError::Closed(_)) => self.metrics.ended(provider, Outcome::Dropped),
        }
    }

    /// A token that is another client's is not sent.
    pub fn leave(&self) {
        self.metrics.ended(self.client.provider_name(), Outcome::OtherClient);
    }
}
