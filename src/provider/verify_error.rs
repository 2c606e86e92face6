//! Why a token was not verified, told apart by what the sender should do.

use std::time::Duration;

use thiserror::Error;

use crate::jose::JoseError;

/// Why a token was not verified. The two variants must not be answered alike: most providers send
/// a logout once, and one that is refused because nobody could look for its key is lost.
#[derive(Clone, Copy, Debug, Error)]
pub enum VerifyError {
    /// Nothing is known about the token: come again (503).
    #[error("the provider's keys are not available: {why}")]
    KeysUnavailable {
        /// What is missing.
        why: Unavailable,
        /// For `Retry-After`: by then the provider has been asked again.
        retry_after: Duration,
    },
    /// The token is bad, whoever asks and whenever (400). A key id counts as bad only if a set
    /// that was fetched after the token had arrived does not have it.
    #[error(transparent)]
    Refused(#[from] JoseError),
}

/// What is missing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unavailable {
    /// The provider has not been reached since the start.
    #[error("none could be fetched since the start; the log says why")]
    NeverFetched,
    /// The token names a new key, and the provider was asked a moment ago or does not answer.
    #[error(
        "the token needs one that is not among them, and the provider cannot be asked just now"
    )]
    NotLooked,
    /// The last good fetch was a day ago.
    #[error("the last were fetched more than 24 h ago; the log says why there are no newer ones")]
    TooOld,
}
