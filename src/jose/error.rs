//! Why a token is not what it claims to be.

use std::fmt;

use thiserror::Error;

use super::algorithm::Algorithm;
use super::json::JsonError;
use super::key_admission::KeyRefusal;

/// A part of a compact token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 7515 and RFC 7516, section 2")]
pub enum Part {
    AuthenticationTag,
    Ciphertext,
    EncryptedKey,
    Header,
    InitializationVector,
    Payload,
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthenticationTag => "authentication tag",
            Self::Ciphertext => "ciphertext",
            Self::EncryptedKey => "encrypted key",
            Self::Header => "header",
            Self::InitializationVector => "initialization vector",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// How the key was found that a signature does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChoice {
    /// The token named it by `kid`, or it is the client secret.
    Named,
    /// The token names no key and this one alone fits its algorithm.
    OnlyFitting,
}

/// A refusal by this room. None of the texts holds anything that came with the token but numbers.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JoseError {
    /// The algorithm exists, but is not in the provider's `algorithms`.
    #[error(
        "{algorithm} is not in this provider's `algorithms`; add it if the provider really signs with it"
    )]
    AlgorithmDenied {
        /// The token's `alg`.
        algorithm: Algorithm,
    },
    /// `none`, a misspelling, or an algorithm that is never accepted.
    #[error("the token's `alg` is none that may ever be accepted")]
    AlgorithmUnknown,
    /// More than one key fits, and the token does not say which.
    #[error(
        "{fitting} keys of the provider fit this token; it must publish each under a `kid` of its own and send that `kid`"
    )]
    AmbiguousKey {
        /// How many.
        fitting: usize,
    },
    /// Not canonical unpadded base64url.
    #[error("the token's {part} is not canonical base64url")]
    Base64 {
        /// Where.
        part: Part,
    },
    /// A character that is neither base64url nor a dot (RFC 8725bis, section 3.1).
    #[error("the token holds a forbidden character at byte {at}")]
    Character {
        /// Offset in bytes.
        at: usize,
    },
    /// The claims are no strict JSON object.
    #[error("the token's claims: {0}")]
    Claims(#[source] JsonError),
    /// Decryption or its integrity check failed. Which of the two is deliberately not told.
    #[error("the token cannot be decrypted with the configured `encryption_keys`")]
    Decryption,
    /// The token is encrypted, where none was expected.
    #[error("the token is encrypted; configure this provider's `encryption_keys`")]
    Encrypted,
    /// `alg` or `enc` of an encrypted token is not on the allow-list.
    #[error("the token's encryption algorithm is not accepted")]
    EncryptionUnknown,
    /// The header is no strict JSON object.
    #[error("the token's header: {0}")]
    Header(#[source] JsonError),
    /// A header member that is never accepted (RFC 7515, sections 4.1.2 to 4.1.6 and 4.1.11).
    #[error("the token's header holds `{member}`, which is never accepted")]
    HeaderForbidden {
        /// Its name.
        member: &'static str,
    },
    /// The header is longer than 2 KiB.
    #[error("the token's header has {length} bytes, the limit is {limit}")]
    HeaderTooLong {
        /// Bytes after decoding.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A header member that must be a string is absent or something else, or a `kid` that is
    /// empty, longer than 255 bytes, or holds a control character.
    #[error("the token's header has no acceptable `{member}`")]
    HeaderMember {
        /// Its name.
        member: &'static str,
    },
    /// The token names a key of the provider that does not do this algorithm.
    #[error("the key that the token names does not fit {algorithm}")]
    KeyMismatch {
        /// The token's `alg`.
        algorithm: Algorithm,
    },
    /// The token names a key that was refused when the key set was read.
    #[error("the token names a key of the provider that was refused: {refusal}")]
    KeyRefused {
        /// Why.
        refusal: KeyRefusal,
    },
    /// A part of an encrypted token has not the length that its algorithm asks for.
    #[error("the token's {part} has {length} bytes, which its algorithm does not allow")]
    Length {
        /// Which part.
        part: Part,
        /// Bytes after decoding.
        length: usize,
    },
    /// The library below panicked. A bug: please report it.
    #[error("the verification panicked; this is a bug, please report it")]
    Panicked,
    /// Neither three parts nor five.
    #[error("a token has two dots, this one has {dots}")]
    Parts {
        /// Dots found.
        dots: usize,
    },
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature {
        /// How the key was found.
        key: KeyChoice,
    },
    /// Longer than 8 KiB.
    #[error("the token has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The plaintext of an encrypted token is not a signed token: a logout token must be signed.
    #[error("the encrypted token does not hold a signed token")]
    Unsigned,
    /// The set holds no key for this token. It may be new: see [`JoseError::calls_for_refresh`].
    #[error("the provider has published no such key")]
    UnknownKey,
}

impl JoseError {
    /// Whether a newer key set of the provider could verify this token.
    ///
    /// A token that names no key gives another sign of a rotation: the one fitting key no longer
    /// fits. Everybody can send such tokens, so the caller bounds its refreshes.
    #[must_use]
    pub const fn calls_for_refresh(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature { key: KeyChoice::OnlyFitting })
    }

    /// A metric label, from a closed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AlgorithmDenied { .. } => "algorithm_denied",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::AmbiguousKey { .. } => "key_ambiguous",
            Self::Base64 { .. } => "base64",
            Self::Character { .. } => "character",
            Self::Claims(fault) => match fault {
                JsonError::Duplicate => "claims_json_duplicate",
                JsonError::NotObject(_) => "claims_json_not_object",
                JsonError::Syntax => "claims_json_syntax",
                JsonError::TooDeep => "claims_json_too_deep",
                JsonError::TooWide => "claims_json_too_wide",
            },
            Self::Decryption => "decryption",
            Self::Encrypted => "encrypted",
            Self::EncryptionUnknown => "encryption_unknown",
            Self::Header(fault) => match fault {
                JsonError::Duplicate => "header_json_duplicate",
                JsonError::NotObject(_) => "header_json_not_object",
                JsonError::Syntax => "header_json_syntax",
                JsonError::TooDeep => "header_json_too_deep",
                JsonError::TooWide => "header_json_too_wide",
            },
            Self::HeaderForbidden { .. } => "header_forbidden",
            Self::HeaderTooLong { .. } => "header_too_long",
            Self::HeaderMember { .. } => "header_member",
            Self::KeyMismatch { .. } => "key_mismatch",
            Self::KeyRefused { .. } => "key_refused",
            Self::Length { .. } => "length",
            Self::Panicked => "panicked",
            Self::Parts { .. } => "parts",
            Self::Signature { .. } => "signature",
            Self::TooLong { .. } => "too_long",
            Self::Unsigned => "unsigned",
            Self::UnknownKey => "key_unknown",
        }
    }
}
