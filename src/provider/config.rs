//! What a provider is made from.

use std::fmt;
use std::path::PathBuf;

use signout_checker::Issuer;
use thiserror::Error;

use super::{HttpClientError, KeyLocation, PlainHttp};
use crate::jose::{Algorithm, SecretError};

/// One configured provider, as far as this room is concerned.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Label in metrics and part of URLs; unique.
    pub name: Box<str>,
    /// `iss`; unique.
    pub issuer: Issuer,
    /// Signature algorithms that are accepted; at least one.
    pub algorithms: Vec<Algorithm>,
    /// Where the published keys are. Never looked at if every algorithm is a symmetric one.
    pub keys: KeyLocation,
    /// Key of the symmetric algorithms.
    pub client_secret: Option<ClientSecret>,
    /// PEM file of a private authority, trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether plain http to loopback hosts is allowed.
    pub plain_http: PlainHttp,
}

/// A client secret: the key of HS256, HS384 and HS512, or a client's password. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Box<[u8]>);

impl ClientSecret {
    /// Takes the bytes as they are; how many there must be is decided where they become a key.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

/// Why a provider, or the set of them, cannot be built.
#[derive(Debug, Error)]
pub enum ProviderConfigError {
    /// The secret cannot be a key.
    #[error("provider {name}: the client secret cannot verify signatures: {source}")]
    ClientSecret {
        /// The provider.
        name: Box<str>,
        /// Why not.
        source: SecretError,
    },
    /// Two providers have one issuer.
    #[error(
        "providers {first} and {second} have the same issuer: a token could be meant for either; \
         make them one provider with both `client_ids`"
    )]
    DuplicateIssuer {
        /// The earlier one.
        first: Box<str>,
        /// The later one.
        second: Box<str>,
    },
    /// Two providers have one name.
    #[error("two providers are called {name}: rename one")]
    DuplicateName {
        /// The name.
        name: Box<str>,
    },
    /// No client could be made for it.
    #[error("provider {name}: {source}")]
    HttpClient {
        /// The provider.
        name: Box<str>,
        /// Why not.
        source: HttpClientError,
    },
    /// Nothing could ever be verified.
    #[error("provider {name}: `algorithms` is empty: leave it out for RS256")]
    NoAlgorithms {
        /// The provider.
        name: Box<str>,
    },
    /// A symmetric algorithm without its key.
    #[error("provider {name}: {algorithm:?} needs `client_secret_file`")]
    NoClientSecret {
        /// The provider.
        name: Box<str>,
        /// The algorithm.
        algorithm: Algorithm,
    },
}
