//! `/forward-auth`: a reverse proxy asks whether a request may pass.
//!
//! Only the token decides. What the proxy says of the request it asks for, its method and its URI, has
//! no part in letting anything pass: others can write those headers. Every other outcome than an
//! access token that holds, of which nothing is known to the contrary, is a refusal.

mod credentials;
mod identity;
mod rules;

use std::future::{Ready, ready};
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::ACCEPT;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use signout_checker::{Reason, TokenKind};
use thiserror::Error;

use super::access_log::TraceId;
use super::answer::{ForwardAuth, ForwardAuthAnswer, Passage};
use super::decision::{Decision, decide};
use super::knowledge::Knowledge;
use super::metrics::{Metrics, Surface};
use crate::bearer::{BearerError, Bearers};
use crate::clock::Clock;
use crate::revoker::Revoker;
use credentials::{Credentials, CredentialsError};
use identity::UnspeakableError;

pub(super) use identity::Identity;
pub use rules::ForwardAuthRules;

/// Asks whether a request with this token may pass
///
/// For the sub-request of nginx, Caddy, HAProxy, Traefik and Envoy; docs/how-to/ has their
/// configuration. Any method is taken, and anything may follow `/forward-auth/`, because some proxies
/// send those of the request they ask for. The token is expected in `Authorization: Bearer`, and in the
/// cookies and headers of `[forward_auth]`; where several differ, the request is refused.
#[utoipa::path(
    get,
    path = "/forward-auth",
    tag = "tokens",
    operation_id = "forward_auth",
    responses(ForwardAuthAnswer)
)]
pub(super) async fn forward_auth(request: HttpRequest, gate: Gate) -> ForwardAuth {
    let passage = match gate.pass(&request).await {
        Ok(identity) => Passage::Open(identity),
        Err(refusal) => gate.refuse(&request, &refusal),
    };
    ForwardAuth { passage, vary: gate.rules.vary() }
}

/// What the route uses.
pub(super) struct Gate {
    rules: Data<ForwardAuthRules>,
    bearers: Data<Bearers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
    metrics: Data<Metrics>,
    trace_id: TraceId,
}

impl Gate {
    async fn pass(&self, request: &HttpRequest) -> Result<Identity, Refusal> {
        let text = match Credentials::of(request.headers(), &self.rules)? {
            Credentials::Token(text) => text,
            Credentials::None => return Err(Refusal::NoToken),
        };
        let started = Instant::now();
        let token = self.bearers.read(text, self.clock.now()).await?;
        let age = self.knowledge.age(&self.metrics);
        let surface = Surface::ForwardAuth;
        let decided = decide(token.named(), &self.revoker, age, surface, &self.metrics);
        self.metrics.check_took(started.elapsed());
        match (decided.decision, decided.registered) {
            (Decision::Revoked(revoked), _) => Err(Refusal::Revoked(revoked.reason)),
            (Decision::Stale | Decision::Unnamed, _) => Err(Refusal::Stale),
            (Decision::NotRevoked, Some(TokenKind::Refresh | TokenKind::OfflineRefresh)) => {
                Err(Refusal::RefreshToken)
            }
            (Decision::NotRevoked, _) => Ok(Identity::of(&token, self.rules.groups())?),
        }
    }

    fn refuse(&self, request: &HttpRequest, refusal: &Refusal) -> Passage {
        let reason = refusal.label();
        self.metrics.forward_auth_refused(reason);
        // Of a request without any token the access log says enough.
        if !matches!(refusal, Refusal::NoToken) {
            let trace_id = self.trace_id;
            tracing::info!(%trace_id, reason, detail = %refusal, "forward-auth refused");
        }
        let refused = match refusal {
            Refusal::NoToken => Passage::NoToken,
            Refusal::Ambiguous(_) => Passage::Ambiguous,
            Refusal::Token(BearerError::KeysUnavailable { retry_after, .. }) => {
                return Passage::Unavailable(Some(*retry_after));
            }
            Refusal::Stale => return Passage::Unavailable(None),
            // Signing in again would bring the same identifiers.
            Refusal::Unspeakable(_) => return Passage::Forbidden,
            Refusal::RefreshToken | Refusal::Revoked(_) | Refusal::Token(_) => Passage::Refused,
        };
        match self.rules.login_url() {
            Some(login_url) if is_page_view(request) => Passage::Login(login_url.to_owned()),
            _ => refused,
        }
    }
}

/// A person in a browser who can be sent somewhere else: a script that calls an API could not follow,
/// and what a form sent would be lost. Decides between two refusals only, so the forwarded method may
/// be believed.
fn is_page_view(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let reads = |method: &str| method == "GET" || method == "HEAD";
    matches!(*request.method(), Method::GET | Method::HEAD)
        && header("x-forwarded-method").is_none_or(reads)
        && header(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
}

impl FromRequest for Gate {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let mut gate = || {
            Ok(Self {
                rules: Data::from_request(request, payload).into_inner()?,
                bearers: Data::from_request(request, payload).into_inner()?,
                revoker: Data::from_request(request, payload).into_inner()?,
                knowledge: Data::from_request(request, payload).into_inner()?,
                clock: Data::from_request(request, payload).into_inner()?,
                metrics: Data::from_request(request, payload).into_inner()?,
                trace_id: TraceId::given(request),
            })
        };
        ready(gate())
    }
}

/// Why a request does not pass. Told to the log and the metrics; the proxy hears less.
#[derive(Debug, Error)]
enum Refusal {
    #[error(transparent)]
    Ambiguous(#[from] CredentialsError),
    #[error("the request has no token")]
    NoToken,
    #[error("the token was registered as a refresh token; send the access token instead")]
    RefreshToken,
    #[error("the token was revoked ({})", .0.as_str())]
    Revoked(Reason),
    #[error(
        "this instance has not heard of the others for longer than `max_staleness`; see [checker]"
    )]
    Stale,
    #[error(transparent)]
    Token(#[from] BearerError),
    #[error(transparent)]
    Unspeakable(#[from] UnspeakableError),
}

impl Refusal {
    /// From a closed set, never from the token.
    fn label(&self) -> &'static str {
        match self {
            Self::Ambiguous(error) => error.label(),
            Self::NoToken => "no_token",
            Self::RefreshToken => "refresh_token",
            Self::Revoked(_) => "revoked",
            Self::Stale => "stale",
            Self::Token(error) => error.label(),
            Self::Unspeakable(_) => "identity_unspeakable",
        }
    }
}
