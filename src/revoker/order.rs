//! What may be asked to be revoked, beside what a logout token says.

use signout_checker::{Issuer, JwtId, Reason, SessionId, Target, Timestamp};

use super::Policy;
use super::plan::{self, Plan};
use crate::sessions::Sessions;

/// An order to revoke, from whoever may give one.
#[derive(Clone, Debug)]
pub struct Order {
    /// What to revoke.
    pub target: Target,
    /// Tokens issued at or before this; by default all of a token or session, and what a subject,
    /// client or issuer issued until now.
    pub issued_before: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
    /// The provider's policy.
    pub policy: Policy,
}

/// A client's request to end one of its tokens (RFC 7009). That the token is the client's own is for
/// the caller to see to.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// `iss`.
    pub issuer: Issuer,
    /// `jti`.
    pub jwt_id: JwtId,
    /// `exp`, if the token tells one. What is registered of it goes before.
    pub expires_at: Option<Timestamp>,
    /// The provider's policy.
    pub policy: Policy,
}

/// A request, from whoever, to end one session (Front-Channel Logout 1.0). Nothing happens unless a
/// token of the session is registered.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// `iss`.
    pub issuer: Issuer,
    /// `sid`.
    pub session: SessionId,
    /// The provider's policy.
    pub policy: Policy,
}

/// Any of them.
#[derive(Debug)]
pub(super) enum Asked {
    Order(Order),
    Session(SessionRequest),
    Token(TokenRequest),
}

impl Asked {
    pub(super) fn plan(&self, sessions: &Sessions, now: Timestamp) -> Plan {
        match self {
            Self::Order(order) => plan::revoke(order, sessions, now),
            Self::Session(request) => plan::end_known_session(request, sessions, now),
            Self::Token(request) => plan::end_token(request, sessions, now),
        }
    }
}
