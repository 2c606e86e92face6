//! Why the text of a token does not become an access token.

use std::time::Duration;

use thiserror::Error;

use crate::access_token::AccessTokenError;
use crate::jose::JoseError;
use crate::provider::{Unavailable, VerifyError};

/// A refusal. Only one variant says nothing about the token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BearerError {
    /// The provider's keys are not at hand: come again.
    #[error("the provider's keys are not available: {why}")]
    KeysUnavailable {
        /// What is missing.
        why: Unavailable,
        /// By then the provider has been asked again.
        retry_after: Duration,
    },
    /// Signed by the provider, and no access token for us now.
    #[error(transparent)]
    NotAccepted(#[from] AccessTokenError),
    /// No signed token, or not signed by the provider it names.
    #[error(transparent)]
    NotVerified(#[from] JoseError),
    /// It names no issuer, or none that is configured.
    #[error("no configured provider has the token's issuer")]
    UnknownIssuer,
}

impl BearerError {
    /// A metric label, from a closed set.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::NotAccepted(error) => error.label(),
            Self::NotVerified(error) => error.label(),
            Self::UnknownIssuer => "unknown_issuer",
        }
    }
}

impl From<VerifyError> for BearerError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::KeysUnavailable { why, retry_after } => {
                Self::KeysUnavailable { why, retry_after }
            }
            VerifyError::Refused(error) => Self::NotVerified(error),
        }
    }
}
