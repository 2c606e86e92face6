//! Why an answer did not come, in words that tell an operator what to do.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use thiserror::Error;

use super::Endpoint;
use super::http_client::{CONNECT_TIMEOUT, TOTAL_TIMEOUT};

/// Why there is no answer, or none that is of use. Bodies are never part of it.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No TCP connection.
    #[error(
        "cannot connect to {url} ({kind}): check that the server runs and that a firewall lets this host through"
    )]
    Connect {
        /// What was asked.
        url: Endpoint,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("{url} broke off in the middle of its answer: look into the server's log")]
    Interrupted {
        /// What was asked.
        url: Endpoint,
    },
    /// The answer was a redirect; none is ever followed, because it could lead anywhere.
    #[error(
        "{url} answered {status}, a redirect to {to:?}: configure the address that answers itself"
    )]
    Redirected {
        /// What was asked.
        url: Endpoint,
        /// 300 to 399.
        status: u16,
        /// The `Location`, cut to 200 characters.
        to: String,
    },
    /// The name has no address.
    #[error(
        "the host of {url} has no address: check the spelling and the resolver of this machine"
    )]
    Resolve {
        /// What was asked.
        url: Endpoint,
    },
    /// The answer has another status than 200.
    #[error("{url} answered {status} instead of 200: check the address, then the server's log")]
    Status {
        /// What was asked.
        url: Endpoint,
        /// 100 to 999.
        status: u16,
    },
    /// No connection within 3 s, or no complete answer within 5 s.
    #[error(
        "{url} did not answer within {} s ({} s to connect): check that the server is reachable and not overloaded",
        TOTAL_TIMEOUT.as_secs(), CONNECT_TIMEOUT.as_secs()
    )]
    TimedOut {
        /// What was asked.
        url: Endpoint,
    },
    /// TLS failed.
    #[error("no secure connection to {url}: {problem}")]
    Tls {
        /// What was asked.
        url: Endpoint,
        /// What was wrong.
        problem: TlsProblem,
    },
    /// The body is larger than the caller accepts; the rest was not read.
    #[error(
        "the answer of {url} is larger than {limit} bytes: check that this address is the right one"
    )]
    TooLarge {
        /// What was asked.
        url: Endpoint,
        /// Bytes allowed.
        limit: usize,
    },
}

/// What was wrong with TLS.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsProblem {
    /// Expired, or not valid yet.
    Expired,
    /// Everything else.
    Handshake(rustls::Error),
    /// Signed by nobody this service trusts.
    UnknownAuthority,
    /// For another host.
    WrongName,
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str(
                "its certificate is not valid now: renew it, and check the clock of this machine",
            ),
            Self::Handshake(error) => write!(f, "{error}"),
            Self::UnknownAuthority => f.write_str(
                "its certificate comes from an unknown authority: set `ca_file` to the PEM file \
                 of the authority that signed it, and let the server send its intermediates",
            ),
            Self::WrongName => f.write_str(
                "its certificate is for another host name: use the name in the certificate",
            ),
        }
    }
}

impl FetchError {
    /// Finds out what happened. The client's own error type ends here.
    pub(super) fn from_client(url: &Endpoint, error: &reqwest::Error) -> Self {
        let url = url.clone();
        let causes = || std::iter::successors(error.source(), |cause| (*cause).source());
        if let Some(tls) = causes().find_map(tls_error) {
            return Self::Tls { url, problem: TlsProblem::from(tls) };
        }
        if error.is_timeout() {
            return Self::TimedOut { url };
        }
        if error.is_dns() {
            return Self::Resolve { url };
        }
        if error.is_connect() {
            let kind = causes().find_map(|cause| cause.downcast_ref()).map(io::Error::kind);
            return Self::Connect { url, kind: kind.unwrap_or(io::ErrorKind::Other) };
        }
        Self::Interrupted { url }
    }
}

/// rustls puts its error inside an [`io::Error`], and the connector that one inside another. The
/// `source` of an [`io::Error`] skips what is directly inside.
fn tls_error<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    match cause.downcast_ref::<io::Error>() {
        Some(outer) => tls_error(outer.get_ref()?),
        None => cause.downcast_ref(),
    }
}

impl From<&rustls::Error> for TlsProblem {
    fn from(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Certificate;
        match error {
            rustls::Error::InvalidCertificate(problem) => match problem {
                Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. } => Self::Expired,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                    Self::WrongName
                }
                // The latter: an authority that was made anew under its old name.
                Certificate::UnknownIssuer | Certificate::BadSignature => Self::UnknownAuthority,
                _ => Self::Handshake(error.clone()),
            },
            _ => Self::Handshake(error.clone()),
        }
    }
}
