//! What is counted of the sharing. Registered only where there is a Redis.

use std::time::Duration;

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};

use signout_checker::log::Loss;

use super::ended::Ended;
use crate::redis::{Act, RedisError};

/// A round trip takes a tenth of a millisecond beside Redis and tens of them across a continent.
const ROUND_BUCKETS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Metrics of this room.
#[derive(Clone, Debug)]
pub struct Metrics {
    up: IntGauge,
    is_unsafe: IntGauge,
    errors: IntCounterVec,
    losses: IntCounterVec,
    round: Histogram,
    pending: IntGauge,
    oldest: Gauge,
    staleness: Gauge,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            up: IntGauge::new("signout_redis_up", "1 while logouts are shared through Redis.")?,
            is_unsafe: IntGauge::new(
                "signout_redis_unsafe",
                "1 while Redis is set up in a way that loses keys (maxmemory-policy).",
            )?,
            errors: IntCounterVec::new(
                Opts::new("signout_redis_errors_total", "Acts on Redis that failed, by act."),
                &["op"],
            )?,
            losses: IntCounterVec::new(
                Opts::new(
                    "signout_redis_losses_total",
                    "Times that Redis had lost something, by what happened; it was put back.",
                ),
                &["cause"],
            )?,
            round: Histogram::with_opts(
                HistogramOpts::new(
                    "signout_replication_seconds",
                    "From writing what was committed to Redis to reading it back, as the others read it.",
                )
                .buckets(ROUND_BUCKETS.to_vec()),
            )?,
            pending: IntGauge::new(
                "signout_replication_pending",
                "Entries of the journal that are not confirmed in Redis.",
            )?,
            oldest: Gauge::new(
                "signout_replication_oldest_seconds",
                "For how long the oldest entry that is not confirmed in Redis has waited.",
            )?,
            staleness: Gauge::new(
                "signout_checker_staleness_seconds",
                "How much this instance may have missed of the others; +Inf before it heard of them.",
            )?,
        };
        registry.register(Box::new(metrics.up.clone()))?;
        registry.register(Box::new(metrics.is_unsafe.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        registry.register(Box::new(metrics.losses.clone()))?;
        registry.register(Box::new(metrics.round.clone()))?;
        registry.register(Box::new(metrics.pending.clone()))?;
        registry.register(Box::new(metrics.oldest.clone()))?;
        registry.register(Box::new(metrics.staleness.clone()))?;
        // Series that only appear with the first error are missed by alerts on their increase.
        for act in Act::ALL {
            metrics.errors.with_label_values(&[act.as_str()]);
        }
        for cause in Loss::CAUSES {
            metrics.losses.with_label_values(&[cause]);
        }
        metrics.staleness.set(f64::INFINITY);
        Ok(metrics)
    }

    pub(super) fn up(&self, up: bool) {
        self.up.set(up.into());
    }

    pub(super) fn safe(&self, safe: bool) {
        self.is_unsafe.set((!safe).into());
    }

    pub(super) fn failed(&self, error: &RedisError) {
        self.errors.with_label_values(&[error.act.as_str()]).inc();
    }

    pub(super) fn ended(&self, ended: &Ended) {
        match ended {
            Ended::Failed(error) => self.failed(error),
            Ended::Lost(loss) => self.losses.with_label_values(&[loss.cause()]).inc(),
            _ => {}
        }
    }

    pub(super) fn passed(&self, took: Duration) {
        self.round.observe(took.as_secs_f64());
    }

    pub(super) fn behind(&self, entries: u64, oldest: Duration) {
        self.pending.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.oldest.set(oldest.as_secs_f64());
    }

    pub(super) fn stale(&self, staleness: Duration) {
        let never = staleness == Duration::MAX;
        self.staleness.set(if never { f64::INFINITY } else { staleness.as_secs_f64() });
    }
}
