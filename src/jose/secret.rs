//! The client secret as a key: HMAC (RFC 7518, section 3.2).

use josekit::jws::{self, JwsSigner};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::algorithm::Algorithm;

/// Why a client secret cannot be used for HS*.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SecretError {
    /// None of the given algorithms is HS256, HS384 or HS512.
    #[error("a client secret is of use only with HS256, HS384 or HS512 in `algorithms`")]
    NoAlgorithm,
    /// The norm wants as many bytes as the hash has (RFC 7518, section 3.2; Core 1.0, 16.19).
    #[error("{algorithm} needs a secret of {needed} bytes or more, this one has {length}")]
    TooShort {
        /// The algorithm.
        algorithm: Algorithm,
        /// Bytes it has.
        length: usize,
        /// Bytes it needs.
        needed: usize,
    },
}

/// One keyed MAC for each HS* algorithm of a provider.
pub(super) struct Secret(Vec<(Algorithm, Box<dyn JwsSigner>)>);

impl Secret {
    pub(super) fn new(secret: &[u8], algorithms: &[Algorithm]) -> Result<Self, SecretError> {
        let macs: Vec<_> = algorithms
            .iter()
            .filter(|algorithm| algorithm.is_symmetric())
            .map(|algorithm| Ok((*algorithm, mac(*algorithm, secret)?)))
            .collect::<Result<_, SecretError>>()?;
        if macs.is_empty() { Err(SecretError::NoAlgorithm) } else { Ok(Self(macs)) }
    }

    pub(super) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.0.iter().map(|(algorithm, _)| *algorithm)
    }

    /// In constant time for signatures of the right length, unlike josekit's own verifier.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let mac = self.0.iter().find(|(own, _)| *own == algorithm);
        let expected = mac.and_then(|(_, mac)| mac.sign(message).ok());
        expected.is_some_and(|expected| expected.ct_eq(signature).into())
    }
}

pub(super) fn mac(algorithm: Algorithm, secret: &[u8]) -> Result<Box<dyn JwsSigner>, SecretError> {
    let (hmac, needed) = match algorithm {
        Algorithm::Hs256 => (jws::HS256, 32),
        Algorithm::Hs384 => (jws::HS384, 48),
        Algorithm::Hs512 => (jws::HS512, 64),
        _ => return Err(SecretError::NoAlgorithm),
    };
    // josekit has the same bound; OpenSSL refuses nothing else.
    match hmac.signer_from_bytes(secret) {
        Ok(signer) if secret.len() >= needed => Ok(Box::new(signer)),
        _ => Err(SecretError::TooShort { algorithm, length: secret.len(), needed }),
    }
}
