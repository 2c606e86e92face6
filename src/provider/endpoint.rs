//! URLs that the service may ask.

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use thiserror::Error;

/// A URL that passed the rule: `https`, or plain `http` to a loopback host where that is allowed.
///
/// [`HttpClient`](super::HttpClient) takes nothing else, so a URL that came out of a discovery
/// document is held to the same rule as one that an operator wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Arc<Url>);

/// What to do with a URL that begins with `http://`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Allow it if the host is `localhost`, in 127.0.0.0/8 or `[::1]`: tests and the demo.
    AllowLoopback,
    /// Deny it everywhere.
    #[default]
    Deny,
}

/// Why a URL is not asked. The texts hold the URL's host only: a path or query may be private.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// `user:password@` in a URL ends up in logs.
    #[error("the URL for {host} holds a user name or a password: remove it")]
    Credentials {
        /// The host.
        host: String,
    },
    /// Neither `https` nor `http`.
    #[error("a URL of scheme {scheme:?} cannot be asked: use https")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// Plain `http`, to a host or in a place where it is not allowed.
    #[error(
        "plain http to {host} would let anybody on the way change the answer: use https \
         (`allow_insecure_http = true` allows http to loopback hosts only)"
    )]
    Plaintext {
        /// The host.
        host: String,
    },
    /// No absolute URL.
    #[error("this is no absolute URL: write it as https://host/path")]
    Unparsable,
}

impl Endpoint {
    /// Parses a URL and holds it against the rule. A fragment is dropped, it is never sent.
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, EndpointError> {
        let mut url = Url::parse(text).map_err(|_| EndpointError::Unparsable)?;
        url.set_fragment(None);
        let host = url.host_str().unwrap_or_default().to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials { host });
        }
        match (url.scheme(), plain_http) {
            ("https", _) => Ok(Self(Arc::new(url))),
            ("http", PlainHttp::AllowLoopback) if is_loopback(&host) => Ok(Self(Arc::new(url))),
            ("http", _) => Err(EndpointError::Plaintext { host }),
            (scheme, _) => Err(EndpointError::Scheme { scheme: scheme.to_owned() }),
        }
    }

    /// The URL in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn url(&self) -> Url {
        Url::clone(&self.0)
    }
}

/// Decided by the text and not by a look-up: a name that resolves to a loopback address now may
/// resolve to another one for the connection. The URL parser has turned every spelling of an
/// IPv4 address (`0x7f.1`, `2130706433`) into the dotted one.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Scheme, host, port and path: a query may hold what belongs in no log.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.url();
        shown.set_query(None);
        f.write_str(shown.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, plain_http: PlainHttp, expected: &Result<&str, EndpointError>) {
        let got = Endpoint::parse(text, plain_http);
        let got = got.as_ref().map(Endpoint::as_str).map_err(Clone::clone);
        assert_eq!(&got, expected, "{text} {plain_http:?}");
    }

    #[test]
    fn https_everywhere() {
        for plain_http in [PlainHttp::Deny, PlainHttp::AllowLoopback] {
            check("https://op.example/a?b", plain_http, &Ok("https://op.example/a?b"));
            check("HTTPS://OP.example/a#b", plain_http, &Ok("https://op.example/a"));
        }
    }

    #[test]
    fn plain_http_to_loopback_only_and_only_if_allowed() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "0x7f.1", "2130706433"] {
            let url = format!("http://{host}:8080/");
            assert!(Endpoint::parse(&url, PlainHttp::AllowLoopback).is_ok(), "{url}");
            assert!(
                matches!(
                    Endpoint::parse(&url, PlainHttp::Deny),
                    Err(EndpointError::Plaintext { .. })
                ),
                "{url}"
            );
        }
        for host in
            ["op.example", "localhost.op.example", "127.0.0.1.op.example", "10.0.0.1", "[::]"]
        {
            check(
                &format!("http://{host}/"),
                PlainHttp::AllowLoopback,
                &Err(EndpointError::Plaintext { host: host.to_owned() }),
            );
        }
    }

    #[test]
    fn nothing_else() {
        let host = || "op.example".to_owned();
        for text in ["https://u@op.example/", "https://:p@op.example/", "https://u:p@op.example"] {
            check(text, PlainHttp::Deny, &Err(EndpointError::Credentials { host: host() }));
        }
        for scheme in ["file", "ftp", "data"] {
            let error = EndpointError::Scheme { scheme: scheme.to_owned() };
            check(&format!("{scheme}:///etc/passwd"), PlainHttp::AllowLoopback, &Err(error));
        }
        check("op.example", PlainHttp::Deny, &Err(EndpointError::Unparsable));
    }

    #[test]
    fn a_query_is_not_shown() {
        let url = Endpoint::parse("https://op.example/keys?secret=1", PlainHttp::Deny).unwrap();
        assert_eq!(url.to_string(), "https://op.example/keys");
    }
}
