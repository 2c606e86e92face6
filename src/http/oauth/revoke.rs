//! `POST /oauth2/revoke` (RFC 7009).

use std::time::Instant;

use actix_web::web::Payload;
use actix_web::{HttpRequest, post};
use signout_checker::{TargetKind, Timestamp, TokenFacts, Verdict};

use super::super::answer::{OAuthFailure, OAuthFailures, TokenTaken};
use super::super::api_key::Caller;
use super::metrics::Route;
use super::presented::{Found, KeysUnavailable, Presented};
use super::{Endpoint, TokenForm, client, token};
use crate::revoker::TokenRequest;
use crate::settings::Scope;

/// Revokes a token of the client
///
/// RFC 7009. `client_id` is the name of an api key with the scope `revoke`, `client_secret` the key. A
/// token is the client's if it was issued to a client of that name; a key with the scope `admin` may
/// revoke any. What is not the client's, not known, over or no token at all is answered alike. With a
/// registered refresh token, the registered tokens of its grant end. A provider that is configured so is
/// told afterwards.
#[utoipa::path(
    tag = "oauth",
    operation_id = "oauth_revoke",
    security(("client" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(TokenTaken, OAuthFailures)
)]
#[post("/oauth2/revoke")]
pub(in crate::http) async fn revoke_token(
    request: HttpRequest,
    payload: Payload,
    endpoint: Endpoint,
) -> Result<TokenTaken, OAuthFailure> {
    let revoked = endpoint.revoke(&request, payload).await;
    endpoint.count(Route::Revoke, &revoked);
    revoked
}

impl Endpoint {
    async fn revoke(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<TokenTaken, OAuthFailure> {
        let form = self.form(request, payload).await?;
        let caller = client::admit(&self.keys, &self.throttle, request, &form, Scope::Revoke)?;
        let text = token(&form)?;
        let asked = Instant::now();
        self.throttle.may_ask(caller.name(), asked)?;
        let found = Presented::of(&text, &self.issuers, &caller, &self.revoker).await?;
        let Found::Tokens(tokens) = found else {
            return Err(OAuthFailure::unsupported_token_type());
        };
        if tokens.is_empty() {
            self.throttle.unknown_token(caller.name(), asked);
        }
        let now = self.clock.now();
        for token in tokens.iter().filter(|token| token.is_of(&caller) && !token.is_over(now)) {
            self.end(token, &caller, now).await?;
            token.forward(&text);
        }
        Ok(TokenTaken::Done)
    }

    /// Ends it here and, where `acknowledge` says so, elsewhere, before it is answered (`rev_6`).
    async fn end(
        &self,
        token: &Presented,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<(), OAuthFailure> {
        // A client that asks again writes nothing again.
        let facts = TokenFacts::new(token.issuer()).jwt_id(&token.jwt_id);
        let position = match self.revoker.index().check(&facts) {
            Verdict::Revoked(revoked) if revoked.target == TargetKind::Token => {
                self.revoker.position()
            }
            Verdict::Revoked(_) | Verdict::NotRevoked(_) | Verdict::Unknown(_) => {
                let request = TokenRequest {
                    issuer: token.issuer().clone(),
                    jwt_id: token.jwt_id.clone(),
                    expires_at: token.expires_at,
                    policy: token.configured.policy,
                };
                let carried = self.revoker.end_token(request, now).await.map_err(|error| {
                    tracing::warn!(trace_id = %self.trace_id, %error, "token not revoked");
                    OAuthFailure::unavailable(None)
                })?;
                let (provider, tokens_hit) = (token.configured.provider.name(), carried.tokens_hit);
                let (client, position) = (caller.name(), carried.position);
                let trace_id = self.trace_id;
                tracing::info!(%trace_id, client, provider, tokens_hit, %position, "token revoked");
                position
            }
        };
        let shared = self.knowledge.acknowledged(position).await;
        shared.map_err(|_| OAuthFailure::unavailable(None))
    }
}

impl From<KeysUnavailable> for OAuthFailure {
    /// Whether it is the client's token cannot be told, and 200 would say that it is over.
    fn from(KeysUnavailable { why, retry_after }: KeysUnavailable) -> Self {
        tracing::warn!(%why, "a token was not looked at: the provider's keys are not available");
        Self::unavailable(Some(retry_after))
    }
}
