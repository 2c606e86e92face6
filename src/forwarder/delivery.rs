//! The task that tells one provider.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Waiting;
use super::metrics::{Metrics, Outcome};
use super::patience::{PATIENCE, wait};
use crate::provider::{Receipt, Retry, RevocationClient};

/// Tokens that a provider is asked about at a time. One that hangs holds up four, and not the rest
/// for longer than their patience.
const AT_ONCE: usize = 4;

/// Takes tokens from the queue of one provider until nobody can put one there.
#[derive(Debug)]
pub struct Delivery {
    client: Arc<RevocationClient>,
    waiting: mpsc::Receiver<Waiting>,
    metrics: Metrics,
}

impl Delivery {
    pub(super) fn new(
        client: Arc<RevocationClient>,
        waiting: mpsc::Receiver<Waiting>,
        metrics: Metrics,
    ) -> Self {
        Self { client, waiting, metrics }
    }

    /// Ends when the last [`Forwarder`](super::Forwarder) is gone and every token has had its end.
    pub async fn run(mut self) {
        let mut tellings = JoinSet::new();
        loop {
            tokio::select! {
                Some(waiting) = self.waiting.recv(), if tellings.len() < AT_ONCE => {
                    let (client, metrics) = (Arc::clone(&self.client), self.metrics.clone());
                    tellings.spawn(async move {
                        let outcome = tell(&client, waiting).await;
                        metrics.ended(client.provider_name(), outcome);
                    });
                }
                Some(_) = tellings.join_next() => {}
                else => return,
            }
        }
    }
}

/// Asks until there is an answer, or no more patience.
async fn tell(client: &RevocationClient, Waiting { token, since }: Waiting) -> Outcome {
    let provider = client.provider_name();
    let mut failures = 0;
    loop {
        // Behind others, all of it may have gone by.
        if since.elapsed() >= PATIENCE {
            tracing::warn!(provider, failures, "a revocation is not forwarded: it waited too long");
            return Outcome::GivenUp;
        }
        let error = match client.revoke(token.expose()).await {
            Ok(Receipt { .. }) => {
                tracing::info!(provider, failures, "revocation forwarded");
                return Outcome::Taken;
            }
            Err(error) => error,
        };
        failures += 1;
        let retry = error.retry();
        let Some(wait) = wait(failures, retry, since.elapsed()) else {
            tracing::warn!(provider, failures, %error, "a revocation is not forwarded");
            return if retry == Retry::Never { Outcome::Refused } else { Outcome::GivenUp };
        };
        tracing::debug!(provider, failures, %error, "a revocation will be forwarded later");
        tokio::time::sleep(wait).await;
    }
}
