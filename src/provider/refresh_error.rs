//! Why a refresh brought no new keys.

use thiserror::Error;

use super::{DiscoveryError, FetchError, KeySourceError};
use crate::jose::KeySetError;

/// Why a refresh brought no new keys. The old ones stay.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// What was read is no JWK set, or nothing in it can verify a token of this provider.
    #[error("what the provider publishes cannot be used: {0}; compare `algorithms` with its keys")]
    KeySet(#[source] KeySetError),
    /// Nothing was read.
    #[error(transparent)]
    Source(#[from] KeySourceError),
}

impl RefreshError {
    /// Every value that [`RefreshError::label`] has.
    pub(super) const LABELS: [&'static str; 14] = [
        "connect",
        "endpoint",
        "file",
        "interrupted",
        "issuer_mismatch",
        "key_set",
        "metadata",
        "no_usable_key",
        "redirected",
        "resolve",
        "status",
        "timed_out",
        "tls",
        "too_large",
    ];

    /// The `outcome` of the metric.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::KeySet(KeySetError::NoUsableKey { .. }) => "no_usable_key",
            Self::KeySet(_) => "key_set",
            Self::Source(source) => match source {
                KeySourceError::Discovery(DiscoveryError::Endpoint { .. }) => "endpoint",
                KeySourceError::Discovery(DiscoveryError::IssuerMismatch { .. }) => {
                    "issuer_mismatch"
                }
                KeySourceError::Discovery(DiscoveryError::Malformed { .. }) => "metadata",
                KeySourceError::Discovery(DiscoveryError::Fetch(fetch))
                | KeySourceError::Fetch(fetch) => fetch_label(fetch),
                KeySourceError::FileTooLarge { .. } | KeySourceError::FileUnreadable { .. } => {
                    "file"
                }
            },
        }
    }
}

fn fetch_label(error: &FetchError) -> &'static str {
    match error {
        FetchError::Connect { .. } => "connect",
        FetchError::Interrupted { .. } => "interrupted",
        FetchError::Redirected { .. } => "redirected",
        FetchError::Resolve { .. } => "resolve",
        FetchError::Status { .. } => "status",
        FetchError::TimedOut { .. } => "timed_out",
        FetchError::Tls { .. } => "tls",
        FetchError::TooLarge { .. } => "too_large",
    }
}
