//! What the OAuth endpoints tell Prometheus.

use prometheus::{IntCounterVec, Opts, Registry};

/// The metrics of these endpoints.
#[derive(Clone, Debug)]
pub struct Metrics(IntCounterVec);

/// Which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/oauth2/introspect`.
    Introspect,
    /// `/oauth2/revoke`.
    Revoke,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new(
                "signout_oauth_requests_total",
                "Requests of OAuth clients, by endpoint and by the word of the answer.",
            ),
            &["endpoint", "outcome"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self(requests))
    }

    /// `outcome` is from a closed set.
    pub(super) fn answered(&self, route: Route, outcome: &'static str) {
        let route = match route {
            Route::Introspect => "introspect",
            Route::Revoke => "revoke",
        };
        self.0.with_label_values(&[route, outcome]).inc();
    }
}
