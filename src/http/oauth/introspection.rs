//! What is told of a token, and to whom.

use std::sync::Arc;

use serde::Serialize;
use signout_checker::{Timestamp, TokenKind};
use utoipa::ToSchema;

use super::super::api_key::Caller;
use super::super::configured::Configured;
use super::signing::Signing;
use crate::access_token::{AcceptedAudience, AccessToken};
use crate::bearer::Bearers;
use crate::sessions::IssuedToken;

/// How tokens are looked at for resource servers.
#[derive(Debug)]
pub struct IntrospectionRules {
    /// Accepts every `aud` that some caller may accept.
    pub bearers: Arc<Bearers>,
    /// For keys that list no audience of their own: `[forward_auth] audiences`. If there are none,
    /// the provider's `client_ids`.
    pub audiences: Arc<[AcceptedAudience]>,
    /// Absent without `[introspection] issuer`: then nothing is signed.
    pub signing: Option<Signing>,
}

impl IntrospectionRules {
    /// Whether the token is for this caller (RFC 7662, section 4).
    pub(super) fn is_for(
        &self,
        token: &AccessToken,
        caller: &Caller<'_>,
        configured: &Configured,
    ) -> bool {
        let accepted = caller.audiences().unwrap_or(&*self.audiences);
        let accepts = |aud: &str| match accepted {
            [] => configured.client_ids.iter().any(|client| client.as_str() == aud),
            accepted => accepted.iter().any(|accepted| accepted.as_str() == aud),
        };
        let audience = token.jws().claims().audience("aud").ok().flatten();
        audience.is_some_and(|audience| audience.iter().any(accepts))
    }
}

/// RFC 7662, section 2.2.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct Introspection {
    /// Whether it may be used now. Of one that may not, nothing else is told.
    active: bool,
    /// What it permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The client it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `Bearer` for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970. No answer may be kept longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// When it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    /// From when on it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aud: Vec<String>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// What it is called here.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// The session it was issued in.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl Introspection {
    /// `intro_2`: for everything else the same.
    pub(super) fn inactive() -> Self {
        Self::default()
    }

    /// What a signed token says of itself, times in whole seconds (`intro_4`).
    pub(super) fn of_signed(token: &AccessToken, kind: TokenKind) -> Self {
        let claims = token.jws().claims();
        let audience = claims.audience("aud").ok().flatten();
        Self {
            active: true,
            scope: token.scope().map(str::to_owned),
            client_id: token.client().map(|client| client.as_str().to_owned()),
            token_type: token_type(kind),
            exp: Some(token.expires_at().as_secs()),
            iat: token.issued_at().map(Timestamp::as_secs),
            nbf: claims.date("nbf").ok().flatten().map(Timestamp::as_secs),
            sub: token.subject().map(|subject| subject.as_str().to_owned()),
            aud: audience.into_iter().flat_map(|aud| aud.iter().map(str::to_owned)).collect(),
            iss: Some(token.issuer().as_str().to_owned()),
            jti: Some(token.jwt_id().as_str().to_owned()),
            sid: token.session().map(|session| session.as_str().to_owned()),
        }
    }

    /// What was registered of a token that says nothing itself.
    pub(super) fn of_registered(token: &IssuedToken) -> Self {
        Self {
            active: true,
            scope: None,
            client_id: token.client.as_ref().map(|client| client.as_str().to_owned()),
            token_type: token_type(token.kind),
            exp: Some(token.expires_at.as_secs()),
            iat: Some(token.issued_at.as_secs()),
            nbf: None,
            sub: token.subject.as_ref().map(|subject| subject.as_str().to_owned()),
            aud: Vec::new(),
            iss: Some(token.issuer.as_str().to_owned()),
            jti: Some(token.jwt_id.as_str().to_owned()),
            sid: token.session.as_ref().map(|session| session.as_str().to_owned()),
        }
    }

    /// A metric label.
    pub(super) const fn label(&self) -> &'static str {
        if self.active { "active" } else { "inactive" }
    }
}

/// A refresh token is no bearer token for an API, and must not look like one.
const fn token_type(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Access | TokenKind::LongLived => Some("Bearer"),
        TokenKind::Refresh | TokenKind::OfflineRefresh => None,
    }
}
