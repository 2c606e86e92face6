//! A server that speaks TLS only, and the authority that vouches for it.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::RedisServer;
use super::server::Role;

const CA: &str = "ca.pem";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// The process works one folder below these files.
const DIRECTIVES: &[(&str, &str)] = &[
    ("tls-ca-cert-file", "../ca.pem"),
    ("tls-cert-file", "../server.pem"),
    ("tls-key-file", "../server.key"),
    ("tls-auth-clients", "no"),
];

impl RedisServer {
    /// Like `start_with`, with a certificate for 127.0.0.1 and localhost from an authority of its own.
    /// Clients need no certificate.
    pub(crate) fn start_tls(directives: &[(&str, &str)]) -> Self {
        Self::start_as(Role::Tls, &[DIRECTIVES, directives].concat(), write_certificates)
    }

    /// The authority that a client has to trust. Only a server with TLS has one.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.home().join(CA)
    }
}

fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join(CA), params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(folder.join(CERTIFICATE), certificate.pem()).unwrap();
    fs::write(folder.join(KEY), key.serialize_pem()).unwrap();
}
