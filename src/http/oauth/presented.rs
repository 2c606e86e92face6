//! What the text of a token is: a token that its provider signed, one that was registered by the
//! digest of its text, both, or nothing that is known.

use std::sync::Arc;

use signout_checker::{ClientId, Issuer, JwtId, Timestamp};

use super::super::api_key::Caller;
use super::super::configured::{Configured, Issuers};
use super::super::facts;
use crate::access_token::Named;
use crate::forwarder::TokenText;
use crate::jose::Compact;
use crate::provider::{Unavailable, VerifyError};
use crate::revoker::Revoker;
use crate::settings::Scope;

/// One thing that the text is, and whose.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) configured: Arc<Configured>,
    pub(super) jwt_id: JwtId,
    pub(super) expires_at: Option<Timestamp>,
    /// What the token says, and what was registered of it. Two that differ are nobody.
    clients: Vec<ClientId>,
}

/// What was found, and what else there is to say.
#[derive(Debug)]
pub(super) enum Found {
    /// In all the ways in which it is known. None: it is not known, or nothing the caller may act on.
    Tokens(Vec<Presented>),
    /// It is no token that anybody could present.
    SecurityEvent,
}

/// Nothing is known about the token now.
#[derive(Debug)]
pub(super) struct KeysUnavailable {
    pub(super) why: Unavailable,
    pub(super) retry_after: std::time::Duration,
}

impl Presented {
    /// Looks at a text with the eyes of one caller: what belongs to an issuer that its key may not
    /// act for is not there.
    pub(super) async fn of(
        text: &str,
        issuers: &Issuers,
        caller: &Caller<'_>,
        revoker: &Revoker,
    ) -> Result<Found, KeysUnavailable> {
        let mut found = Vec::new();
        if let Ok(token) = Compact::parse(text)
            && let Ok(Some(issuer)) = token.unverified_issuer()
            && caller.act_for(&issuer).is_ok()
            && let Some(configured) = issuers.of(&issuer)
        {
            match configured.provider.verify(&token).await {
                Ok(verified) if verified.claims().is_present("events") => {
                    return Ok(Found::SecurityEvent);
                }
                Ok(verified) => {
                    // An identifier that breaks the rules was never revoked, and cannot be.
                    let named = Named::of(&verified).ok();
                    found.extend(named.and_then(|named| Self::signed(named, configured, revoker)));
                }
                Err(VerifyError::KeysUnavailable { why, retry_after }) => {
                    return Err(KeysUnavailable { why, retry_after });
                }
                Err(VerifyError::Refused(_)) => {}
            }
        }
        let jwt_id = facts::of_opaque(text).ok();
        found.extend(issuers.all().filter_map(|configured| {
            caller.act_for(configured.provider.issuer()).ok()?;
            Self::registered(jwt_id.clone()?, configured, revoker)
        }));
        Ok(Found::Tokens(found))
    }

    fn signed(named: Named, configured: &Arc<Configured>, revoker: &Revoker) -> Option<Self> {
        let jwt_id = named.jwt_id?;
        let held = revoker.sessions().token(&named.issuer, &jwt_id);
        let held = held.and_then(|held| held.client.clone());
        Some(Self {
            configured: Arc::clone(configured),
            jwt_id,
            expires_at: named.expires_at,
            clients: named.client.into_iter().chain(held).collect(),
        })
    }

    fn registered(jwt_id: JwtId, configured: &Arc<Configured>, revoker: &Revoker) -> Option<Self> {
        let held = revoker.sessions().token(configured.provider.issuer(), &jwt_id)?;
        Some(Self {
            configured: Arc::clone(configured),
            jwt_id,
            expires_at: Some(held.expires_at),
            clients: held.client.iter().cloned().collect(),
        })
    }

    pub(super) fn issuer(&self) -> &Issuer {
        self.configured.provider.issuer()
    }

    /// Whether the caller may end it: it was issued to a client of the caller's name (`rev_3`), or
    /// the caller is an administrator.
    pub(super) fn is_of(&self, caller: &Caller<'_>) -> bool {
        let its = |client: &ClientId| client.as_str() == caller.name();
        caller.issuers_for(Scope::Admin).is_some()
            || (!self.clients.is_empty() && self.clients.iter().all(its))
    }

    /// Has its provider told that it is over, if that is configured and would be of use. Nobody waits
    /// for it, and nothing here depends on it.
    pub(super) fn forward(&self, text: &str) {
        let Some(forwarder) = &self.configured.forwarder else { return };
        // An administrator may end tokens of which nobody knows the client.
        if self.clients.iter().all(|client| client.as_str() == forwarder.client_id()) {
            forwarder.offer(TokenText::new(text));
        } else {
            forwarder.leave();
        }
    }

    /// Whether no verifier takes it any more, whatever its tolerance.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let policy = &self.configured.policy;
        self.expires_at.is_some_and(|expires_at| policy.outlives(expires_at) <= now)
    }
}
