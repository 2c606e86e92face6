//! Why a verified token is no access token for us.

use std::time::Duration;

use thiserror::Error;

use signout_checker::{IdError, Issuer, Timestamp};

use crate::jose::{ClaimError, JsonType};

/// A refusal. The texts hold times, numbers and names of claims, and of the token's other contents
/// nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AccessTokenError {
    /// `aud` names none of the accepted audiences.
    #[error(
        "`aud` names none of the accepted audiences; see `audiences` of [forward_auth], or have the provider put one of them into its access tokens"
    )]
    AudienceForeign,
    /// It is bound to a key whose possession nobody proves here (RFC 7800; RFC 9449, section 7.2).
    #[error(
        "`cnf` binds the token to a key of the client, and a bearer token proves no possession of it; have the provider issue bearer tokens to this client"
    )]
    Bound,
    /// `exp` has passed, the leeway included.
    #[error("expired at {}, now is {} (seconds since 1970); if clocks differ, see `leeway`", .expires_at.as_secs(), .now.as_secs())]
    Expired {
        /// The token's `exp`.
        expires_at: Timestamp,
        /// When it was looked at.
        now: Timestamp,
    },
    /// A claim that ID tokens have and access tokens do not.
    #[error("`{claim}` is present, which marks an ID token; send the access token instead")]
    IdToken {
        /// Which claim.
        claim: &'static str,
    },
    /// `iat` lies further ahead than the leeway.
    #[error("issued at {}, now is {} (seconds since 1970); synchronise the clocks, or see `leeway`", .issued_at.as_secs(), .now.as_secs())]
    IssuedAhead {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// When it was looked at.
        now: Timestamp,
    },
    /// `iss` is not the provider.
    #[error("`iss` is not {expected}, byte for byte")]
    IssuerMismatch {
        /// The configured issuer.
        expected: Issuer,
    },
    /// The token was verified with the keys of another provider than the one expected. A bug.
    #[error(
        "verified with the keys of {verified_by}, expected from {expected}; this is a bug, please report it"
    )]
    KeysOfAnotherIssuer {
        /// The configured issuer.
        expected: Issuer,
        /// Whose keys verified the token.
        verified_by: Issuer,
    },
    /// It lives longer than its revocation would be remembered.
    #[error("lives {} s, longer than {} s; see the provider's `max_token_lifetime`", .lifetime.as_secs(), .limit.as_secs())]
    LivesTooLong {
        /// From `iat`, or from now without one, to `exp`.
        lifetime: Duration,
        /// The limit.
        limit: Duration,
    },
    /// An identifier is empty, too long, or holds control characters.
    #[error("{fault}")]
    Malformed {
        /// Which claim.
        claim: &'static str,
        /// What is wrong with it.
        fault: IdError,
    },
    /// A required claim is absent.
    #[error("`{claim}` is missing")]
    Missing {
        /// Which claim.
        claim: &'static str,
    },
    /// `nbf` lies further ahead than the leeway.
    #[error("not valid before {}, now is {} (seconds since 1970); synchronise the clocks, or see `leeway`", .not_before.as_secs(), .now.as_secs())]
    NotYetValid {
        /// The token's `nbf`.
        not_before: Timestamp,
        /// When it was looked at.
        now: Timestamp,
    },
    /// A number that is no date.
    #[error("`{claim}` is not a number of seconds between 0 and 253402300799")]
    OutOfRange {
        /// Which claim.
        claim: &'static str,
    },
    /// `events` is there: a logout token or another security event.
    #[error("`events` is present: a logout token or a security event, not an access token")]
    SecurityEvent,
    /// The header's `typ` names another kind of token, or, in the strict profile, none.
    #[error("`typ` of the header is not that of an access token (`at+jwt`)")]
    TypForeign,
    /// The payload's `typ` names another kind of token.
    #[error("the claim `typ` names another kind of token than an access token")]
    TypClaimForeign,
    /// It is for a client, and nothing tells it from an ID token.
    #[error(
        "`aud` is a client and nothing marks an access token (`typ: at+jwt`, `scope`, `client_id`), so it may be an ID token; have the provider name an audience of its own for the API"
    )]
    Unmarked,
    /// A claim of another JSON type.
    #[error("`{claim}` must not be of JSON type {found}")]
    WrongType {
        /// Which claim.
        claim: &'static str,
        /// What it is.
        found: JsonType,
    },
}

impl AccessTokenError {
    /// A metric label, from a closed set.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::AudienceForeign => "aud_foreign",
            Self::Bound => "cnf_present",
            Self::Expired { .. } => "exp_passed",
            Self::IdToken { .. } => "id_token",
            Self::IssuedAhead { .. } => "iat_ahead",
            Self::IssuerMismatch { .. } => "iss_mismatch",
            Self::KeysOfAnotherIssuer { .. } => "keys_of_another_issuer",
            Self::LivesTooLong { .. } => "lives_too_long",
            Self::Malformed { .. } => "claim_malformed",
            Self::Missing { claim } => match *claim {
                "aud" => "aud_missing",
                "client_id" => "client_id_missing",
                "exp" => "exp_missing",
                "iat" => "iat_missing",
                "iss" => "iss_missing",
                "jti" => "jti_missing",
                "sub" => "sub_missing",
                _ => "claim_missing",
            },
            Self::NotYetValid { .. } => "nbf_ahead",
            Self::OutOfRange { .. } => "claim_out_of_range",
            Self::SecurityEvent => "security_event",
            Self::TypForeign => "typ_foreign",
            Self::TypClaimForeign => "typ_claim_foreign",
            Self::Unmarked => "unmarked",
            Self::WrongType { .. } => "claim_wrong_type",
        }
    }
}

/// A claim that is there, but not what it must be.
impl From<ClaimError> for AccessTokenError {
    fn from(fault: ClaimError) -> Self {
        match fault {
            ClaimError::DateOutOfRange { claim } => Self::OutOfRange { claim },
            ClaimError::WrongType { claim, found } => Self::WrongType { claim, found },
        }
    }
}
