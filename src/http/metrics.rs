//! What the HTTP surface tells Prometheus. Labels come from closed sets and configured names.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use signout_checker::{StalePolicy, Verdict};

use super::backchannel;

/// The work is tens of microseconds, then one commit.
const LOGOUT_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0];
/// From a microsecond: the index answers in less, reading the request takes most.
const CHECK_BUCKETS: &[f64] =
    &[0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.001, 0.01];
/// Labels of [`Verdict`]'s variants, in their order.
const VERDICTS: [&str; 3] = ["not_revoked", "revoked", "unknown"];

/// The metrics of the HTTP surface.
#[derive(Clone, Debug)]
pub struct Metrics {
    logout_tokens: IntCounterVec,
    logout_seconds: HistogramVec,
    checks: IntCounterVec,
    check_seconds: Histogram,
    stale_answers: IntCounterVec,
    forward_auth_refusals: IntCounterVec,
}

/// Where a token was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/v1/check`.
    Check,
    /// `/forward-auth`.
    ForwardAuth,
    /// `/oauth2/introspect`.
    Introspect,
}

impl Surface {
    const ALL: [Self; 2] = [Self::Check, Self::ForwardAuth];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::ForwardAuth => "forward_auth",
            Self::Introspect => "introspect",
        }
    }
}

/// What became of a logout token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogoutOutcome {
    /// It took effect.
    Applied,
    /// It had taken effect before.
    Repeated,
    /// It was no good.
    Refused,
    /// It could not be taken now.
    Unavailable,
}

impl LogoutOutcome {
    const ALL: [Self; 4] = [Self::Applied, Self::Repeated, Self::Refused, Self::Unavailable];
    /// The `reason` of what went well.
    pub(super) const NO_REASON: &'static str = "none";

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Metrics {
    /// Registers them, for providers with these names.
    pub fn register<'n>(
        registry: &Registry,
        providers: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            logout_tokens: IntCounterVec::new(
                Opts::new(
                    "signout_logout_tokens_total",
                    "Logout tokens received, by provider, what became of them, and why.",
                ),
                &["provider", "outcome", "reason"],
            )?,
            logout_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "signout_logout_request_seconds",
                    "From a logout token's arrival to its answer; what was applied is refused by then.",
                )
                .buckets(LOGOUT_BUCKETS.to_vec()),
                &["outcome"],
            )?,
            checks: IntCounterVec::new(
                Opts::new(
                    "signout_checks_total",
                    "Tokens asked about, by where and by the answer.",
                ),
                &["surface", "verdict"],
            )?,
            check_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "signout_check_seconds",
                    "Time to answer one request about one or more tokens, once it was read.",
                )
                .buckets(CHECK_BUCKETS.to_vec()),
            )?,
            stale_answers: IntCounterVec::new(
                Opts::new(
                    "signout_stale_answers_total",
                    "Requests answered from knowledge older than max_staleness, by policy.",
                ),
                &["policy"],
            )?,
            forward_auth_refusals: IntCounterVec::new(
                Opts::new(
                    "signout_forward_auth_refusals_total",
                    "Requests of reverse proxies that were not let pass, by why.",
                ),
                &["reason"],
            )?,
        };
        registry.register(Box::new(metrics.logout_tokens.clone()))?;
        registry.register(Box::new(metrics.logout_seconds.clone()))?;
        registry.register(Box::new(metrics.checks.clone()))?;
        registry.register(Box::new(metrics.check_seconds.clone()))?;
        registry.register(Box::new(metrics.stale_answers.clone()))?;
        registry.register(Box::new(metrics.forward_auth_refusals.clone()))?;
        metrics.start_at_zero(providers);
        Ok(metrics)
    }

    /// Alerts on an increase miss the first of a series that only appears with it. The reasons for a
    /// refusal are too many to show them all.
    fn start_at_zero<'n>(&self, providers: impl IntoIterator<Item = &'n str>) {
        for provider in providers {
            let show = |outcome: LogoutOutcome, reason| {
                self.logout_tokens.with_label_values(&[provider, outcome.as_str(), reason]);
            };
            show(LogoutOutcome::Applied, LogoutOutcome::NO_REASON);
            show(LogoutOutcome::Repeated, LogoutOutcome::NO_REASON);
            for reason in backchannel::UNAVAILABLE {
                show(LogoutOutcome::Unavailable, reason);
            }
        }
        for outcome in LogoutOutcome::ALL {
            self.logout_seconds.with_label_values(&[outcome.as_str()]);
        }
        for surface in Surface::ALL {
            for verdict in VERDICTS {
                self.checks.with_label_values(&[surface.as_str(), verdict]);
            }
        }
        for policy in [StalePolicy::Deny, StalePolicy::Allow] {
            self.stale_answers.with_label_values(&[policy.as_str()]);
        }
    }

    /// `provider` is a configured name, or nothing if the token led to none; `reason` is from a
    /// closed set.
    pub(super) fn logout(
        &self,
        provider: Option<&str>,
        outcome: LogoutOutcome,
        reason: &'static str,
        took: Duration,
    ) {
        let labels = [provider.unwrap_or("none"), outcome.as_str(), reason];
        self.logout_tokens.with_label_values(&labels).inc();
        self.logout_seconds.with_label_values(&[outcome.as_str()]).observe(took.as_secs_f64());
    }

    pub(super) fn checked(&self, surface: Surface, verdict: &Verdict) {
        let [not_revoked, revoked, unknown] = VERDICTS;
        let verdict = match verdict {
            Verdict::NotRevoked(_) => not_revoked,
            Verdict::Revoked(_) => revoked,
            Verdict::Unknown(_) => unknown,
        };
        self.checks.with_label_values(&[surface.as_str(), verdict]).inc();
    }

    /// `reason` is from a closed set.
    pub(super) fn forward_auth_refused(&self, reason: &'static str) {
        self.forward_auth_refusals.with_label_values(&[reason]).inc();
    }

    pub(super) fn stale(&self, policy: StalePolicy) {
        self.stale_answers.with_label_values(&[policy.as_str()]).inc();
    }

    pub(super) fn check_took(&self, took: Duration) {
        self.check_seconds.observe(took.as_secs_f64());
    }
}
