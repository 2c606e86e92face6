//! What the revoker tells Prometheus.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use signout_checker::{Index, Reason, Revocation, TargetKind};

use crate::journal::Space;
use crate::sessions::Sessions;

/// A virtual disk syncs in 0.1 ms, an SD card in 100 ms and more.
const COMMIT_BUCKETS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// `iat` has whole seconds, so the first second is one bucket; a retried delivery takes minutes.
const PROPAGATION_BUCKETS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0];

/// The metrics of the revoker.
#[derive(Clone, Debug)]
pub struct Metrics {
    revocations: IntCounterVec,
    propagation: Histogram,
    denylist: IntGaugeVec,
    registered: IntGauge,
    commit: Histogram,
    up: IntGauge,
    bytes: IntGauge,
    free: IntGauge,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            revocations: IntCounterVec::new(
                Opts::new("signout_revocations_total", "Targets revoked, by why and by what they are."),
                &["source", "target"],
            )?,
            propagation: Histogram::with_opts(
                HistogramOpts::new(
                    "signout_revocation_propagation_seconds",
                    "From the logout token's iat (the provider's clock, whole seconds) to refused here.",
                )
                .buckets(PROPAGATION_BUCKETS.to_vec()),
            )?,
            denylist: IntGaugeVec::new(
                Opts::new("signout_denylist_entries", "Targets that are refused now, by what they are."),
                &["target"],
            )?,
            registered: IntGauge::new(
                "signout_registered_tokens",
                "Registered tokens that may still be live.",
            )?,
            commit: Histogram::with_opts(
                HistogramOpts::new(
                    "signout_journal_commit_seconds",
                    "Time of one commit to the journal, fsync included.",
                )
                .buckets(COMMIT_BUCKETS.to_vec()),
            )?,
            up: IntGauge::new(
                "signout_journal_up",
                "1 while the journal takes what is decided; at 0 logouts are answered 503.",
            )?,
            bytes: IntGauge::new("signout_journal_bytes", "Size of the journal's file.")?,
            free: IntGauge::new(
                "signout_journal_free_bytes",
                "Space that is left to the journal on its file system.",
            )?,
        };
        registry.register(Box::new(metrics.revocations.clone()))?;
        registry.register(Box::new(metrics.propagation.clone()))?;
        registry.register(Box::new(metrics.denylist.clone()))?;
        registry.register(Box::new(metrics.registered.clone()))?;
        registry.register(Box::new(metrics.commit.clone()))?;
        registry.register(Box::new(metrics.up.clone()))?;
        registry.register(Box::new(metrics.bytes.clone()))?;
        registry.register(Box::new(metrics.free.clone()))?;
        // A rate needs a start.
        for reason in Reason::ALL {
            for kind in TargetKind::ALL {
                metrics.revocations.with_label_values(&[reason.as_str(), kind.as_str()]);
            }
        }
        Ok(metrics)
    }

    /// Looking a counter up costs more than counting, and most of one act is of one kind.
    pub(super) fn revoked(&self, revocations: &[Revocation]) {
        let labels = |one: &Revocation| [one.reason.as_str(), one.target.kind().as_str()];
        for alike in revocations.chunk_by(|one, other| labels(one) == labels(other)) {
            if let Some(first) = alike.first() {
                let counter = self.revocations.with_label_values(&labels(first));
                counter.inc_by(alike.len() as u64);
            }
        }
    }

    pub(super) fn propagated(&self, since_issued: Duration) {
        self.propagation.observe(since_issued.as_secs_f64());
    }

    pub(super) fn committed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    pub(super) fn gauges(&self, index: &Index, sessions: &Sessions) {
        for &kind in TargetKind::ALL {
            let entries = i64::try_from(index.len(kind)).unwrap_or(i64::MAX);
            self.denylist.with_label_values(&[kind.as_str()]).set(entries);
        }
        self.registered.set(i64::try_from(sessions.len()).unwrap_or(i64::MAX));
    }

    pub(super) fn journal_up(&self, up: bool) {
        self.up.set(up.into());
    }

    pub(super) fn journal_space(&self, space: Space) {
        self.bytes.set(i64::try_from(space.file_bytes).unwrap_or(i64::MAX));
        self.free.set(i64::try_from(space.free_bytes).unwrap_or(i64::MAX));
    }
}
