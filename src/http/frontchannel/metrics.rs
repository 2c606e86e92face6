//! What front-channel logouts tell Prometheus.

use prometheus::{IntCounterVec, Opts, Registry};

/// The metrics of this route.
#[derive(Clone, Debug)]
pub struct Metrics(IntCounterVec);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A session ended.
    Ended,
    /// It named no session that is known.
    Ignored,
    /// The session was over.
    Repeated,
    /// It could not be made durable, or too many came.
    Unavailable,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new(
                "signout_frontchannel_logouts_total",
                "Front-channel logout requests, by provider and by what became of them.",
            ),
            &["provider", "outcome"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self(requests))
    }

    /// `provider` is a configured name.
    pub(super) fn heard(&self, provider: &str, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Ended => "ended",
            Outcome::Ignored => "ignored",
            Outcome::Repeated => "repeated",
            Outcome::Unavailable => "unavailable",
        };
        self.0.with_label_values(&[provider, outcome]).inc();
    }
}
