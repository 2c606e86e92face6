//! What became of the tokens that providers should hear of.

use prometheus::{IntCounterVec, Opts, Registry};

/// The counter of all providers.
#[derive(Clone, Debug)]
pub struct Metrics(IntCounterVec);

/// The end of one token's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The provider took it.
    Taken,
    /// The provider will not.
    Refused,
    /// The provider could not, for as long as anybody waits.
    GivenUp,
    /// Too many wait already, or the service stops.
    Dropped,
    /// It was issued to another client than the one that is configured.
    OtherClient,
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Taken, Self::Refused, Self::GivenUp, Self::Dropped, Self::OtherClient];

    const fn label(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Dropped => "dropped",
            Self::OtherClient => "other_client",
        }
    }
}

impl Metrics {
    /// Registers it.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let forwarded = IntCounterVec::new(
            Opts::new(
                "signout_revocations_forwarded_total",
                "Tokens that clients revoked here and that their provider should hear of, by what \
                 became of that.",
            ),
            &["provider", "outcome"],
        )?;
        registry.register(Box::new(forwarded.clone()))?;
        Ok(Self(forwarded))
    }

    /// Every outcome of this provider at zero: a rate needs a start.
    pub(super) fn expect(&self, provider: &str) {
        for outcome in Outcome::ALL {
            self.0.with_label_values(&[provider, outcome.label()]);
        }
    }

    /// `provider` is a configured name.
    pub(super) fn ended(&self, provider: &str, outcome: Outcome) {
        self.0.with_label_values(&[provider, outcome.label()]).inc();
    }
}
