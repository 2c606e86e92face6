//! The operators' listener: `/metrics`, `/livez`, `/readyz`. No credentials; not for the internet.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, get};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::time::Instant;

use super::answer::{Health, MetricsText};
use super::configured::Issuers;
use super::knowledge::Knowledge;
use crate::replicator::State;
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
    knowledge: Data<Knowledge>,
    issuers: Data<Issuers>,
) -> Health {
    let fault = revoker.fault();
    let sharing = knowledge.sharing.state();
    // One that has just come up sends nobody away: it will know in a moment what the others know.
    let loading = sharing.as_deref() == Some(&State::Loading)
        && knowledge.sharing.staleness() > knowledge.max_staleness;
    let ready = fault.is_none() && !loading && !stopping.has_begun();
    let mut text = String::from(if ready { "ok\n" } else { "not ready\n" });
    if request.query_string() == "verbose" {
        let stopping = if stopping.has_begun() { "stopping" } else { "ok" };
        let journal = fault.as_deref().map_or("ok", String::as_str);
        // Writing to a string does not fail.
        let _ = write!(text, "service: {stopping}\njournal: {journal}\n");
        if let Some(state) = sharing {
            let _ = writeln!(text, "redis: {}", told(&state, &knowledge));
        }
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

/// Logouts are taken whatever this says: it never makes the service unready.
fn told(state: &State, knowledge: &Knowledge) -> String {
    let staleness = knowledge.sharing.staleness();
    let age = match staleness {
        Duration::MAX => "nothing heard of the others yet".to_owned(),
        known => format!("knows what the others took until {:.1} s ago", known.as_secs_f64()),
    };
    match state {
        State::Apart(None) => format!("connecting; {age}"),
        State::Apart(Some(why)) => format!("apart ({why}); {age}"),
        State::Loading => format!("loading; {age}"),
        State::Sharing(epoch) => format!("sharing, epoch {epoch}; {age}"),
    }
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
