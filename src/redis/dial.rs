//! Opening connections to one server.

use std::fs;
use std::time::Duration;

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use deadpool_redis::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, RedisConnectionInfo, RedisResult, TlsCertificates,
};

use super::address::{Address, Transport};
use super::config::{Config, ConfigError, Login};
use super::error::Fault;

/// A peer that vanished without a word is noticed by the response timeout while something is asked,
/// and by these while nothing is.
const KEEPALIVE: Duration = Duration::from_secs(10);
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything about a connection but its address.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) certificates: Option<TlsCertificates>,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
}

impl Dial {
    /// Reads `ca_file`, and has the library read it once, so that a bad one is noticed now.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let certificates = match &config.ca_file {
            None => None,
            Some(path) => {
                let pem = fs::read(path).map_err(|error| ConfigError::Unreadable {
                    path: path.clone(),
                    kind: error.kind(),
                })?;
                let text = String::from_utf8_lossy(&pem);
                let certificates =
                    TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
                let probe = Client::build_with_tls("rediss://localhost", certificates.clone());
                if probe.is_err() || !text.contains("-----BEGIN CERTIFICATE-----") {
                    return Err(ConfigError::BadCertificate { path: path.clone() });
                }
                Some(certificates)
            }
        };
        let Config { connect_timeout, response_timeout, .. } = *config;
        Ok(Self { certificates, connect_timeout, response_timeout })
    }

    /// What the library has to know about one server.
    pub(super) fn info(
        &self,
        address: &Address,
        port: u16,
        login: &RedisConnectionInfo,
    ) -> RedisResult<ConnectionInfo> {
        let (host, port) = (address.host().to_owned(), address.port_or(port));
        let addr = match address.transport() {
            Transport::Plain => ConnectionAddr::Tcp(host, port),
            Transport::Tls => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
        };
        let info = addr.into_connection_info()?;
        let info = match (&self.certificates, address.transport()) {
            (Some(certificates), Transport::Tls) => {
                Client::build_with_tls(info, certificates.clone())?.get_connection_info().clone()
            }
            _ => info,
        };
        let login = login.clone().set_db(address.database().into());
        Ok(info.set_redis_settings(login).set_tcp_settings(tcp_settings()))
    }

    pub(super) fn timeouts(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.response_timeout))
    }

    /// Connects and logs in.
    pub(super) async fn open(
        &self,
        address: &Address,
        port: u16,
        login: &RedisConnectionInfo,
    ) -> Result<MultiplexedConnection, Fault> {
        let connected = async {
            let client = Client::open(self.info(address, port, login)?)?;
            client.get_multiplexed_async_connection_with_config(&self.timeouts()).await
        };
        connected.await.map_err(|error| Fault::connecting(&error, address))
    }
}

/// Requests are small and wait for answers: holding them back to fill packets would cost 40 ms each.
pub(super) fn tcp_settings() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))
        .set_user_timeout(USER_TIMEOUT)
}

/// How to log in, in the library's words. The answers are read in the form of RESP2; and there is
/// no `CLIENT SETINFO`, which older servers do not know and careful ACLs refuse.
pub(super) fn credentials(login: &Login) -> Result<RedisConnectionInfo, ConfigError> {
    let mut info =
        RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
    if let Some(username) = &login.username {
        info = info.set_username(username);
    }
    if let Some(password) = &login.password {
        info = info.set_password(password.expose()?);
    }
    Ok(info)
}
