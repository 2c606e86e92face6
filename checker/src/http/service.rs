//! Where the service is, and how to be let in.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

/// A signout service, as this API reaches it.
#[derive(Clone, Debug)]
pub struct Service {
    base: Url,
    key: ApiKey,
    authorities: Vec<u8>,
}

/// Whether the API key may travel unencrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only within this machine: `localhost`, `127.0.0.0/8` and `::1`.
    #[default]
    Loopback,
    /// Also through a network that nobody else can listen to or answer in, such as a mesh that
    /// encrypts by itself.
    Anywhere,
}

/// The address cannot be one of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Not of the right form.
    #[error("the service's address is not of the form https://host[:port][/path]")]
    Malformed,
    /// With a user name, a password, a query or a fragment.
    #[error("the service's address may only have a scheme, a host, a port and a path")]
    Superfluous,
    /// Without TLS, to another machine.
    #[error(
        "the API key would travel unencrypted to another machine: use https, or allow it with \
         PlainHttp::Anywhere"
    )]
    Unencrypted,
}

impl Service {
    /// The service at this address, for instance `https://signout.example` or, behind a path,
    /// `https://example.org/signout`. Plain `http` only within this machine.
    pub fn at(base: &str, key: ApiKey) -> Result<Self, ServiceError> {
        Self::at_with(base, key, PlainHttp::Loopback)
    }

    /// The same, by a rule of its own for plain `http`.
    pub fn at_with(base: &str, key: ApiKey, plain: PlainHttp) -> Result<Self, ServiceError> {
        let mut base = Url::parse(base).map_err(|_| ServiceError::Malformed)?;
        if !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some()
        {
            return Err(ServiceError::Superfluous);
        }
        match base.scheme() {
            "https" => {}
            "http" if plain == PlainHttp::Anywhere || is_loopback(&base) => {}
            "http" => return Err(ServiceError::Unencrypted),
            _ => return Err(ServiceError::Malformed),
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(Self { base, key, authorities: Vec::new() })
    }

    /// Trusts these authorities in addition to the system's: certificates in PEM, one or more.
    #[must_use]
    pub fn trusting(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: pem.into(), ..self }
    }

    pub(super) const fn key(&self) -> &ApiKey {
        &self.key
    }

    pub(super) fn authorities(&self) -> &[u8] {
        &self.authorities
    }

    /// A route below the address.
    pub(super) fn route(&self, route: &str) -> Result<Url, ServiceError> {
        self.base.join(route).map_err(|_| ServiceError::Malformed)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An API key of the service with the scope `feed`. Its `Debug` does not show it.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

/// A key with characters that no header may hold: a line break at its end, mostly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API key holds a character that cannot be sent: look for a line break or a space")]
pub struct ApiKeyError;

impl ApiKey {
    /// Takes the key as it is.
    pub fn parse(key: impl AsRef<str>) -> Result<Self, ApiKeyError> {
        let key = key.as_ref();
        // RFC 6750, section 2.1: b64token has no spaces.
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ApiKeyError)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str, plain: PlainHttp) -> Result<String, ServiceError> {
        let service = Service::at_with(base, ApiKey::parse("hunter2").unwrap(), plain)?;
        assert!(!format!("{service:?}").contains("hunter2"));
        Ok(service.route("v1/feed").unwrap().to_string())
    }

    #[test]
    fn what_an_address_may_be() {
        for (base, feed) in [
            ("https://signout.example", Ok("https://signout.example/v1/feed")),
            ("https://signout.example/", Ok("https://signout.example/v1/feed")),
            ("https://example.org:8443/signout", Ok("https://example.org:8443/signout/v1/feed")),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080/v1/feed")),
            ("http://[::1]", Ok("http://[::1]/v1/feed")),
            ("http://localhost", Ok("http://localhost/v1/feed")),
            ("http://10.0.0.1", Err(ServiceError::Unencrypted)),
            ("http://localhost.example", Err(ServiceError::Unencrypted)),
            ("https://me:pw@signout.example", Err(ServiceError::Superfluous)),
            ("https://signout.example?a", Err(ServiceError::Superfluous)),
            ("redis://signout.example", Err(ServiceError::Malformed)),
            ("signout.example", Err(ServiceError::Malformed)),
        ] {
            assert_eq!(at(base, PlainHttp::Loopback), feed.map(str::to_owned), "{base}");
        }
        assert!(at("http://10.0.0.1", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn i17_a_key_is_not_shown() {
        assert_eq!(format!("{:?}", ApiKey::parse("hunter2").unwrap()), "ApiKey(..)");
        for bad in ["", "a b", "a\n", "a\r\nb: c", "ü"] {
            assert_eq!(ApiKey::parse(bad).unwrap_err(), ApiKeyError);
        }
    }
}
