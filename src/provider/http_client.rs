//! The one HTTP client of the service, with the limits that every request needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
};
use reqwest::{Certificate, Client, ClientBuilder, Method, redirect, retry};
use rustls::crypto::CryptoProvider;
use thiserror::Error;

use super::{Credentials, Endpoint, FetchError};

/// From the first packet to the last byte of the body: nobody may hold a task for longer.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// For address look-up, TCP and TLS: a host that is down must leave time for a second address.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes of a discovery document or a JWK set. A large provider's takes about 10 KiB; a
/// megabyte of keys would cost a hundred milliseconds of parsing each time.
pub const DOCUMENT_LIMIT: usize = 64 * 1024;

/// How much of a `Location` an error shows.
const LOCATION_SHOWN: usize = 200;

/// A client for one trust configuration. Clones share its connections.
///
/// It follows no redirect, repeats no request, keeps no cookies, decompresses nothing, and ignores
/// the proxy variables of the environment: what it reaches is what the configuration names, and a
/// variable meant for another program cannot lead it elsewhere.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
}

/// Why no client could be made.
#[derive(Debug, Error)]
pub enum HttpClientError {
    /// The TLS library took none of the certificates.
    #[error("`ca_file` {path:?} holds a certificate that cannot be used: write it as PEM")]
    BadCertificate {
        /// `ca_file`.
        path: PathBuf,
    },
    /// The client library refused its settings.
    #[error("the HTTP client could not be set up: reinstall the CA certificates of this machine")]
    Build,
    /// No certificate in the file.
    #[error(
        "`ca_file` {path:?} holds no certificate: it must begin with -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate {
        /// `ca_file`.
        path: PathBuf,
    },
    /// `main` did not install the cryptography of rustls.
    #[error(
        "no TLS cryptography is installed: call rustls::crypto::ring::default_provider().install_default() first"
    )]
    NoCryptography,
    /// The file cannot be read.
    #[error("`ca_file` {path:?} cannot be read ({kind}): check the path and the permissions")]
    Unreadable {
        /// `ca_file`.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
}

/// An answer: status, headers and a body no longer than the caller's limit.
#[derive(Debug)]
pub struct Response {
    url: Endpoint,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl HttpClient {
    /// Trusts the certificates of the system and, in addition, those of `ca_file` (PEM, one or
    /// more).
    ///
    /// The process must have installed the cryptography of rustls before: `main` does so once, by
    /// `rustls::crypto::ring::default_provider().install_default()`.
    ///
    /// A machine without any system certificate (a minimal container) still gets a client: it
    /// trusts nobody, so that plain loopback works and `https` fails with
    /// [`TlsProblem::UnknownAuthority`](super::TlsProblem::UnknownAuthority).
    pub fn new(ca_file: Option<&Path>) -> Result<Self, HttpClientError> {
        // Without it the client library panics.
        if CryptoProvider::get_default().is_none() {
            return Err(HttpClientError::NoCryptography);
        }
        let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
        if let Ok(client) = limited().tls_certs_merge(extra.clone()).build() {
            return Ok(Self { client });
        }
        match (limited().tls_certs_only(extra).build(), ca_file) {
            (Ok(client), None) => {
                tracing::warn!(
                    "this machine has no CA certificates: https requests will fail until they \
                     are installed (package ca-certificates) or `ca_file` is set"
                );
                Ok(Self { client })
            }
            (Ok(_) | Err(_), Some(path)) => {
                Err(HttpClientError::BadCertificate { path: path.to_owned() })
            }
            (Err(_), None) => Err(HttpClientError::Build),
        }
    }

    /// `GET`, asking for JSON. `limit` is the most bytes of body.
    pub async fn get(
        &self,
        url: &Endpoint,
        credentials: Option<&Credentials>,
        limit: usize,
    ) -> Result<Response, FetchError> {
        self.ask(Method::GET, url, credentials, None, limit).await
    }

    /// `POST` of a JSON text.
    pub async fn post_json(
        &self,
        url: &Endpoint,
        credentials: Option<&Credentials>,
        json: &[u8],
        limit: usize,
    ) -> Result<Response, FetchError> {
        let body = ("application/json", json.to_vec());
        self.ask(Method::POST, url, credentials, Some(body), limit).await
    }

    /// `POST` of an `application/x-www-form-urlencoded` form.
    pub async fn post_form(
        &self,
        url: &Endpoint,
        credentials: Option<&Credentials>,
        fields: &[(&str, &[u8])],
        limit: usize,
    ) -> Result<Response, FetchError> {
        let body = ("application/x-www-form-urlencoded", form(fields));
        self.ask(Method::POST, url, credentials, Some(body), limit).await
    }

    async fn ask(
        &self,
        method: Method,
        url: &Endpoint,
        credentials: Option<&Credentials>,
        body: Option<(&'static str, Vec<u8>)>,
        limit: usize,
    ) -> Result<Response, FetchError> {
        let mut request = self.client.request(method, url.url());
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, credentials.header());
        }
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        let failed = |error: reqwest::Error| FetchError::from_client(url, &error);
        let mut response = request.send().await.map_err(failed)?;

        let status = response.status();
        if let (true, Some(to)) = (status.is_redirection(), response.headers().get(LOCATION)) {
            let to = String::from_utf8_lossy(to.as_bytes()).chars().take(LOCATION_SHOWN).collect();
            return Err(FetchError::Redirected { url: url.clone(), status: status.as_u16(), to });
        }
        let too_large = || FetchError::TooLarge { url: url.clone(), limit };
        // A server that announces too much is not read at all, one that lies is cut off.
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Response { url: url.clone(), status: status.as_u16(), headers, body })
    }
}

impl Response {
    /// The status code. Redirects never come this far.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, if its value is printable ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every header of this name whose value is printable ASCII.
    pub fn headers<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Turns every status but 200 into [`FetchError::Status`].
    pub fn ok(self) -> Result<Self, FetchError> {
        if self.status == 200 {
            Ok(self)
        } else {
            Err(FetchError::Status { url: self.url, status: self.status })
        }
    }
}

/// A builder with every limit set.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
fn limited() -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("signout/", env!("CARGO_PKG_VERSION"))),
    );
    Client::builder()
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, HttpClientError> {
    let path = path.to_owned();
    let pem = match fs::read(&path) {
        Ok(pem) => pem,
        Err(error) => return Err(HttpClientError::Unreadable { path, kind: error.kind() }),
    };
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if certificates.is_empty() => Err(HttpClientError::NoCertificate { path }),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(HttpClientError::BadCertificate { path }),
    }
}

/// WHATWG URL, section 5.2. Values are bytes: a password need not be text.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let encoded = |part: &[u8]| form_urlencoded::byte_serialize(part).collect::<String>();
    let pairs = fields.iter().map(|(name, value)| {
        let (name, value) = (encoded(name.as_bytes()), encoded(value));
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::fake_op::{FakeOp, JWKS, Reply};
    use super::super::tests::{install_cryptography, scratch};
    use super::super::{PlainHttp, TlsProblem};
    use super::*;

    fn client() -> HttpClient {
        install_cryptography();
        HttpClient::new(None).unwrap()
    }

    /// A private authority, as the text of a `ca_file`, and a server that it vouches for.
    fn authority(server_name: &str) -> (String, TlsAcceptor) {
        install_cryptography();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([server_name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        (ca, TlsAcceptor::from(Arc::new(config)))
    }

    fn ca_file(name: &str, text: &str) -> Result<HttpClient, HttpClientError> {
        let path = scratch(name);
        fs::write(&path, text).unwrap();
        let client = HttpClient::new(Some(&path));
        fs::remove_file(&path).unwrap();
        client
    }

    async fn tls_problem(client: &HttpClient, op: &FakeOp) -> TlsProblem {
        match client.get(&op.endpoint(JWKS), None, DOCUMENT_LIMIT).await {
            Err(FetchError::Tls { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_private_authority_is_trusted_by_ca_file_only() {
        let (ca, acceptor) = authority("127.0.0.1");
        let (other_ca, _) = authority("127.0.0.1");
        let op = FakeOp::start_tls(acceptor).await;

        let trusting = ca_file("ca.pem", &format!("{other_ca}{ca}")).unwrap();
        let response = trusting.get(&op.endpoint(JWKS), None, DOCUMENT_LIMIT).await.unwrap();
        assert_eq!(response.status(), 200);

        for distrusting in [client(), ca_file("other.pem", &other_ca).unwrap()] {
            let problem = tls_problem(&distrusting, &op).await;
            assert_eq!(problem, TlsProblem::UnknownAuthority);
            assert!(problem.to_string().contains("`ca_file`"), "{problem}");
        }
    }

    #[tokio::test]
    async fn a_certificate_for_another_host_is_refused() {
        let (ca, acceptor) = authority("op.example");
        let op = FakeOp::start_tls(acceptor).await;
        let client = ca_file("name.pem", &ca).unwrap();
        assert_eq!(tls_problem(&client, &op).await, TlsProblem::WrongName);
    }

    #[test]
    fn a_ca_file_that_cannot_be_used() {
        install_cryptography();
        assert!(matches!(ca_file("empty", ""), Err(HttpClientError::NoCertificate { .. })));
        let garbage = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(matches!(ca_file("bad", garbage), Err(HttpClientError::BadCertificate { .. })));
        let none = HttpClient::new(Some(Path::new("/nonexistent/ca.pem")));
        assert!(matches!(none, Err(HttpClientError::Unreadable { .. })));
    }

    #[tokio::test]
    async fn redirects_are_told_and_not_followed() {
        let op = FakeOp::start().await;
        op.set("/a", Reply::status(307).with("location", &op.url(JWKS)));
        let error = client().get(&op.endpoint("/a"), None, 10).await.unwrap_err();
        let FetchError::Redirected { status: 307, to, .. } = error else { panic!("{error:?}") };
        assert_eq!(to, op.url(JWKS));
        assert_eq!(op.fetches(), 0);
    }

    #[tokio::test]
    async fn the_limit_of_the_body_is_exact() {
        let op = FakeOp::start().await;
        op.set("/announced", Reply::ok("12345"));
        let chunks = "2\r\n12\r\n3\r\n345\r\n0\r\n\r\n";
        op.set("/chunked", Reply::ok(chunks).with("transfer-encoding", "chunked"));
        for path in ["/announced", "/chunked"] {
            let url = op.endpoint(path);
            let response = client().get(&url, None, 5).await.unwrap();
            assert_eq!(response.body(), b"12345");
            let error = client().get(&url, None, 4).await.unwrap_err();
            assert!(matches!(error, FetchError::TooLarge { limit: 4, .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_never_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let url = Endpoint::parse(&url, PlainHttp::AllowLoopback).unwrap();
        let client = client();
        // With its clock paused and nothing to do, the runtime jumps to the timeout.
        tokio::time::pause();
        let error = client.get(&url, None, 1).await.unwrap_err();
        assert!(matches!(error, FetchError::TimedOut { .. }), "{error:?}");
        tokio::time::resume();

        drop(listener);
        let error = client.get(&url, None, 1).await.unwrap_err();
        let refused = io::ErrorKind::ConnectionRefused;
        assert!(matches!(error, FetchError::Connect { kind, .. } if kind == refused), "{error:?}");
    }

    #[tokio::test]
    async fn no_http() {
        let op = FakeOp::start().await;
        op.set("/short", Reply::ok("x").with("content-length", "1000"));
        let error = client().get(&op.endpoint("/short"), None, 2000).await.unwrap_err();
        assert!(matches!(error, FetchError::Interrupted { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn posts_carry_key_type_and_body() {
        let op = FakeOp::start().await;
        op.set("/post", Reply::status(204));
        let (url, key) = (op.endpoint("/post"), Credentials::bearer("s3cret").unwrap());
        let client = client();
        let fields: [(&str, &[u8]); 2] = [("logout_token", b"a.b.c"), ("a&b", "ü +".as_bytes())];
        let response = client.post_form(&url, Some(&key), &fields, 10).await.unwrap();
        assert_eq!(response.status(), 204);
        let request = op.last_request();
        for part in [
            "POST /post HTTP/1.1\r\n",
            "authorization: Bearer s3cret\r\n",
            "content-type: application/x-www-form-urlencoded\r\n",
            "\r\n\r\nlogout_token=a.b.c&a%26b=%C3%BC+%2B",
        ] {
            assert!(request.contains(part), "{part:?} in {request:?}");
        }

        client.post_json(&url, None, b"{}", 10).await.unwrap();
        let request = op.last_request();
        assert!(request.contains("content-type: application/json\r\n"), "{request:?}");
        assert!(request.ends_with("\r\n\r\n{}"), "{request:?}");
        assert!(!request.contains("authorization"), "{request:?}");
    }
}
