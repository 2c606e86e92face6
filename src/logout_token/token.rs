//! A logout token that passed.

use signout_checker::{Issuer, JwtId, SessionId, Subject, Timestamp};

use crate::jose::SigningInputDigest;

/// A valid logout token, and so an order by the issuer. Only [`super::validate()`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    pub(super) issuer: Issuer,
    pub(super) who: Who,
    pub(super) jwt_id: JwtId,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) offline: OfflineAccess,
    pub(super) identity: SigningInputDigest,
}

impl LogoutToken {
    /// Who orders it. Session, subject and `jti` mean nothing without.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What is to end.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// `jti`: with the issuer, the name of this order.
    #[must_use]
    pub fn jwt_id(&self) -> &JwtId {
        &self.jwt_id
    }

    /// `iat`, by the issuer's clock: the cut-off of a subject-wide logout.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `exp`, if there is one.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// What the issuer says about offline access.
    #[must_use]
    pub fn offline(&self) -> OfflineAccess {
        self.offline
    }

    /// What tells a retransmission of this token from another one that reuses its `jti`.
    #[must_use]
    pub fn identity(&self) -> SigningInputDigest {
        self.identity
    }
}

/// Whose tokens are to end. At least one of the two is named, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// This session of this subject.
    Both(SessionId, Subject),
    /// This session.
    Session(SessionId),
    /// All sessions of this subject.
    Subject(Subject),
}

/// Whether refresh tokens with `offline_access` are to end too. The norm says they normally
/// should not (section 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineAccess {
    /// The issuer says nothing.
    Keep,
    /// `events` holds `revoke_offline_access: true`, as Keycloak sends it.
    Revoke,
}
