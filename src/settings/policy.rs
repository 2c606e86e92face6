//! The decisions that an operator makes, one closed set each.

use signout_checker::StalePolicy;

use super::choice::{Choice, choice};
use super::shape::{Refusal, Shape};
use super::value::{Kind, Value};

/// What to answer the provider when a logout cannot be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotPersist {
    /// 400: the letter of Back-Channel Logout 1.0, section 2.8.
    BadRequest,
    /// 503 with `Retry-After`: what a sender that repeats understands.
    ServiceUnavailable,
}

/// Whether a browser's word that a session is over counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontchannelLogout {
    /// There is no front-channel logout at this provider.
    Deny,
    /// A session of which a token is registered ends.
    Allow,
}

choice! {
    /// Whether a logout ends refresh tokens that were granted for offline access.
    pub enum RevokeOffline {
        /// They survive (Back-Channel Logout 1.0, section 2.7).
        Never = "never",
        /// They end if the logout token says so.
        AsTold = "as_told",
        /// They end.
        Always = "always",
    }
}

choice! {
    /// Whether a provider uses a `sid` again for a later session.
    pub enum SessionReuse {
        /// It does not: a session that ended stays ended, whatever `iat` a token has.
        Deny = "deny",
        /// It does: tokens issued after the logout belong to the later session.
        AllowLater = "allow_later",
    }
}

choice! {
    /// What a logout token ends that names both a session and its user.
    pub enum SidScope {
        /// The session.
        Session = "session",
        /// All sessions of the user.
        Subject = "subject",
    }
}

impl Choice for StalePolicy {
    const ALL: &'static [Self] = &[Self::Deny, Self::Allow];

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

/// `cannot_persist_status`, a status code.
pub(super) struct CannotPersistStatus;

impl Shape for CannotPersistStatus {
    type Output = CannotPersist;
    const KIND: Kind = Kind::Integer;

    fn expected(&self) -> String {
        "503, or 400 for a provider that takes the norm by its letter".into()
    }

    fn parse(&self, value: &Value) -> Result<CannotPersist, Refusal> {
        match value {
            Value::Integer(400) => Ok(CannotPersist::BadRequest),
            Value::Integer(503) => Ok(CannotPersist::ServiceUnavailable),
            _ => Err(Refusal::Unfit),
        }
    }
}
