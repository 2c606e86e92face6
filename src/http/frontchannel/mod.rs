//! `GET /frontchannel-logout/{provider}` (OpenID Connect Front-Channel Logout 1.0): a browser says
//! that a session is over, in a frame of the provider's page.
//!
//! Nothing shows who asks: no signature, no key, no cookie. So it is off unless a provider is
//! configured for it, and it ends one session that is known here by a registered token, and nothing
//! else. Whoever knows a session's `sid` can end that session; whoever does not ends nothing.

#![expect(unused_qualifications, reason = "utoipa's macro writes them")]

mod metrics;

use std::future::{Ready, ready};
use std::time::{Duration, Instant};

use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, dev, get};
use serde::Deserialize;
use signout_checker::{Issuer, SessionId, TokenFacts, Verdict};
use utoipa::IntoParams;

use super::access_log::TraceId;
use super::answer::{Failure, Failures, SignedOut, SignedOutAnswer};
use super::configured::{Configured, Issuers};
use super::form::Form;
use super::knowledge::Knowledge;
use super::pace::Pace;
use crate::clock::Clock;
use crate::revoker::{Revoker, SessionRequest};
use crate::settings::FrontchannelLogout;
use metrics::Outcome;

pub use metrics::Metrics as FrontchannelMetrics;

/// People who sign out together at the end of a lesson, behind one provider.
const AT_ONCE: u32 = 200;
/// Each act is a commit to the journal; a slow disk does a hundred in a second.
const EVERY: Duration = Duration::from_millis(50);

/// How fast strangers may have something written. For all providers together: the disk is one.
#[derive(Debug)]
pub(super) struct SignOuts(Pace);

impl Default for SignOuts {
    fn default() -> Self {
        Self(Pace::new(AT_ONCE, EVERY))
    }
}

/// Described here, read by hand: a parameter that comes twice has no value.
#[derive(Deserialize, IntoParams)]
#[expect(dead_code, reason = "describes the query to utoipa")]
#[into_params(parameter_in = Query)]
pub(super) struct FrontchannelQuery {
    /// The provider's issuer.
    iss: Option<String>,
    /// The session.
    sid: Option<String>,
}

/// Hears from a browser that a session is over
///
/// Front-Channel Logout 1.0, section 3. For providers with `frontchannel_logout = true`. Ends the
/// session of `iss` and `sid` if a token of it is registered here; with only one of the two, nothing.
/// The answer is the same. Browsers may not send this at all: where the provider can, let it use
/// `/backchannel-logout`.
#[utoipa::path(
    tag = "provider",
    operation_id = "frontchannel_logout",
    params(
        ("provider" = String, Path, description = "`name` of the `[[provider]]`."),
        FrontchannelQuery
    ),
    responses(SignedOutAnswer, Failures)
)]
#[get("/frontchannel-logout/{provider}")]
pub(super) async fn frontchannel_logout(
    request: HttpRequest,
    name: Path<String>,
    frame: Frame,
) -> Result<SignedOut, Failure> {
    let named = frame.issuers.named(&name);
    let configured = named.filter(|c| c.frontchannel == FrontchannelLogout::Allow);
    let configured = configured.ok_or_else(Failure::no_frontchannel)?;
    let provider = configured.provider.name();
    let heard = frame.hear(&request, configured).await;
    let outcome = heard.as_ref().map_or(Outcome::Unavailable, |outcome| *outcome);
    frame.metrics.heard(provider, outcome);
    heard?;
    Ok(SignedOut { provider_origin: origin(configured.provider.issuer()).to_owned() })
}

/// What the route uses.
pub(super) struct Frame {
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
    sign_outs: Data<SignOuts>,
    metrics: Data<FrontchannelMetrics>,
    trace_id: TraceId,
}

impl Frame {
    async fn hear(
        &self,
        request: &HttpRequest,
        configured: &Configured,
    ) -> Result<Outcome, Failure> {
        let now = self.clock.now();
        let Some(session) = known_session(request, configured, &self.revoker) else {
            return Ok(Outcome::Ignored);
        };
        // A page that loads twice, or an attacker who keeps at it, writes nothing twice.
        let facts = TokenFacts::new(configured.provider.issuer()).session(&session);
        let verdict = self.revoker.index().check(&facts.issued_at(now));
        if matches!(verdict, Verdict::Revoked(_)) {
            return Ok(Outcome::Repeated);
        }
        if self.sign_outs.0.take(Instant::now()).is_err() {
            return Err(Failure::unavailable("too many sessions end this way just now"));
        }
        let issuer = configured.provider.issuer().clone();
        let asked = SessionRequest { issuer, session, policy: configured.policy };
        let carried = self.revoker.end_known_session(asked, now).await;
        let carried = carried.map_err(|error| Failure::unavailable(error.to_string()))?;
        self.knowledge.acknowledged(carried.position).await?;
        let (trace_id, provider) = (self.trace_id, configured.provider.name());
        let (tokens_hit, position) = (carried.tokens_hit, carried.position);
        tracing::info!(%trace_id, provider, tokens_hit, %position, "front-channel logout");
        Ok(Outcome::Ended)
    }
}

impl FromRequest for Frame {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let mut frame = || {
            Ok(Self {
                issuers: Data::from_request(request, payload).into_inner()?,
                revoker: Data::from_request(request, payload).into_inner()?,
                knowledge: Data::from_request(request, payload).into_inner()?,
                clock: Data::from_request(request, payload).into_inner()?,
                sign_outs: Data::from_request(request, payload).into_inner()?,
                metrics: Data::from_request(request, payload).into_inner()?,
                trace_id: TraceId::given(request),
            })
        };
        ready(frame())
    }
}

/// The session that the query names, if the provider is the one of the route and a token of the
/// session is registered here (`fcl_2`, `fcl_3`).
fn known_session(
    request: &HttpRequest,
    configured: &Configured,
    revoker: &Revoker,
) -> Option<SessionId> {
    let query = Form::of_query(request);
    let (issuer, session) = (query.one("iss").ok()??, query.one("sid").ok()??);
    let session = SessionId::parse(&*session).ok()?;
    let known = revoker.sessions().of_session(configured.provider.issuer(), &session);
    (*issuer == *configured.provider.issuer().as_str() && !known.is_empty()).then_some(session)
}

/// Scheme, host and port: the settings have seen to it that an issuer is a URL.
fn origin(issuer: &Issuer) -> &str {
    let text = issuer.as_str();
    let host = text.find("://").map_or(0, |at| at + "://".len());
    let path = text.get(host..).and_then(|rest| rest.find('/')).map(|at| host + at);
    path.and_then(|path| text.get(..path)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcl_5_the_origin_of_an_issuer() {
        for (issuer, expected) in [
            ("https://op.example", "https://op.example"),
            ("https://op.example/", "https://op.example"),
            ("https://op.example:8443/realms/a/", "https://op.example:8443"),
            ("http://[::1]:8080/a", "http://[::1]:8080"),
        ] {
            assert_eq!(origin(&Issuer::parse(issuer).unwrap()), expected);
        }
    }
}
