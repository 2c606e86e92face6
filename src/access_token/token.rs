//! An access token that passed.

use std::fmt;

use signout_checker::{ClientId, Issuer, JwtId, SessionId, Subject, Timestamp};

use super::named::Named;
use crate::jose::{Value, VerifiedJws};

/// A valid access token: signed by its issuer, meant for us, not expired when it was looked at. Only
/// [`super::validate()`] makes one. **Whether it was revoked is another question.**
#[derive(Clone)]
pub struct AccessToken {
    pub(super) named: Named,
    pub(super) jwt_id: JwtId,
    pub(super) expires_at: Timestamp,
    pub(super) accepted_from: Timestamp,
    pub(super) refused_from: Timestamp,
    pub(super) scope: Option<Box<str>>,
    pub(super) jws: VerifiedJws,
}

impl AccessToken {
    /// What it is called, and whom it names: to ask the index with.
    #[must_use]
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// Who issued it. Nothing below means anything without.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.named.issuer
    }

    /// `jti`; of a token without one, `sha-256:` and the digest of what is signed.
    #[must_use]
    pub fn jwt_id(&self) -> &JwtId {
        &self.jwt_id
    }

    /// `sid`.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        self.named.session.as_ref()
    }

    /// `sub`. A token that a client asked for itself may have none.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.named.subject.as_ref()
    }

    /// `client_id`, else `azp`.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        self.named.client.as_ref()
    }

    /// `iat`.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.named.issued_at
    }

    /// `exp`, without leeway.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// `exp` and the leeway: from here on it is refused, however it was valid before.
    #[must_use]
    pub fn refused_from(&self) -> Timestamp {
        self.refused_from
    }

    /// Whether the times in it allow it at another moment than the one when it was validated. Nothing
    /// else about it changes.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        (self.accepted_from..self.refused_from).contains(&now)
    }

    /// `scope`: names with single spaces between them (RFC 6749, section 3.3).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Any other claim: the one that groups come from, for instance.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.jws.claims().get(name)
    }

    /// The signed token itself.
    #[must_use]
    pub fn jws(&self) -> &VerifiedJws {
        &self.jws
    }
}

/// Claims are personal data: what the token is called is all that is shown.
impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("named", &self.named).finish_non_exhaustive()
    }
}
