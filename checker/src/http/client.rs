//! The HTTP client of a follower, with the limits that every request needs.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Certificate, Client, ClientBuilder, redirect, retry};

use super::Service;
use crate::cryptography;

/// For address look-up, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that vanished without a word is noticed by the missing heartbeat; this ends its socket.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Why there can be no follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The extra authorities hold no certificate, or one that cannot be used.
    #[error("the extra authorities hold no certificate that can be used: give them as PEM")]
    BadCertificate,
    /// The client library refused its settings.
    #[error("the HTTP client could not be set up: install the CA certificates of this machine")]
    Build,
    /// The routes below the address cannot be written.
    #[error(transparent)]
    Service(#[from] super::ServiceError),
}

/// It follows no redirect, repeats no request, keeps no cookies, decompresses nothing, and ignores
/// the proxy variables of the environment.
pub(super) fn client(service: &Service) -> Result<Client, SetupError> {
    cryptography::install();
    let extra = match service.authorities() {
        [] => Vec::new(),
        pem => match Certificate::from_pem_bundle(pem) {
            Ok(certificates) if !certificates.is_empty() => certificates,
            _ => return Err(SetupError::BadCertificate),
        },
    };
    if let Ok(client) = limited(service).tls_certs_merge(extra.clone()).build() {
        return Ok(client);
    }
    // A machine without any authority of its own, such as a minimal container, still gets a client:
    // one that trusts the extra authorities, or nobody, which is enough for plain loopback.
    let has_extra = !extra.is_empty();
    let only = limited(service).tls_certs_only(extra).build();
    only.map_err(|_| if has_extra { SetupError::BadCertificate } else { SetupError::Build })
}

/// A builder with every limit set. There is no timeout for a whole answer, which the feed gives for
/// an hour: whoever reads limits each wait.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
fn limited(service: &Service) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, service.key().header());
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("signout-checker/", env!("CARGO_PKG_VERSION"))),
    );
    Client::builder()
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEPALIVE)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
}
