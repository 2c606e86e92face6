//! The way to the identity providers: their metadata, their keys, one HTTP client.
//!
//! [`Providers`] finds a [`Provider`] by name or issuer, and [`Provider::verify`] verifies a
//! token with its keys; [`RevocationClient`] tells a provider that one of its tokens is over. A background task per provider, [`Provider::keep_keys`], fetches them; the
//! service starts and answers for the others while one provider cannot be reached. Whoever needs
//! HTTP (recheck, the command line, the demo) takes [`HttpClient`] from here: nobody else may name
//! the client library or `openidconnect`, and none of their types leaves this room.
//!
//! What a token can cause is bounded: one fetch in thirty seconds per provider, whatever arrives,
//! and a set of keys is only ever replaced by another one that holds a usable key. Times are those
//! of tokio's monotonic clock; the wall clock is not read.
//!
//! Deliberately absent: redirects, proxies from the environment, retries within a request, keys or
//! addresses taken from a token (`jku`, `x5u`, its `iss`), a cache shared between issuers. Private
//! addresses are not blocked, because many providers live on them: the addresses asked are those
//! of the operator and of providers that the operator named, over TLS.

mod absent_kids;
mod config;
mod credentials;
mod discovery;
mod endpoint;
mod fetch_error;
mod freshness;
mod http_client;
mod key_source;
mod keys;
mod metrics;
#[expect(clippy::module_inception, reason = "the file of the type `Provider`")]
mod provider;
mod providers;
mod refresh_error;
mod refresher;
mod revocation;
mod schedule;
mod verify_error;

pub use config::{ClientSecret, ProviderConfig, ProviderConfigError};
pub use credentials::{Credentials, CredentialsError};
pub use discovery::{BackchannelLogout, DiscoveryError, Metadata};
pub use endpoint::{Endpoint, EndpointError, PlainHttp};
pub use fetch_error::{FetchError, TlsProblem};
pub use http_client::{DOCUMENT_LIMIT, HttpClient, HttpClientError, Response};
pub use key_source::{KeyLocation, KeySourceError};
pub use keys::KeyEpoch;
pub use metrics::Metrics;
pub use provider::Provider;
pub use providers::Providers;
pub use refresh_error::RefreshError;
pub use revocation::{ClientAuthentication, Receipt, Retry, RevocationClient, RevocationError};
pub use verify_error::{Unavailable, VerifyError};

#[cfg(test)]
mod fake_op;
#[cfg(test)]
mod tests;
