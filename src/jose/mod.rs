//! The strict gate in front of josekit: from the text of a token to verified claims.
//!
//! josekit verifies signatures soundly and leaves the rest to its caller. The rest is here: size,
//! character set, canonical base64url, one JSON reading of the header and the claims, algorithms
//! that come from the keys and the configuration and never from the header, keys that are admitted
//! one by one. The order is always the same: [`Compact::parse`] looks at the text,
//! [`KeySet::verify`] at the signature, and only a [`VerifiedJws`] has [`Claims`]. What the claims
//! of a logout token must say is the business of [`crate::logout_token`].
//!
//! Nobody else may name josekit. Everything here is pure: no clock, no network, no randomness but
//! that of [`SigningKey::generate`] and [`NewKey::generate`].
//!
//! Deliberately absent: the algorithm `none`, the JSON serialisations, detached payloads, any
//! `crit` extension, keys taken from a header, compression, key derivation from passwords. No
//! setting brings them back.

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod content_encryption;
mod decrypter;
mod encrypted;
mod error;
mod header;
mod json;
mod jwk;
mod key_admission;
mod key_set;
mod rsa;
mod secret;
mod signer;
mod signing_key;
mod verified;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::{Audience, ClaimError, Claims};
pub use compact::{Compact, Envelope, MAX_TOKEN_BYTES, SigningInputDigest};
pub use decrypter::{Decrypted, Decrypter, DecrypterError};
pub use error::{JoseError, KeyChoice, Part};
pub use header::{Header, KeyId};
pub use json::{JsonError, JsonType, Number, Object, Value};
pub use key_admission::KeyRefusal;
pub use key_set::{Admission, KeySet, KeySetError, MAX_JWKS_BYTES, MAX_KEYS, RefusedKey};
pub use secret::SecretError;
pub use signer::{NewKey, Signer};
pub use signing_key::{SigningKey, SigningKeyError};
pub use verified::VerifiedJws;
