//! Where the log is.

use std::fmt;
use std::time::Duration;

use ::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, TlsCertificates,
};

use crate::cryptography;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For each answer; added to the time that the server was asked to wait.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
/// A peer that vanished without a word is noticed by the response timeout; these end its socket.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// The Redis of a deployment.
#[derive(Clone)]
pub struct Source {
    pub(super) topology: Topology,
    head: Box<str>,
    log: Box<str>,
    instances: Box<str>,
    authorities: Option<Vec<u8>>,
}

#[derive(Clone)]
pub(super) enum Topology {
    Single(Box<ConnectionInfo>),
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        service: Box<str>,
        /// How to log in at the master, with an address that does not count.
        master: Box<ConnectionInfo>,
    },
}

/// There can be no such source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// An address that cannot be read.
    #[error("not of the form redis://[user:password@]host[:port][/database], or rediss:// for TLS")]
    Address,
    /// No sentinel.
    #[error("name at least one sentinel")]
    NoSentinel,
    /// A prefix that no deployment has.
    #[error("a key prefix is 1 to 64 of a-z, A-Z, 0-9, '_', '.', ':' and '-'")]
    Prefix,
}

impl Source {
    /// One server, or a name that always leads to the master:
    /// `redis://[user:password@]host[:port][/database]`, with `rediss` for TLS.
    pub fn single(url: &str) -> Result<Self, SourceError> {
        Ok(Self::new(Topology::Single(Box::new(info(url)?))))
    }

    /// Sentinels that know the master of `service`. `master` has the form of an address, and says
    /// with which user, password, database and TLS to connect there; its host does not count.
    pub fn sentinels(sentinels: &[&str], service: &str, master: &str) -> Result<Self, SourceError> {
        if sentinels.is_empty() {
            return Err(SourceError::NoSentinel);
        }
        let master = Box::new(info(master)?);
        let sentinels: Result<_, _> = sentinels.iter().map(|url| info(url)).collect();
        let service = service.into();
        Ok(Self::new(Topology::Sentinel { sentinels: sentinels?, service, master }))
    }

    fn new(topology: Topology) -> Self {
        let [head, log, instances] = keys("signout");
        Self { topology, head, log, instances, authorities: None }
    }

    /// Another prefix than `signout`: the service's `redis.key_prefix`.
    pub fn prefix(self, prefix: &str) -> Result<Self, SourceError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
        if !(1..=64).contains(&prefix.len()) || !prefix.bytes().all(plain) {
            return Err(SourceError::Prefix);
        }
        let [head, log, instances] = keys(prefix);
        Ok(Self { head, log, instances, ..self })
    }

    /// Trusts these authorities in place of the system's: certificates in PEM.
    #[must_use]
    pub fn trusting(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(pem.into()), ..self }
    }

    pub(super) fn head(&self) -> &str {
        &self.head
    }

    pub(super) fn log(&self) -> &str {
        &self.log
    }

    pub(super) fn instances(&self) -> &str {
        &self.instances
    }

    /// A client for one server; connects to nothing yet.
    pub(super) fn client(&self, info: &ConnectionInfo) -> ::redis::RedisResult<Client> {
        if let ConnectionAddr::TcpTls { .. } = info.addr() {
            cryptography::install();
            if let Some(pem) = &self.authorities {
                let certificates =
                    TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
                return Client::build_with_tls(info.clone(), certificates);
            }
        }
        Client::open(info.clone())
    }
}

/// Nothing of it may be shown but the names of the keys: addresses may hold passwords.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("head", &self.head).finish_non_exhaustive()
    }
}

/// The names in braces share a cluster slot; the form is a contract.
fn keys(prefix: &str) -> [Box<str>; 3] {
    ["head", "log", "instances"].map(|name| format!("{{{prefix}}}:{name}").into())
}

fn info(url: &str) -> Result<ConnectionInfo, SourceError> {
    let info = url.into_connection_info().map_err(|_| SourceError::Address)?;
    if !matches!(info.addr(), ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. }) {
        return Err(SourceError::Address);
    }
    let login = info.redis_settings().clone();
    let login = login.set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE));
    Ok(info.set_redis_settings(login).set_tcp_settings(tcp))
}

pub(super) fn timeouts() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_may_be() {
        for (url, known) in [
            ("redis://localhost", true),
            ("redis://me:hunter2@10.0.0.1:6380/3", true),
            ("rediss://redis.example", true),
            ("unix:///run/redis.sock", false),
            ("http://localhost", false),
            ("localhost", false),
        ] {
            let source = Source::single(url);
            assert_eq!(source.is_ok(), known, "{url}");
            assert!(!format!("{source:?}").contains("hunter2"));
        }
        let source = Source::single("redis://localhost").unwrap();
        assert_eq!(source.log(), "{signout}:log");
        assert_eq!(source.clone().prefix("a.b").unwrap().head(), "{a.b}:head");
        for prefix in ["", "{a}", "a b", "a*", &"x".repeat(65)] {
            assert_eq!(source.clone().prefix(prefix).unwrap_err(), SourceError::Prefix);
        }
        assert_eq!(
            Source::sentinels(&[], "main", "redis://x").unwrap_err(),
            SourceError::NoSentinel
        );
    }
}
