//! Why a verified token is no logout token for us.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use signout_checker::{IdError, Issuer, Timestamp};

use crate::jose::JsonType;

/// The claims that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the claims' own")]
pub enum Claim {
    Aud,
    Events,
    Exp,
    Iat,
    Iss,
    Jti,
    Nbf,
    Sid,
    Sub,
}

impl Claim {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aud => "aud",
            Self::Events => "events",
            Self::Exp => "exp",
            Self::Iat => "iat",
            Self::Iss => "iss",
            Self::Jti => "jti",
            Self::Nbf => "nbf",
            Self::Sid => "sid",
            Self::Sub => "sub",
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal. The texts hold times and numbers, and of the token's other contents nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogoutTokenError {
    /// `aud` names none of our client ids.
    #[error("`aud` names none of this provider's `client_ids`")]
    AudienceForeign,
    /// `aud` names us and somebody who is not listed (Core 1.0, section 3.1.3.7, point 3).
    #[error("`aud` also names {others} others; list them in `client_ids` if they are yours")]
    AudienceShared {
        /// Audiences that are not in `client_ids`.
        others: usize,
    },
    /// `iss` of the encrypted token's header is not `iss` of the signed one.
    #[error("`iss` of the encryption header differs from the token's own")]
    EnvelopeIssuer,
    /// The logout member of `events` is no object.
    #[error("the logout member of `events` is of JSON type {found}, not an object")]
    EventMalformed {
        /// What it is.
        found: JsonType,
    },
    /// `events` does not hold the logout member: a security event, perhaps, but no logout token.
    #[error("`events` does not name a back-channel logout")]
    EventMissing,
    /// `exp` has passed, the leeway included.
    #[error("expired at {}, now is {} (seconds since 1970); if clocks differ, see `leeway`", .expires_at.as_secs(), .now.as_secs())]
    Expired {
        /// The token's `exp`.
        expires_at: Timestamp,
        /// When it was looked at.
        now: Timestamp,
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
    /// An identifier is empty, too long, or holds control characters.
    #[error("{fault}")]
    Malformed {
        /// Which claim.
        claim: Claim,
        /// What is wrong with it.
        fault: IdError,
    },
    /// A required claim is absent.
    #[error("`{claim}` is missing{}", if *claim == Claim::Exp { "; `allow_missing_exp` tolerates that" } else { "" })]
    Missing {
        /// Which claim.
        claim: Claim,
    },
    /// Neither `sid` nor `sub`.
    #[error("neither `sid` nor `sub` says who is to be logged out")]
    NobodyNamed,
    /// `nonce` is there: this may be an ID token (section 2.4).
    #[error("`nonce` is present, which no logout token may have")]
    NoncePresent,
    /// The token is not encrypted, but must be.
    #[error(
        "the token is not encrypted; if the provider does not encrypt, set `require_encryption = false`"
    )]
    NotEncrypted,
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
        claim: Claim,
    },
    /// `iat` lies too far back.
    #[error("issued at {}, now is {} (seconds since 1970), older than {} s; see `max_logout_token_age`", .issued_at.as_secs(), .now.as_secs(), .max_age.as_secs())]
    TooOld {
        /// The token's `iat`.
        issued_at: Timestamp,
        /// When it was looked at.
        now: Timestamp,
        /// The limit.
        max_age: Duration,
    },
    /// `typ` names another kind of token, or is not specific enough where it must be.
    #[error("`typ` is not `logout+jwt`")]
    TypForeign,
    /// `typ` is absent, but required.
    #[error("`typ` is missing; `require_typ = false` tolerates that")]
    TypMissing,
    /// A claim of another JSON type.
    #[error("`{claim}` must not be of JSON type {found}")]
    WrongType {
        /// Which claim.
        claim: Claim,
        /// What it is.
        found: JsonType,
    },
}

impl LogoutTokenError {
    /// A metric label, from a closed set.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::AudienceForeign => "aud_foreign",
            Self::AudienceShared { .. } => "aud_shared",
            Self::EnvelopeIssuer => "envelope_iss_mismatch",
            Self::EventMalformed { .. } => "event_malformed",
            Self::EventMissing => "event_missing",
            Self::Expired { .. } => "exp_passed",
            Self::IssuedAhead { .. } => "iat_ahead",
            Self::IssuerMismatch { .. } => "iss_mismatch",
            Self::KeysOfAnotherIssuer { .. } => "keys_of_another_issuer",
            Self::Malformed { claim, .. } => match claim {
                Claim::Jti => "jti_malformed",
                Claim::Sid => "sid_malformed",
                Claim::Sub => "sub_malformed",
                _ => "claim_malformed",
            },
            Self::Missing { claim } => match claim {
                Claim::Aud => "aud_missing",
                Claim::Events => "events_missing",
                Claim::Exp => "exp_missing",
                Claim::Iat => "iat_missing",
                Claim::Iss => "iss_missing",
                Claim::Jti => "jti_missing",
                _ => "claim_missing",
            },
            Self::NobodyNamed => "nobody_named",
            Self::NoncePresent => "nonce_present",
            Self::NotEncrypted => "not_encrypted",
            Self::NotYetValid { .. } => "nbf_ahead",
            Self::OutOfRange { claim } => match claim {
                Claim::Exp => "exp_out_of_range",
                Claim::Iat => "iat_out_of_range",
                Claim::Nbf => "nbf_out_of_range",
                _ => "claim_out_of_range",
            },
            Self::TooOld { .. } => "iat_too_old",
            Self::TypForeign => "typ_foreign",
            Self::TypMissing => "typ_missing",
            Self::WrongType { claim, .. } => match claim {
                Claim::Aud => "aud_wrong_type",
                Claim::Events => "events_wrong_type",
                Claim::Exp => "exp_wrong_type",
                Claim::Iat => "iat_wrong_type",
                Claim::Iss => "iss_wrong_type",
                Claim::Jti => "jti_wrong_type",
                Claim::Nbf => "nbf_wrong_type",
                Claim::Sid => "sid_wrong_type",
                Claim::Sub => "sub_wrong_type",
            },
        }
    }
}
