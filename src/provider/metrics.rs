//! What this room counts.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};
use tokio::time::Instant;

use super::{Provider, RefreshError};

macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $field:ident: $type:ident = $name:literal $labels:expr,
    )+) => {
        /// The metrics of this room. The documentation of a field is the help text of its metric.
        #[derive(Clone, Debug)]
        pub struct Metrics {
            $($(#[doc = $help])+ $field: $type,)+
            /// Providers whose age is computed when it is asked for.
            aging: Arc<Mutex<Vec<Weak<Provider>>>>,
        }

        impl Metrics {
            fn unregistered() -> prometheus::Result<Self> {
                Ok(Self {
                    $($field: $type::new(
                        Opts::new($name, concat!($($help),+).trim()),
                        &$labels,
                    )?,)+
                    aging: Arc::default(),
                })
            }
        }
    };
}

metrics! {
    /// Attempts to read a provider's keys, by outcome. Only `refreshed` brought new ones.
    refreshes: IntCounterVec = "signout_jwks_refresh_total" ["provider", "outcome"],
    /// Seconds since a provider's keys were last read well. They are believed for a day.
    age: GaugeVec = "signout_jwks_age_seconds" ["provider"],
}

impl Metrics {
    /// The `outcome` of a round that put a set in place.
    pub(super) const REFRESHED: &'static str = "refreshed";

    /// Registers everything.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self::unregistered()?;
        registry.register(Box::new(metrics.refreshes.clone()))?;
        registry.register(Box::new(Ages(metrics.clone())))?;
        Ok(metrics)
    }

    /// The counter, with every outcome of this provider at zero: a rate needs a start.
    pub(super) fn refreshes(&self, provider: &str) -> IntCounterVec {
        for outcome in RefreshError::LABELS.into_iter().chain([Self::REFRESHED]) {
            self.refreshes.with_label_values(&[provider, outcome]);
        }
        self.refreshes.clone()
    }

    /// Shows the age of this provider's keys for as long as it lives.
    pub(super) fn watch(&self, provider: &Arc<Provider>) {
        let mut aging = self.aging.lock().unwrap_or_else(PoisonError::into_inner);
        aging.retain(|provider| provider.strong_count() > 0);
        aging.push(Arc::downgrade(provider));
    }
}

/// An age grows by itself, so it is computed when it is scraped.
struct Ages(Metrics);

impl Collector for Ages {
    fn desc(&self) -> Vec<&Desc> {
        self.0.age.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = Instant::now();
        let aging = self.0.aging.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.age.reset();
        for provider in aging.iter().filter_map(Weak::upgrade) {
            if let Some(age) = provider.keys_age(now) {
                self.0.age.with_label_values(&[provider.name()]).set(age.as_secs_f64());
            }
        }
        self.0.age.collect()
    }
}
