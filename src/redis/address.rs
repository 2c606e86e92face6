//! Where a server is: `redis://host:port` or `rediss://host:port`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

/// The address of a Redis server or a sentinel. There is no user name and no password in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    tls: Transport,
    host: Box<str>,
    port: Option<u16>,
    database: u8,
}

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `redis://`
    Plain,
    /// `rediss://`
    Tls,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// With a user name or a password.
    #[error("a URL with a user name or a password ends up in logs")]
    Credentials,
    /// Something else.
    #[error("not of the form redis://host:port or rediss://host:port")]
    Malformed,
}

impl Address {
    /// Reads `redis://host[:port][/database]`, with `rediss` for TLS. The database is 0 to 255.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // Whatever else is wrong with it: what is malformed may be shown.
        if text.contains('@') {
            return Err(AddressError::Credentials);
        }
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Malformed)?;
        let tls = match scheme {
            "redis" => Transport::Plain,
            "rediss" => Transport::Tls,
            _ => return Err(AddressError::Malformed),
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            // The colons within brackets belong to an IPv6 address.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(|_| address),
            None => is_name(host).then_some(host),
        };
        Ok(Self {
            tls,
            host: host.ok_or(AddressError::Malformed)?.into(),
            port: port.map(number).transpose()?,
            database: if database.is_empty() { 0 } else { number(database)? },
        })
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.tls
    }

    /// The database, 0 unless one was named.
    #[must_use]
    pub const fn database(&self) -> u8 {
        self.database
    }

    /// Whether no packet leaves this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        &*self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// 6379, or 26379 for sentinels, unless one was named.
    pub(super) fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }

    /// Another server that is reached the same way.
    pub(super) fn with_host(&self, host: &str, port: u16) -> Self {
        Self { host: host.into(), port: Some(port), database: 0, ..*self }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.tls {
            Transport::Plain => "redis",
            Transport::Tls => "rediss",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if self.database == 0 { Ok(()) } else { write!(f, "/{}", self.database) }
    }
}

fn is_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(plain)
}

/// Digits only: `parse` alone would take a sign.
fn number<N: std::str::FromStr>(text: &str) -> Result<N, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or(AddressError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_may_be() {
        for text in [
            "redis://localhost",
            "redis://127.0.0.1:6379",
            "rediss://redis.example.org:6380/7",
            "redis://[::1]:6379",
            "redis://my_redis",
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "REDIS://localhost",
            "redis://",
            "redis://:6379",
            "redis://host:",
            "redis://host:+1",
            "redis://host:65536",
            "redis://host/256",
            "redis://host/x",
            "redis://host/1/2",
            "redis://host?protocol=resp3",
            "redis://[::1",
            "redis://[host]",
            "redis://hö",
        ] {
            assert_eq!(Address::parse(text), Err(AddressError::Malformed), "{text}");
        }
        for text in ["redis://me:hunter2@host", "redis:me:hunter2@host", "redis://:hunter2@h:x"] {
            assert_eq!(Address::parse(text), Err(AddressError::Credentials), "{text}");
        }
    }

    #[test]
    fn loopback() {
        for (text, loopback) in [
            ("redis://localhost", true),
            ("redis://127.9.9.9", true),
            ("redis://[::1]", true),
            ("redis://localhost.example", false),
            ("redis://10.0.0.1", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
