//! `GET /frontchannel-logout/{provider}` (OpenID Connect Front-Channel Logout 1.0): a browser says
//! that a session is over, in a frame of the provider's page.
//!
//! Nothing shows who asks: no signature, no key, no cookie. So it is off unless a provider is
//! configured for it, and it ends one session that is known here by a registered token, and nothing
//! else. Whoever knows a session's `sid` can end that session; whoever does not ends nothing.

#![expect(unused_qualifications, reason = "utoipa's macro writes them")]

mod metrics;
mod pace;

use std::time::Instant;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, get};
use serde::Deserialize;
use signout_checker::{Issuer, SessionId, TokenFacts, Verdict};
use utoipa::IntoParams;

use super::access_log::TraceId;
use super::answer::{Failure, Failures, SignedOut, SignedOutAnswer};
use super::configured::{Configured, Issuers};
use super::form::Form;
use super::knowledge::Knowledge;
use crate::clock::Clock;
use crate::revoker::{Revoker, SessionRequest};
use crate::settings::FrontchannelLogout;
use metrics::Outcome;

pub use metrics::Metrics as FrontchannelMetrics;
pub use pace::Pace;

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
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
    pace: Data<Pace>,
    metrics: Data<FrontchannelMetrics>,
) -> Result<SignedOut, Failure> {
    let configured = issuers.named(&name).filter(|c| c.frontchannel == FrontchannelLogout::Allow);
    let configured = configured.ok_or_else(Failure::no_frontchannel)?;
    let provider = configured.provider.name();
    let page = SignedOut { provider_origin: origin(configured.provider.issuer()).to_owned() };
    let now = clock.now();
    let Some(session) = known_session(&request, configured, &revoker) else {
        metrics.heard(provider, Outcome::Ignored);
        return Ok(page);
    };
    // A page that loads twice, or an attacker who keeps at it, writes nothing twice.
    let facts = TokenFacts::new(configured.provider.issuer()).session(&session).issued_at(now);
    if matches!(revoker.index().check(&facts), Verdict::Revoked(_)) {
        metrics.heard(provider, Outcome::Repeated);
        return Ok(page);
    }
    if pace.take(Instant::now()).is_none() {
        metrics.heard(provider, Outcome::Unavailable);
        return Err(Failure::unavailable("too many sessions end this way just now"));
    }
    let issuer = configured.provider.issuer().clone();
    let asked = SessionRequest { issuer, session, policy: configured.policy };
    let carried = revoker.end_known_session(asked, now).await.map_err(|error| {
        metrics.heard(provider, Outcome::Unavailable);
        Failure::unavailable(error.to_string())
    })?;
    knowledge.acknowledged(carried.position).await?;
    metrics.heard(provider, Outcome::Ended);
    let (trace_id, tokens_hit) = (TraceId::given(&request), carried.tokens_hit);
    let position = carried.position;
    tracing::info!(%trace_id, provider, tokens_hit, %position, "front-channel logout");
    Ok(page)
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
