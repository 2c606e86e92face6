//! URLs of a provider: only as much of RFC 3986 as it takes to refuse the dangerous ones. The HTTP
//! client parses them again, in full.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use signout_checker::Issuer;

use super::mistake::Mistake;
use super::shape::{Refusal, Word};
use crate::provider::PlainHttp;

/// An absolute `https` or `http` URL without user name, password and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderUrl(Box<str>);

impl ProviderUrl {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Plain http is for hosts that no packet leaves this machine for.
    pub(super) fn admit(&self, plain_http: PlainHttp) -> Result<(), Mistake> {
        match (scheme(&self.0), plain_http) {
            (Some(Scheme::Https), _) => Ok(()),
            (Some(Scheme::Http), PlainHttp::AllowLoopback) if is_loopback(host(&self.0)) => Ok(()),
            _ => Err(Mistake::UrlPlaintext { url: self.0.to_string() }),
        }
    }

    pub(super) fn is_plain_http(&self) -> bool {
        scheme(&self.0) == Some(Scheme::Http)
    }
}

impl fmt::Debug for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Word for ProviderUrl {
    fn expected() -> String {
        "a URL, such as \"https://auth.example.org/keys\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let authority = authority(text).ok_or(Refusal::Unfit)?;
        if authority.contains('@') {
            return Err(Refusal::For(Mistake::UrlCredentials));
        }
        let visible = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
        if !visible || !is_authority(authority) {
            return Err(Refusal::Unfit);
        }
        if text.contains('#') {
            let (url, part) = (text.into(), "fragment");
            return Err(Refusal::For(Mistake::UrlPart { url, part }));
        }
        Ok(Self(text.into()))
    }
}

/// An issuer that is a URL (Discovery 1.0, section 3: no query, no fragment). It is kept as it was
/// written, because `iss` is compared byte for byte.
#[derive(PartialEq)]
pub(super) struct IssuerUrl {
    pub(super) issuer: Issuer,
    pub(super) url: ProviderUrl,
}

impl Word for IssuerUrl {
    fn expected() -> String {
        "the provider's issuer as its discovery document has it, to the last slash, such as \
         \"https://auth.example.org/\""
            .into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let url = ProviderUrl::parse(text)?;
        if text.contains('?') {
            return Err(Refusal::For(Mistake::UrlPart { url: text.into(), part: "query" }));
        }
        let issuer = Issuer::parse(text).map_err(|_| Refusal::Unfit)?;
        Ok(Self { issuer, url })
    }
}

/// The URL that the service itself is reached by: `https`, or `http` on this machine. No query, no
/// fragment (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl(ProviderUrl);

impl ServiceUrl {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL of one of its routes, which begins with a slash.
    #[must_use]
    pub fn route(&self, path: &str) -> String {
        format!("{}{path}", self.as_str().trim_end_matches('/'))
    }
}

impl Word for ServiceUrl {
    fn expected() -> String {
        "the URL that clients reach this service by, such as \"https://signout.example.org\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let url = ProviderUrl::parse(text)?;
        if text.contains('?') {
            return Err(Refusal::For(Mistake::UrlPart { url: text.into(), part: "query" }));
        }
        url.admit(PlainHttp::AllowLoopback).map_err(|_| Refusal::Unfit)?;
        Ok(Self(url))
    }
}

#[derive(PartialEq)]
enum Scheme {
    Http,
    Https,
}

/// In lower case only: an issuer in other letters would not be the one in the tokens.
fn scheme(url: &str) -> Option<Scheme> {
    match url.split_once("://")?.0 {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => None,
    }
}

fn authority(url: &str) -> Option<&str> {
    scheme(url)?;
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = split_port(authority);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match ipv6 {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(plain),
    };
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    host_fits && port.is_none_or(|port| digits(port) && port.parse::<u16>().is_ok())
}

fn host(url: &str) -> &str {
    authority(url).map_or("", |authority| split_port(authority).0)
}

/// The colons within brackets belong to an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_may_be() {
        for text in [
            "https://op.example",
            "https://op.example/",
            "https://op.example:8443/realms/a%20b",
            "https://op.example/keys?p=policy",
            "https://[2001:db8::1]:443/",
            "http://localhost:8080",
            "https://xn--bcher-kva.example/",
            "https://op.example/@user",
        ] {
            assert!(<ProviderUrl as Word>::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "op.example",
            "//op.example",
            "https:/op.example",
            "https://",
            "https:///keys",
            "https://:443/",
            "https://op.example:/x y",
            "https://op.example:65536/",
            "https://op.example:+1/",
            "https://op.exämple/",
            "https://[::1/",
            "https://[op]/",
            "HTTPS://op.example/",
            "ftp://op.example/",
            "https://op.example\\@evil.example/",
            "https://user:password@op.example/",
            "https://op.example/#keys",
        ] {
            assert!(<ProviderUrl as Word>::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn where_the_service_is_reached() {
        for url in
            ["https://signout.example", "https://a.example/signout/", "http://127.0.0.1:8080"]
        {
            let parsed =
                <ServiceUrl as Word>::parse(url).ok().map(|url| url.route("/oauth2/revoke"));
            assert_eq!(parsed, Some(format!("{}/oauth2/revoke", url.trim_end_matches('/'))));
        }
        for url in ["http://signout.example", "https://a.example/?b", "https://a.example/#b", "a"] {
            assert!(<ServiceUrl as Word>::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (url, loopback) in [
            ("http://localhost:1/", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9:80/x", true),
            ("http://[::1]:80/x", true),
            ("http://localhost.example/", false),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
            ("http://[::2]/", false),
            ("http://op.example/?http://localhost/", false),
        ] {
            let Ok(parsed) = <ProviderUrl as Word>::parse(url) else { panic!("{url}") };
            assert_eq!(parsed.admit(PlainHttp::AllowLoopback).is_ok(), loopback, "{url}");
            assert!(parsed.admit(PlainHttp::Deny).is_err(), "{url}");
        }
    }
}
