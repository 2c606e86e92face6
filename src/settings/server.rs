//! `[server]`: where and how to listen.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Warning;
use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Integer, text};

/// The listeners.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Address for providers, gateways, the API and administrators.
    /// `SIGNOUT_SERVER__LISTEN`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Address for metrics and health.
    /// `SIGNOUT_SERVER__METRICS_LISTEN`, default `127.0.0.1:9464`.
    pub metrics_listen: SocketAddr,
    /// Bytes in the largest request body.
    /// `SIGNOUT_SERVER__MAX_BODY_BYTES`, default 16384.
    pub max_body_bytes: u32,
    /// Certificate and key of `listen`; plain HTTP without them.
    pub tls: Option<TlsFiles>,
}

/// PEM files of the listener.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain. `SIGNOUT_SERVER__TLS_CERT_FILE`.
    pub cert_file: PathBuf,
    /// Private key. `SIGNOUT_SERVER__TLS_KEY_FILE`.
    pub key_file: PathBuf,
}

/// An encrypted logout token with a session of 1 KiB takes about 3 KiB. The upper end keeps a
/// client without api key from filling memory.
const BODY_BYTES: Integer = Integer(4_096..=1_048_576);

impl ServerSettings {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Result<Self, Reported> {
        let listen = section.or("listen", "127.0.0.1:8080", &text::<SocketAddr>());
        let metrics_listen = section.or("metrics_listen", "127.0.0.1:9464", &text::<SocketAddr>());
        let max_body_bytes = section.or("max_body_bytes", 16_384, &BODY_BYTES);
        let tls = TlsFiles::read(section);

        let (listen, metrics_listen, tls) = (listen?, metrics_listen?, tls?);
        // Port 0 is a new port each time.
        if listen == metrics_listen && listen.port() != 0 {
            let other_key = "listen";
            return Err(section.refuse("metrics_listen", Mistake::SameAddress { other_key }));
        }
        if !listen.ip().is_loopback() && tls.is_none() {
            section.warn(Warning::ListenWithoutTls { address: listen });
        }
        if !metrics_listen.ip().is_loopback() {
            section.warn(Warning::MetricsExposed { address: metrics_listen });
        }
        Ok(Self { listen, metrics_listen, max_body_bytes: max_body_bytes?, tls })
    }
}

impl TlsFiles {
    fn read(section: &mut Section<'_, '_>) -> Result<Option<Self>, Reported> {
        let cert_file = section.optional("tls_cert_file", &text::<PathBuf>());
        let key_file = section.optional("tls_key_file", &text::<PathBuf>());
        match (cert_file?, key_file?) {
            (None, None) => Ok(None),
            (Some(cert_file), Some(key_file)) => {
                section.guard(&key_file);
                Ok(Some(Self { cert_file, key_file }))
            }
            (Some(_), None) => {
                let needed = "tls_key_file";
                Err(section.refuse("tls_cert_file", Mistake::MissingPartner { needed }))
            }
            (None, Some(_)) => {
                let needed = "tls_cert_file";
                Err(section.refuse("tls_key_file", Mistake::MissingPartner { needed }))
            }
        }
    }
}
