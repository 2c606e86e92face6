//! What the way to Redis is made from.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use deadpool_redis::BuildError;
use deadpool_redis::redis::RedisError;
use thiserror::Error;

use super::{Address, KeyPrefix};

/// Everything that this room needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which servers there are.
    pub topology: Topology,
    /// Of the servers; not of the sentinels.
    pub login: Login,
    /// PEM file with the authorities to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with.
    pub prefix: KeyPrefix,
    /// Whether there is a key for each target.
    pub direct_keys: DirectKeys,
    /// For address look-up, TCP, TLS and `AUTH` together.
    pub connect_timeout: Duration,
    /// For each answer; added to the time that the server was asked to wait.
    pub response_timeout: Duration,
}

/// Which servers there are.
#[derive(Clone, Debug)]
pub enum Topology {
    /// One server, or a name that always leads to the master.
    Single(Address),
    /// Sentinels that know the master.
    Sentinel {
        /// All that are known; each is asked.
        sentinels: Vec<Address>,
        /// What they call the master.
        service: Box<str>,
        /// Of the sentinels.
        login: Login,
    },
    /// Some nodes of a cluster.
    Cluster(Vec<Address>),
}

/// Whether there is a key for each target, for those who ask Redis without a checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectKeys {
    /// There is none; only the log.
    Omit,
    /// Targets that have a name have a key.
    Write,
}

/// How to log in.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Without one: the user `default`.
    pub username: Option<Box<str>>,
    /// Without one: no `AUTH`.
    pub password: Option<Password>,
}

/// A password. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Password(Box<[u8]>);

impl Password {
    /// Takes the bytes as they are. They must be UTF-8 for the library that sends them.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub(super) fn expose(&self) -> Result<&str, ConfigError> {
        std::str::from_utf8(&self.0).map_err(|_| ConfigError::PasswordNotUtf8)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Why there can be no way to Redis.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file holds no usable certificate.
    #[error("redis: ca_file {path:?} holds no certificate that can be used: write it as PEM")]
    BadCertificate {
        /// `ca_file`.
        path: PathBuf,
    },
    /// No server to connect to.
    #[error("redis: urls is empty: write at least one")]
    NoServers,
    /// A password that the library cannot send.
    #[error("redis: the password is not UTF-8: set another one")]
    PasswordNotUtf8,
    /// The library refused what it was given: `redis` and `rediss` in one cluster, for instance.
    #[error("redis: {reason}: look over urls and ca_file")]
    Refused {
        /// What it said. It has not seen the password then.
        reason: Box<str>,
    },
    /// The file cannot be read.
    #[error("redis: ca_file {path:?} cannot be read ({kind}): check the path and the permissions")]
    Unreadable {
        /// `ca_file`.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
}

impl From<RedisError> for ConfigError {
    fn from(error: RedisError) -> Self {
        Self::Refused { reason: error.to_string().into() }
    }
}

impl From<BuildError> for ConfigError {
    fn from(error: BuildError) -> Self {
        Self::Refused { reason: error.to_string().into() }
    }
}
