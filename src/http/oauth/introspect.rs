//! `POST /oauth2/introspect` (RFC 7662), and its signed answers (RFC 9701).

use std::sync::Arc;
use std::time::Instant;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, post};
use signout_checker::{ClientId, Issuer, JwtId, Timestamp, TokenFacts, TokenKind, Verdict};

use super::super::answer::{Introspected, IntrospectedAnswer, OAuthFailure, OAuthFailures};
use super::super::api_key::Caller;
use super::super::decision::{Decided, Decision, decide};
use super::super::facts;
use super::super::knowledge::Age;
use super::super::metrics::{Metrics as Checks, Surface};
use super::acceptable::Acceptable;
use super::introspection::{Introspection, IntrospectionRules};
use super::metrics::Route;
use super::{Endpoint, TokenForm, client, token};
use crate::access_token::{AccessToken, Named};
use crate::bearer::BearerError;
use crate::sessions::IssuedToken;
use crate::settings::Scope;

/// Tells a resource server what a token is good for
///
/// RFC 7662. `client_id` is the name of an api key with the scope `check`, `client_secret` the key.
/// Active is an access token that its provider signed, that is for the caller (`audiences` of its
/// key), that has not ended, and of which nothing is known to the contrary; and a token that was
/// registered by the digest of its text, as long as that holds. A refresh token is active for its own
/// client only. 503 means that it cannot be told.
#[utoipa::path(
    tag = "oauth",
    operation_id = "oauth_introspect",
    security(("client" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(IntrospectedAnswer, OAuthFailures)
)]
#[post("/oauth2/introspect")]
pub(in crate::http) async fn introspect_token(
    request: HttpRequest,
    payload: Payload,
    endpoint: Endpoint,
    rules: Data<IntrospectionRules>,
    checks: Data<Checks>,
) -> Result<Introspected, OAuthFailure> {
    let introspected = endpoint.introspect(&request, payload, &rules, &checks).await;
    if introspected.is_err() {
        endpoint.count(Route::Introspect, &introspected);
    }
    introspected
}

impl Endpoint {
    async fn introspect(
        &self,
        request: &HttpRequest,
        payload: Payload,
        rules: &IntrospectionRules,
        checks: &Checks,
    ) -> Result<Introspected, OAuthFailure> {
        let form = self.form(request, payload).await?;
        let caller = client::admit(&self.keys, &self.throttle, request, &form, Scope::Check)?;
        let token = token(&form)?;
        let signing = match (Acceptable::of(request), &rules.signing) {
            (Acceptable::Json, _) | (Acceptable::SignedRather, None) => None,
            (Acceptable::Signed | Acceptable::SignedRather, Some(signing)) => Some(signing),
            (Acceptable::Signed, None) => return Err(OAuthFailure::not_acceptable()),
        };
        let started = Instant::now();
        let now = self.clock.now();
        let look = Look { endpoint: self, caller: &caller, rules, checks, now };
        let introspection = look.at(&token).await?;
        checks.check_took(started.elapsed());
        self.metrics.answered(Route::Introspect, introspection.label());
        let Some(signing) = signing else { return Ok(Introspected::Json(introspection.into())) };
        let signed = signing.sign(&introspection, caller.name(), now).map_err(|error| {
            tracing::error!(%error, "an introspection was not signed");
            OAuthFailure::unavailable(None)
        })?;
        Ok(Introspected::Signed(signed))
    }
}

/// One look at a token.
struct Look<'a> {
    endpoint: &'a Endpoint,
    caller: &'a Caller<'a>,
    rules: &'a IntrospectionRules,
    checks: &'a Checks,
    now: Timestamp,
}

impl Look<'_> {
    async fn at(&self, text: &str) -> Result<Introspection, OAuthFailure> {
        match self.rules.bearers.remembered(text, self.now) {
            Some(token) => self.at_signed(text, &token),
            None => self.at_unseen(text).await,
        }
    }

    async fn at_unseen(&self, text: &str) -> Result<Introspection, OAuthFailure> {
        let (throttle, client) = (&self.endpoint.throttle, self.caller.name());
        let name = facts::of_opaque(text).map_err(|_| OAuthFailure::unavailable(None))?;
        let registered = self.registered(&name);
        let asked = Instant::now();
        if registered.is_none() {
            throttle.may_ask(client, asked)?;
        }
        match (self.rules.bearers.read(text, self.now).await, registered) {
            (Ok(token), _) => self.at_signed(text, &token),
            (Err(BearerError::KeysUnavailable { retry_after, .. }), _) => {
                Err(OAuthFailure::unavailable(Some(retry_after)))
            }
            // Signed by nobody that is known, or not an access token: unless it was registered by
            // its text, it is nothing.
            (Err(BearerError::NotVerified(_) | BearerError::UnknownIssuer), Some(token)) => {
                self.at_registered(name, &token)
            }
            (Err(_), _) => {
                throttle.unknown_token(client, asked);
                Ok(Introspection::inactive())
            }
        }
    }

    fn at_signed(&self, text: &str, token: &AccessToken) -> Result<Introspection, OAuthFailure> {
        let issuer = token.issuer();
        let inactive = Ok(Introspection::inactive());
        let Some(configured) = self.endpoint.issuers.of(issuer) else { return inactive };
        if self.caller.act_for(issuer).is_err()
            || !self.rules.is_for(token, self.caller, configured)
        {
            return inactive;
        }
        let age = self.endpoint.knowledge.age(self.checks);
        let Decided { decision, registered } = self.decide(token.named(), age);
        let kind = registered.unwrap_or(TokenKind::Access);
        // Whoever registered the text as that of an opaque token, and ended that, meant this one.
        let name = facts::of_opaque(text).map_err(|_| OAuthFailure::unavailable(None))?;
        let as_opaque = self.decide_by_text(issuer, &name);
        self.answer([decision, as_opaque], kind, token.client(), || {
            Introspection::of_signed(token, kind)
        })
    }

    fn at_registered(
        &self,
        jwt_id: JwtId,
        token: &IssuedToken,
    ) -> Result<Introspection, OAuthFailure> {
        // A key that lists audiences sees only tokens that name one of them.
        if token.expires_at <= self.now || self.caller.audiences().is_some() {
            return Ok(Introspection::inactive());
        }
        let age = self.endpoint.knowledge.age(self.checks);
        let decision = self.decide(&opaque(&token.issuer, jwt_id), age).decision;
        self.answer([decision], token.kind, token.client.as_ref(), || {
            Introspection::of_registered(token)
        })
    }

    fn registered(&self, jwt_id: &JwtId) -> Option<Arc<IssuedToken>> {
        let Endpoint { issuers, revoker, .. } = self.endpoint;
        let issuers = issuers.all().map(|configured| configured.provider.issuer());
        let mut theirs = issuers.filter(|issuer| self.caller.act_for(issuer).is_ok());
        theirs.find_map(|issuer| revoker.sessions().token(issuer, jwt_id))
    }

    fn decide(&self, named: &Named, age: Age) -> Decided {
        decide(named, &self.endpoint.revoker, age, Surface::Introspect, self.checks)
    }

    /// What is known against an opaque token of this name, beside what was decided and counted.
    fn decide_by_text(&self, issuer: &Issuer, name: &JwtId) -> Decision {
        let revoker = &self.endpoint.revoker;
        let held = revoker.sessions().token(issuer, name);
        let by_name = TokenFacts::new(issuer).jwt_id(name);
        let facts = held.as_ref().map_or(by_name, |held| held.facts());
        match revoker.index().check(&facts) {
            Verdict::Revoked(revoked) => Decision::Revoked(revoked),
            Verdict::NotRevoked(_) | Verdict::Unknown(_) => Decision::NotRevoked,
        }
    }

    /// Active only if nothing speaks against it. When it cannot be told, neither answer would be
    /// true: a client that hears "inactive" throws the token away.
    fn answer<const N: usize>(
        &self,
        decisions: [Decision; N],
        kind: TokenKind,
        client: Option<&ClientId>,
        active: impl FnOnce() -> Introspection,
    ) -> Result<Introspection, OAuthFailure> {
        let is_refresh = matches!(kind, TokenKind::Refresh | TokenKind::OfflineRefresh);
        let is_own = client.is_some_and(|client| client.as_str() == self.caller.name());
        let revoked = |decision: &Decision| matches!(decision, Decision::Revoked(_));
        let stale = |decision: &Decision| matches!(decision, Decision::Stale | Decision::Unnamed);
        if decisions.iter().any(revoked) || (is_refresh && !is_own) {
            Ok(Introspection::inactive())
        } else if decisions.iter().any(stale) {
            Err(OAuthFailure::unavailable(None))
        } else {
            Ok(active())
        }
    }
}

/// What a token without words is called.
fn opaque(issuer: &Issuer, jwt_id: JwtId) -> Named {
    Named {
        issuer: issuer.clone(),
        jwt_id: Some(jwt_id),
        session: None,
        subject: None,
        client: None,
        issued_at: None,
        expires_at: None,
    }
}
