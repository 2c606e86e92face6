//! The operators' listener: `/metrics`, `/livez`, `/readyz`. No credentials; not for the internet.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpRequest, get};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::time::Instant;

use super::answer::{Health, MetricsText};
use super::configured::Issuers;
use crate::revoker::Revoker;

/// Set when the service begins to stop: readiness fails first, so that no new work is sent here.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// Says that the service is stopping.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The process answers. Says nothing about its disk or its providers: a restart would mend neither.
#[get("/livez")]
pub(super) async fn livez() -> Health {
    Health::Well("ok\n".to_owned())
}

/// Logouts can be taken. A provider that cannot be reached does not make the service unready: it
/// still answers for the others.
#[get("/readyz")]
pub(super) async fn readyz(
    request: HttpRequest,
    stopping: Data<Stopping>,
    revoker: Data<Revoker>,
    issuers: Data<Issuers>,
) -> Health {
    let fault = revoker.fault();
    let ready = fault.is_none() && !stopping.has_begun();
    let mut text = String::from(if ready { "ok\n" } else { "not ready\n" });
    if request.query_string() == "verbose" {
        let stopping = if stopping.has_begun() { "stopping" } else { "ok" };
        let journal = fault.as_deref().map_or("ok", String::as_str);
        // Writing to a string does not fail.
        let _ = write!(text, "service: {stopping}\njournal: {journal}\n");
        for configured in issuers.all() {
            let provider = &configured.provider;
            let keys = match provider.keys_age(Instant::now()) {
                Some(age) => format!("keys fetched {} s ago", age.as_secs()),
                None => "no keys yet (logouts are answered 503)".to_owned(),
            };
            let _ = writeln!(text, "provider {}: {keys}", provider.name());
        }
    }
    if ready { Health::Well(text) } else { Health::Unwell(text) }
}

/// Prometheus text.
#[get("/metrics")]
pub(super) async fn metrics(registry: Data<Registry>) -> MetricsText {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut text) {
        tracing::error!(%error, "the metrics cannot be encoded");
    }
    MetricsText(text)
}
