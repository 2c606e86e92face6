//! `POST /backchannel-logout`: where providers say that somebody signed out.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::{Data, Path, Payload};
use actix_web::{FromRequest, HttpRequest, dev, post};
use thiserror::Error;
use utoipa::ToSchema;

use super::access_log::TraceId;
use super::answer::Logout;
use super::body::BodyError;
use super::configured::{Configured, Issuers};
use super::form::{Form, FormError};
use super::knowledge::Knowledge;
use super::metrics::{LogoutOutcome, Metrics};
use crate::clock::Clock;
use crate::jose::{Compact, JoseError};
use crate::logout_token::{self, LogoutTokenError};
use crate::provider::VerifyError;
use crate::replicator::NotShared;
use crate::revoker::{LoggedOut, Repeated, Revoker, RevokerError};
use crate::settings::CannotPersist;

/// Providers give up after 2.5 s and never ask again; with the time to look up keys before it, the
/// journal gets this much of the one second within which every logout is answered.
const PERSIST_WITHIN: Duration = Duration::from_millis(900);

/// `server.max_body_bytes`.
#[derive(Clone, Copy, Debug)]
pub struct MaxBodyBytes(pub u32);

/// The form of the request. Other parameters are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to utoipa; the pairs are read one by one")]
struct LogoutForm {
    /// The logout token, once.
    #[schema(min_length = 1, max_length = 8192)]
    logout_token: String,
}

/// Takes a logout token from any configured provider
///
/// The provider is found by the token's `iss`. `OpenID` Connect Back-Channel Logout 1.0, sections 2.5
/// to 2.8.
#[utoipa::path(
    tag = "provider",
    operation_id = "backchannel_logout",
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(Logout)
)]
#[post("/backchannel-logout")]
pub(super) async fn any_provider(
    request: HttpRequest,
    payload: Payload,
    endpoint: Endpoint,
) -> Logout {
    endpoint.answer(&request, payload, None).await
}

/// Takes a logout token from one provider
///
/// One URI for each provider is the safest registration: a token of another provider is refused
/// before its signature is looked at.
#[utoipa::path(
    tag = "provider",
    operation_id = "backchannel_logout_of_provider",
    params(("provider" = String, Path, description = "`name` of the `[[provider]]`.")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(Logout)
)]
#[post("/backchannel-logout/{provider}")]
pub(super) async fn one_provider(
    request: HttpRequest,
    payload: Payload,
    name: Path<String>,
    endpoint: Endpoint,
) -> Logout {
    let Some(configured) = endpoint.issuers.named(&name) else {
        let took = endpoint.arrived.elapsed();
        endpoint.metrics.logout(None, LogoutOutcome::Refused, "unknown_provider", took);
        return Logout::unknown_provider();
    };
    endpoint.answer(&request, payload, Some(configured)).await
}

/// The reasons for which a logout is not taken now, [`Refusal::label`] of [`LogoutOutcome::Unavailable`].
pub(super) const UNAVAILABLE: [&str; 5] =
    ["keys_unavailable", "not_durable", "overloaded", "not_shared", "too_slow"];

/// What the two routes use.
pub(super) struct Endpoint {
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
    metrics: Data<Metrics>,
    max_body: Data<MaxBodyBytes>,
    trace_id: TraceId,
    arrived: Instant,
}

impl Endpoint {
    async fn answer(
        &self,
        request: &HttpRequest,
        payload: Payload,
        named: Option<&Arc<Configured>>,
    ) -> Logout {
        let token = match self.read(request, payload).await {
            Ok(token) => token,
            Err(refusal) => return self.refuse(named, &refusal),
        };
        let mut addressee = named.cloned();
        let ended = self.end(&token, &mut addressee).await;
        match ended {
            Ok(done) => self.done(addressee.as_ref(), done),
            Err(refusal) => self.refuse(addressee.as_ref(), &refusal),
        }
    }

    /// The one `logout_token` of the form (`bcl_1`, `bcl_2`, `bcl_5`).
    async fn read(&self, request: &HttpRequest, payload: Payload) -> Result<String, Refusal> {
        let form = Form::read(request, payload, self.max_body.0 as usize).await;
        let form = form.map_err(|error| match error {
            FormError::Body(error) => Refusal::Body(error),
            FormError::ContentType => Refusal::ContentType,
        })?;
        let token = form.one("logout_token").ok().flatten();
        token.map(Cow::into_owned).ok_or(Refusal::Form)
    }

    async fn end(
        &self,
        token: &str,
        addressee: &mut Option<Arc<Configured>>,
    ) -> Result<LoggedOut, Refusal> {
        match Compact::parse(token) {
            Ok(token) => {
                let configured = self.addressee(&token, addressee)?;
                self.verify_and_end(&token, &configured).await
            }
            Err(JoseError::Encrypted) => {
                let configured = self.decrypting(addressee)?;
                let decrypter = configured.decrypter.as_ref().ok_or(JoseError::Encrypted)?;
                let decrypted = decrypter.decrypt(token)?;
                self.verify_and_end(&decrypted.compact()?, &configured).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whose keys to verify with: the provider of the route, else the one that the token names. The
    /// signature then has to be that provider's, and `iss` is compared again among the claims.
    fn addressee(
        &self,
        token: &Compact<'_>,
        addressee: &mut Option<Arc<Configured>>,
    ) -> Result<Arc<Configured>, Refusal> {
        let issuer = token.unverified_issuer()?.ok_or(Refusal::UnknownIssuer)?;
        match addressee {
            Some(named) if *named.provider.issuer() == issuer => Ok(Arc::clone(named)),
            Some(_) => Err(Refusal::OtherIssuer),
            None => {
                let configured = self.issuers.of(&issuer).ok_or(Refusal::UnknownIssuer)?;
                Ok(Arc::clone(addressee.insert(Arc::clone(configured))))
            }
        }
    }

    /// An encrypted token does not show its issuer. Without a provider in the route there must be
    /// one provider only that encrypts: trying the keys of each in turn would let anybody have us
    /// compute.
    fn decrypting(
        &self,
        addressee: &mut Option<Arc<Configured>>,
    ) -> Result<Arc<Configured>, Refusal> {
        if let Some(named) = addressee {
            return Ok(Arc::clone(named));
        }
        let mut encrypting = self.issuers.all().filter(|c| c.decrypter.is_some());
        match (encrypting.next(), encrypting.next()) {
            (Some(only), None) => Ok(Arc::clone(addressee.insert(Arc::clone(only)))),
            _ => Err(Refusal::UnknownIssuer),
        }
    }

    async fn verify_and_end(
        &self,
        token: &Compact<'_>,
        configured: &Configured,
    ) -> Result<LoggedOut, Refusal> {
        let verified = configured.provider.verify(token).await?;
        let now = self.clock.now();
        let token = logout_token::validate(&verified, &configured.expected(), now)?;
        let ended = async {
            let ended = self.revoker.logout(token, configured.policy, now).await?;
            self.knowledge.sharing.acknowledged(ended.position.seq).await?;
            Ok(ended)
        };
        tokio::time::timeout(PERSIST_WITHIN, ended).await.unwrap_or(Err(Refusal::TooSlow))
    }

    fn done(&self, addressee: Option<&Arc<Configured>>, done: LoggedOut) -> Logout {
        let provider = addressee.map(|c| c.provider.name());
        let LoggedOut { position, tokens_hit, repeated } = done;
        let outcome = match repeated {
            Repeated::No => LogoutOutcome::Applied,
            Repeated::Yes => LogoutOutcome::Repeated,
        };
        let reason = LogoutOutcome::NO_REASON;
        self.metrics.logout(provider, outcome, reason, self.arrived.elapsed());
        let (outcome, trace_id) = (outcome.as_str(), self.trace_id);
        tracing::info!(%trace_id, provider, outcome, tokens_hit, %position, "logout token");
        Logout::Done
    }

    fn refuse(&self, addressee: Option<&Arc<Configured>>, refusal: &Refusal) -> Logout {
        let provider = addressee.map(|c| c.provider.name());
        let reason = refusal.label();
        let outcome = refusal.outcome();
        self.metrics.logout(provider, outcome, reason, self.arrived.elapsed());
        let (outcome, trace_id) = (outcome.as_str(), self.trace_id);
        tracing::warn!(%trace_id, provider, outcome, reason, detail = %refusal, "logout token");
        match refusal {
            Refusal::Body(BodyError::TooLarge) => Logout::too_large(),
            Refusal::Body(BodyError::Broken) | Refusal::ContentType | Refusal::Form => {
                Logout::malformed()
            }
            Refusal::Keys(VerifyError::KeysUnavailable { retry_after, .. }) => {
                Logout::try_again(Some(*retry_after))
            }
            Refusal::Revoker(RevokerError::NotDurable(_) | RevokerError::Overloaded)
            | Refusal::NotShared(_)
            | Refusal::TooSlow => match addressee.map(|c| c.cannot_persist) {
                Some(CannotPersist::BadRequest) => Logout::failed(),
                Some(CannotPersist::ServiceUnavailable) | None => Logout::try_again(None),
            },
            Refusal::Token(_)
            | Refusal::UnknownIssuer
            | Refusal::OtherIssuer
            | Refusal::Keys(VerifyError::Refused(_))
            | Refusal::Claims(_)
            | Refusal::Revoker(RevokerError::ReusedJwtId | RevokerError::SubjectMismatch) => {
                Logout::refused()
            }
        }
    }
}

impl FromRequest for Endpoint {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let mut endpoint = || {
            Ok(Self {
                issuers: Data::from_request(request, payload).into_inner()?,
                revoker: Data::from_request(request, payload).into_inner()?,
                knowledge: Data::from_request(request, payload).into_inner()?,
                clock: Data::from_request(request, payload).into_inner()?,
                metrics: Data::from_request(request, payload).into_inner()?,
                max_body: Data::from_request(request, payload).into_inner()?,
                trace_id: TraceId::given(request),
                arrived: Instant::now(),
            })
        };
        ready(endpoint())
    }
}

/// Why a logout token had no effect. Told to the log and the metrics, not to the sender.
#[derive(Debug, Error)]
enum Refusal {
    #[error("the body was not read: {0:?}")]
    Body(BodyError),
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    #[error("the form does not hold exactly one logout_token")]
    Form,
    #[error(transparent)]
    Token(#[from] JoseError),
    #[error("no configured provider has the token's issuer")]
    UnknownIssuer,
    #[error("the token is not of the provider in the route")]
    OtherIssuer,
    #[error(transparent)]
    Keys(#[from] VerifyError),
    #[error(transparent)]
    Claims(#[from] LogoutTokenError),
    #[error(transparent)]
    Revoker(#[from] RevokerError),
    #[error(transparent)]
    NotShared(#[from] NotShared),
    #[error(
        "the journal's disk, or Redis where `acknowledge` waits for it, took longer than {PERSIST_WITHIN:?}"
    )]
    TooSlow,
}

impl Refusal {
    /// From a closed set, never from the token.
    fn label(&self) -> &'static str {
        match self {
            Self::Body(BodyError::Broken) => "body_broken",
            Self::Body(BodyError::TooLarge) => "body_too_large",
            Self::ContentType => "content_type",
            Self::Form => "form",
            Self::Token(error) | Self::Keys(VerifyError::Refused(error)) => error.label(),
            Self::UnknownIssuer => "unknown_issuer",
            Self::OtherIssuer => "other_issuer",
            Self::Keys(VerifyError::KeysUnavailable { .. }) => "keys_unavailable",
            Self::Claims(error) => error.label(),
            Self::Revoker(RevokerError::NotDurable(_)) => "not_durable",
            Self::Revoker(RevokerError::Overloaded) => "overloaded",
            Self::Revoker(RevokerError::ReusedJwtId) => "jti_reused",
            Self::Revoker(RevokerError::SubjectMismatch) => "subject_mismatch",
            Self::NotShared(_) => "not_shared",
            Self::TooSlow => "too_slow",
        }
    }

    fn outcome(&self) -> LogoutOutcome {
        match self {
            Self::Keys(VerifyError::KeysUnavailable { .. })
            | Self::Revoker(RevokerError::NotDurable(_) | RevokerError::Overloaded)
            | Self::NotShared(_)
            | Self::TooSlow => LogoutOutcome::Unavailable,
            _ => LogoutOutcome::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::provider::Unavailable;

    #[test]
    fn what_is_not_taken_now_has_one_of_the_reasons() {
        let (why, retry_after) = (Unavailable::TooOld, Duration::ZERO);
        let refusals = [
            Refusal::Keys(VerifyError::KeysUnavailable { why, retry_after }),
            Refusal::Revoker(RevokerError::NotDurable(String::new())),
            Refusal::Revoker(RevokerError::Overloaded),
            Refusal::NotShared(NotShared),
            Refusal::TooSlow,
        ];
        assert!(refusals.iter().all(|one| one.outcome() == LogoutOutcome::Unavailable));
        let labels: BTreeSet<_> = refusals.iter().map(Refusal::label).collect();
        assert_eq!(labels, BTreeSet::from(UNAVAILABLE));
    }
}
