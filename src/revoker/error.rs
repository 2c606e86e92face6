//! Why the revoker did not do what it was asked.

use std::time::Duration;

use signout_checker::Timestamp;
use thiserror::Error;

/// Why a revocation did not happen.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RevokerError {
    /// The journal cannot take it. It may be asked again.
    #[error("not durable: {0}")]
    NotDurable(String),
    /// More is waiting than may wait. It may be asked again.
    #[error("too many requests are waiting for the journal's disk")]
    Overloaded,
    /// The logout token's `jti` was used by another token (`bcl_18`).
    #[error("another logout token had this jti")]
    ReusedJwtId,
    /// The session named by the logout token is another user's (`bcl_19`).
    #[error("the session belongs to another subject")]
    SubjectMismatch,
}

/// Why a token was not registered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegisterError {
    /// Other facts are registered under this `jti`.
    #[error("another token is registered under this jti")]
    Conflict,
    /// It can no longer be used anywhere.
    #[error("exp {} has passed (it is {})", .expires_at.as_secs(), .now.as_secs())]
    Expired {
        /// The token's `exp`.
        expires_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// `exp` must lie after `iat`.
    #[error("exp is not after iat")]
    ExpiresBeforeIssued,
    /// Clocks differ, or the caller is wrong.
    #[error("iat {} is in the future (it is {})", .issued_at.as_secs(), .now.as_secs())]
    IssuedInTheFuture {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// The time here.
        now: Timestamp,
    },
    /// A cut-off would be forgotten before such a token expires.
    #[error("lives {} s, the limit is {} s (max_token_lifetime of the provider for access tokens)", .lifetime.as_secs(), .limit.as_secs())]
    LivesTooLong {
        /// From `iat` to `exp`.
        lifetime: Duration,
        /// The longest for its kind.
        limit: Duration,
    },
}
