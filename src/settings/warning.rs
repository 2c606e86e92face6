//! What is allowed, and probably not meant.

use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::ProviderName;

/// Something an operator should know. The service runs all the same.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Warning {
    /// A secret that every user of the machine can read.
    #[error("{path:?} holds a secret and is readable by everybody: chmod o-r it")]
    EverybodyReads {
        /// The file.
        path: PathBuf,
    },
    /// Plain HTTP to the outside.
    #[error(
        "server.listen {address} takes plain HTTP from other machines: put a TLS proxy in front, \
         or set tls_cert_file and tls_key_file"
    )]
    ListenWithoutTls {
        /// The address.
        address: SocketAddr,
    },
    /// Metrics for everybody.
    #[error(
        "server.metrics_listen {address} answers other machines, and /metrics asks for no key: \
         let only the monitoring reach it"
    )]
    MetricsExposed {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody can call the API.
    #[error(
        "no [[api_key]] is configured: nobody can register or check tokens over HTTP; \
         the example file shows one"
    )]
    NoApiKeys,
    /// Nobody can log out.
    #[error(
        "no [[provider]] is configured: every logout token will be refused; \
         the example file shows one"
    )]
    NoProviders,
    /// Keys over plain HTTP, on this machine.
    #[error("provider {provider} is asked over plain http: only for tests on this machine")]
    PlainHttp {
        /// The provider.
        provider: ProviderName,
    },
    /// Redis in the clear, over a network.
    #[error(
        "redis.urls {address} is not encrypted, and not on this machine: use rediss://, or a \
         network that nobody else listens on"
    )]
    PlainRedis {
        /// The server.
        address: Box<str>,
    },
    /// A secret without use.
    #[error(
        "provider {provider} has a client secret and no HS* algorithm to use it for: remove it, \
         or list the algorithm"
    )]
    UnusedClientSecret {
        /// The provider.
        provider: ProviderName,
    },
}
