//! What the HTTP surface tells Prometheus. Labels come from closed sets and configured names.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};
use signout_checker::{StalePolicy, Verdict};

/// The work is tens of microseconds, then one commit.
const LOGOUT_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0];
/// From a microsecond: the index answers in less, reading the request takes most.
const CHECK_BUCKETS: &[f64] =
    &[0.000_001, 0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.001, 0.01];

/// The metrics of the HTTP surface.
#[derive(Clone, Debug)]
pub struct Metrics {
    logout_tokens: IntCounterVec,
    logout_seconds: Histogram,
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
}

impl Surface {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::ForwardAuth => "forward_auth",
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
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            logout_tokens: IntCounterVec::new(
                Opts::new(
                    "signout_logout_tokens_total",
                    "Logout tokens received, by provider, what became of them, and why.",
                ),
                &["provider", "outcome", "reason"],
            )?,
            logout_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "signout_logout_request_seconds",
                    "From a logout token's arrival to its answer.",
                )
                .buckets(LOGOUT_BUCKETS.to_vec()),
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
        Ok(metrics)
    }

    /// `provider` is a configured name, or nothing if the token led to none.
    pub(super) fn logout(
        &self,
        provider: Option<&str>,
        outcome: LogoutOutcome,
        reason: &'static str,
    ) {
        let labels = [provider.unwrap_or("none"), outcome.as_str(), reason];
        self.logout_tokens.with_label_values(&labels).inc();
    }

    pub(super) fn logout_took(&self, took: Duration) {
        self.logout_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn checked(&self, surface: Surface, verdict: &Verdict) {
        let verdict = match verdict {
            Verdict::NotRevoked(_) => "not_revoked",
            Verdict::Revoked(_) => "revoked",
            Verdict::Unknown(_) => "unknown",
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
