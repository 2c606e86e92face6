//! What the feed tells Prometheus.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use signout_checker::ResetReason;

/// The metrics of the feed.
#[derive(Clone, Debug)]
pub struct Metrics {
    subscribers: IntGauge,
    resets: IntCounterVec,
    snapshots: IntCounter,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            subscribers: IntGauge::new("signout_feed_subscribers", "Open streams of the feed.")?,
            resets: IntCounterVec::new(
                Opts::new(
                    "signout_feed_resets_total",
                    "Streams of the feed that ended with a reset, by why.",
                ),
                &["reason"],
            )?,
            snapshots: IntCounter::new("signout_snapshots_total", "Snapshots sent to the end.")?,
        };
        registry.register(Box::new(metrics.subscribers.clone()))?;
        registry.register(Box::new(metrics.resets.clone()))?;
        registry.register(Box::new(metrics.snapshots.clone()))?;
        for reason in ResetReason::ALL {
            metrics.resets.with_label_values(&[reason.as_str()]);
        }
        Ok(metrics)
    }

    pub(super) fn came(&self) {
        self.subscribers.inc();
    }

    pub(super) fn left(&self) {
        self.subscribers.dec();
    }

    pub(super) fn reset(&self, reason: ResetReason) {
        self.resets.with_label_values(&[reason.as_str()]).inc();
    }

    pub(super) fn snapshot_sent(&self) {
        self.snapshots.inc();
    }
}
